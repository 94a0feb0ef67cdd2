/**
 * What one behaviour is tried on: each codec, over TCP and in memory.
 *
 * @module
 */

import type { Link, LinkReceiver, Transport } from "../../src/link/link.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { FramewireError } from "../../src/errors.ts";
import type { HandlersOf } from "../../src/protocol/choice.ts";
import type { ServeOptions } from "../../src/server/serve.ts";
import type { DisconnectInfo, Server } from "../../src/server/server.ts";
import { connect, serve } from "./runtime.ts";
import { type Peer, peerTo } from "./peer.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** A codec and what carries the bytes. */
export interface Setting {
  readonly name: string;
  readonly codec: "wasm" | "ts";
  /** Undefined for the runtime's TCP. */
  readonly transport?: Transport;
}

/** The two codecs. */
export const CODECS = ["wasm", "ts"] as const;

/** Each codec over TCP and over a network in memory of its own. */
export function settings(): Setting[] {
  return CODECS.flatMap((codec): Setting[] => [
    { name: `${codec}, tcp`, codec },
    { name: `${codec}, memory`, codec, transport: memoryNetwork() },
  ]);
}

/** In memory there are no read buffers, which grow only while there is memory for it. */
export function inPieces(setting: Setting): Setting {
  if (!setting.name.includes("memory")) return setting;
  const pieceBytes = (bytes: number) => Math.min(bytes, 1024);
  return { ...setting, transport: memoryNetwork({ pieceBytes }) };
}

/** The options of a setting, for `serve` and `connect`. */
export function optionsOf({ codec, transport }: Setting): {
  codec: "wasm" | "ts";
  transport?: Transport;
} {
  return { codec, ...(transport !== undefined && { transport }) };
}

/** Where a server listens, as `connect` takes it. */
export function urlOf(server: Server): string {
  const { hostname, port } = server.addr;
  return `tcp://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** A peer of a server, over the setting's transport. */
export function peerOf(server: Server, setting: Setting): Promise<Peer> {
  return peerTo(server.addr.port, setting.transport);
}

/** A submit client of a server, over the setting's transport. */
export function clientOf(server: Server, setting: Setting): ReturnType<typeof connect<"submit">> {
  return connect(urlOf(server), optionsOf(setting));
}

/** What went over the links of a watched transport. */
export interface Watched extends Transport {
  /** Every write of accepted links: its length in bytes. */
  readonly writes: number[];
  /** Links that were accepted or connected, in order. */
  readonly links: WatchedLink[];
}

/** A link that counts. */
export interface WatchedLink extends Link {
  pauses: number;
  resumes: number;
  isPaused: boolean;
}

/** Wraps a transport so that writes, pauses and resumes are seen. */
export function watch(inner: Transport): Watched {
  const writes: number[] = [];
  const links: WatchedLink[] = [];
  const wrap = (link: Link, isAccepted: boolean): WatchedLink => {
    const watched: WatchedLink = {
      transport: link.transport,
      local: link.local,
      remote: link.remote,
      pauses: 0,
      resumes: 0,
      isPaused: false,
      start: (receiver: LinkReceiver) => link.start(receiver),
      pause() {
        watched.pauses++;
        watched.isPaused = true;
        link.pause();
      },
      resume() {
        watched.resumes++;
        watched.isPaused = false;
        link.resume();
      },
      write(bytes) {
        if (isAccepted) writes.push(bytes.length);
        return link.write(bytes);
      },
      end: () => link.end(),
      abort: () => link.abort(),
    };
    links.push(watched);
    return watched;
  };
  return {
    writes,
    links,
    listen: (target, events) =>
      inner.listen(target, {
        accepted: (link) => events.accepted(wrap(link, true)),
        failed: (error) => events.failed(error),
      }),
    connect: async (target) => wrap(await inner.connect(target), false),
  };
}

/** What {@linkcode start} needs of a test. */
export interface Teardown {
  teardown(fn: () => Promise<unknown> | void): unknown;
}

/** Starts a server on a free port, and cuts it off when the test is over. */
export async function start<P extends "submit" | "echo" = "submit">(
  t: Teardown,
  setting: Setting,
  handlers: HandlersOf<P>,
  options: ServeOptions<P> = {},
): Promise<Server> {
  const all = { port: 0, lingerMs: 500, ...optionsOf(setting), ...options };
  const server = await (serve as (o: object, h: unknown) => Promise<Server>)(all, handlers);
  t.teardown(() => {
    const over = server.shutdown({ deadlineMs: 0 });
    if (options.clock instanceof VirtualClock) options.clock.advance(1);
    return over;
  });
  return server;
}

/** Events of a server as they happen, each in a few words. */
export function recordEvents(server: Server): {
  readonly errors: FramewireError[];
  readonly disconnects: DisconnectInfo[];
} {
  const errors: FramewireError[] = [];
  const disconnects: DisconnectInfo[] = [];
  server.on("error", (error) => errors.push(error));
  server.on("disconnect", (_conn, info) => disconnects.push(info));
  return { errors, disconnects };
}
