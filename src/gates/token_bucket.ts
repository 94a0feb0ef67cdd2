/**
 * A token bucket: so many tokens a second, and at most so many at once.
 *
 * What takes more than a whole bucket waits for a full one and leaves it in debt, so that it comes
 * through and the rate holds all the same.
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";

/** How full a bucket has to be to count as full enough: adding up fractions of tokens is not exact. */
const EPSILON = 1e-6;

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Who waits for tokens. */
export interface Waiter {
  /** Tokens that the first of what waits needs. */
  readonly need: number;
  /** There are as many now. Called once. */
  ready(): void;
}

/** A bucket. Those who wait for it come through in the order in which they came. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;
  /** From the first on that had to wait. */
  #waiters: Set<Waiter> | undefined;
  #timer: Timer | undefined;
  /** The waiter that is being told: the only one that may take tokens while others wait. */
  #first: Waiter | undefined;

  /**
   * A full bucket.
   *
   * @param perSecond Tokens that come in a second.
   * @param burst The most that there can be.
   */
  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = clock.now();
  }

  /** Tokens that there are now; negative when it is in debt. */
  get tokens(): number {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    return this.#tokens;
  }

  /** Whether it remembers nothing: it is full, and nobody waits. */
  get idle(): boolean {
    return this.tokens >= this.#burst && (this.#waiters === undefined || this.#waiters.size === 0);
  }

  /** Tokens that `waiter` may take now: none while others wait for theirs. */
  available(waiter: Waiter): number {
    const waiters = this.#waiters;
    if (waiters !== undefined && waiters.size > 0 && this.#first !== waiter) return 0;
    return this.tokens;
  }

  /** Whether there are enough tokens for something that takes `count`. */
  allows(tokens: number, count: number): boolean {
    return tokens + EPSILON >= Math.min(count, this.#burst);
  }

  /** How many things there are enough tokens for that take one each. */
  whole(tokens: number): number {
    return Math.max(0, Math.floor(tokens + EPSILON));
  }

  /** Takes tokens out. */
  take(count: number): void {
    this.#tokens -= count;
  }

  /** How long it takes until there are `count` tokens, in milliseconds. */
  waitMs(count: number): number {
    return Math.max(0, (Math.min(count, this.#burst) - this.tokens) / this.#perMs);
  }

  /** Tells `waiter` when it is its turn and there are enough tokens. */
  wait(waiter: Waiter): void {
    (this.#waiters ??= new Set()).add(waiter);
    this.#schedule();
  }

  /** A waiter has gone. */
  leave(waiter: Waiter): void {
    if (this.#waiters === undefined || !this.#waiters.delete(waiter)) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#first !== undefined) return;
    for (const { need } of this.#waiters!) {
      this.#timer = this.#clock.after(Math.min(this.waitMs(need), LONGEST_TIMER_MS), () => {
        this.#timer = undefined;
        this.#tell();
      });
      return;
    }
  }

  /** Tells those for whom there are enough tokens, the first that came first. */
  #tell(): void {
    const waiters = this.#waiters!;
    for (const waiter of waiters) {
      if (!this.allows(this.tokens, waiter.need)) break;
      this.#first = waiter;
      waiters.delete(waiter);
      try {
        waiter.ready(); // it may wait again: behind all others
      } finally {
        this.#first = undefined;
      }
    }
    this.#schedule();
  }
}
