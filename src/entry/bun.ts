/**
 * Framewire on Bun: TCP by `Bun.listen` and `Bun.connect`.
 *
 * @example A server and a client
 * ```ts ignore
 * import { connect, serve } from "framewire/bun";
 *
 * await using server = await serve({ port: 0 }, {
 *   submit: (packet) => console.log(packet.id, packet.text()),
 * });
 * await using client = await connect(`tcp://127.0.0.1:${server.addr.port}`);
 * await client.submit("hello");
 * ```
 *
 * @module
 */
import type { Connect } from "../client/connect.ts";
import { bunCapabilities } from "../link/bun_capabilities.ts";
import type { Capabilities } from "../link/capabilities.ts";
import {
  type BunServer,
  type BunWebSocketHandlers,
  upgradeBun,
  webSocketHandlers,
} from "../link/bun_web_socket.ts";
import type { HandlersOf, ProtocolChoice } from "../protocol/choice.ts";
import type { Serve, ServerOf } from "../server/serve.ts";
import { type EdgeOptions, edgeTarget, serveEdge, shuttingDown } from "./edge.ts";
import { whenCalled } from "./when_called.ts";

export * from "./common.ts";
export type { EdgeOptions } from "./edge.ts";
export type { BunServer, BunWebSocketHandlers } from "../link/bun_web_socket.ts";

/** {@inheritDoc Serve} */
export const serve: Serve = whenCalled(async () => {
  const [{ makeServe }, { bunTcp }] = await Promise.all([
    import("../server/serve.ts"),
    import("../link/bun_tcp.ts"),
  ]);
  return makeServe(bunTcp);
});

/** {@inheritDoc Connect} */
export const connect: Connect = whenCalled(async () => {
  const [{ makeConnect }, { bunTcp }, { systemLookup }] = await Promise.all([
    import("../client/connect.ts"),
    import("../link/bun_tcp.ts"),
    import("../link/dns.ts"),
  ]);
  return makeConnect(bunTcp, systemLookup);
});

/** What this runtime can do: what it cannot, `serve` and `connect` refuse with `UNSUPPORTED`. */
export function capabilities(): Capabilities {
  return bunCapabilities;
}

/** A server without a port of its own: requests are given to it. */
export interface Edge<P extends ProtocolChoice = "submit"> {
  /**
   * Takes a request of `Bun.serve`; one that is a WebSocket of the subprotocol `framewire` becomes a
   * connection, and there is nothing to answer; all others are answered with what they lack.
   */
  fetch(request: Request, server: BunServer): Promise<Response | undefined>;
  /** What `Bun.serve` takes as `websocket`. */
  readonly websocket: BunWebSocketHandlers;
  /**
   * The server behind it: `stats()`, events, `broadcast`, `shutdown`. Rejects with INVALID_OPTION or
   * UNSUPPORTED when the options are wrong.
   */
  readonly server: Promise<ServerOf<P>>;
}

/**
 * Makes a server for a program's own `Bun.serve`: all its connections are WebSockets, with the limits,
 * gates and events of `serve`.
 *
 * @param handlers What `serve` takes.
 * @param options What `serve` takes, but for where it listens.
 *
 * @example Beside pages of one's own
 * ```ts ignore
 * import { edge } from "framewire/bun";
 *
 * const wire = edge({ submit: (packet) => console.log(packet.text()) });
 * Bun.serve({
 *   port: 8080,
 *   fetch: (request, server) =>
 *     new URL(request.url).pathname === "/wire"
 *       ? wire.fetch(request, server)
 *       : new Response("a page"),
 *   websocket: wire.websocket,
 * });
 * ```
 */
export function edge<P extends ProtocolChoice = "submit">(
  handlers: HandlersOf<P>,
  options: EdgeOptions<P> = {},
): Edge<P> {
  const { path: _, ...settings } = options;
  const { inlet, server } = serveEdge(bunCapabilities, "ws", handlers, settings);
  return {
    server,
    websocket: webSocketHandlers(options.webSocket),
    async fetch(request, http) {
      await server;
      if (!inlet.open) return shuttingDown();
      const target = edgeTarget(new URL(request.url).pathname, options);
      return upgradeBun(request, http, target, (link) => inlet.accepted(link));
    },
  };
}
