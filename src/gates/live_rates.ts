/**
 * The rate limits of a running server, which may change.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import type { RateOptions, RateServerOptions } from "../options/rate.ts";
import { RateLimiter } from "./rate_gate.ts";

/** What is in force. */
export class LiveRates {
  readonly #clock: Clock;
  #rate: RateOptions | undefined;
  /** The limits; undefined where nothing is limited, and then connections have no gate. */
  limiter: RateLimiter | undefined;

  /** The limits that a server begins with. */
  constructor(options: RateServerOptions, clock: Clock) {
    this.#clock = clock;
    this.change(options);
  }

  /**
   * Other limits hold from now on, with full buckets. Those that stay as they are keep their tokens.
   *
   * @returns Whether connections need another gate.
   */
  change({ rate, onRate = "delay" }: RateServerOptions): boolean {
    if (this.limiter !== undefined) this.limiter.onRate = onRate;
    // What comes from a file that was read again is never the same object.
    if (JSON.stringify(rate) === JSON.stringify(this.#rate)) return false;
    this.#rate = rate;
    this.limiter = rate && new RateLimiter(rate, onRate, this.#clock);
    return true;
  }
}
