/**
 * TCP by `node:net`.
 *
 * @module
 */
import * as net from "node:net";
import { AcceptQueue } from "./accept_queue.ts";
import { DescriptorWatch } from "./descriptors.ts";
import type {
  ConnectTarget,
  Link,
  Listener,
  ListenerEvents,
  ListenTarget,
  SocketOptions,
  Transport,
} from "./link.ts";
import { nodeCapabilities } from "./node_capabilities.ts";
import { acceptError, connectError, listenError } from "./net_errors.ts";
import { LinkSocket, SocketLink } from "./socket_link.ts";

/** Options of a socket that reads into a buffer of ours; the first two are not public. */
export interface HandleOptions {
  readonly handle?: never;
  readonly pauseOnCreate?: boolean;
  readonly allowHalfOpen: true;
  readonly onread: net.OnReadOpts;
}

/** What of a listening handle is used; it is not public. */
interface ListeningHandle {
  onconnection?: (this: unknown, error: number, handle: AcceptedHandle) => void;
}

/** What of an accepted one is used. */
interface AcceptedHandle {
  readonly fd?: number;
  setNoDelay?(on: boolean): void;
  setKeepAlive?(on: boolean, initialDelayS: number): void;
}

/** Gives an accepted handle to a link: `net.createServer` has no `onread`. */
function give(handle: unknown, taken: SocketLink): SocketLink {
  const options: HandleOptions = {
    handle: handle as never,
    allowHalfOpen: true,
    onread: taken.sharedOnread,
    pauseOnCreate: true, // it may wait in the queue of a paused listener, where nobody takes bytes
  };
  return taken.bind(new LinkSocket(options));
}

/**
 * Takes an accepted socket over.
 *
 * Reading by `onread` saves an allocation and a stream event per read: the socket's handle moves to one
 * that does. Runtimes without a handle (Bun) read by `data` events.
 */
export function takeOver(accepted: net.Socket, taken: SocketLink): SocketLink {
  const holder = accepted as unknown as { _handle: unknown };
  const handle = holder._handle;
  if (typeof handle !== "object" || handle === null || !("readStart" in handle)) {
    return taken.bind(accepted);
  }
  holder._handle = null;
  accepted.destroy(); // gives up its place in the server's count, and nothing else
  return give(handle, taken);
}

/**
 * Has links made of what a server's handle accepts, where Node lets it: the socket that
 * {@linkcode takeOver} leaves behind costs each connection up to 3 KB while many come in.
 */
function acceptHandles(
  server: net.Server,
  target: SocketOptions,
  queue: AcceptQueue,
  descriptors: DescriptorWatch,
): void {
  const { _handle: listening } = server as unknown as { readonly _handle?: ListeningHandle | null };
  const made = listening?.onconnection;
  if (typeof made !== "function") return;
  const { noDelay, keepAlive, keepAliveInitialDelay } = socketOptions(target);
  listening!.onconnection = function (error, handle) {
    if (error) return made.call(this, error, handle); // the server makes an event of it
    if (noDelay) handle.setNoDelay?.(true);
    if (keepAlive) handle.setKeepAlive?.(true, Math.floor(keepAliveInitialDelay / 1000));
    if (handle.fd !== undefined) descriptors.took(handle.fd);
    queue.accepted(give(handle, new SocketLink(true)));
  };
}

/** How a client's socket reads and writes, for `net.connect`. */
export function dialOptions(dialed: SocketLink): HandleOptions {
  return {
    allowHalfOpen: true,
    onread: dialed.onread,
  };
}

/** How Node names the options of a socket. */
export function socketOptions({ noDelay = true, keepAliveMs = 0 }: SocketOptions): {
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
} {
  return { noDelay, keepAlive: keepAliveMs > 0, keepAliveInitialDelay: keepAliveMs };
}

/** TCP of the Node runtime. */
export const nodeTcp: Transport = {
  capabilities: /* @__PURE__ */ nodeCapabilities(),

  async listen(target: ListenTarget, events: ListenerEvents) {
    // Loaded by those who use it: `node:tls` costs more to load than all of this library.
    if (target.unixPath !== undefined) {
      const { listenUnix } = await import("./unix.ts");
      return listenUnix(target, target.unixPath, events);
    }
    if (target.webSocketPath !== undefined) {
      const { listenWs } = await import("./node_web_socket.ts");
      return listenWs(target, events);
    }
    if (target.tls !== undefined) {
      const { listenTls } = await import("./tls_listener.ts");
      return listenTls(target, target.tls, events);
    }
    const { hostname, port, backlog, reusePort = false } = target;
    return new Promise<Listener>((resolve, reject) => {
      const queue = new AcceptQueue(events, backlog);
      const server = net.createServer(
        { allowHalfOpen: true, pauseOnConnect: true, ...socketOptions(target) },
        (socket) => queue.accepted(takeOver(socket, new SocketLink(true))),
      );
      const refuse = (error: Error) => reject(listenError(error, hostname, port));
      server.once("error", refuse);
      server.listen({ host: hostname, port, backlog, ...(reusePort && { reusePort }) }, () => {
        server.off("error", refuse);
        // libuv goes on accepting by itself.
        server.on("error", (error) => events.failed(acceptError(error)));
        const descriptors = new DescriptorWatch((error) => events.failed(error));
        acceptHandles(server, target, queue, descriptors);
        const bound = server.address() as net.AddressInfo;
        resolve({
          address: { hostname: bound.address, port: bound.port },
          pause: () => queue.pause(),
          resume: () => queue.resume(),
          close: () => {
            queue.close();
            return new Promise((closed) => server.close(() => closed()));
          },
        });
      });
    });
  },

  async connect(target: ConnectTarget) {
    if (target.unixPath !== undefined) {
      const { connectUnix } = await import("./unix.ts");
      return connectUnix(target, target.unixPath);
    }
    if (target.webSocketPath !== undefined) {
      const { connectWs } = await import("./node_web_socket.ts");
      return connectWs(target);
    }
    if (target.tls !== undefined) {
      const { connectTls } = await import("./tls.ts");
      return connectTls(target, target.tls);
    }
    const { hostname, port, signal } = target;
    return new Promise<Link>((resolve, reject) => {
      const dialed = new SocketLink(false);
      const options = { host: hostname, port, ...socketOptions(target), ...dialOptions(dialed) };
      const socket = net.connect(options as net.NetConnectOpts);
      const abort = () => socket.destroy();
      const refuse = (error: Error) => reject(connectError(error, hostname, port));
      signal?.addEventListener("abort", abort, { once: true });
      socket.once("error", refuse);
      socket.once("connect", () => {
        signal?.removeEventListener("abort", abort);
        socket.off("error", refuse);
        socket.pause();
        resolve(dialed.bind(socket));
      });
    });
  },
};
