/**
 * A queue that gives its memory back.
 *
 * @module
 */

/** The queue is compacted when this many of its entries are gone, and they are half of it. */
const COMPACT_AT = 1024;

/** First in, first out. */
export class Fifo<T> {
  #entries: T[] = [];
  #gone = 0;

  /** How many entries wait. */
  get length(): number {
    return this.#entries.length - this.#gone;
  }

  /** Adds an entry at the end. */
  push(entry: T): void {
    this.#entries.push(entry);
  }

  /** Takes the first entry, if there is one. */
  shift(): T | undefined {
    if (this.#gone === this.#entries.length) return undefined;
    const entry = this.#entries[this.#gone++];
    if (this.#gone === this.#entries.length) {
      this.#entries = [];
      this.#gone = 0;
    } else if (this.#gone >= COMPACT_AT && this.#gone * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#gone);
      this.#gone = 0;
    }
    return entry;
  }

  /** Takes all entries. */
  takeAll(): T[] {
    const entries = this.#entries.slice(this.#gone);
    this.#entries = [];
    this.#gone = 0;
    return entries;
  }
}
