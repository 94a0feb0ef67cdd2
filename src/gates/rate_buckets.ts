/**
 * The buckets that frames of one connection are taken from: its own, those of its address, and those
 * of the server.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import type { RateLimits } from "../options/rate.ts";
import { TokenBucket } from "./token_bucket.ts";

/** Whom a limit holds for. */
export type RateScope = "connection" | "ip" | "server";

/** What limits hold for somebody. */
export class RateBuckets {
  /** Whom they hold for. */
  readonly scope: RateScope;
  /** Tokens for frames. */
  readonly requests: TokenBucket | undefined;
  /** Tokens for bytes. */
  readonly bytes: TokenBucket | undefined;
  /** Connections that use them. */
  users = 0;

  /** Full ones. */
  constructor(scope: RateScope, clock: Clock, limits: RateLimits) {
    const { requestsPerSecond, bytesPerSecond } = limits;
    this.scope = scope;
    if (requestsPerSecond !== undefined) {
      const burst = limits.requestBurst ?? Math.ceil(requestsPerSecond);
      this.requests = new TokenBucket(clock, requestsPerSecond, burst);
    }
    if (bytesPerSecond !== undefined) {
      const burst = limits.byteBurst ?? Math.ceil(bytesPerSecond);
      this.bytes = new TokenBucket(clock, bytesPerSecond, burst);
    }
  }

  /** Whether they remember nothing, so that new ones are the same. */
  get idle(): boolean {
    return this.users === 0 && (this.requests?.idle ?? true) && (this.bytes?.idle ?? true);
  }
}

/** How many hosts without a connection are remembered. */
const MOST_HOSTS = 65_536;
/** How many of them are looked at each time that one comes. */
const LOOKS = 2;

/**
 * The buckets of hosts. Those that nobody uses are kept for as long as they are not full, within a
 * bound: beyond it the ones that were used the longest ago are given up.
 */
export class HostBuckets {
  readonly #clock: Clock;
  readonly #limits: RateLimits;
  readonly #most: number;
  readonly #used = new Map<string, RateBuckets>();
  readonly #unused = new Map<string, RateBuckets>();

  /** @param most How many hosts without a connection are remembered. */
  constructor(clock: Clock, limits: RateLimits, most: number = MOST_HOSTS) {
    this.#clock = clock;
    this.#limits = limits;
    this.#most = most;
  }

  /** How many hosts are remembered. */
  get size(): number {
    return this.#used.size + this.#unused.size;
  }

  /** The buckets of a host, for one more connection. */
  enter(host: string): RateBuckets {
    this.#tidy();
    let buckets = this.#used.get(host);
    if (buckets === undefined) {
      buckets = this.#unused.get(host) ?? new RateBuckets("ip", this.#clock, this.#limits);
      this.#unused.delete(host);
      this.#used.set(host, buckets);
    }
    buckets.users++;
    return buckets;
  }

  /** Takes a token for one request of a host; false when there is none. */
  takeOne(host: string): boolean {
    const buckets = this.enter(host);
    const bucket = buckets.requests!;
    const allowed = bucket.allows(bucket.tokens, 1);
    if (allowed) bucket.take(1);
    this.leave(host, buckets);
    return allowed;
  }

  /** A connection of a host is closed. */
  leave(host: string, buckets: RateBuckets): void {
    if (--buckets.users > 0) return;
    this.#used.delete(host);
    if (!buckets.idle) this.#unused.set(host, buckets);
    this.#tidy();
  }

  /** Forgets what there is nothing to remember of; a few at a time, those of the longest ago first. */
  #tidy(): void {
    let looks = LOOKS;
    for (const [host, buckets] of this.#unused) {
      const isOver = this.#unused.size > this.#most;
      if (!isOver && looks-- === 0) return;
      if (isOver || buckets.idle) this.#unused.delete(host);
      else return; // those behind it were used later
    }
  }
}
