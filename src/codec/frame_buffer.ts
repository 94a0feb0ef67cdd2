/**
 * The bytes of a stream that wait for more.
 *
 * @module
 */
import { giveBuffer, takeBuffer } from "../connection/buffer_pool.ts";

/** How many bytes are looked at, at the least, when the end of a frame has to be looked for. */
export const LEAST_STEP_BYTES = 64;

const EMPTY = /* @__PURE__ */ new Uint8Array(0);

/** A buffer that grows with what is put in, and lives only while there is something in it. */
export class FrameBuffer {
  /** The memory; only the first {@linkcode length} bytes are in use. */
  bytes: Uint8Array = EMPTY;
  /** How many bytes wait. */
  length = 0;
  #lent = false;

  /**
   * Copies `count` bytes of `chunk` to the end.
   *
   * @param most How many bytes will ever be in it, as far as is known; it grows no larger.
   */
  append(chunk: Uint8Array, at: number, count: number, most: number): void {
    const length = this.length + count;
    let { bytes } = this;
    if (bytes.length < length) {
      // Doubling keeps a frame of many chunks linear; the frame's own length is the most it takes.
      const wanted = this.length === 0 ? length : Math.max(length, bytes.length * 2);
      const larger = takeBuffer(Math.max(length, Math.min(wanted, most)));
      if (this.length > 0) larger.set(bytes.subarray(0, this.length));
      if (!this.#lent) giveBuffer(bytes);
      this.#lent = false;
      bytes = this.bytes = larger;
    }
    // A loop beats `set` with a subarray made for it when there are only a few bytes.
    if (count <= 32) {
      for (let i = 0; i < count; i++) bytes[this.length + i] = chunk[at + i]!;
    } else {
      bytes.set(chunk.subarray(at, at + count), this.length);
    }
    this.length = length;
  }

  /** Says that somebody else goes on reading the memory as it is: nothing in it changes any more. */
  lend(): void {
    this.#lent = true;
  }

  /** Keeps only `[from, to)` of what is in it. */
  keep(from: number, to: number): void {
    const length = to - from;
    if (length > 0 && !this.#lent) {
      if (from > 0) this.bytes.copyWithin(0, from, to);
      this.length = length;
      return;
    }
    const { bytes } = this;
    const lent = this.#lent;
    this.#lent = false;
    this.bytes = EMPTY;
    this.length = 0;
    if (length > 0) this.append(bytes, from, length, length);
    if (!lent) giveBuffer(bytes);
  }

  /** Gives the memory back. */
  clear(): void {
    this.keep(0, 0);
  }
}
