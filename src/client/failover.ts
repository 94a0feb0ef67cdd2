/**
 * One number instead of many: how long the loss of a server may keep a call from succeeding on
 * another. All other figures follow from it.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { describe } from "../protocol/protocol.ts";

/** What is expected of the option, in words. */
export const FAILOVER_RANGE = "an object such as { budgetMs: 2000 }";

/** What is wanted. */
export interface FailoverOptions {
  /**
   * From the moment a server is lost, without a word, until a call made at that moment has
   * succeeded on another, at the most, in milliseconds.
   */
  readonly budgetMs: number;
  /**
   * The longest round trip that is still healthy, in milliseconds.
   *
   * @default {50}
   */
  readonly roundTripMs?: number;
}

/** What follows. */
export interface FailoverFigures {
  /** A link that was silent for this long is asked for a sign of life, in milliseconds. */
  readonly heartbeatMs: number;
  /** It has this long to give one; then it is dead, in milliseconds. */
  readonly probeTimeoutMs: number;
  /** How long connecting to another server may take, TLS and hello included, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** The longest first wait before an attempt to connect again, in milliseconds. */
  readonly backoffMinMs: number;
  /** The longest wait of all, in milliseconds. */
  readonly backoffMaxMs: number;
  /** What is left for the call itself on the other server, in milliseconds. */
  readonly callMs: number;
}

/** Timers and busy programs are late by this much, in milliseconds. */
const LATE_MS = 20;
/** A probe is one round trip; under two of them a healthy link would be taken for dead. */
const PROBE_TRIPS = 2;
/** TCP, TLS 1.3 and the hello take one round trip each. */
const CONNECT_TRIPS = 3;
const CALL_TRIPS = 1;
const ROUND_TRIP_MS = 50;
const MAX_BUDGET_MS = 600_000;

/**
 * Derives the figures. The worst case is a link that dies right after a sign of life, with no other
 * connection open: `heartbeatMs` + `probeTimeoutMs` + `connectTimeoutMs` + `callMs` is the budget.
 *
 * @throws FramewireError INVALID_OPTION when the budget is impossible, with the reason.
 *
 * @example
 * ```ts
 * import { failoverFigures } from "./failover.ts";
 *
 * const { heartbeatMs, probeTimeoutMs } = failoverFigures({ budgetMs: 2000 });
 * if (heartbeatMs + probeTimeoutMs > 1000) throw new Error("half of it is left for the rest");
 * ```
 */
export function failoverFigures(options: FailoverOptions): FailoverFigures {
  const { budgetMs, roundTripMs = ROUND_TRIP_MS } = options;
  within("failover.budgetMs", budgetMs, MAX_BUDGET_MS);
  within("failover.roundTripMs", roundTripMs, MAX_BUDGET_MS);
  const probe = PROBE_TRIPS * roundTripMs + LATE_MS;
  const connect = CONNECT_TRIPS * roundTripMs + LATE_MS;
  const call = CALL_TRIPS * roundTripMs + LATE_MS;
  const heartbeat = roundTripMs + LATE_MS;
  const least = heartbeat + probe + connect + call;
  if (budgetMs < least) {
    throw new FramewireError(
      "INVALID_OPTION",
      `failover.budgetMs of ${budgetMs} is impossible with round trips of ${roundTripMs} ms ` +
        `(failover.roundTripMs): noticing takes ${heartbeat} ms of silence and ${probe} ms for a ` +
        `sign of life, connecting elsewhere ${connect} ms and the call ${call} ms, ` +
        `${least} ms together`,
    );
  }
  // What is over is shared out evenly: each part then stands more delay than it must.
  const more = Math.floor((budgetMs - least) / 4);
  return {
    heartbeatMs: heartbeat + more,
    probeTimeoutMs: probe + more,
    connectTimeoutMs: connect + more,
    callMs: call + more,
    // A connection that comes back within the budget is of use; past it calls are elsewhere.
    backoffMinMs: Math.max(1, Math.floor(budgetMs / 20)),
    backoffMaxMs: Math.max(1, Math.floor(budgetMs / 2)),
  };
}

function within(name: string, value: unknown, most: number): void {
  if (typeof value === "number" && value >= 1 && value <= most) return;
  throw new FramewireError(
    "INVALID_OPTION",
    `${name} must be a number from 1 to ${most} and is ${describe(value)}`,
  );
}
