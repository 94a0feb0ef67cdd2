/**
 * Measures what an idle connection costs in resident memory.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { PEERS } from "../peers/build.mjs";
import { hold, ServerProcess } from "./processes.mjs";

const SETTLE_MS = 1500;
const ACCEPT_DEADLINE_MS = 20_000;

/**
 * @typedef {{ name: string, title: string, ours: boolean, connections: number,
 *   silentBytes: number, askedBytes: number }} IdleRow bytes per connection: of one that never
 *   sent a byte, and of one that had a submit answered and then fell silent.
 */

/**
 * @param {import("./subjects.mjs").Subject[]} subjects
 * @param {number} connections
 * @returns {Promise<IdleRow[]>}
 */
export async function measureIdle(subjects, connections) {
  const rows = [];
  for (const { name, title, ours, launch } of subjects) {
    const silentBytes = await bytesPerConnection(launch("sync"), connections, []);
    const askedBytes = await bytesPerConnection(launch("sync"), connections, ["ask"]);
    rows.push({ name, title, ours, connections, silentBytes, askedBytes });
  }
  return rows;
}

async function bytesPerConnection(launch, connections, holderArgs) {
  const server = await ServerProcess.start(launch);
  try {
    await sleep(SETTLE_MS);
    const before = { rssBytes: server.rssBytes(), openFiles: server.openFiles() };
    const args = [`${server.port}`, `${connections}`, ...holderArgs];
    const holder = await hold(PEERS.idleHolder, args);
    try {
      // A connection stands for the client as soon as it is in the server's backlog.
      for (const end = Date.now() + ACCEPT_DEADLINE_MS;; await sleep(50)) {
        const accepted = server.openFiles() - before.openFiles;
        if (accepted >= connections) break;
        if (Date.now() > end) throw new Error(`${accepted} of ${connections} were accepted`);
      }
      await sleep(SETTLE_MS);
      return (server.rssBytes() - before.rssBytes) / connections;
    } finally {
      await holder.release();
    }
  } finally {
    await server.stop();
  }
}
