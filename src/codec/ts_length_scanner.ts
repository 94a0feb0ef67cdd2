/**
 * Scans for frames with a length field, in TypeScript: short, for programs whose size counts.
 *
 * @module
 */
import { type Scanner, ScanStatus, TABLE_FRAMES, WORDS_PER_FRAME } from "./codec.ts";
import { type LengthLayout, SCAN_WINDOW_BYTES } from "./frame_layout.ts";
import type { Table } from "./frame_table.ts";
import { MAX_FRAME_BYTES } from "./framing_types.ts";
import { readField, readWord } from "./read_field.ts";

/** Frames of a {@linkcode LengthLayout}. */
export class TsLengthScanner implements Scanner {
  /** See {@linkcode Scanner.headerBytes}. */
  readonly headerBytes: number;
  /** See {@linkcode Scanner.exact}. */
  readonly exact = true;
  readonly #table: Table;
  readonly #layout: LengthLayout;

  /**
   * @param table What scans fill.
   * @param layout The framing.
   */
  constructor(table: Table, layout: LengthLayout) {
    this.headerBytes = layout.headerBytes;
    this.#table = table;
    this.#layout = layout;
  }

  /** See {@linkcode Scanner.scan}. */
  scan(chunk: Uint8Array, start: number, end: number, maxFrameBytes: number): Table {
    const table = this.#table;
    const { words } = table;
    const { offset, size, littleEndian, signed, base, headerBytes, minFrameBytes, strip, kind } =
      this.#layout;
    const limit = Math.min(end, start + SCAN_WINDOW_BYTES);
    const max = Math.min(maxFrameBytes, MAX_FRAME_BYTES);
    let at = start;
    let count = 0;
    table.status = ScanStatus.OK;
    table.declared = table.need = 0;
    for (; at < limit && count < TABLE_FRAMES; count++) {
      if (end - at < headerBytes) {
        table.need = headerBytes;
        break;
      }
      const field = readField(chunk, at + offset, size, littleEndian, signed);
      const total = field + base;
      table.status = field < 0
        ? ScanStatus.NEGATIVE_LENGTH
        : total > max
        ? ScanStatus.FRAME_TOO_LARGE
        : total < minFrameBytes
        ? ScanStatus.LENGTH_UNDERFLOW
        : total < strip
        ? ScanStatus.STRIP_EXCEEDS_FRAME
        : ScanStatus.OK;
      if (table.status !== ScanStatus.OK || total > end - at) {
        table.declared = field < 0 ? field : total;
        if (table.status === ScanStatus.OK) table.need = total;
        break;
      }
      const word = count * WORDS_PER_FRAME;
      words[word] = at;
      words[word + 1] = total;
      words[word + 2] = readWord(chunk, at + kind.offset, kind.bytes, kind.littleEndian);
      words[word + 3] = strip;
      at += total;
    }
    table.count = count;
    table.consumed = at;
    return table;
  }
}
