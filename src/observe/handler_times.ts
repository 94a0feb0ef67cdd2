/**
 * How long handlers take.
 *
 * Sync handlers are timed by the batch: two looks at the clock for all of its requests, each of which
 * is then counted with the mean. Handlers that take their time are timed one by one, from the arrival
 * of their chunk to their result; so what they wait for others of the same chunk is in it.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import { Histogram } from "./histogram.ts";

/** One batch or one settled handler in so many is timed, when they are sampled … */
const SAMPLE = 8;
/** … and after the first so many, which tell enough of the beginning, one in so many. */
const MANY = 1024;
const SAMPLE_OF_MANY = 64;

/** The handlers' times of one server. */
export class HandlerTimes {
  /** The times. */
  readonly histogram: Histogram = new Histogram();
  readonly #clock: Clock;
  #mask: number;
  #turn = 0;

  /** Begins with no times. */
  constructor(clock: Clock, which: "sampled" | "all") {
    this.#clock = clock;
    this.#mask = which === "all" ? 0 : SAMPLE - 1;
  }

  /** Whether this one is to be timed. */
  due(): boolean {
    const turn = this.#turn++;
    if ((turn & this.#mask) !== 0) return false;
    if (turn === MANY && this.#mask > 0) this.#mask = SAMPLE_OF_MANY - 1;
    return true;
  }

  /** The time now, by the server's clock. */
  now(): number {
    return this.#clock.now();
  }

  /** A batch that began at `since` has had the handlers of `count` requests return. */
  returned(since: number, count: number): void {
    this.histogram.record((this.#clock.now() - since) / count, count);
  }

  /** A handler has settled whose request came at `since`. */
  settled(since: number): void {
    if (this.due()) this.histogram.record(this.#clock.now() - since);
  }
}
