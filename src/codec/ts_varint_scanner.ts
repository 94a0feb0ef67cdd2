/**
 * Scans for frames with a LEB128 length, in TypeScript.
 *
 * @module
 */
import { type Scanner, ScanStatus, TABLE_FRAMES, WORDS_PER_FRAME } from "./codec.ts";
import { SCAN_WINDOW_BYTES, type VarintLayout } from "./frame_layout.ts";
import type { Table } from "./frame_table.ts";
import { MAX_FRAME_BYTES } from "./framing_types.ts";
import { readWord } from "./read_field.ts";

/** Frames of a {@linkcode VarintLayout}. */
export class TsVarintScanner implements Scanner {
  /** See {@linkcode Scanner.headerBytes}. */
  readonly headerBytes: number;
  /** See {@linkcode Scanner.exact}. */
  readonly exact = true;
  readonly #table: Table;
  readonly #layout: VarintLayout;

  /**
   * @param table What scans fill.
   * @param layout The framing.
   */
  constructor(table: Table, layout: VarintLayout) {
    this.headerBytes = layout.offset + 1;
    this.#table = table;
    this.#layout = layout;
  }

  /** See {@linkcode Scanner.scan}. */
  scan(chunk: Uint8Array, start: number, end: number, maxFrameBytes: number): Table {
    const table = this.#table;
    const { words } = table;
    const { offset, maxBytes, kind, kindBehind } = this.#layout;
    const kindEnd = kindBehind ? kind.offset + kind.bytes : 0;
    const limit = Math.min(end, start + SCAN_WINDOW_BYTES);
    const max = Math.max(0, Math.min(maxFrameBytes, MAX_FRAME_BYTES));
    let at = start;
    let word = 0;
    let need = 0;
    table.status = ScanStatus.OK;
    table.declared = 0;
    while (at < limit && word < TABLE_FRAMES * WORDS_PER_FRAME) {
      const left = end - at;
      if (left <= offset) {
        need = offset + 1;
        break;
      }
      // One byte is by far the most frequent.
      let header = offset + 1;
      let byte = chunk[at + offset]!;
      let value = byte & 0x7f;
      // Not a shift: a length of 9 bytes has 63 bits. From 2^53 on it is over every limit anyway.
      let weight = 128;
      while (byte >= 0x80 && header < offset + maxBytes && header < left) {
        byte = chunk[at + header]!;
        value += (byte & 0x7f) * weight;
        weight *= 128;
        header++;
      }
      if (byte >= 0x80) {
        if (header < offset + maxBytes) {
          need = header + 1;
        } else {
          table.status = ScanStatus.VARINT_TOO_LONG;
          table.declared = header;
        }
        break;
      }
      const total = header + value;
      if (total > max || value < kindEnd) {
        table.status = total > max ? ScanStatus.FRAME_TOO_LARGE : ScanStatus.LENGTH_UNDERFLOW;
        table.declared = total < 2 ** 53
          ? total
          : exact(chunk, at + offset, header - offset, header);
        break;
      }
      if (total > left) {
        need = table.declared = total;
        break;
      }
      words[word] = at;
      words[word + 1] = total;
      words[word + 2] = kind.bytes === 0 ? 0 : readWord(
        chunk,
        at + kind.offset + (kindBehind ? header : 0),
        kind.bytes,
        kind.littleEndian,
      );
      words[word + 3] = header;
      word += WORDS_PER_FRAME;
      at += total;
    }
    table.count = word / WORDS_PER_FRAME;
    table.consumed = at;
    table.need = need;
    return table;
  }
}

/** A length that a number cannot hold, and the header's bytes, rounded once and not at each byte. */
function exact(chunk: Uint8Array, at: number, bytes: number, header: number): number {
  let value = 0n;
  for (let i = bytes - 1; i >= 0; i--) value = value << 7n | BigInt(chunk[at + i]! & 0x7f);
  return Number(value + BigInt(header));
}
