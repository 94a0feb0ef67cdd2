/**
 * Frames that are longer than their consumer wants them whole.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { FrameTable } from "./codec.ts";
import type { FrameParts } from "./frame_consumer.ts";

/** Takes the first long frame and all behind it out of the table; returns its length, or 0. */
export function cutAtLong(table: FrameTable, overBytes: number): number {
  const { words, count } = table;
  for (let i = 0; i < count; i++) {
    const length = words[i * 4 + 1]!;
    if (length <= overBytes) continue;
    table.count = i;
    table.consumed = words[i * 4]!;
    return length;
  }
  return 0;
}

/** A frame whose head was taken, and whose body is given on as it comes. */
export class LongFrame {
  readonly #parts: FrameParts;
  /** Bytes of the body that have not come. */
  left: number;

  /** A frame of which `left` more bytes are to come. */
  constructor(parts: FrameParts, left: number) {
    this.#parts = parts;
    this.left = left;
  }

  /** Whether the consumer has enough for now, or, when all has come, has not done with it. */
  get waits(): boolean {
    return this.#parts.waits(this.left);
  }

  /** Whether all has come and the consumer has done with it. */
  get isThrough(): boolean {
    return this.left === 0 && !this.#parts.waits(0);
  }

  /** Gives on what belongs to the body in `chunk`, from `at` on; returns where that ends. */
  take(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.left, chunk.length - at);
    if (taken === 0 || this.waits) return at;
    this.left -= taken;
    this.#parts.part(taken === chunk.length ? chunk : chunk.subarray(at, at + taken), this.left);
    return at + taken;
  }

  /**
   * The stream has ended.
   *
   * @throws FramewireError TRUNCATED when not all has come.
   */
  end(): void {
    if (this.left === 0) return;
    const message = `the stream ended inside a frame, ${this.left} bytes before its end`;
    throw new FramewireError("TRUNCATED", message);
  }

  /** Tells the consumer that the next frame may follow. */
  through(): void {
    this.#parts.through();
  }
}
