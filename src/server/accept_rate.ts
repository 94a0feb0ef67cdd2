/**
 * How fast one address may connect.
 *
 * @module
 */

/** A rate of connections: `perSecond` in the long run, `burst` at once. */
export interface AcceptRate {
  /** Connections per second in the long run: over 0, up to 1,000,000. */
  readonly perSecond: number;
  /** Connections at once after a time without any: 1 to 1,000,000. */
  readonly burst: number;
}

/** How many addresses are remembered; beyond it, those that have connected least lately are not. */
const MOST_ADDRESSES = 16_384;

interface Bucket {
  tokens: number;
  at: number;
}

/** A bucket of tokens per address. Its memory is bounded: 16,384 addresses, about 2 MB. */
export class AcceptRates {
  readonly #rate: AcceptRate;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>();

  /** Rates of addresses, each with a full bucket at first. */
  constructor(rate: AcceptRate) {
    this.#rate = rate;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Takes a token for a connection.
   *
   * @param now Milliseconds, by the clock.
   * @returns Whether there was one.
   */
  take(address: string, now: number): boolean {
    const { perSecond, burst } = this.#rate;
    const bucket = this.#buckets.get(address) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / 1000 * perSecond);
    bucket.at = now;
    // To the end of the map: the first ones are those unused for longest.
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > MOST_ADDRESSES) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
