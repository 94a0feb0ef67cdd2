/**
 * A number of things that may be open at once, and those who wait for one to be closed.
 *
 * @module
 */

/** Slots, taken in the order in which they were asked for. */
export class Slots {
  readonly #most: number;
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  /** @param most How many there are. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** How many wait for one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Takes one, or waits for it.
   *
   * @param signal Waits no longer when it aborts: rejects with its reason.
   */
  take(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#taken < this.#most) {
      this.#taken++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.delete(given);
        reject(signal!.reason);
      };
      const given = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      this.#waiting.add(given);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Gives one back: whoever waits for longest has it from now on. */
  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#taken--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
