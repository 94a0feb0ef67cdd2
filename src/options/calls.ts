/**
 * Options of calls: how long each may take, and how many may be under way.
 *
 * @module
 */
import { choice, MAX_TIMER_MS, type OptionSpecs, whole } from "./spec.ts";

/** What bounds a client's calls. */
export interface CallBoundOptions {
  /**
   * How long a call may take that is given no `timeoutMs` of its own, its wait for room included, in
   * milliseconds: 0 (for any time) to 2,147,483,647. It may take a sixteenth longer, and never less.
   *
   * @default {10000}
   */
  readonly requestTimeoutMs?: number;
  /**
   * How many calls may be under way on a connection, sent and not answered: 1 to 1,048,576.
   *
   * @default {65536}
   */
  readonly maxInFlight?: number;
  /**
   * How many calls may wait for room on a connection: 0 to 1,048,576.
   *
   * @default {65536}
   */
  readonly maxQueued?: number;
  /**
   * What a call does when as many are under way as may be: wait, or fail with `WINDOW_FULL`.
   *
   * @default {"wait"}
   */
  readonly overflow?: "wait" | "fail";
  /**
   * When so many calls in a row were not answered in time, and the server has sent nothing else for
   * a second or more, the connection is taken for dead and cut: 1 to 1,000,000.
   *
   * @default {8}
   */
  readonly deadAfterTimeouts?: number;
}

/** The specs of {@linkcode CallBoundOptions}. */
export const CALLS: OptionSpecs<CallBoundOptions> = {
  requestTimeoutMs: whole(10_000, 0, MAX_TIMER_MS),
  maxInFlight: whole(65_536, 1, 1 << 20),
  maxQueued: whole(65_536, 0, 1 << 20),
  overflow: choice("wait", ["wait", "fail"]),
  deadAfterTimeouts: whole(8, 1, 1_000_000),
};
