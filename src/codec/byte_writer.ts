/**
 * Where encoders write: a buffer that grows.
 *
 * @module
 */

/** Bytes written so far: `bytes[0, at)`. */
export class ByteWriter {
  /** The memory; replaced by a larger one when it is full. */
  bytes: Uint8Array;
  /** Where the next byte goes. */
  at = 0;

  /** An empty writer; `capacity` bytes fit before it grows. */
  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `count` more bytes. */
  room(count: number): void {
    const needed = this.at + count;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }

  /** Copies bytes to the end. */
  append(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
}
