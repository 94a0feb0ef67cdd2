/**
 * Clients that stay, on a network in memory, with servers that a test plays.
 *
 * @module
 */

import type { ReconnectingClient } from "../../src/client/status.ts";
import { isFramewireError } from "../../src/errors.ts";
import type { Link, Transport } from "../../src/link/link.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { listen } from "./peer.ts";
import { turns } from "./runtime.ts";
import { uniform } from "./uniform.ts";
import { VirtualClock } from "./virtual_clock.ts";

export type Test = { teardown(fn: () => Promise<unknown> | void): unknown };

type ListeningPeer = Awaited<ReturnType<typeof listen>>;

/** What {@linkcode world} makes. */
export interface World {
  readonly clock: VirtualClock;
  readonly transport: Transport;
  readonly peers: ListeningPeer[];
  readonly urls: string[];
  readonly options: {
    readonly reconnect: true;
    readonly transport: Transport;
    readonly clock: VirtualClock;
    readonly random: () => number;
    readonly lingerMs: 0;
  };
  /** Every link that was made, the client's end. */
  readonly links: Link[];
}

/** Servers played by hand on a network in memory, and the client's options for them. */
export async function world(t: Test, servers: number): Promise<World> {
  const inner = memoryNetwork();
  const clock = new VirtualClock();
  const links: Link[] = [];
  const transport: Transport = {
    listen: (target, events) => inner.listen(target, events),
    connect: async (target) => {
      const link = await inner.connect(target);
      links.push(link);
      return link;
    },
  };
  const peers = await Promise.all(Array.from({ length: servers }, () => listen(transport)));
  for (const peer of peers) t.teardown(() => peer.close());
  const urls = peers.map(({ port }) => `tcp://127.0.0.1:${port}`);
  const options = {
    reconnect: true,
    transport,
    clock,
    random: uniform(1),
    lingerMs: 0,
  } as const;
  return { clock, transport, peers, urls, options, links };
}

/** Lets time pass in small steps, so that what each step causes can happen. */
export async function pass(clock: VirtualClock, ms: number, step = 10): Promise<void> {
  for (let at = 0; at < ms; at += step) {
    clock.advance(step);
    await turns(2);
  }
}

export function fate(call: Promise<unknown>): { now: string } {
  const state = { now: "waits" };
  call.then(() => state.now = "ok", (error) => {
    state.now = isFramewireError(error) ? `${error.code} ${error.outcome}` : `not ours: ${error}`;
  });
  return state;
}

export function ends(t: Test, client: ReconnectingClient, clock: VirtualClock): void {
  t.teardown(async () => {
    const closing = client.close({ deadlineMs: 0 });
    for (let i = 0; i < 5; i++) {
      clock.advance(1);
      await turns();
    }
    await closing;
  });
}

/** Listens at a port that was listened at before. */
export async function listenAt(transport: Transport, port: number): Promise<ListeningPeer> {
  return await listen({
    ...transport,
    listen: (target, events) => transport.listen({ ...target, port }, events),
  });
}
