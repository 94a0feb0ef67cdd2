/**
 * What bounds calls: how long each may take, and how many may be under way.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import { FramewireError, isFramewireError } from "../errors.ts";
import type { MakeBook } from "./book.ts";
import { describe } from "./protocol.ts";

/** What one call is told. */
export interface CallOptions {
  /**
   * How long it may take, its wait for room in the window included, in milliseconds: 1 to
   * 2,147,483,647, or 0 for no limit. It then fails with `DEADLINE_EXCEEDED`.
   *
   * @default {requestTimeoutMs of the client}
   */
  readonly timeoutMs?: number;
  /** Gives it up when it aborts: it fails with `CANCELLED`, whose cause is the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Whether doing it twice does no harm: with `reconnect`, it is made again also when it may have
   * reached the server that was lost.
   *
   * @default {false}
   */
  readonly idempotent?: boolean;
  /** What it is about: with the balancer `hash`, calls of one key go to one server. */
  readonly key?: string;
  /**
   * Where it stands among calls that wait for a connection or for room: those of a higher one go
   * first, -1,000 to 1,000.
   *
   * @default {0}
   */
  readonly priority?: number;
}

const MOST_PRIORITY = 1000;

/** What all calls of a connection are told. */
export interface CallLimits {
  /** Where time comes from. */
  readonly clock: Clock;
  /** How long a call may take that says nothing itself; 0 for no limit. */
  readonly requestTimeoutMs: number;
  /** How many calls may be under way, those given up but not answered included. */
  readonly maxInFlight: number;
  /** How many calls may wait for room. */
  readonly maxQueued: number;
  /** What a call does for which there is no room. */
  readonly overflow: "wait" | "fail";
  /** Makes what keeps those under way. */
  readonly book: MakeBook;
  /** So many calls that time out in a row, without a byte from the peer, cut the connection. */
  readonly deadAfterTimeouts: number;
}

/** @throws FramewireError INVALID_OPTION when a call's options are wrong. */
export function checkCallOptions({ timeoutMs, signal, priority = 0 }: CallOptions): void {
  if (!(Number.isInteger(priority) && Math.abs(priority) <= MOST_PRIORITY)) {
    throw new FramewireError(
      "INVALID_OPTION",
      `priority must be a whole number from -1000 to 1000 and is ${describe(priority)}`,
      { outcome: "not-sent" },
    );
  }
  if (
    timeoutMs !== undefined &&
    !(typeof timeoutMs === "number" && timeoutMs >= 0 && timeoutMs < 2 ** 31)
  ) {
    throw new FramewireError(
      "INVALID_OPTION",
      `timeoutMs must be a number from 0 to 2147483647 and is ${describe(timeoutMs)}`,
      { outcome: "not-sent" },
    );
  }
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw new FramewireError(
      "INVALID_OPTION",
      `signal must be an AbortSignal and is ${describe(signal)}`,
      { outcome: "not-sent" },
    );
  }
}

/** What a call fails with whose time is over. */
export function deadlineExceeded(
  ms: number | undefined,
  outcome: "not-sent" | "unknown",
): FramewireError {
  const what = outcome === "not-sent" ? "was not sent, for want of room," : "was not answered";
  const within = ms === undefined ? "its timeoutMs" : `${ms} ms`;
  return new FramewireError("DEADLINE_EXCEEDED", `the call ${what} within ${within}`, { outcome });
}

/** What a call fails with that its caller gave up. */
export function cancelled(reason: unknown, outcome: "not-sent" | "unknown"): FramewireError {
  const what = outcome === "not-sent" ? "before it was sent" : "before it was answered";
  return new FramewireError("CANCELLED", `the caller gave the call up ${what}`, {
    cause: reason,
    outcome,
  });
}

/** Marks what was thrown before anything was sent. */
export function notSent(thrown: unknown): unknown {
  if (isFramewireError(thrown) && thrown.outcome === undefined) {
    Object.assign(thrown, { outcome: "not-sent" });
  }
  return thrown;
}
