/**
 * What a server sends to many connections at once.
 *
 * @module
 */
import { PushBytes } from "../connection/push_bytes.ts";
import { type SlowConsumer, wrongPolicy } from "../connection/slow_consumer.ts";
import { FramewireError } from "../errors.ts";
import { describe, type ServerConnection } from "./protocol.ts";

/** What is pushed to many connections. */
export interface Broadcast {
  /** What all of them share. */
  readonly push: PushBytes;
  /** Which ones; undefined for all. */
  readonly filter: ((conn: ServerConnection) => boolean) | undefined;
  /** What is done about those that are too slow; undefined for what the server says. */
  readonly policy: SlowConsumer | undefined;
}

/**
 * A broadcast of bytes that nobody changes any more.
 *
 * @param rest What came behind them: a filter and a policy, if any.
 * @throws FramewireError INVALID_OPTION.
 */
export function sharedPush(bytes: Uint8Array, rest: readonly unknown[]): Broadcast {
  const [filter, policy] = rest;
  const wanted = policy === undefined ? undefined : wrongPolicy(policy);
  const wrong = filter !== undefined && typeof filter !== "function"
    ? `the filter of a broadcast must be a function and is ${describe(filter)}`
    : wanted && `the policy of a broadcast must be ${wanted} and is ${describe(policy)}`;
  if (wrong !== undefined) throw new FramewireError("INVALID_OPTION", wrong);
  return {
    push: new PushBytes(bytes, true),
    filter: filter as Broadcast["filter"],
    policy: policy as Broadcast["policy"],
  };
}
