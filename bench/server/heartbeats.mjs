/**
 * Measures what connections cost that have said hello and do nothing but answer heartbeats.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { PEERS } from "../peers/build.mjs";
import { hold, ServerProcess } from "./processes.mjs";

/**
 * How many connections there are, for how long they are watched (each is asked for a sign of life every
 * 30 s, by default), and what they may cost: the share of a core, and bytes of each, as the mean of the
 * last heartbeat's time. At first the garbage of accepting them is counted too: V8 collects it when it
 * has had little to do for 20 s.
 */
export const HEARTBEATS = {
  connections: 10_000,
  seconds: 60,
  meanSeconds: 30,
  targetShare: 0.05,
  targetBytes: 8192,
};
const SETTLE_MS = 1000;

/**
 * @typedef {{ name: string, title: string, coreShare: number, bytes: number, mostBytes: number,
 *   pings: number }} HeartbeatRow `bytes` of each connection in the mean, `mostBytes` at the worst moment.
 */

/**
 * @param {import("./subjects.mjs").Subject[]} subjects
 * @returns {Promise<HeartbeatRow[]>}
 */
export async function measureHeartbeats(subjects) {
  const rows = [];
  for (const { name, title, launch } of subjects) {
    rows.push({ name, title, ...await measure(launch("sync")) });
  }
  return rows;
}

async function measure(launch) {
  const { connections, seconds, meanSeconds } = HEARTBEATS;
  const server = await ServerProcess.start(launch);
  try {
    await sleep(SETTLE_MS);
    const before = server.rssBytes();
    const holder = await hold(PEERS.idleHolder, [`${server.port}`, `${connections}`, "hello"]);
    await sleep(SETTLE_MS);
    const cpu = server.cpuUs();
    const began = performance.now();
    const meanFrom = began + (seconds - meanSeconds) * 1000;
    let most = 0;
    let sum = 0;
    let looks = 0;
    for (const end = began + seconds * 1000; performance.now() < end; await sleep(200)) {
      const rss = server.rssBytes();
      most = Math.max(most, rss);
      if (performance.now() < meanFrom) continue;
      sum += rss;
      looks++;
    }
    const coreShare = (server.cpuUs() - cpu) / ((performance.now() - began) * 1000);
    const pings = Number(/^answered (\d+)$/.exec(await holder.release())?.[1]);
    if (!(pings >= connections)) {
      throw new Error(
        `${pings} pings came in ${seconds} s, and there are ${connections} connections`,
      );
    }
    const each = (bytes) => (bytes - before) / connections;
    return { coreShare, bytes: each(sum / looks), mostBytes: each(most), pings };
  } finally {
    await server.stop();
  }
}

const percent = (share) => `${(share * 100).toFixed(1)} %`;
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

/** One row as the terminal shows it. */
export function heartbeatLine({ title, coreShare, bytes, mostBytes }) {
  return `  ${title.padEnd(18)} ${percent(coreShare)} of a core, ${kib(bytes)} each, ` +
    `${kib(mostBytes)} at the most`;
}

/** One line per target that was missed. */
export function heartbeatMisses(heartbeats) {
  return (heartbeats?.rows ?? [])
    .filter(({ coreShare, bytes }) =>
      coreShare > HEARTBEATS.targetShare || bytes > HEARTBEATS.targetBytes
    )
    .map((row) => `missed: ${heartbeats.connections} heartbeats:${heartbeatLine(row)}`);
}

/** The line of the short report. */
export function heartbeatText(heartbeats) {
  if (!heartbeats) return "";
  const cells = heartbeats.rows.map(({ title, coreShare, bytes }) =>
    `${percent(coreShare)} of a core and ${kib(bytes)} each (${title})`
  );
  return `${heartbeats.connections} connections with heartbeats on take ${cells.join(", ")}.`;
}

/** The full report. */
export function heartbeatCells({ rows }) {
  return {
    head: [
      "",
      "CPU, of one core",
      "memory of each",
      "at the worst moment, when all have just come",
    ],
    body: rows.map(({ title, coreShare, bytes, mostBytes }) => [
      title,
      percent(coreShare),
      kib(bytes),
      kib(mostBytes),
    ]),
  };
}
