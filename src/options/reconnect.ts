/**
 * Options of a client that comes back by itself.
 *
 * @module
 */
import type { Lookup } from "../client/addresses.ts";
import type { BalancerName } from "../client/balancer/mod.ts";
import { choice, flag, type OptionSpecs, unchecked, whole } from "./spec.ts";

/** How a client stays connected, and to how many servers. */
export interface ReconnectOptions {
  /**
   * Whether the client connects again when a connection is lost, waits with calls meanwhile, and
   * repeats those that certainly did not reach the server, or that are `idempotent`. After two equal
   * refusals in a row (it may not come in, its hello is wrong) it tries that server no more, and when
   * no other is left it is closed, with the refusal's code.
   *
   * @default {true}
   */
  readonly reconnect?: boolean;
  /**
   * What happens when no server can be reached at first, with `reconnect`: `connect` rejects, or
   * goes on trying until its `signal` aborts.
   *
   * @default {"fail"}
   */
  readonly firstConnect?: "fail" | "wait";
  /**
   * The longest wait before the first attempt to connect again, in milliseconds: 1 to 600,000. Each
   * further one may take twice as long; how long it is, is left to chance.
   *
   * @default {100}
   */
  readonly backoffMinMs?: number;
  /**
   * The longest wait of all, in milliseconds: 1 to 600,000.
   *
   * @default {10000}
   */
  readonly backoffMaxMs?: number;
  /**
   * Connections to each server, with `reconnect`: 1 to 64.
   *
   * @default {1}
   */
  readonly connectionsPerServer?: number;
  /**
   * How the server of a call is chosen, where there are several.
   *
   * @default {"p2c"}
   */
  readonly balancer?: BalancerName;
  /**
   * Looks up host names, A and AAAA at once, so that the addresses race (RFC 8305): the next one is
   * tried after 250 ms, or when one fails, and the first that stands wins. By default as the runtime
   * does it; a `transport` that was given is handed the name unless this is given too.
   */
  readonly lookup?: Lookup;
  /** Where chance comes from, numbers in `[0, 1)`; by default `Math.random`. For tests. */
  readonly random?: () => number;
}

/** The specs of {@linkcode ReconnectOptions}. */
export const RECONNECT: OptionSpecs<ReconnectOptions> = {
  reconnect: flag(true),
  firstConnect: choice("fail", ["fail", "wait"]),
  backoffMinMs: whole(100, 1, 600_000),
  backoffMaxMs: whole(10_000, 1, 600_000),
  connectionsPerServer: whole(1, 1, 64),
  balancer: choice("p2c", ["random", "roundRobin", "leastPending", "p2c", "ewma", "hash"]),
  lookup: unchecked(),
  random: unchecked(),
};
