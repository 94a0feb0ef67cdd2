/**
 * What TLS costs: one load generator over TCP and over TLS, against our server in either mode.
 *
 * `node bench/tls/rows.mjs` prints it and writes nothing.
 *
 * @module
 */
import process from "node:process";
import { findDeno } from "../machine.mjs";
import { ROOT } from "../server/bundle.mjs";
import { output, ServerProcess } from "../server/processes.mjs";
import { subjects } from "../server/subjects.mjs";

const LOAD = `${import.meta.dirname}/load.mjs`;
const CONNECTIONS = 10;
const LOADS = [
  { inFlight: 64, payload: 32, title: "64 in flight × 32 B" },
  { inFlight: 16, payload: 1024, title: "16 in flight × 1 KiB" },
];

/**
 * @typedef {{ runtime: string, title: string, tcpPerS: number, tlsPerS: number, share: number,
 *   tcpCpuUs: number, tlsCpuUs: number }} TlsRow `share` is the median of the ratios within a round,
 *   CPU is the server's, per request.
 */

/** @returns {Promise<TlsRow[]>} */
export async function measureTls(deno, { rounds = 3, seconds = 0.8 } = {}) {
  const ours = await subjects({ deno, go: false, codec: "auto", names: ["deno", "node"] });
  const rows = [];
  for (const { name: runtime, ours: isOurs, launch } of ours) {
    if (!isOurs) continue;
    console.log(`TLS beside TCP, ${CONNECTIONS} connections, on ${runtime}`);
    const servers = {};
    try {
      servers.tcp = await ServerProcess.start(launch("sync"));
      servers.tls = await ServerProcess.start(launch("tls"));
      for (const load of LOADS) {
        const runs = { tcp: [], tls: [] };
        for (let round = 0; round < rounds; round++) {
          for (const kind of ["tcp", "tls"]) {
            runs[kind].push(await run(servers[kind], kind, load, seconds));
          }
        }
        const row = rowOf(runtime, load.title, runs);
        rows.push(row);
        console.log(`  ${row.title.padEnd(22)} ${tlsCell(row)}`);
      }
    } finally {
      await Promise.all(Object.values(servers).map((server) => server.stop()));
    }
  }
  return rows;
}

async function run(server, kind, { inFlight, payload }, seconds) {
  const cpuBefore = server.cpuUs();
  const args = [LOAD, kind, server.port, CONNECTIONS, inFlight, payload, seconds].map(String);
  const { requestsPerS, requests } = JSON.parse(await output(process.execPath, args));
  return { requestsPerS, cpuUs: (server.cpuUs() - cpuBefore) / requests };
}

function rowOf(runtime, title, { tcp, tls }) {
  const of = (runs, key) => median(runs.map((run) => run[key]));
  return {
    runtime,
    title,
    tcpPerS: of(tcp, "requestsPerS"),
    tlsPerS: of(tls, "requestsPerS"),
    share: median(tls.map((run, round) => run.requestsPerS / tcp[round].requestsPerS)),
    tcpCpuUs: of(tcp, "cpuUs"),
    tlsCpuUs: of(tls, "cpuUs"),
  };
}

/** The table of the report. */
export function tlsCells(rows) {
  return {
    head: ["TLS", ...["Deno", "Node"].map((name) => `${name}: requests/s, of TCP; CPU, of TCP's`)],
    body: LOADS.map(({ title }) => [
      title,
      ...["deno", "node"].map((runtime) =>
        tlsCell(rows.find((row) => row.title === title && row.runtime === runtime))
      ),
    ]),
  };
}

function tlsCell({ tlsPerS, share, tlsCpuUs, tcpCpuUs }) {
  return `${Math.round(tlsPerS / 1000)} k/s, ${share.toFixed(2)}; ` +
    `${tlsCpuUs.toFixed(2)} µs, ${(tlsCpuUs / tcpCpuUs).toFixed(1)}×`;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

if (process.argv[1] === import.meta.filename) await measureTls(findDeno(ROOT));
