/**
 * One of the servers of a client, with its lines, as balancers see it.
 *
 * @module
 */
import type { Candidate } from "./balancer/mod.ts";
import { Latency } from "./balancer/latency.ts";
import type { ConnectedClient } from "./client.ts";
import type { Line } from "./line.ts";
import { keyOf } from "./resolver.ts";
import type { Target } from "./url.ts";

/** One server. */
export class Member<Calls> implements Candidate {
  readonly key: string;
  readonly target: Target;
  readonly lines: Line<Calls>[] = [];
  /** How long its answers take. */
  readonly latency: Latency;
  weight = 1;
  latencyMs = 0;
  /** It has asked to be left alone until then. */
  busyUntilMs = 0;
  /** Whether it has had a connection before. */
  wasUp = false;

  constructor(target: Target, nowMs: number) {
    this.key = keyOf(target);
    this.target = target;
    this.latency = new Latency(nowMs);
  }

  get pending(): number {
    let pending = 0;
    for (const { client } of this.lines) pending += client?.pending ?? 0;
    return pending;
  }

  /** Whether a call can be made there. */
  get open(): boolean {
    for (const { client } of this.lines) if (client?.open) return true;
    return false;
  }

  /** The connection with the fewest calls under way, if one stands. */
  get best(): ConnectedClient<Calls> | undefined {
    let best: ConnectedClient<Calls> | undefined;
    for (const { client } of this.lines) {
      if (client?.open && (best === undefined || client.pending < best.pending)) best = client;
    }
    return best;
  }
}
