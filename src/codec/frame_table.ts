/**
 * The table that a codec instance keeps for its whole life.
 *
 * @module
 */
import type { FramewireError } from "../errors.ts";
import { type FrameTable, ScanStatus, TABLE_FRAMES, WORDS_PER_FRAME } from "./codec.ts";

/** A table over words of its own, or of WASM memory. */
export class Table implements FrameTable {
  /** See {@linkcode FrameTable.count}. */
  count = 0;
  /** See {@linkcode FrameTable.words}. */
  readonly words: Int32Array;
  /** See {@linkcode FrameTable.consumed}. */
  consumed = 0;
  /** See {@linkcode FrameTable.need}. */
  need = 0;
  /** See {@linkcode FrameTable.status}. */
  status: ScanStatus = ScanStatus.OK;
  /** See {@linkcode FrameTable.declared}. */
  declared = 0;
  /** See {@linkcode FrameTable.failure}. */
  failure: FramewireError | undefined;

  /** @param words Room for {@linkcode TABLE_FRAMES} entries. */
  constructor(words: Int32Array = new Int32Array(TABLE_FRAMES * WORDS_PER_FRAME)) {
    this.words = words;
  }
}
