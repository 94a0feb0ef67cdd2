/**
 * Options of how a client notices that a server is gone, and how soon it goes on elsewhere.
 *
 * @module
 */
import { FAILOVER_RANGE, failoverFigures, type FailoverOptions } from "../client/failover.ts";
import { FramewireError } from "../errors.ts";
import { MAX_TIMER_MS, type OptionSpecs, special, whole } from "./spec.ts";

/** When a server is taken for dead. */
export interface LivenessOptions {
  /**
   * A connection on which nothing came for this long is asked for a sign of life, in milliseconds:
   * 0 for never, 10 to 2,147,483,647. After a hello that is a ping. A plain server is asked only when
   * this is given, with an empty Conn, which it answers; other protocols have no heartbeats, for them
   * there is `keepAliveMs`.
   *
   * @default {15000} after a hello, never without
   */
  readonly heartbeatMs?: number;
  /**
   * How long the answer to a heartbeat may take, in milliseconds: 1 to 2,147,483,647. Then the
   * connection is cut with `HEARTBEAT_TIMEOUT`, and its calls are settled at once.
   *
   * @default {5000}
   */
  readonly probeTimeoutMs?: number;
  /**
   * One number instead of many: how long the loss of a server may keep a call from succeeding on
   * another. `heartbeatMs`, `probeTimeoutMs`, `connectTimeoutMs`, `backoffMinMs` and `backoffMaxMs`
   * follow from it, and cannot be given too.
   */
  readonly failover?: FailoverOptions;
}

/** The specs of {@linkcode LivenessOptions}. */
export const LIVENESS: OptionSpecs<LivenessOptions> = {
  heartbeatMs: special<number>(
    (given) =>
      given === 0 || (Number.isInteger(given) && (given as number) >= LEAST_HEARTBEAT_MS &&
          (given as number) <= MAX_TIMER_MS)
        ? undefined
        : `0 or a whole number from ${LEAST_HEARTBEAT_MS} to ${MAX_TIMER_MS}`,
    { schema: { type: "integer", minimum: 0, maximum: MAX_TIMER_MS } },
  ),
  probeTimeoutMs: whole(5000, 1, MAX_TIMER_MS),
  failover: special<FailoverOptions>(
    (given) => typeof given === "object" && given !== null ? undefined : FAILOVER_RANGE,
  ),
};

const LEAST_HEARTBEAT_MS = 10;

const FOLLOWS = [
  "heartbeatMs",
  "probeTimeoutMs",
  "connectTimeoutMs",
  "backoffMinMs",
  "backoffMaxMs",
] as const;

/**
 * What follows from `failover`; nothing without it.
 *
 * @param given The options as the program gave them.
 * @throws FramewireError INVALID_OPTION when the budget is impossible, or what follows is given too.
 */
export function fromFailover(
  given: { readonly [Name in typeof FOLLOWS[number]]?: number } & LivenessOptions,
): { readonly [Name in typeof FOLLOWS[number]]?: number } {
  const { failover } = given;
  if (failover === undefined) return {};
  for (const name of FOLLOWS) {
    if (given[name] !== undefined) {
      const message = `${name} follows from failover: give one of them, not both`;
      throw new FramewireError("INVALID_OPTION", message);
    }
  }
  const { callMs: _, ...figures } = failoverFigures(failover);
  return figures;
}
