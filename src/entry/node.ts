/**
 * Framewire on Node: TCP by `node:net`.
 *
 * @example A server that says what came
 * ```ts ignore
 * import { connect, serve } from "framewire/node";
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
import type { Capabilities } from "../link/capabilities.ts";
import { nodeCapabilities } from "../link/node_capabilities.ts";
import type { Socket } from "node:net";
import type { UpgradeRequest } from "../link/node_web_socket.ts";
import type { HandlersOf, ProtocolChoice } from "../protocol/choice.ts";
import type { Serve, ServerOf } from "../server/serve.ts";
import { type EdgeOptions, edgeTarget, serveEdge } from "./edge.ts";
import { whenCalled } from "./when_called.ts";

export * from "./common.ts";
export type { EdgeOptions } from "./edge.ts";
export type { UpgradeRequest } from "../link/node_web_socket.ts";

/** {@inheritDoc Serve} */
export const serve: Serve = whenCalled(async () => {
  const [{ makeServe }, { nodeTcp }] = await Promise.all([
    import("../server/serve.ts"),
    import("../link/node_tcp.ts"),
  ]);
  return makeServe(nodeTcp);
});

/** {@inheritDoc Connect} */
export const connect: Connect = whenCalled(async () => {
  const [{ makeConnect }, { nodeTcp }, { systemLookup }] = await Promise.all([
    import("../client/connect.ts"),
    import("../link/node_tcp.ts"),
    import("../link/dns.ts"),
  ]);
  return makeConnect(nodeTcp, systemLookup);
});

/** What this runtime can do: what it cannot, `serve` and `connect` refuse with `UNSUPPORTED`. */
export function capabilities(): Capabilities {
  return nodeCapabilities();
}

/** A server without a port of its own: requests are given to it. */
export interface Edge<P extends ProtocolChoice = "submit"> {
  /**
   * Takes what the event `upgrade` of a server of `node:http` or `node:https` gives: a WebSocket of the
   * subprotocol `framewire` becomes a connection, all others are answered with what they lack.
   */
  upgrade(request: UpgradeRequest, socket: object, head: object): void;
  /**
   * The server behind it: `stats()`, events, `broadcast`, `shutdown`. Rejects with INVALID_OPTION or
   * UNSUPPORTED when the options are wrong.
   */
  readonly server: Promise<ServerOf<P>>;
}

/**
 * Makes a server for a program's own server of `node:http` or `node:https`: all its connections are
 * WebSockets, with the limits, gates and events of `serve`. It needs the package `ws`.
 *
 * @param handlers What `serve` takes.
 * @param options What `serve` takes, but for where it listens.
 *
 * @example Beside pages of one's own
 * ```ts ignore
 * import { createServer } from "node:http";
 * import { edge } from "framewire/node";
 *
 * const wire = edge({ submit: (packet) => console.log(packet.text()) }, { path: "/wire" });
 * createServer((_request, response) => response.end("a page"))
 *   .on("upgrade", wire.upgrade)
 *   .listen(8080);
 * ```
 */
export function edge<P extends ProtocolChoice = "submit">(
  handlers: HandlersOf<P>,
  options: EdgeOptions<P> = {},
): Edge<P> {
  const { path: _, ...settings } = options;
  const { inlet, server } = serveEdge(serve, nodeCapabilities(), "ws", handlers, settings);
  const loaded = import("../link/node_web_socket.ts").then(({ loadUpgrade }) =>
    loadUpgrade(edgeTarget("/", options), (link) => inlet.accepted(link))
  );
  const ready = Promise.all([server, loaded]);
  return {
    server: ready.then(([started]) => started),
    upgrade(request, socket, head) {
      // Nobody listens to it until it is a WebSocket.
      const waiting = (socket as Socket).on("error", () => {});
      ready.then(([, upgrade]) => {
        const pathname = request.url?.split("?")[0] ?? "/";
        if (inlet.open) upgrade(request, socket, head, edgeTarget(pathname, options));
        else waiting.end("HTTP/1.1 503 \r\nconnection: close\r\n\r\n");
      }, () => waiting.destroy());
    },
  };
}
