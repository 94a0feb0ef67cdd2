/**
 * The calls of a client that stays: on which connection each is made, and when it is made again.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import { type FramewireError, isFramewireError } from "../errors.ts";
import type { ResolvedClientOptions } from "../options/client.ts";
import { type CallOptions, cancelled } from "../protocol/call_limits.ts";
import { Backoff } from "./backoff.ts";
import { type Balancer, BALANCERS } from "./balancer/mod.ts";
import type { Member } from "./member.ts";
import { OUTLIER, OutlierDetector } from "./outlier.ts";
import { Pauses } from "./pauses.ts";
import { mayRetry, verdict } from "./retry.ts";
import { RETRY_BUDGET, RetryBudget } from "./retry_budget.ts";
import { WaitingCalls } from "./waiting.ts";

/** Makes a call on an endpoint. `leftMs` is what is left of its time, when some has passed. */
export type Make<Calls, T> = (endpoint: Calls, leftMs: number | undefined) => Promise<T>;

/** A call's way to its answer, over one attempt or several. */
interface Way<Calls, T> {
  readonly make: Make<Calls, T>;
  readonly options: CallOptions;
  readonly dueMs: number;
  /** The waits between its attempts; from the second attempt on. */
  backoff?: Backoff;
  /** The first failure that may have reached a server: what the caller must know in the end. */
  unknown?: Error;
  /** The server that failed last. */
  failed?: string | undefined;
}

/** How long a call waits before it is made again, at first and at the most, in milliseconds. */
const RETRY = { minMs: 10, maxMs: 1000, stableMs: Infinity };

/** Makes the calls of one client. */
export class CallRouter<Calls extends object> {
  readonly #options: ResolvedClientOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #balancer: Balancer;
  readonly #outliers: OutlierDetector;
  readonly #budget: RetryBudget;
  readonly #waiting: WaitingCalls;
  readonly #pauses: Pauses;
  /** The servers with a connection. */
  #up: readonly Member<Calls>[] = [];
  /** What calls fail with from now on. */
  #ended: FramewireError | undefined;
  /** The time as of this turn, where it has been looked at. */
  #now: number | undefined;
  /** The endpoint for all calls, while there is one connection and no other. */
  only: Calls | undefined;

