/**
 * Things that begin one after the other and may all take the same time.
 *
 * The first to begin is the first that is due, so one timer is enough for all of them.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";

/** Those that are under way. */
export class DeadlineQueue<T> {
  readonly #clock: Clock;
  readonly #timeoutMs: () => number;
  readonly #late: (one: T) => void;
  /** When each began; the first one first. */
  readonly #began = new Map<T, number>();
  #timer: Timer | undefined;

  /**
   * An empty queue.
   *
   * @param timeoutMs How long each may take, in milliseconds; 0 is for ever.
   * @param late Called with each that takes longer; it is not in the queue any more.
   */
  constructor(clock: Clock, timeoutMs: () => number, late: (one: T) => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#late = late;
  }

  /** How many are under way. */
  get size(): number {
    return this.#began.size;
  }

  /** Those under way, the first one first. */
  [Symbol.iterator](): Iterator<T> {
    return this.#began.keys();
  }

  /** One begins. */
  begin(one: T): void {
    this.#began.set(one, this.#clock.now());
    this.#watch();
  }

  /** One is over; returns when it began, by the clock, or undefined when it was over already. */
  end(one: T): number | undefined {
    const began = this.#began.get(one);
    this.#began.delete(one);
    if (this.#began.size === 0) this.#stop();
    return began;
  }

  /** The time that each may take is another now. */
  changed(): void {
    this.#stop();
    this.#watch();
  }

  /** Forgets all of them. */
  close(): void {
    this.#began.clear();
    this.#stop();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #watch(): void {
    const timeoutMs = this.#timeoutMs();
    const [oldest] = this.#began.values();
    if (this.#timer !== undefined || oldest === undefined || timeoutMs === 0) return;
    const leftMs = Math.max(0, oldest + timeoutMs - this.#clock.now());
    this.#timer = this.#clock.after(leftMs, () => {
      this.#timer = undefined;
      this.#endLate();
      this.#watch();
    });
  }

  #endLate(): void {
    const before = this.#clock.now() - this.#timeoutMs();
    for (const [one, began] of this.#began) {
      if (began > before) return;
      this.#began.delete(one);
      this.#late(one);
    }
  }
}
