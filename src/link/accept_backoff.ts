/**
 * The pause after a failure to accept: the process is out of descriptors, say, and trying again at
 * once would only burn the processor.
 *
 * @module
 */

const FIRST_MS = 10;
const MOST_MS = 1000;

/** Pauses that double with each failure in a row. */
export class AcceptBackoff {
  #nextMs = FIRST_MS;

  /** A connection was accepted. */
  succeeded(): void {
    this.#nextMs = FIRST_MS;
  }

  /** Accepting failed: how long to wait before the next try, in milliseconds. */
  failed(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(ms * 2, MOST_MS);
    return ms;
  }
}