  constructor(options: ResolvedClientOptions, clock: Clock, random: () => number) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#balancer = BALANCERS[options.balancer](random);
    this.#outliers = new OutlierDetector(OUTLIER, clock.now());
    this.#budget = new RetryBudget(RETRY_BUDGET, clock.now());
    this.#waiting = new WaitingCalls(clock, options.maxQueued);
    this.#pauses = new Pauses(clock);
  }

  /** Calls that wait for a connection, or to be made again. */
  get waiting(): number {
    return this.#waiting.size + this.#pauses.size;
  }

  /** The time of about now: all calls of one turn share one look at the clock. */
  get soon(): number {
    if (this.#now === undefined) {
      this.#now = this.#clock.now();
      queueMicrotask(() => this.#now = undefined);
    }
    return this.#now;
  }

  /** The servers there are. */
  members(members: readonly Member<Calls>[]): void {
    this.#outliers.members(members.map(({ key }) => key));
  }

  /** Connections have come or gone. */
  changed(members: readonly Member<Calls>[]): void {
    const up = members.filter((member) => member.open);
    this.#up = up;
    const standing = up.flatMap(({ lines }) => lines.filter(({ client }) => client?.open));
    this.only = standing.length === 1 ? standing[0]!.client!.endpoint() : undefined;
    for (const member of up) {
      // A server that is back is not given its full share at once.
      if (member.wasUp && !this.#wasUp.has(member.key)) {
        this.#outliers.returned(member.key, this.#clock.now());
      }
      member.wasUp = true;
    }
    this.#wasUp = new Set(up.map(({ key }) => key));
    if (up.length > 0) this.#waiting.wake();
  }

  #wasUp: ReadonlySet<string> = new Set();

  /** No call is made any more. */
  end(error: FramewireError): void {
    this.#ended ??= error;
    this.#up = [];
    this.only = undefined;
    this.#waiting.failAll(error);
    this.#pauses.endAll();
  }

  /** A call is made without the router: it counts for how many may be made again. */
  called(): void {
    this.#budget.called();
  }

  /** Makes a call on a connection that stands, again on another where that is safe. */
  call<T>(make: Make<Calls, T>, options: CallOptions = {}): Promise<T> {
    this.#budget.called();
    const way: Way<Calls, T> = { make, options, dueMs: this.#due(options, this.soon) };
    const member = this.#pick(way, this.soon);
    return member === undefined ? this.#later(way) : this.#attempt(way, member, undefined);
  }

  /** A call that {@linkcode called} has counted failed; it was made about `sinceMs`. */
  lost<T>(make: Make<Calls, T>, error: Error, sinceMs: number): Promise<T> {
    const way: Way<Calls, T> = { make, options: {}, dueMs: this.#due({}, sinceMs) };
    const [member] = this.#up;
    return this.#failed(way, error, member);
  }

  #due({ timeoutMs = this.#options.requestTimeoutMs }: CallOptions, sinceMs: number): number {
    return timeoutMs > 0 ? sinceMs + timeoutMs : Infinity;
  }

  /** The server for a call: not one that is left alone, nor the one where it has just failed. */
  #pick({ options, failed }: Way<Calls, unknown>, now: number): Member<Calls> | undefined {
    const up = this.#up;
    if (up.length <= 1) return up[0]?.open ? up[0] : undefined;
    let able = up;
    if (!up.every((member) => member.key !== failed && this.#isWell(member, now))) {
      const open = up.filter((member) => member.open);
      const well = open.filter((member) => this.#isWell(member, now));
      able = well.length > 0 ? well : open;
      const others = able.filter(({ key }) => key !== failed);
      if (others.length > 0) able = others;
    }
    if (able.length === 0) return undefined;
    for (const member of able) {
      member.weight = this.#outliers.weight(member.key, now);
      member.latencyMs = member.latency.at(now);
    }
    return this.#balancer.pick(able, options.key);
  }

  #isWell(member: Member<Calls>, now: number): boolean {
    return member.open && member.busyUntilMs <= now && this.#outliers.allows(member.key, now);
  }

  #attempt<T>(
    way: Way<Calls, T>,
    member: Member<Calls>,
    leftMs: number | undefined,
  ): Promise<T> {
    const { key } = member;
    const since = this.soon;
    this.#outliers.began(key, since);
    return way.make(member.best!.endpoint(), leftMs).then((value) => {
      const now = this.soon;
      member.latency.observe(now - since, now);
      this.#outliers.ended(key, true, now);
      return value;
    }, (error) => {
      const isWell = verdict(error);
      if (isWell === undefined) this.#outliers.forgot(key);
      else this.#outliers.ended(key, isWell, this.soon);
      return this.#failed(way, error, member);
    });
  }

  /** A call failed: it is made again, or its caller is told. */
  #failed<T>(
    way: Way<Calls, T>,
    error: Error,
    member: Member<Calls> | undefined,
  ): Promise<T> {
    const { outcome, retryAfterMs = 0 } = isFramewireError(error) ? error : {};
    if (outcome === "unknown") way.unknown ??= error;
    const tell = outcome === "answered" ? error : known(way, error);
    if (!mayRetry(error, way.options)) return Promise.reject(tell);
    way.failed = member?.key;
    const now = this.#clock.now();
    if (member !== undefined && retryAfterMs > 0) {
      member.busyUntilMs = Math.max(member.busyUntilMs, now + retryAfterMs);
    }
    way.backoff ??= new Backoff(RETRY, this.#random);
    // Another server need not be waited for; where there is none, the one that is busy must be.
    const elsewhere = this.#up.some((other) => other !== member && this.#isWell(other, now));
    const wait = way.backoff.next() + (elsewhere ? 0 : retryAfterMs);
    if (this.#ended !== undefined || now + wait >= way.dueMs || !this.#budget.take(now)) {
      return Promise.reject(tell);
    }
    return this.#again(way, wait, tell);
  }

  /** @param tell What is told when the client ends meanwhile. */
  async #again<T>(way: Way<Calls, T>, wait: number, tell: Error): Promise<T> {
    const { signal } = way.options;
    if (!(await this.#pauses.wait(wait, signal))) {
      if (!signal?.aborted) throw tell;
      const { outcome } = tell as Partial<FramewireError>;
      throw cancelled(signal.reason, outcome === "not-sent" ? outcome : "unknown");
    }
    const member = this.#pick(way, this.#clock.now());
    if (member === undefined) return await this.#later(way);
    return await this.#attempt(way, member, this.#left(way));
  }

  /** What is left of a call's time. */
  #left({ dueMs }: Way<Calls, unknown>): number | undefined {
    return dueMs === Infinity ? undefined : Math.max(1, dueMs - this.#clock.now());
  }

  /** Waits for a connection, then makes the call. */
  #later<T>(way: Way<Calls, T>): Promise<T> {
    const { options, dueMs } = way;
    if (this.#ended !== undefined) return Promise.reject(way.unknown ?? this.#ended);
    const { timeoutMs = this.#options.requestTimeoutMs } = options;
    const made = this.#waiting.wait(options, timeoutMs, dueMs, () => {
      const member = this.#pick(way, this.#clock.now());
      return member && this.#attempt(way, member, this.#left(way));
    });
    if (way.unknown === undefined) return made;
    return made.catch((error) => {
      throw isFramewireError(error) && error.outcome === "answered" ? error : known(way, error);
    });
  }
}

/**
 * What is known of a call that failed now and may have been lost before: what was lost once is unknown,
 * whatever became of the attempts after it.
 */
function known({ unknown, options }: Way<never, unknown>, error: Error): Error {
  if (unknown === undefined || unknown === error) return error;
  const isCancelled = isFramewireError(error, "CANCELLED");
  return isCancelled ? cancelled(options.signal?.reason, "unknown") : unknown;
}
