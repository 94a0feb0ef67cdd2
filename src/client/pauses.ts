/**
 * Calls that wait before they are made again: each until its time has come, its caller gives it up, or
 * the client ends.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";

/** Waits that can be ended early. */
export class Pauses {
  readonly #clock: Clock;
  readonly #ends = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many calls wait. */
  get size(): number {
    return this.#ends.size;
  }

  /**
   * Waits.
   *
   * @returns Whether the time has passed; false when it was ended before, by `signal` or by `endAll`.
   */
  wait(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
    if (signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (passed: boolean) => {
        timer.cancel();
        signal?.removeEventListener("abort", end);
        this.#ends.delete(end);
        resolve(passed);
      };
      const end = () => settle(false);
      const timer = this.#clock.after(ms, () => settle(true));
      signal?.addEventListener("abort", end, { once: true });
      this.#ends.add(end);
    });
  }

  /** No call waits any longer. */
  endAll(): void {
    for (const end of [...this.#ends]) end();
  }
}
