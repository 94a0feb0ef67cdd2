/**
 * The memory a link reads into: little while the connection is idle, more under load.
 *
 * @module
 */

const LEAST_BYTES = 512;
const MOST_BYTES = 64 * 1024;
/** Memory is taken in pieces of this many reads, when readers keep what they are given. */
const READS_PER_SLAB = 4;

/**
 * Where the next read goes. A read that fills it makes the next ones larger, four times each, up to
 * 64 KiB; reads that use little of it make them smaller again. What a receiver keeps is not written
 * to again: reading goes on behind it.
 */
export class ReadBuffer {
  #size = LEAST_BYTES;
  #view: Uint8Array<ArrayBuffer> = new Uint8Array(LEAST_BYTES);
  #average = 0;

  /** The memory to read into now. */
  get view(): Uint8Array<ArrayBuffer> {
    return this.#view;
  }

  /**
   * Says how the last read went.
   *
   * @param bytes How much it read.
   * @param kept Whether the receiver keeps those bytes.
   * @returns Whether {@linkcode view} is another one now.
   */
  took(bytes: number, kept: boolean): boolean {
    const view = this.#view;
    let size = this.#size;
    if (bytes === view.length) {
      size = Math.min(size * 4, MOST_BYTES);
      this.#average = bytes;
    } else {
      this.#average += (bytes - this.#average) >> 3;
      if (size > LEAST_BYTES && this.#average < size >> 3) size >>= 1;
    }
    if (!kept && size === this.#size) return false;
    this.#size = size;
    const from = view.byteOffset + (bytes + 7 & ~7);
    this.#view = kept && from + size <= view.buffer.byteLength
      ? new Uint8Array(view.buffer, from, size)
      : new Uint8Array(kept ? size * READS_PER_SLAB : size).subarray(0, size);
    return true;
  }
}
