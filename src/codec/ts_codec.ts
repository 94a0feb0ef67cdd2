/**
 * The codec in plain TypeScript: the oracle of the tests, and the one to use where WebAssembly is
 * not allowed.
 *
 * @module
 */
import { type Codec, type Scanner, ScanStatus, TABLE_FRAMES, WORDS_PER_FRAME } from "./codec.ts";
import { CustomScanner } from "./custom_scanner.ts";
import {
  delimiterLayout,
  isSubmit,
  lengthLayout,
  SCAN_WINDOW_BYTES,
  varintLayout,
} from "./frame_layout.ts";
import { Table } from "./frame_table.ts";
import { type Framing, type KindField, MAX_FRAME_BYTES } from "./framing.ts";
import { ScannerShelf } from "./scanner_shelf.ts";
import { TsDelimiterScanner } from "./ts_delimiter_scanner.ts";
import { TsLengthScanner } from "./ts_length_scanner.ts";
import { TsVarintScanner } from "./ts_varint_scanner.ts";

const ACK_BYTES = 14;

/** A DataView takes as long to make as 60 frames, and then saves a third to half of each. */
const VIEW_FRAMES = 64;

/** A {@linkcode Codec} without WebAssembly. */
export class TsCodec implements Codec {
  /** See {@linkcode Codec.kind}. */
  readonly kind = "ts";
  /** See {@linkcode Codec.busy}. */
  busy = false;
  /** See {@linkcode Codec.table}. */
  readonly table: Table;
  /** See {@linkcode Codec.results}. */
  readonly results: Uint8Array;
  readonly #scanners = new ScannerShelf((framing, kind) => this.#makeScanner(framing, kind));

  /**
   * @param table What scans fill; one of its own by default.
   * @param results One byte per frame of the table.
   */
  constructor(table: Table = new Table(), results: Uint8Array = new Uint8Array(TABLE_FRAMES)) {
    this.table = table;
    this.results = results;
  }

  /** See {@linkcode Codec.scanner}. */
  scanner(framing: Framing, kind?: KindField): Scanner {
    return this.#scanners.get(framing, kind);
  }

  #makeScanner(framing: Framing, kind: KindField | undefined): Scanner {
    const { table } = this;
    switch (framing.kind) {
      case "lengthField":
      case "fixed": {
        const layout = lengthLayout(framing, kind);
        return isSubmit(layout) ? new SubmitScanner(table) : new TsLengthScanner(table, layout);
      }
      case "varint":
        return new TsVarintScanner(table, varintLayout(framing, kind));
      case "delimiter":
        return new TsDelimiterScanner(table, delimiterLayout(framing, kind));
      case "custom":
        return new CustomScanner(this, table, framing, kind);
    }
  }

  /** See {@linkcode Codec.encodeAcks}. */
  encodeAcks(
    chunk: Uint8Array,
    first: number,
    last: number,
    out: Uint8Array,
    at: number,
  ): number {
    return last - first < VIEW_FRAMES
      ? this.#encodeFew(chunk, first, last, out, at)
      : this.#encodeMany(chunk, first, last, out, at);
  }

  #encodeFew(chunk: Uint8Array, first: number, last: number, out: Uint8Array, at: number): number {
    const { words } = this.table;
    const { results } = this;
    let to = at;
    for (let i = first; i < last; i++) {
      const from = words[i * WORDS_PER_FRAME]!;
      out[to] = 0;
      out[to + 1] = 0;
      out[to + 2] = 0;
      out[to + 3] = ACK_BYTES;
      out[to + 4] = chunk[from + 4]! | 0x80;
      out[to + 5] = chunk[from + 5]!;
      out[to + 6] = chunk[from + 6]!;
      out[to + 7] = chunk[from + 7]!;
      out[to + 8] = chunk[from + 8]!;
      out[to + 9] = chunk[from + 9]!;
      out[to + 10] = chunk[from + 10]!;
      out[to + 11] = chunk[from + 11]!;
      out[to + 12] = chunk[from + 12]!;
      out[to + 13] = results[i]!;
      to += ACK_BYTES;
    }
    return to - at;
  }

  /** By words of 32 bits; 64 at once would be faster still on V8 15, and four times slower on 11. */
  #encodeMany(chunk: Uint8Array, first: number, last: number, out: Uint8Array, at: number): number {
    const { words } = this.table;
    const { results } = this;
    const requests = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const acks = new DataView(out.buffer, out.byteOffset, out.byteLength);
    let to = at;
    for (let i = first; i < last; i++) {
      const from = words[i * WORDS_PER_FRAME]!;
      acks.setInt32(to, ACK_BYTES);
      acks.setInt32(to + 4, requests.getInt32(from + 4) | 0x80000000);
      acks.setInt32(to + 8, requests.getInt32(from + 8));
      acks.setInt16(to + 12, chunk[from + 12]! << 8 | results[i]!);
      to += ACK_BYTES;
    }
    return to - at;
  }
}

/** The generic scan with all its numbers known. */
class SubmitScanner implements Scanner {
  readonly headerBytes = 4;
  readonly exact = true;
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  scan(chunk: Uint8Array, start: number, end: number, maxFrameBytes: number): Table {
    const table = this.#table;
    const { words } = table;
    const limit = Math.min(end, start + SCAN_WINDOW_BYTES);
    const lastWord = TABLE_FRAMES * WORDS_PER_FRAME;
    const max = Math.max(0, Math.min(maxFrameBytes, MAX_FRAME_BYTES));
    // As the first frame is, most will be.
    const many = end - start >= VIEW_FRAMES * 13 &&
      end - start >= VIEW_FRAMES * readTotal(chunk, start);
    const view = many ? new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength) : undefined;
    let at = start;
    let word = 0;
    let need = 0;
    table.status = ScanStatus.OK;
    table.declared = 0;
    while (at < limit && word < lastWord) {
      const left = end - at;
      if (left < 4) {
        need = 4;
        break;
      }
      // Signed, for speed: a total of 2^31 or more is negative here.
      const total = view === undefined ? readTotal(chunk, at) : view.getInt32(at);
      if (total > max || total < 13) {
        const declared = total >>> 0;
        table.status = declared > max ? ScanStatus.FRAME_TOO_LARGE : ScanStatus.LENGTH_UNDERFLOW;
        table.declared = declared;
        break;
      }
      if (total > left) {
        need = table.declared = total;
        break;
      }
      words[word] = at;
      words[word + 1] = total;
      words[word + 2] = chunk[at + 4]!;
      words[word + 3] = 0;
      word += 4;
      at += total;
    }
    table.count = word >>> 2;
    table.consumed = at;
    table.need = need;
    return table;
  }
}

function readTotal(chunk: Uint8Array, at: number): number {
  return chunk[at]! << 24 | chunk[at + 1]! << 16 | chunk[at + 2]! << 8 | chunk[at + 3]!;
}
