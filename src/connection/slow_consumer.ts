/**
 * What is done about a peer that takes pushes more slowly than they are made.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { describe } from "../protocol/protocol.ts";

/** A newer push takes the place of the waiting one with the same key; see {@linkcode conflate}. */
export interface Conflate {
  /** Which policy this is. */
  readonly policy: "conflate";
  /** The key of a push, given its payload; always the same where it is a text. */
  readonly key: string | ((payload: Uint8Array) => string);
}

/** The connection ends; see {@linkcode disconnect}. */
export interface Disconnect {
  /** Which policy this is. */
  readonly policy: "disconnect";
  /** How long the peer has to catch up, in milliseconds. */
  readonly afterMs: number;
}

/**
 * What is done when more pushes wait for a peer than its queue may hold (`pushQueueBytes`):
 *
 * - `"pause"`: the new push is dropped, and as long as any waits the peer is not read from, so that it
 *   cannot ask for more. Who pushes looks at what `push` returns and awaits `drained()`.
 * - `"dropOldest"`: those that wait longest make room for the new one.
 * - `"dropNewest"`: the new one is dropped.
 * - {@linkcode conflate}: of those with the same key only the newest waits.
 * - {@linkcode disconnect}: the new one is dropped, and a peer that does not catch up is cut off.
 */
export type SlowConsumer = "pause" | "dropOldest" | "dropNewest" | Conflate | Disconnect;

/**
 * A policy for slow consumers: a push takes the place of the waiting one with the same key, so that a
 * slow peer gets the newest state of each thing and none of those in between. Without room for a new
 * key, the oldest pushes make room.
 *
 * @param key The key, or what gives it for a payload.
 *
 * @example
 * ```ts
 * import { conflate } from "framewire";
 *
 * const newestPriceOnly = conflate("EURUSD");
 * const newestOfEach = conflate((payload) => String(payload[0]));
 * ```
 */
export function conflate(key: string | ((payload: Uint8Array) => string)): Conflate {
  if (typeof key !== "string" && typeof key !== "function") {
    const message = `conflate takes a key or a function that gives it, not ${describe(key)}`;
    throw new FramewireError("INVALID_OPTION", message);
  }
  return { policy: "conflate", key };
}

/** The longest time that timers can wait, in milliseconds. */
const MAX_AFTER_MS = 2 ** 31 - 1;

/**
 * A policy for slow consumers: from the first push on that has no room, the peer has so long to take
 * all that waits; then it is cut off with code `SLOW_CONSUMER`.
 *
 * @param afterMs How long, in milliseconds: 0 to 2,147,483,647, where 0 is at once.
 */
export function disconnect(afterMs: number): Disconnect {
  if (!Number.isInteger(afterMs) || afterMs < 0 || afterMs > MAX_AFTER_MS) {
    const range = `a whole number from 0 to ${MAX_AFTER_MS}`;
    const message = `disconnect takes ${range} and was given ${describe(afterMs)}`;
    throw new FramewireError("INVALID_OPTION", message);
  }
  return { policy: "disconnect", afterMs };
}

/** The name of a policy. */
export function policyName(policy: SlowConsumer): string {
  return typeof policy === "string" ? policy : policy.policy;
}

/** What is expected of a policy, in words, when a value is none. */
export function wrongPolicy(value: unknown): string | undefined {
  if (value === "pause" || value === "dropOldest" || value === "dropNewest") return undefined;
  if (typeof value === "object" && value !== null) {
    const { policy, key, afterMs } = value as Partial<Conflate & Disconnect> & { policy?: string };
    if (policy === "conflate" && (typeof key === "string" || typeof key === "function")) {
      return undefined;
    }
    if (
      policy === "disconnect" && Number.isInteger(afterMs) && afterMs! >= 0 &&
      afterMs! <= MAX_AFTER_MS
    ) {
      return undefined;
    }
  }
  return '"pause", "dropOldest", "dropNewest", conflate(key) or disconnect(afterMs)';
}
