/**
 * Throws away the frames that are over the limit, as their bytes come.
 *
 * @module
 */
import { type FrameTable, ScanStatus } from "./codec.ts";
import { FrameBuffer } from "./frame_buffer.ts";
import { longestDelimiter } from "./frame_layout.ts";
import { type DelimiterFraming, type Framing, MAX_FRAME_BYTES } from "./framing_types.ts";
import type { Codecs } from "./lender.ts";

/** How many bytes are searched at first; each time the end is not among them, twice as many. */
const FIRST_STEP_BYTES = 64;
/** How many bytes are searched at the most at once. */
const MOST_STEP_BYTES = 2048;

/** Skips one frame at a time. */
export class FrameSkipper {
  readonly #codecs: Codecs;
  /** Where in the stream the frame begins. */
  streamOffset = 0;
  /** Bytes still to come of a frame whose length is known. */
  #left = 0;
  /** What ends a frame whose length is not known. */
  #framing: DelimiterFraming | undefined;
  /** The last bytes seen of such a frame: a delimiter may have begun in them. */
  readonly #tail = new FrameBuffer();

  /**
   * Nothing is skipped yet.
   *
   * @param codecs Who looks for delimiters.
   */
  constructor(codecs: Codecs) {
    this.#codecs = codecs;
  }

  /** Whether the frame's end has not come yet. */
  get active(): boolean {
    return this.#left > 0 || this.#framing !== undefined;
  }

  /**
   * Begins to skip the frame at `bytes[at]`.
   *
   * @param found What the scan says of it.
   * @param limit The longest frame taken.
   * @returns From where on to look for its end; -1 when it is not its length that is wrong.
   */
  begin(
    { status, declared }: Pick<FrameTable, "status" | "declared">,
    framing: Framing,
    bytes: Uint8Array,
    at: number,
    limit: number,
  ): number {
    if (framing.kind === "delimiter" && status === ScanStatus.DELIMITER_NOT_FOUND) {
      this.#seek(framing, bytes, at, at + limit);
      return at + limit;
    }
    if (status !== ScanStatus.FRAME_TOO_LARGE || declared > Number.MAX_SAFE_INTEGER) return -1;
    this.#left = declared;
    return at;
  }

  /** Begins to skip up to the next delimiter; none is complete in `bytes[from, to)`. */
  #seek(framing: DelimiterFraming, bytes: Uint8Array, from: number, to: number): void {
    this.#framing = framing;
    const tail = Math.min(to - from, longestDelimiter(framing) - 1);
    this.#tail.append(bytes, to - tail, tail, MOST_STEP_BYTES);
  }

  /** Throws away what belongs to the frame in `chunk[from, end)`; returns where that ends. */
  take(chunk: Uint8Array, from: number, end: number): number {
    if (this.#framing !== undefined) return this.#seekEnd(this.#framing, chunk, from, end);
    const taken = Math.min(this.#left, end - from);
    this.#left -= taken;
    return from + taken;
  }

  #seekEnd(framing: DelimiterFraming, chunk: Uint8Array, from: number, end: number): number {
    const tail = this.#tail;
    let step = FIRST_STEP_BYTES;
    let at = from;
    while (at < end) {
      const searched = tail.length;
      const taken = Math.min(step, end - at);
      tail.append(chunk, at, taken, 2 * MOST_STEP_BYTES);
      const scanner = this.#codecs.borrow().scanner(framing);
      const table = scanner.scan(tail.bytes, 0, tail.length, MAX_FRAME_BYTES, searched);
      if (table.count > 0) {
        this.#framing = undefined;
        tail.clear();
        return at + table.words[1]! - searched;
      }
      at += taken;
      const kept = Math.min(tail.length, longestDelimiter(framing) - 1);
      tail.keep(tail.length - kept, tail.length);
      step = Math.min(step * 2, MOST_STEP_BYTES);
    }
    return at;
  }

  /** Gives back what it holds. */
  close(): void {
    this.#left = 0;
    this.#framing = undefined;
    this.#tail.clear();
  }
}
