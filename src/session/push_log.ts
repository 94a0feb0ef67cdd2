/**
 * The pushes of one session that its client has not acknowledged.
 *
 * @module
 */
import { LAST_ID } from "./dedup_window.ts";

/** A numbered push. */
export interface LoggedPush {
  /** Its number in the session, from 1 on. */
  readonly seq: number;
  /** What it carries. */
  readonly payload: Uint8Array;
}

/** What a push takes besides its payload, about, in bytes: so that empty ones count too. */
const ENTRY_BYTES = 64;
/** The list is compacted when so many of its pushes are acknowledged, and they are half of it. */
const COMPACT_AT = 1024;

/** Pushes in the order in which they were made, kept until they are acknowledged. */
export class PushLog {
  readonly #maxBytes: number;
  /** Numbered without gaps, up to the last one; those before `#first` are gone. */
  #kept: (LoggedPush | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  #last: number;

  /**
   * @param maxBytes How much memory they may take; a single one may take more.
   * @param last The number of the last push that was made before.
   */
  constructor(maxBytes: number, last = 0) {
    this.#maxBytes = maxBytes;
    this.#last = last;
  }

  /** The number of the last push; 0 when there was none. */
  get last(): number {
    return this.#last;
  }

  /** The number of the last push that is acknowledged. */
  get acknowledged(): number {
    return this.#last - this.size;
  }

  /** Bytes that the pushes that are kept take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.length - this.#first;
  }

  /** The number of the push that an id, 0 to 99,999,999, names: the newest one that has it. */
  numberOf(id: number): number {
    return this.#last - ((this.#last - id) % LAST_ID + LAST_ID) % LAST_ID;
  }

  /**
   * Numbers a push and keeps it.
   *
   * @param payload Kept as it is: it must not change any more.
   * @returns The push; undefined when there is no room: it was not made, and has no number.
   */
  append(payload: Uint8Array): LoggedPush | undefined {
    const bytes = payload.length + ENTRY_BYTES;
    if (this.size > 0 && this.#bytes + bytes > this.#maxBytes) return undefined;
    const push = { seq: ++this.#last, payload };
    this.#kept.push(push);
    this.#bytes += bytes;
    return push;
  }

  /** A push that is kept: one after {@linkcode acknowledged}, up to {@linkcode last}. */
  at(seq: number): LoggedPush {
    return this.#kept[this.#kept.length - 1 - (this.#last - seq)]!;
  }

  /**
   * The client has all pushes up to `seq`.
   *
   * @returns Whether that was possible: nobody can have what was never sent.
   */
  acknowledge(seq: number): boolean {
    if (seq > this.#last) return false;
    for (let left = seq - this.acknowledged; left > 0; left--) {
      this.#bytes -= this.#kept[this.#first]!.payload.length + ENTRY_BYTES;
      this.#kept[this.#first++] = undefined;
    }
    if (this.size === 0 || (this.#first >= COMPACT_AT && this.#first >= this.size)) {
      this.#kept = this.#kept.slice(this.#first);
      this.#first = 0;
    }
    return true;
  }

  /** Takes over a push that a store has kept; in the order of their numbers. */
  restore(push: LoggedPush): void {
    this.#kept.push(push);
    this.#bytes += push.payload.length + ENTRY_BYTES;
    this.#last = Math.max(this.#last, push.seq);
  }
}
