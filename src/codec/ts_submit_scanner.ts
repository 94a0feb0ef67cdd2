/**
 * Scans for the frames of `submit`, in TypeScript.
 *
 * @module
 */
import { type Scanner, ScanStatus, TABLE_FRAMES, WORDS_PER_FRAME } from "./codec.ts";
import { SCAN_WINDOW_BYTES } from "./frame_layout.ts";
import type { Table } from "./frame_table.ts";
import { MAX_FRAME_BYTES } from "./framing_types.ts";

/** A DataView takes as long to make as 60 frames, and then saves a third to half of each. */
const VIEW_FRAMES = 64;

/** The generic scan with all its numbers known. */
export class TsSubmitScanner implements Scanner {
  /** See {@linkcode Scanner.headerBytes}. */
  readonly headerBytes = 4;
  /** See {@linkcode Scanner.exact}. */
  readonly exact = true;
  readonly #table: Table;

  /** @param table What scans fill. */
  constructor(table: Table) {
    this.#table = table;
  }

  /** See {@linkcode Scanner.scan}. */
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
