/**
 * Unix sockets by `Bun.listen` and `Bun.connect`.
 *
 * @module
 */
import { AcceptQueue } from "./accept_queue.ts";
import { bun, BunLink, type BunSocket, HANDLERS } from "./bun_socket.ts";
import type { ConnectTarget, Link, Listener, ListenerEvents, ListenTarget } from "./link.ts";
import { bindUnix, checkUnixPath, unixConnectError, unixEnds } from "./unix_file.ts";

/** Listens on a Unix socket; its file is removed when that ends. */
export async function listenUnix(
  { backlog, unixMode }: ListenTarget,
  path: string,
  events: ListenerEvents,
): Promise<Listener> {
  const queue = new AcceptQueue(events, backlog);
  let listener: { stop(): void };
  const removeFile = await bindUnix(path, unixMode, () => {
    listener = bun().listen({
      unix: path,
      backlog,
      allowHalfOpen: true,
      socket: {
        ...HANDLERS,
        open(socket: BunSocket) {
          const link = new BunLink(socket, true, unixEnds(path, true));
          socket.data = link;
          queue.accepted(link);
        },
      },
    });
  });
  return {
    address: { hostname: path, port: 0 },
    pause: () => queue.pause(),
    resume: () => queue.resume(),
    close() {
      queue.close();
      removeFile();
      listener.stop();
      return Promise.resolve();
    },
  };
}

/** Connects to a Unix socket. */
export async function connectUnix({ signal }: ConnectTarget, path: string): Promise<Link> {
  checkUnixPath(path);
  let link!: BunLink;
  try {
    await bun().connect({
      unix: path,
      allowHalfOpen: true,
      socket: {
        ...HANDLERS,
        open: (socket: BunSocket) =>
          socket.data = link = new BunLink(socket, false, unixEnds(path, false)),
      },
    });
  } catch (error) {
    throw unixConnectError(error, path);
  }
  // Bun cannot give up connecting: what comes too late is closed.
  if (signal?.aborted) link.abort();
  return link;
}
