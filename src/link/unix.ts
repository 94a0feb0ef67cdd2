/**
 * Unix sockets by `node:net`, on every runtime that has it.
 *
 * @module
 */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import * as net from "node:net";
import { dirname } from "node:path";
import process from "node:process";
import { FramewireError } from "../errors.ts";
import { AcceptQueue } from "./accept_queue.ts";
import type {
  Address,
  ConnectTarget,
  Link,
  Listener,
  ListenerEvents,
  ListenTarget,
} from "./link.ts";
import { acceptError, codeOf, messageOf } from "./net_errors.ts";
import { dialOptions, takeOver } from "./node_tcp.ts";
import { SocketLink } from "./socket_link.ts";

/** The end of a Unix socket that has no path: that of the client. */
const UNNAMED: Address = { hostname: "unix", port: 0 };

/** The longest path that fits into an address on all systems (`sun_path`), in bytes. */
const MOST_PATH_BYTES = 103;

class UnixLink extends SocketLink {
  readonly #path: Address;
  readonly #isServer: boolean;

  constructor(path: string, isServer: boolean) {
    super(isServer);
    this.#path = { hostname: path, port: 0 };
    this.#isServer = isServer;
  }

  override get transport(): string {
    return "unix";
  }

  override get local(): Address {
    return this.#isServer ? this.#path : UNNAMED;
  }

  override get remote(): Address {
    return this.#isServer ? UNNAMED : this.#path;
  }
}

/**
 * Whether a system has Unix sockets, and their paths fit.
 *
 * @throws FramewireError UNSUPPORTED, INVALID_OPTION.
 */
export function checkUnixPath(path: string, platform: string = process.platform): void {
  if (platform === "win32") {
    const message = `Windows has no unix:// in this runtime: use tcp://127.0.0.1:PORT instead of ${
      JSON.stringify(path)
    }`;
    throw new FramewireError("UNSUPPORTED", message);
  }
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > MOST_PATH_BYTES) {
    const message = `the path of a Unix socket can have ${MOST_PATH_BYTES} bytes, and ` +
      `${JSON.stringify(path)} has ${bytes}`;
    throw new FramewireError("INVALID_OPTION", message);
  }
}

/** Listens on a Unix socket; its file is removed when that ends. */
export async function listenUnix(
  target: ListenTarget,
  path: string,
  events: ListenerEvents,
): Promise<Listener> {
  checkUnixPath(path);
  const { backlog, unixMode } = target;
  const queue = new AcceptQueue(events, backlog);
  const server = net.createServer(
    { allowHalfOpen: true, pauseOnConnect: true },
    (socket) => queue.accepted(takeOver(socket, new UnixLink(path, true))),
  );
  await removeStale(path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, path)));
    // The file is made within this call, and must not be open to others before `chmod`.
    const umask = unixMode === undefined ? undefined : narrow(unixMode);
    try {
      server.listen({ path, backlog }, resolve);
    } finally {
      if (umask !== undefined) process.umask(umask);
    }
  });
  server.removeAllListeners("error").on("error", (error) => events.failed(acceptError(error)));
  if (unixMode !== undefined) chmodSync(path, unixMode);
  const { ino } = lstatSync(path);
  return {
    address: { hostname: path, port: 0 },
    pause: () => queue.pause(),
    resume: () => queue.resume(),
    close: () => {
      queue.close();
      // Node removes it by itself, Deno and Bun do not; a file that another has put there is left alone.
      if (inodeOf(path) === ino) unlinkSync(path);
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
    const refuse = (error: Error) => reject(connectError(error, path));
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

/** Sets the process's mask so that a file gets at most this mode. @returns The mask before. */
function narrow(mode: number): number | undefined {
  try {
    return process.umask(0o777 & ~mode);
  } catch {
    return undefined; // a worker thread has no mask of its own, and may not change it
  }
}

/** Removes the file of a server that was killed: a socket to which nobody answers. */
async function removeStale(path: string): Promise<void> {
  const found = statOf(path);
  if (found === undefined) return;
  if (!found.isSocket()) {
    const message = `cannot listen on unix:${path}: there is a file that is no socket`;
    throw new FramewireError("ADDRESS_IN_USE", message);
  }
  const refused = await new Promise<boolean>((resolve) => {
    const probe = net.connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (error) => resolve(codeOf(error) === "CONNECTION_REFUSED"));
  });
  if (refused && inodeOf(path) === found.ino) unlinkSync(path);
}

function statOf(path: string) {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function inodeOf(path: string): number | undefined {
  return statOf(path)?.ino;
}

function listenError(cause: unknown, path: string): FramewireError {
  const isMissing = statOf(dirname(path)) === undefined; // Node calls this EACCES
  const code = isMissing ? "ADDRESS_NOT_AVAILABLE" : codeOf(cause);
  const why = isMissing ? "its folder does not exist" : {
    ADDRESS_IN_USE: "another program listens there",
    PERMISSION_DENIED: "permission denied; Deno needs --allow-read, --allow-write and --allow-net",
  }[code as string];
  const message = `cannot listen on unix:${path}: ${why ?? messageOf(cause)}`;
  return new FramewireError(code, message, { cause });
}

function connectError(cause: unknown, path: string): FramewireError {
  const isMissing = (cause as { code?: unknown }).code === "ENOENT";
  const code = isMissing ? "CONNECTION_REFUSED" : codeOf(cause);
  const why = isMissing ? "there is no such file" : {
    CONNECTION_REFUSED: "nothing listens there; its server was killed",
    PERMISSION_DENIED: "permission denied; Deno needs --allow-read and --allow-write",
  }[code as string];
  const message = `cannot connect to unix:${path}: ${why ?? messageOf(cause)}`;
  return new FramewireError(code, message, { cause });
}
