/**
 * How many calls may be made a second time: a share of all calls, so that retries never multiply the
 * load of servers that fail because of their load.
 *
 * @module
 */

/** How large the budget is. */
export interface RetryBudgetOptions {
  /** Retries for each call, 0.2 for one in five. */
  readonly ratio: number;
  /** Retries a second on top, for programs that call rarely. */
  readonly perSecond: number;
}

/** The default: 20 % of calls and 10 a second. */
export const RETRY_BUDGET: RetryBudgetOptions = { ratio: 0.2, perSecond: 10 };

/** Retries that were not used are good for so long. */
const KEPT_MS = 10_000;

/**
 * A token bucket: each call puts in `ratio` tokens and each second `perSecond`; a retry takes one.
 * It holds what about ten seconds put in, and begins with what the seconds alone do.
 */
export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  #tokens: number;
  /** Tokens of the calls of the last {@linkcode KEPT_MS}, older ones fading. */
  #recent = 0;
  #calls = 0;
  #atMs: number;

  /** A full budget of a program that has not called yet. */
  constructor(options: RetryBudgetOptions, nowMs: number) {
    this.#options = options;
    this.#atMs = nowMs;
    this.#tokens = options.perSecond * KEPT_MS / 1000;
  }

  /** So many first attempts were made. */
  called(count = 1): void {
    this.#calls += count;
  }

  /** Takes a retry out; false when there is none left. */
  take(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Retries that could be made at once. */
  available(nowMs: number): number {
    this.#fill(nowMs);
    return Math.floor(this.#tokens);
  }

  #fill(nowMs: number): void {
    const { ratio, perSecond } = this.#options;
    const elapsed = Math.max(0, nowMs - this.#atMs);
    // Calls that were made long ago, while nobody asked, count no more: as if they were spread evenly.
    const share = Math.min(1, KEPT_MS / Math.max(1, elapsed));
    const put = this.#calls * ratio * share;
    this.#recent = this.#recent * Math.exp(-elapsed / KEPT_MS) + put;
    const most = perSecond * KEPT_MS / 1000 + this.#recent;
    this.#tokens = Math.min(most, this.#tokens + put + elapsed * perSecond / 1000);
    this.#calls = 0;
    this.#atMs = nowMs;
  }
}
