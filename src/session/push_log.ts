/**
 * The pushes of one session that its client has not acknowledged.
 *
 * @module
 */

/** A numbered push. */
export interface LoggedPush {
  /** Its number in the session, from 1 on. */
  readonly seq: number;
  /** What it carries. */
  readonly payload: Uint8Array;
}

/** Pushes in the order in which they were made, kept until they are acknowledged. */
export class PushLog {
  readonly #maxBytes: number;
  #kept: LoggedPush[] = [];
  #bytes = 0;
  #last: number;

  /**
   * @param maxBytes How much memory they may take.
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

  /** Bytes of the pushes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.length;
  }

  /**
   * Numbers a push and keeps it.
   *
   * @param payload Kept as it is: it must not change any more.
   * @returns The push; undefined when there is no room: it was not made, and has no number.
   */
  append(payload: Uint8Array): LoggedPush | undefined {
    if (this.#bytes + payload.length > this.#maxBytes) return undefined;
    const push = { seq: ++this.#last, payload };
    this.#kept.push(push);
    this.#bytes += payload.length;
    return push;
  }

  /**
   * The client has all pushes up to `seq`.
   *
   * @returns Whether that was possible: nobody can have what was never sent.
   */
  acknowledge(seq: number): boolean {
    if (seq > this.#last) return false;
    let gone = 0;
    while (gone < this.#kept.length && this.#kept[gone]!.seq <= seq) {
      this.#bytes -= this.#kept[gone++]!.payload.length;
    }
    if (gone > 0) this.#kept = this.#kept.slice(gone);
    return true;
  }

  /** The pushes after `seq`, in their order. */
  after(seq: number): readonly LoggedPush[] {
    return this.#kept.filter((push) => push.seq > seq);
  }

  /** Takes over a push that a store has kept; in the order of their numbers. */
  restore(push: LoggedPush): void {
    this.#kept.push(push);
    this.#bytes += push.payload.length;
    this.#last = Math.max(this.#last, push.seq);
  }
}
