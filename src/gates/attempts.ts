/**
 * Attempts to authenticate: each has a deadline, and addresses whose attempts fail again and again
 * have to wait.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import { FramewireError } from "../errors.ts";
import type { Authenticate } from "../options/submit.ts";
import { isPromise } from "../protocol/is_promise.ts";
import { hostKey } from "./address_text.ts";
import { GateRefusal } from "./gate_refusal.ts";

/** The wait after the first attempt too many; it doubles with each one that follows. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** How many addresses are remembered. */
const MOST_HOSTS = 65_536;

/** An address whose attempts failed. */
interface Failures {
  count: number;
  /** Until when it has to wait, by the clock. */
  until: number;
}

/** What {@linkcode guardAttempts} goes by. */
export interface AttemptLimits {
  readonly clock: Clock;
  /** How long an attempt may take. */
  readonly timeoutMs: number;
  /** Failed attempts in a row that are free. */
  readonly free: number;
}

/**
 * Puts a deadline on attempts, and makes addresses wait whose attempts fail.
 *
 * An attempt that comes too early is not looked at: it is answered with result 4 (busy).
 */
export function guardAttempts(
  authenticate: Authenticate,
  { clock, timeoutMs, free }: AttemptLimits,
): Authenticate {
  const failures = new Map<string, Failures>();

  const failed = (host: string) => {
    const known = failures.get(host) ?? { count: 0, until: 0 };
    known.count++;
    const over = known.count - free;
    if (over >= 0) {
      const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(over, 16));
      known.until = clock.now() + waitMs;
    }
    failures.delete(host); // to the end: those of the longest ago are forgotten first
    failures.set(host, known);
    if (failures.size > MOST_HOSTS) failures.delete(failures.keys().next().value!);
  };

  const known = (host: string, principal: unknown) => {
    const isKnown = principal !== undefined && principal !== null && principal !== false;
    if (isKnown) failures.delete(host);
    else if (free > 0) failed(host);
    return principal;
  };

  const threw = (host: string, error: unknown): never => {
    // Busy is no failure of the peer, nor is an error of the server.
    const result = (error as { readonly result?: unknown } | null | undefined)?.result;
    if (free > 0 && (result === 2 || result === 3)) failed(host);
    throw error;
  };

  return (hello, conn) => {
    const host = hostKey(conn.remote.hostname);
    const waitMs = (failures.get(host)?.until ?? 0) - clock.now();
    if (waitMs > 0) throw new GateRefusal("RATE_LIMITED", Math.ceil(waitMs));
    let answer: unknown;
    try {
      answer = authenticate(hello, conn);
    } catch (error) {
      return threw(host, error);
    }
    if (!isPromise(answer)) return known(host, answer);
    return withDeadline(answer, clock, timeoutMs).then(
      (principal) => known(host, principal),
      (error) => threw(host, error),
    );
  };
}

function withDeadline(
  answer: PromiseLike<unknown>,
  clock: Clock,
  timeoutMs: number,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => {
      const message = `authenticate has not settled within ${timeoutMs} ms (authTimeoutMs)`;
      reject(new FramewireError("DEADLINE_EXCEEDED", message));
    });
    answer.then((principal) => {
      timer.cancel();
      resolve(principal);
    }, (error) => {
      timer.cancel();
      reject(error);
    });
  });
}
