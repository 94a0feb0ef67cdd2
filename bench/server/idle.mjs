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
 *   silentBytes: number, askedBytes: number, laterBytes: number }} IdleRow bytes per connection: of
 *   one that never sent a byte, of one that had a submit answered and then fell silent, and of that
 *   one when it has been idle for `laterSeconds`.
 */

/**
 * @param {import("./subjects.mjs").Subject[]} subjects
 * @param {{ connections: number, laterSeconds: number }} idle
 * @returns {Promise<IdleRow[]>}
 */
export async function measureIdle(subjects, { connections, laterSeconds }) {
  const rows = [];
  for (const { name, title, ours, launch } of subjects) {
    const measure = (...rest) => bytesPerConnection(launch("sync"), connections, ...rest);
    const [silentBytes] = await measure([], []);
    const [askedBytes, laterBytes] = await measure(["ask"], [laterSeconds]);
    rows.push({ name, title, ours, connections, silentBytes, askedBytes, laterBytes });
  }
  return rows;
}

/** At once, and so many seconds later. */
async function bytesPerConnection(launch, connections, holderArgs, laterSeconds) {
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
      const bytes = [];
      for (const seconds of [SETTLE_MS / 1000, ...laterSeconds]) {
        await sleep(seconds * 1000);
        bytes.push((server.rssBytes() - before.rssBytes) / connections);
      }
      return bytes;
    } finally {
      await holder.release();
    }
  } finally {
    await server.stop();
  }
}
