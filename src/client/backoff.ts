/**
 * How long to wait before the next attempt to connect: exponential with full jitter, so that the
 * clients of a server that comes back do not come all at once.
 *
 * @module
 */

/** How long attempts wait. */
export interface BackoffOptions {
  /** The longest first wait, in milliseconds. */
  readonly minMs: number;
  /** The longest wait of all, in milliseconds. */
  readonly maxMs: number;
  /** A connection that has stood for so long is stable: the next loss begins anew, in milliseconds. */
  readonly stableMs: number;
}

/** The defaults: 100 ms to 10 s, stable after 10 s. */
export const BACKOFF: BackoffOptions = { minMs: 100, maxMs: 10_000, stableMs: 10_000 };

/**
 * The waits between attempts. The n-th wait is uniform between 0 and `minMs` × 2ⁿ, at most `maxMs`
 * ("full jitter": of all ways to spread, it is the one with the fewest attempts and the least load,
 * see Brooker, "Exponential Backoff and Jitter", 2015).
 *
 * @example
 * ```ts
 * import { BACKOFF, Backoff } from "./backoff.ts";
 *
 * const backoff = new Backoff(BACKOFF, Math.random);
 * if (backoff.next() > 100) throw new Error("the first wait is 100 ms at the most");
 * ```
 */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #attempts = 0;
  #connectedAt: number | undefined;

  /** @param random Numbers in `[0, 1)`. */
  constructor(options: BackoffOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /** Attempts since the last stable connection. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The next wait, in milliseconds. */
  next(): number {
    const { minMs, maxMs } = this.#options;
    const most = Math.min(maxMs, minMs * 2 ** Math.min(this.#attempts++, 52));
    return this.#random() * most;
  }

  /** A connection stands. */
  connected(nowMs: number): void {
    this.#connectedAt = nowMs;
  }

  /** The connection is lost. One that breaks right after connecting counts as a failed attempt. */
  lost(nowMs: number): void {
    if (
      this.#connectedAt !== undefined && nowMs - this.#connectedAt >= this.#options.stableMs
    ) this.#attempts = 0;
    this.#connectedAt = undefined;
  }
}
