/**
 * Scans with a user's function; both codecs do it here.
 *
 * @module
 */
import { FramewireError, isFramewireError } from "../errors.ts";
import { type Codec, type Scanner, ScanStatus, TABLE_FRAMES, WORDS_PER_FRAME } from "./codec.ts";
import { type KindLayout, kindLayout, SCAN_WINDOW_BYTES } from "./frame_layout.ts";
import type { Table } from "./frame_table.ts";
import { type CustomFraming, type KindField, MAX_FRAME_BYTES } from "./framing_types.ts";
import { readWord } from "./read_field.ts";

/** Frames of a {@linkcode CustomFraming}. */
export class CustomScanner implements Scanner {
  /** See {@linkcode Scanner.headerBytes}. */
  readonly headerBytes = 1;
  /** See {@linkcode Scanner.exact}. */
  readonly exact = false;
  readonly #codec: Pick<Codec, "busy">;
  readonly #table: Table;
  readonly #framing: CustomFraming;
  readonly #kind: KindLayout;

  /**
   * @param codec Whose scanner it is.
   * @param table What scans fill.
   * @param framing The framing.
   * @param kind Where the kind of a frame stands.
   */
  constructor(
    codec: Pick<Codec, "busy">,
    table: Table,
    framing: CustomFraming,
    kind: KindField | undefined,
  ) {
    this.#codec = codec;
    this.#table = table;
    this.#framing = framing;
    this.#kind = kindLayout(kind);
  }

  /** See {@linkcode Scanner.scan}. */
  scan(chunk: Uint8Array, start: number, end: number, maxFrameBytes: number): Table {
    const table = this.#table;
    const { words } = table;
    const kind = this.#kind;
    const limit = Math.min(end, start + SCAN_WINDOW_BYTES);
    const max = Math.max(0, Math.min(maxFrameBytes, MAX_FRAME_BYTES));
    let at = start;
    let word = 0;
    table.status = ScanStatus.OK;
    table.declared = 0;
    table.need = 0;
    while (at < limit && word < TABLE_FRAMES * WORDS_PER_FRAME) {
      // No byte over the limit is shown: what is found must not depend on how much has come.
      const length = this.#measure(chunk, at, Math.min(end, at + max));
      if (length === undefined) break;
      if (length > max || length > 0 && length < kind.offset + kind.bytes) {
        table.status = length > max ? ScanStatus.FRAME_TOO_LARGE : ScanStatus.LENGTH_UNDERFLOW;
        table.declared = length;
        break;
      }
      const left = end - at;
      if (length <= 0 || length > left) {
        // A function that asks for no more than there is does not know how much it needs.
        const need = Math.max(Math.abs(length), left + 1);
        if (need > max) {
          table.status = ScanStatus.FRAME_TOO_LARGE;
          table.declared = Math.max(-length, max + 1);
        } else {
          table.need = need;
          table.declared = Math.max(0, length);
        }
        break;
      }
      words[word] = at;
      words[word + 1] = length;
      words[word + 2] = readWord(chunk, at + kind.offset, kind.bytes, kind.littleEndian);
      words[word + 3] = 0;
      word += WORDS_PER_FRAME;
      at += length;
    }
    table.count = word / WORDS_PER_FRAME;
    table.consumed = at;
    return table;
  }

  /** Calls the function; undefined when it failed. */
  #measure(chunk: Uint8Array, at: number, end: number): number | undefined {
    const { busy } = this.#codec;
    const { length: bytes } = chunk;
    // The function may decode something else by this library: it must not use this table.
    this.#codec.busy = true;
    let cause: unknown;
    try {
      const length = this.#framing.scan(chunk, at, end);
      if (Number.isSafeInteger(length)) return length;
      cause = new Error(`the scan of a custom framing returned ${length}: expected a whole number`);
    } catch (thrown) {
      cause = thrown;
    } finally {
      this.#codec.busy = busy;
    }
    const table = this.#table;
    table.status = ScanStatus.INVALID_FRAME;
    table.declared = Math.min(end, bytes) - at;
    table.failure = isFramewireError(cause) ? cause : new FramewireError(
      "INVALID_FRAME",
      `the scan of a custom framing failed: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
    return undefined;
  }
}
