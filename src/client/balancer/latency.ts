/**
 * How long a server's answers take: an average that forgets.
 *
 * @module
 */

/** After this an old observation counts a third (1/e), in milliseconds. */
const DECAY_MS = 10_000;

/**
 * A peak-sensitive moving average: a slower answer counts at once and in full, a faster one by and
 * by, so that a server that stalls is left alone before its average would say so.
 */
export class Latency {
  #value = 0;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** An answer took so long. */
  observe(ms: number, nowMs: number): void {
    if (ms > this.#value) {
      this.#value = ms;
    } else {
      const kept = Math.exp(-Math.max(0, nowMs - this.#atMs) / DECAY_MS);
      this.#value = this.#value * kept + ms * (1 - kept);
    }
    this.#atMs = nowMs;
  }

  /** The average, in milliseconds. Without news it falls, so that a server is tried again. */
  at(nowMs: number): number {
    return this.#value * Math.exp(-Math.max(0, nowMs - this.#atMs) / DECAY_MS);
  }
}
