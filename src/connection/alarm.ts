/**
 * One timer for many deadlines: it waits for the earliest.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";

/** Rings at the earliest moment that it was told since it rang last. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: (now: number) => void;
  #timer: Timer | undefined;
  #at = Infinity;

  /** @param ring Told the time, in milliseconds. */
  constructor(clock: Clock, ring: (now: number) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings then, in milliseconds of the clock, unless it rings before. */
  set(at: number): void {
    if (at >= this.#at) return;
    this.stop();
    this.#at = at;
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      this.#at = Infinity;
      this.#ring(this.#clock.now());
    });
  }

  /** Rings no more, until it is set again. */
  stop(): void {
    this.#timer?.cancel();
    this.#at = Infinity;
  }
}
