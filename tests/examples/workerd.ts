/**
 * workerd, for examples that are Workers.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import { path } from "../helpers/root.ts";

const isWindows = process.platform === "win32";
const binary = path(
  `node_modules/@cloudflare/workerd-${isWindows ? "windows" : process.platform}-${
    process.arch === "x64" ? "64" : process.arch
  }/bin/workerd${isWindows ? ".exe" : ""}`,
);

/** Why a test that needs workerd is skipped, or false. */
export function lacksWorkerd(): string | false {
  return !existsSync(binary) && "workerd is not installed for this platform";
}

/**
 * Starts workerd with the config.capnp of a folder, on free ports; it is killed when the test ends.
 *
 * @returns The ports of its sockets, by their names.
 */
export async function startWorkerd<Socket extends string>(
  t: { teardown(end: () => void): void },
  folder: string,
  sockets: readonly Socket[],
  env: Readonly<Record<string, string>>,
): Promise<Readonly<Record<Socket, number>>> {
  const addresses = sockets.map((name) => `--socket-addr=${name}=127.0.0.1:0`);
  const child = spawn(
    binary,
    ["serve", "--control-fd=3", ...addresses, join(folder, "config.capnp")],
    { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe", "pipe"] },
  );
  // SIGTERM would wait for what is open.
  t.teardown(() => void process.kill(child.pid!, "SIGKILL"));
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => errors += text);
  const ports: Partial<Record<Socket, number>> = {};
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`workerd ended with ${code}: ${errors}`)));
    let told = "";
    (child.stdio[3] as Readable).setEncoding("utf8").on("data", (text: string) => {
      told += text;
      const lines = told.split("\n");
      told = lines.pop()!;
      for (const line of lines) {
        const { event, socket, port } = JSON.parse(line);
        if (event === "listen") ports[socket as Socket] = port;
      }
      if (sockets.every((name) => ports[name] !== undefined)) {
        resolve(ports as Record<Socket, number>);
      }
    });
  });
}
