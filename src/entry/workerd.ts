/**
 * Framewire in Cloudflare Workers, and wherever else workerd runs: servers by `edge`, clients by
 * `connect`.
 *
 * @example A whole Worker
 * ```ts ignore
 * import { edge } from "framewire/workerd";
 *
 * export default edge({
 *   submit(packet) {
 *     console.log(packet.id, packet.text());
 *   },
 * });
 * ```
 *
 * @module
 */
import { type Connect, makeConnect } from "../client/connect.ts";
import type { Capabilities } from "../link/capabilities.ts";
import type { Link } from "../link/link.ts";
import { StreamLink, type StreamSocket } from "../link/stream_link.ts";
import { type StandardSocket, SUBPROTOCOL, WebSocketLink } from "../link/web_socket_link.ts";
import { refuseUpgrade } from "../link/web_socket_upgrade.ts";
import { workerdCapabilities, workerdTransport } from "../link/workerd.ts";
import type { HandlersOf, ProtocolChoice } from "../protocol/choice.ts";
import { makeServe } from "../server/serve.ts";
import type { Server } from "../server/server.ts";
import { type EdgeOptions, edgeTarget, serveEdge } from "./edge.ts";

export * from "./common.ts";
export type { EdgeOptions } from "./edge.ts";

/** {@inheritDoc Connect} */
export const connect: Connect = makeConnect(workerdTransport);

const serve = makeServe(workerdTransport);

/** What this runtime can do: what it cannot is refused with `UNSUPPORTED`. */
export function capabilities(): Capabilities {
  return workerdCapabilities;
}

/** A Worker: what its module exports by default. */
export interface EdgeWorker {
  /** Takes a request; one that is a WebSocket of the subprotocol `framewire` becomes a connection. */
  fetch(request: Request, env: unknown, context: unknown): Promise<Response>;
  /** Takes a connection of TCP, where workerd is configured to (`tcp = ()`). */
  connect(socket: unknown, env: unknown, context: unknown): Promise<void>;
}

/** A socket of the `connect` handler. */
interface InboundSocket extends StreamSocket {
  readonly opened: Promise<{ readonly remoteAddress?: string }>;
}

/** A pair of WebSockets: one is answered with, the other is this side's. */
interface Pair {
  readonly 0: unknown;
  readonly 1: StandardSocket & { binaryType: string; accept(): void };
}

/**
 * Makes a Worker of handlers. Each connection has a server of its own, since Workers may not touch
 * from one request what belongs to another: limits hold per connection, and there are no broadcasts.
 *
 * @param handlers The handlers, or a function that makes them of the Worker's `env`.
 * @param options A server's options.
 */
export function edge<P extends ProtocolChoice = "submit">(
  handlers: HandlersOf<P> | ((env: never) => HandlersOf<P>),
  options: EdgeOptions<P> = {},
): EdgeWorker {
  const { path: _, ...settings } = options;
  const run = async (link: Link, env: unknown, scheme: "tcp" | "ws") => {
    const given = typeof handlers === "function"
      ? (handlers as (env: unknown) => HandlersOf<P>)(env)
      : handlers;
    const { inlet, server: starting } = serveEdge(
      serve,
      workerdCapabilities,
      scheme,
      given,
      settings,
    );
    const server = await starting as unknown as Server;
    inlet.accepted(link);
    // Its timers end with the connection.
    server.on("disconnect", () => void server.shutdown({ deadlineMs: 0 }));
    await server.finished;
  };
  return {
    // deno-lint-ignore require-await -- so that what is thrown rejects
    async fetch(request, env, context) {
      const { pathname } = new URL(request.url);
      const header = (name: string) => request.headers.get(name);
      const target = edgeTarget(pathname, options);
      const refusal = refuseUpgrade(request.method, pathname, header, target);
      if (refusal !== undefined) {
        return new Response(refusal.text, { status: refusal.status, headers: refusal.headers });
      }
      const { WebSocketPair } = globalThis as unknown as { readonly WebSocketPair: new () => Pair };
      const { 0: theirs, 1: ours } = new WebSocketPair();
      ours.accept();
      ours.binaryType = "arraybuffer";
      const remote = { hostname: header("cf-connecting-ip") ?? "unknown", port: 0 };
      const local = { hostname: "workerd", port: 0 };
      const link = new WebSocketLink(ours, { transport: "ws", local, remote }, options.webSocket);
      const over = run(link, env, "ws");
      (context as { waitUntil?(promise: Promise<unknown>): void }).waitUntil?.(over);
      const init = {
        status: 101,
        webSocket: theirs,
        headers: { "sec-websocket-protocol": SUBPROTOCOL },
      };
      return new Response(null, init as ResponseInit);
    },

    async connect(socket, env) {
      const inbound = socket as InboundSocket;
      const { remoteAddress = "" } = await inbound.opened;
      const [, hostname = "unknown", port = "0"] = /^\[?(.*?)\]?:(\d+)$/.exec(remoteAddress) ?? [];
      await run(new StreamLink(inbound, "tcp", { hostname, port: Number(port) }), env, "tcp");
    },
  };
}
