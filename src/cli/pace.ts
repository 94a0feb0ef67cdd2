/**
 * Not sending faster than asked to, nor more at once than is good.
 *
 * @module
 */

/** What is late by more than this is not caught up with: a pause is not followed by a burst. */
const CATCH_UP_MS = 100;

/** Turns at an even rate. */
export class Pace {
  readonly #intervalMs: number;
  #nextMs = -Infinity;

  /** @param perSecond Turns per second; infinity for no limit. */
  constructor(perSecond: number) {
    this.#intervalMs = 1000 / perSecond;
  }

  /** Resolves when it is time for the next turn, or when `stop` aborts. */
  async turn(stop: AbortSignal): Promise<void> {
    if (this.#intervalMs === 0) return;
    const now = performance.now();
    const due = Math.max(this.#nextMs, now - CATCH_UP_MS);
    // The first turn is now, not CATCH_UP_MS ago.
    this.#nextMs = (this.#nextMs === -Infinity ? now : due) + this.#intervalMs;
    if (due > now && !stop.aborted) await sleep(due - now, stop);
  }
}

/** Waits, and no longer than until `stop` aborts. */
export function sleep(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener("abort", end);
  });
}

/** Requests under way, bounded in number and in bytes. */
export class InFlight {
  readonly #most: number;
  readonly #mostBytes: number;
  #bytes = 0;
  #wake: (() => void) | undefined;
  /** How many there are. */
  count = 0;

  constructor(most: number, mostBytes: number) {
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  /** Resolves when there is room for one more, or when `stop` aborts. */
  room(bytes: number, stop: AbortSignal): Promise<void> {
    return this.#until(
      () =>
        this.count === 0 ||
        (this.count < this.#most && this.#bytes + bytes <= this.#mostBytes),
      stop,
    );
  }

  /** Resolves when there are none, or when `stop` aborts. */
  empty(stop: AbortSignal): Promise<void> {
    return this.#until(() => this.count === 0, stop);
  }

  /** One more is under way. */
  begin(bytes: number): void {
    this.count++;
    this.#bytes += bytes;
  }

  /** One is done. */
  end(bytes: number): void {
    this.count--;
    this.#bytes -= bytes;
    this.#wake?.();
  }

  async #until(condition: () => boolean, stop: AbortSignal): Promise<void> {
    if (condition()) return;
    const wake = () => this.#wake?.();
    stop.addEventListener("abort", wake);
    while (!condition() && !stop.aborted) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    stop.removeEventListener("abort", wake);
  }
}
