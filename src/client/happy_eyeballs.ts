/**
 * Connecting to a host of several addresses: attempts are raced, a little apart, and the first one
 * that stands wins (RFC 8305).
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";

/** How addresses are raced. */
export interface RaceOptions<T> {
  /** Where the delays come from. */
  readonly clock: Clock;
  /** The next attempt begins after this, in milliseconds, or at once when one fails (section 5). */
  readonly delayMs: number;
  /** Ends all attempts when it aborts. */
  readonly signal?: AbortSignal;
  /** Closes what was connected too late. */
  close(late: T): void;
}

/** The Connection Attempt Delay that RFC 8305, section 8 recommends, in milliseconds. */
export const ATTEMPT_DELAY_MS = 250;

/**
 * Puts addresses in the order of attempts: families take turns, IPv6 first (RFC 8305, section 4).
 * Within a family they keep the order in which they came.
 */
export function interleave(ipv6: readonly string[], ipv4: readonly string[]): string[] {
  const order: string[] = [];
  for (let i = 0; i < Math.max(ipv6.length, ipv4.length); i++) {
    if (i < ipv6.length) order.push(ipv6[i]!);
    if (i < ipv4.length) order.push(ipv4[i]!);
  }
  return order;
}

/**
 * Makes attempts, each a delay after the one before, until one succeeds. Earlier ones go on
 * meanwhile; the winner ends them, and what they still bring is closed.
 *
 * @param addresses What to attempt, in this order; at least one.
 * @param attempt Makes one attempt; it should give up when its signal aborts.
 * @returns What the first successful attempt gave. Rejects with the first attempt's error when all
 * fail, its `cause` an `AggregateError` of all when there were several; or with the signal's reason.
 */
export function race<A, T>(
  addresses: readonly A[],
  attempt: (address: A, signal: AbortSignal) => Promise<T>,
  options: RaceOptions<T>,
): Promise<T> {
  const { clock, delayMs, signal, close } = options;
  return new Promise<T>((resolve, reject) => {
    const others = new AbortController();
    const errors: unknown[] = [];
    let next = 0;
    let over = false;
    let timer: Timer | undefined;
    const settle = (how: () => void, reason: unknown) => {
      over = true;
      timer?.cancel();
      signal?.removeEventListener("abort", stop);
      how();
      others.abort(reason);
    };
    const stop = () => settle(() => reject(signal!.reason), signal!.reason);
    const begin = () => {
      timer?.cancel();
      const number = next++;
      timer = next < addresses.length ? clock.after(delayMs, begin) : undefined;
      attempt(addresses[number]!, others.signal).then((made) => {
        if (over) close(made);
        else settle(() => resolve(made), new Error("another address was faster"));
      }, (error) => {
        if (over) return;
        errors[number] = error;
        if (next < addresses.length) begin();
        else if (Object.keys(errors).length === addresses.length) {
          settle(() => reject(ofAll(errors)), error);
        }
      });
    };
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener("abort", stop, { once: true });
    begin();
  });
}

/** What is told when every attempt failed: the first one's error, with all of them beneath. */
function ofAll(errors: readonly unknown[]): unknown {
  const [first] = errors;
  if (errors.length > 1 && first instanceof Error && first.cause === undefined) {
    Object.defineProperty(first, "cause", {
      value: new AggregateError(errors, `all ${errors.length} addresses failed`),
      configurable: true,
      writable: true,
    });
  }
  return first;
}
