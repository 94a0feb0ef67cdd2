/**
 * What the `edge` of all runtimes has in common: a server without a listener of its own.
 *
 * @module
 */
import type { Capabilities } from "../link/capabilities.ts";
import { Inlet } from "../link/inlet.ts";
import type { ListenTarget } from "../link/link.ts";
import type { HandlersOf, ProtocolChoice } from "../protocol/choice.ts";
import type { ServeOptions, ServerOf } from "../server/serve.ts";

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

/** Starts a server that is given its connections. */
export function serveEdge<P extends ProtocolChoice>(
  runtime: Capabilities,
  scheme: "tcp" | "ws",
  handlers: HandlersOf<P>,
  options: Omit<EdgeOptions<P>, "path">,
): EdgeServer<P> {
  const inlet = new Inlet(runtime, scheme);
  const server = import("../server/serve.ts").then(({ makeServe }) => {
    const serve = makeServe(inlet) as (o: object, h: unknown) => Promise<ServerOf<P>>;
    return serve({ ...options, listen: `${scheme}://:0` }, handlers);
  });
  return { inlet, server };
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
