/**
 * Unix sockets by `node:net`, on Node and on Deno.
 *
 * @module
 */
import * as net from "node:net";
import { AcceptQueue } from "./accept_queue.ts";
import type {
  Address,
  ConnectTarget,
  Link,
  LinkEnds,
  Listener,
  ListenerEvents,
  ListenTarget,
} from "./link.ts";
import { acceptError } from "./net_errors.ts";
import { dialOptions, takeOver } from "./node_tcp.ts";
import { SocketLink } from "./socket_link.ts";
import { bindUnix, checkUnixPath, unixConnectError, unixEnds } from "./unix_file.ts";

class UnixLink extends SocketLink {
  readonly #ends: LinkEnds;

  constructor(path: string, isServer: boolean) {
    super(isServer);
    this.#ends = unixEnds(path, isServer);
  }

  override get transport(): string {
    return "unix";
  }

  override get local(): Address {
    return this.#ends.local;
  }

  override get remote(): Address {
    return this.#ends.remote;
  }
}

/** Listens on a Unix socket; its file is removed when that ends. */
export async function listenUnix(
  { backlog, unixMode }: ListenTarget,
  path: string,
  events: ListenerEvents,
): Promise<Listener> {
  const queue = new AcceptQueue(events, backlog);
  const server = net.createServer(
    { allowHalfOpen: true, pauseOnConnect: true },
    (socket) => queue.accepted(takeOver(socket, new UnixLink(path, true))),
  );
  const removeFile = await bindUnix(path, unixMode, () => {
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ path, backlog }, resolve);
    });
  });
  server.removeAllListeners("error").on("error", (error) => events.failed(acceptError(error)));
  return {
    address: { hostname: path, port: 0 },
    pause: () => queue.pause(),
    resume: () => queue.resume(),
    close: () => {
      queue.close();
      removeFile();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}

/** Connects to a Unix socket. */
export function connectUnix({ signal }: ConnectTarget, path: string): Promise<Link> {
  return new Promise<Link>((resolve, reject) => {
    checkUnixPath(path);
    const dialed = new UnixLink(path, false);
    const socket = net.connect({ path, ...dialOptions(dialed) } as net.NetConnectOpts);
    const abort = () => socket.destroy();
    const refuse = (error: Error) => reject(unixConnectError(error, path));
    signal?.addEventListener("abort", abort, { once: true });
    socket.once("error", refuse);
    socket.once("connect", () => {
      signal?.removeEventListener("abort", abort);
      socket.off("error", refuse);
      socket.pause();
      resolve(dialed.bind(socket));
    });
  });
}
