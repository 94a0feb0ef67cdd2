/**
 * The file of a Unix socket: whether its path can be, who may open it, and its end.
 *
 * @module
 */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import * as net from "node:net";
import { dirname } from "node:path";
import process from "node:process";
import { FramewireError } from "../errors.ts";
import type { Address, LinkEnds } from "./link.ts";
import { codeOf, messageOf } from "./net_errors.ts";

/** The end of a Unix socket that has no path: that of the client. */
const UNNAMED: Address = { hostname: "unix", port: 0 };

/** The longest path that fits into an address on all systems (`sun_path`), in bytes. */
const MOST_PATH_BYTES = 103;

/** Both ends of a connection by a Unix socket. */
export function unixEnds(path: string, isServer: boolean): LinkEnds {
  const named: Address = { hostname: path, port: 0 };
  const [local, remote] = isServer ? [named, UNNAMED] : [UNNAMED, named];
  return { transport: "unix", local, remote };
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

/**
 * Has the file of a Unix socket made, in place of one whose server was killed.
 *
 * @param bind Makes it within this call; resolves, if it returns a promise, when it listens.
 * @returns What removes the file, unless another has put one there since.
 */
export async function bindUnix(
  path: string,
  mode: number | undefined,
  bind: () => void | Promise<void>,
): Promise<() => void> {
  checkUnixPath(path);
  await removeStale(path);
  // The file is made within the call, and must not be open to others before `chmod`.
  const umask = mode === undefined ? undefined : narrow(mode);
  let bound: void | Promise<void>;
  try {
    bound = bind();
  } catch (error) {
    throw listenError(error, path);
  } finally {
    if (umask !== undefined) process.umask(umask);
  }
  try {
    await bound;
  } catch (error) {
    throw listenError(error, path);
  }
  if (mode !== undefined) chmodSync(path, mode);
  const { ino } = lstatSync(path);
  // Node removes it by itself, Deno and Bun do not.
  return () => {
    if (inodeOf(path) === ino) unlinkSync(path);
  };
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

/** A failure to connect to a Unix socket. */
export function unixConnectError(cause: unknown, path: string): FramewireError {
  const isMissing = (cause as { code?: unknown }).code === "ENOENT";
  const code = isMissing ? "CONNECTION_REFUSED" : codeOf(cause);
  const why = isMissing ? "there is no such file" : {
    CONNECTION_REFUSED: "nothing listens there; its server was killed",
    PERMISSION_DENIED: "permission denied; Deno needs --allow-read and --allow-write",
  }[code as string];
  const message = `cannot connect to unix:${path}: ${why ?? messageOf(cause)}`;
  return new FramewireError(code, message, { cause });
}
