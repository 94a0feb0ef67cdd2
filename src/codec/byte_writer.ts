/**
 * Where encoders write: a buffer that grows.
 *
 * @module
 */

/** Bytes written so far: `bytes[0, at)`. */
export class ByteWriter {
  /** The memory; replaced by a larger one when it is full. */
  bytes: Uint8Array;
  /** The same memory, for values of several bytes. */
  view: DataView;
  /** Where the next byte goes. */
  at = 0;
  /** How many bits of the byte before it were written; 0 for all of them. */
  bit = 0;
  /** How many memories it has had: what is known of the bytes in one is not true of the next. */
  memories = 1;
  readonly #capacity: number;

  /** An empty writer; `capacity` bytes fit before it grows. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `count` more bytes. */
  room(count: number): void {
    const needed = this.at + count;
    if (needed > this.bytes.length) this.#resize(Math.max(needed, this.bytes.length * 2));
  }

  /** Copies bytes to the end. */
  append(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Forgets what was written, and gives memory back that is over a limit. */
  clear(keepBytes: number): void {
    this.at = 0;
    if (this.bytes.length > keepBytes) this.#resize(this.#capacity);
  }

  #resize(length: number): void {
    const other = new Uint8Array(length);
    other.set(this.bytes.subarray(0, this.at));
    this.bytes = other;
    this.memories++;
    this.view = new DataView(other.buffer);
  }
}
