/**
 * Framewire on Deno: TCP by `Deno.listen` and `Deno.connect`.
 *
 * @example A server and a client of the `echo` protocol
 * ```ts
 * import { connect, serve } from "framewire/deno";
 *
 * await using server = await serve({ port: 0, protocol: "echo" });
 * await using client = await connect(`tcp://127.0.0.1:${server.addr.port}`, { protocol: "echo" });
 * console.log(new TextDecoder().decode(await client.echo("hello")));
 * ```
 *
 * @module
 */
import type { Connect } from "../client/connect.ts";
import type { Capabilities } from "../link/capabilities.ts";
import { denoCapabilities } from "../link/deno_capabilities.ts";
import type { RequestInfo } from "../link/deno_web_socket.ts";
import type { HandlersOf, ProtocolChoice } from "../protocol/choice.ts";
import type { Serve, ServerOf } from "../server/serve.ts";
import { type EdgeOptions, edgeTarget, serveEdge, shuttingDown } from "./edge.ts";
import { whenCalled } from "./when_called.ts";

export * from "./common.ts";
export type { EdgeOptions } from "./edge.ts";
export type { RequestInfo } from "../link/deno_web_socket.ts";

/** {@inheritDoc Serve} */
export const serve: Serve = whenCalled(async () => {
  const [{ makeServe }, { denoTcp }] = await Promise.all([
    import("../server/serve.ts"),
    import("../link/deno_tcp.ts"),
  ]);
  return makeServe(denoTcp);
});

/** {@inheritDoc Connect} */
export const connect: Connect = whenCalled(async () => {
  const [{ makeConnect }, { denoTcp }, { systemLookup }] = await Promise.all([
    import("../client/connect.ts"),
    import("../link/deno_tcp.ts"),
    import("../link/dns.ts"),
  ]);
  return makeConnect(denoTcp, systemLookup);
});

/** What this runtime can do: what it cannot, `serve` and `connect` refuse with `UNSUPPORTED`. */
export function capabilities(): Capabilities {
  return denoCapabilities;
}

/** A server without a port of its own: requests are given to it. */
export interface Edge<P extends ProtocolChoice = "submit"> {
  /**
   * Takes a request of `Deno.serve`; one that is a WebSocket of the subprotocol `framewire` becomes a
   * connection, all others are answered with what they lack.
   */
  fetch(request: Request, info?: RequestInfo): Promise<Response>;
  /**
   * The server behind it: `stats()`, events, `broadcast`, `shutdown`. Rejects with INVALID_OPTION or
   * UNSUPPORTED when the options are wrong.
   */
  readonly server: Promise<ServerOf<P>>;
}

/**
 * Makes a server for a program's own `Deno.serve`, and for edges that call `fetch` (`deno serve`, Deno
 * Deploy): all its connections are WebSockets, with the limits, gates and events of `serve`.
 *
 * @param handlers What `serve` takes.
 * @param options What `serve` takes, but for where it listens.
 *
 * @example Beside pages of one's own
 * ```ts
 * import { connect, edge } from "framewire/deno";
 *
 * const wire = edge({ submit: (packet) => console.log(packet.text()) });
 * const http = Deno.serve({ port: 0, onListen() {} }, (request, info) =>
 *   new URL(request.url).pathname === "/wire"
 *     ? wire.fetch(request, info)
 *     : new Response("a page"));
 *
 * const client = await connect(`ws://127.0.0.1:${http.addr.port}/wire`);
 * await client.submit("hello");
 * await client.close();
 * await (await wire.server).shutdown();
 * await http.shutdown();
 * ```
 *
 * @example A whole program for `deno serve`
 * ```ts ignore
 * import { edge } from "framewire/deno";
 *
 * export default edge({ submit(packet) {} });
 * ```
 */
export function edge<P extends ProtocolChoice = "submit">(
  handlers: HandlersOf<P>,
  options: EdgeOptions<P> = {},
): Edge<P> {
  const { path: _, ...settings } = options;
  const { inlet, server } = serveEdge(denoCapabilities, "ws", handlers, settings);
  return {
    server,
    async fetch(request, info) {
      await server;
      if (!inlet.open) return shuttingDown();
      const { upgradeDeno } = await import("../link/deno_web_socket.ts");
      const target = edgeTarget(new URL(request.url).pathname, options);
      return upgradeDeno(request, info, target, (link) => inlet.accepted(link));
    },
  };
}
