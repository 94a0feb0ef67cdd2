/**
 * What the `edge` of all runtimes has in common: a server without a listener of its own.
 *
 * @module
 */
import type { Capabilities } from "../link/capabilities.ts";
import { Inlet } from "../link/inlet.ts";
import type { ListenTarget } from "../link/link.ts";
import type { HandlersOf, ProtocolChoice } from "../protocol/choice.ts";
import type { Serve, ServeOptions, ServerOf } from "../server/serve.ts";

/** What {@linkcode edge} takes: a server's options, but for where and how it listens. */
export interface EdgeOptions<P extends ProtocolChoice = "submit"> extends
  Omit<
    ServeOptions<P>,
    | "listen"
    | "hostname"
    | "port"
    | "tls"
    | "transport"
    | "backlog"
    | "reusePort"
    | "noDelay"
    | "keepAliveMs"
    | "proxyProtocol"
  > {
  /** The path of WebSockets; without it, all paths. */
  readonly path?: string;
}

/** A server that is given its connections. */
export interface EdgeServer<P extends ProtocolChoice> {
  /** Where they are put in. */
  readonly inlet: Inlet;
  /** The server, when it takes them; rejects when its options are wrong. */
  readonly server: Promise<ServerOf<P>>;
}

/**
 * Starts a server that is given its connections.
 *
 * @param serve The `serve` of the runtime.
 */
export function serveEdge<P extends ProtocolChoice>(
  serve: Serve,
  runtime: Capabilities,
  scheme: "tcp" | "ws",
  handlers: HandlersOf<P>,
  options: Omit<EdgeOptions<P>, "path">,
): EdgeServer<P> {
  const inlet = new Inlet(runtime, scheme);
  const start = serve as (o: object, h: unknown) => Promise<ServerOf<P>>;
  const given = { ...options, transport: inlet, listen: `${scheme}://:0` };
  return { inlet, server: start(given, handlers) };
}

/** What requests are judged by. */
export function edgeTarget(
  pathname: string,
  { path = pathname, webSocket }: Pick<EdgeOptions, "path" | "webSocket">,
): ListenTarget {
  return {
    hostname: "",
    port: 0,
    backlog: 0,
    webSocketPath: path,
    ...(webSocket !== undefined && { webSocket }),
  };
}

/** The answer of a server that is shutting down. */
export function shuttingDown(): Response {
  return new Response("the server is shutting down\n", {
    status: 503,
    headers: { connection: "close" },
  });
}
