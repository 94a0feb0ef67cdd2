/**
 * What each gate costs: the pipelined workload on our server with one gate after the other turned on,
 * none of which stops anything, beside the same server without.
 *
 * `node bench/gates_rows.mjs` prints it and writes nothing.
 *
 * @module
 */
import process from "node:process";
import { findDeno } from "./machine.mjs";
import { buildPeers } from "./peers/build.mjs";
import { ROOT } from "./server/bundle.mjs";
import { measureWorkload } from "./server/rounds.mjs";
import { subjects } from "./server/subjects.mjs";
import { measureTls } from "./tls/rows.mjs";
import { WORKLOADS } from "./server/workloads.mjs";

/** Modes of `server/subject.ts`, each with what it is called. */
const GATES = [
  ["sync", "none"],
  ["listed", "allow and deny lists"],
  ["rated", "rate limits per connection, address and server"],
  ["authorized", "authorize"],
  ["recorded", "flight recorder"],
  ["timed", "handler times of all requests"],
];

/** @typedef {{ gate: string, title: string, runtime: string, requestsPerS: number, share: number }} GateRow */

/** @returns {Promise<{ measuredAt: string, rows: GateRow[], tls: import("./tls/rows.mjs").TlsRow[] }>} */
export async function measureGates(deno, pace = { rounds: 5, seconds: 1, warmUpSeconds: 1 }) {
  const workload = WORKLOADS.find(({ name }) => name === "pipelined");
  const ours = await subjects({ deno, go: false, codec: "auto", names: ["deno", "node"] });
  const rows = [];
  for (const { name: runtime, ours: isOurs, launch } of ours) {
    if (!isOurs) continue;
    console.log(`gates, ${workload.title}, on ${runtime}`);
    // Ratios are taken to the first subject of a round, which is called `c` there.
    const contenders = GATES.map(([mode, title]) => ({
      name: mode === "sync" ? "c" : mode,
      title,
      ours: true,
      launch: () => launch(mode),
    }));
    for (const { name, title, median, ofC } of await measureWorkload(workload, contenders, pace)) {
      rows.push({ gate: name, title, runtime, requestsPerS: median.requestsPerS, share: ofC });
      console.log(`  ${title.padEnd(46)} ${rate(median.requestsPerS)}  ${ofC.toFixed(2)} of none`);
    }
  }
  return { measuredAt: new Date().toISOString(), rows, tls: await measureTls(deno) };
}

/** The full report. */
export function gateCells({ rows }) {
  const runtimes = ["deno", "node"];
  return {
    head: ["gate", ...["Deno", "Node"].map((name) => `${name}: requests/s, of none`)],
    body: GATES.map(([mode, title]) => [
      title,
      ...runtimes.map((runtime) => {
        const gate = mode === "sync" ? "c" : mode;
        const row = rows.find((row) => row.gate === gate && row.runtime === runtime);
        return `${rate(row.requestsPerS)}, ${row.share.toFixed(2)}`;
      }),
    ]),
  };
}

function rate(perS) {
  return `${(perS / 1e6).toFixed(2)} M/s`;
}

if (process.argv[1] === import.meta.filename) {
  buildPeers();
  await measureGates(findDeno(ROOT), { rounds: 3, seconds: 1, warmUpSeconds: 1 });
}
