/**
 * What is measured by a timer rather than by counting: rates over the last seconds, and the delay of
 * the event loop.
 *
 * One timer per server, and only while there are connections: a server that waits for its first one
 * wakes up for nothing.
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";
import { Histogram } from "./histogram.ts";

/** How often the event loop's delay is measured. */
const TICK_MS = 250;
/** Ticks from one sample of the totals to the next. */
const TICKS_PER_SAMPLE = 4;
/** How long the window of the rates is; up to a sample longer. */
const WINDOW_MS = 10_000;

/** Measures a server. */
export class Meter {
  /** How much later than asked for the timer was called. */
  readonly loopDelay: Histogram = new Histogram();
  readonly #clock: Clock;
  readonly #sample: () => readonly number[];
  readonly #samples: { readonly at: number; readonly totals: readonly number[] }[] = [];
  #timer: Timer | undefined;
  #due = 0;
  #ticks = 0;

  /**
   * @param sample Gives the totals whose rates are wanted, always in the same order; called once a
   * second.
   */
  constructor(clock: Clock, sample: () => readonly number[]) {
    this.#clock = clock;
    this.#sample = sample;
  }

  /** There are connections: from now on it measures. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#keep(this.#clock.now());
    this.#ticks = 0;
    this.#wait();
  }

  /** There are none: nothing changes until the next one comes. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Begins anew, as if nothing had been measured. */
  reset(): void {
    this.loopDelay.reset();
    this.#samples.length = 0;
    this.#keep(this.#clock.now());
  }

  /** The change of each total in the window, per second, and how long the window is. */
  rates(): { readonly windowMs: number; readonly perSecond: readonly number[] } {
    const now = this.#clock.now();
    this.#forget(now);
    const totals = this.#sample();
    const first = this.#samples[0];
    const windowMs = first === undefined ? 0 : now - first.at;
    const perSecond = totals.map((total, i) =>
      windowMs > 0 ? (total - first!.totals[i]!) * 1000 / windowMs : 0
    );
    return { windowMs, perSecond };
  }

  #wait(): void {
    this.#due = this.#clock.now() + TICK_MS;
    this.#timer = this.#clock.after(TICK_MS, this.#tick);
  }

  readonly #tick = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    // Timers count whole milliseconds, so that a loop without any delay may still be called early.
    this.loopDelay.record(now - this.#due);
    if (++this.#ticks % TICKS_PER_SAMPLE === 0) {
      this.#keep(now);
    }
    this.#wait();
  };

  #keep(at: number): void {
    this.#forget(at);
    this.#samples.push({ at, totals: this.#sample() });
  }

  /** The window begins with the last sample that is as old as it is long, or with the oldest one. */
  #forget(now: number): void {
    while (this.#samples.length > 1 && now - this.#samples[1]!.at >= WINDOW_MS) {
      this.#samples.shift();
    }
    // While there was no connection no samples were taken.
    if (this.#samples.length === 1 && now - this.#samples[0]!.at > 2 * WINDOW_MS) {
      this.#samples.pop();
    }
  }
}
