/**
 * workerd, for examples that are Workers.
 *
 * @module
 */

import { join } from "node:path";
import { missingWorkerd, runWorkerd } from "../helpers/workerd.ts";

/** Why a test that needs workerd is skipped, or false. */
export function lacksWorkerd(): string | false {
  return missingWorkerd ?? false;
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
  const args = [...addresses, join(folder, "config.capnp")];
  const { ports, kill } = await runWorkerd(args, sockets.length, { env });
  t.teardown(kill);
  return ports as Readonly<Record<Socket, number>>;
}
