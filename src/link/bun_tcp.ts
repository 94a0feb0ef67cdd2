/**
 * What carries bytes on Bun: TCP, TLS and Unix sockets by `Bun.listen` and `Bun.connect`, WebSocket by
 * `Bun.serve`.
 *
 * @module
 */
import { AcceptQueue } from "./accept_queue.ts";
import { refuseSocketOptions } from "./capabilities.ts";
import { bunCapabilities } from "./bun_capabilities.ts";
import { bun, BunLink, type BunSocket, configure, endsOf, HANDLERS } from "./bun_socket.ts";
import type {
  ConnectTarget,
  Link,
  Listener,
  ListenerEvents,
  ListenTarget,
  Transport,
} from "./link.ts";
import { connectError, listenError } from "./net_errors.ts";

/** Listens at a port, and makes links of what it accepts. */
export function listenTcp(
  target: ListenTarget,
  events: ListenerEvents,
  handlers: object,
  wrap: (socket: BunSocket) => Link,
): Listener {
  const { hostname, port, backlog, reusePort } = target;
  const queue = new AcceptQueue(events, backlog);
  try {
    const listener = bun().listen({
      hostname,
      port,
      backlog,
      allowHalfOpen: true,
      ...(reusePort && { reusePort }),
      exclusive: !reusePort,
      socket: {
        ...handlers,
        open(socket: BunSocket) {
          configure(socket, target);
          const link = wrap(socket);
          socket.data = link;
          queue.accepted(link);
        },
      },
    });
    return {
      address: { hostname: listener.hostname, port: listener.port },
      pause: () => queue.pause(),
      resume: () => queue.resume(),
      close() {
        queue.close();
        listener.stop();
        return Promise.resolve();
      },
    };
  } catch (error) {
    throw listenError(error, hostname, port);
  }
}

/**
 * Whether a WebSocket has to come by `node:http` and `node:https`: `Bun.serve` sets no options of sockets,
 * and the others take what is asked of TLS as it is (wildcards, client certificates, the least version).
 * Neither can change certificates while it listens.
 */
function needsNode({ tls, noDelay = true, keepAliveMs = 0 }: ListenTarget): boolean {
  return tls !== undefined || !noDelay || keepAliveMs > 0;
}

/** Links of the Bun runtime. What is not TCP is loaded by those who use it. */
export const bunTcp: Transport = {
  capabilities: bunCapabilities,

  async listen(target: ListenTarget, events: ListenerEvents): Promise<Listener> {
    if (target.unixPath !== undefined) {
      const { listenUnix } = await import("./bun_unix.ts");
      return listenUnix(target, target.unixPath, events);
    }
    if (target.webSocketPath !== undefined) {
      const { listenWs } =
        await (needsNode(target) ? import("./node_web_socket.ts") : import("./bun_web_socket.ts"));
      return listenWs(target, events);
    }
    if (target.tls !== undefined) {
      const { listenTls } = await import("./bun_tls.ts");
      return listenTls(target, target.tls, events);
    }
    return listenTcp(
      target,
      events,
      HANDLERS,
      (socket) => new BunLink(socket, true, endsOf(socket, "tcp")),
    );
  },

  async connect(target: ConnectTarget): Promise<Link> {
    if (target.unixPath !== undefined) {
      const { connectUnix } = await import("./bun_unix.ts");
      return connectUnix(target, target.unixPath);
    }
    if (target.webSocketPath !== undefined) {
      refuseSocketOptions("Bun", target.tls === undefined ? "ws" : "wss", target);
      // Bun has `ws` built in; its own global WebSocket takes no certificates.
      return (await import("./node_web_socket.ts")).connectWs(target);
    }
    if (target.tls !== undefined) {
      const { connectTls } = await import("./bun_tls.ts");
      return connectTls(target, target.tls);
    }
    const { hostname, port, signal } = target;
    try {
      const socket = await bun().connect({
        hostname,
        port,
        allowHalfOpen: true,
        socket: {
          ...HANDLERS,
          open(opened: BunSocket) {
            configure(opened, target);
            opened.data = new BunLink(opened, false, endsOf(opened, "tcp"));
          },
        },
      });
      const link = socket.data as BunLink;
      // Bun cannot give up connecting: what comes too late is closed.
      if (signal?.aborted) link.abort();
      return link;
    } catch (error) {
      throw connectError(error, hostname, port);
    }
  },
};
