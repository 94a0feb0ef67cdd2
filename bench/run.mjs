/**
 * The one command of the bench: compiles the peers, measures codec and server, writes
 * `results/latest.json` and the table of the README.
 *
 *   npm run bench            or: node bench/run.mjs [options]
 *
 *   --only PART              measure one part, server, codec, framings, bytes (checksums and LZ4),
 *                            smpp, gates, faults, client or startup; the others keep their last
 *                            figures
 *   --workload NAME          measure this server workload alone, and write nothing
 *   --subjects A,B           measure these and the C limit alone, and write nothing: go, deno,
 *                            node, bare-deno, bare-node
 *   --rounds N               rounds per server workload (5)
 *   --seconds S              length of one run (2)
 *   --codec auto|wasm|ts     which codec our server uses (auto)
 *   --quick                  2 rounds of 1 s, to see that all works; writes nothing
 *
 * It needs Linux (epoll, /proc), gcc, and for the Go rows go.
 *
 * @module
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { measureBytes } from "./bytes_rows.mjs";
import { measureClient } from "./client/rows.mjs";
import { measureCodec } from "./codec_rows.mjs";
import { measureFaults } from "./faults_rows.mjs";
import { describeMachine, findDeno } from "./machine.mjs";
import { measureFramings } from "./framing_rows.mjs";
import { measureGates } from "./gates_rows.mjs";
import { buildPeers } from "./peers/build.mjs";
import { measureSmpp } from "./protocol/smpp_rows.mjs";
import { fullReport, misses, replaceTable, shortReport } from "./readme_table.mjs";
import { ROOT } from "./server/bundle.mjs";
import { heartbeatLine, HEARTBEATS, measureHeartbeats } from "./server/heartbeats.mjs";
import { measureIdle } from "./server/idle.mjs";
import { measureWorkload } from "./server/rounds.mjs";
import { SUBJECTS, subjects } from "./server/subjects.mjs";
import { IDLE, WORKLOADS } from "./server/workloads.mjs";
import { SetupError } from "./setup_error.mjs";
import { measureStartup } from "./startup_rows.mjs";

const RESULTS = join(import.meta.dirname, "results", "latest.json");

/** A command that was typed wrong: shown as one line, like a {@linkcode SetupError}. */
class UsageError extends SetupError {}

function readOptions() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        only: { type: "string" },
        workload: { type: "string" },
        subjects: { type: "string" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        codec: { type: "string", default: "auto" },
        quick: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { only, workload, codec, quick } = values;
  oneOf("--only", only, [
    "server",
    "codec",
    "framings",
    "bytes",
    "smpp",
    "gates",
    "faults",
    "client",
    "startup",
  ]);
  oneOf("--codec", codec, ["auto", "wasm", "ts"]);
  oneOf("--workload", workload, [...WORKLOADS.map(({ name }) => name), "idle", "idle-heartbeats"]);
  const names = values.subjects?.split(",");
  names?.forEach((name) => oneOf("--subjects", name, SUBJECTS));
  const whole = workload === undefined && names === undefined;
  return {
    only: whole ? only : "server",
    workload,
    names: names ?? SUBJECTS,
    codec,
    rounds: positive("--rounds", values.rounds ?? (quick ? "2" : "5")),
    seconds: positive("--seconds", values.seconds ?? (quick ? "1" : "2")),
    writes: !quick && whole,
  };
}

function oneOf(option, value, allowed) {
  if (value !== undefined && !allowed.includes(value)) {
    throw new UsageError(`${option} takes ${allowed.join(", ")}; got ${value}`);
  }
}

function positive(option, text) {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`${option} is a number above 0, not ${text}`);
  return value;
}

async function measureServer({ workload: only, names, rounds, seconds, codec }, { deno, go }) {
  const all = await subjects({ deno, go, codec, names });
  const loadBefore = loadavg()[0];
  if (loadBefore > 0.5) console.warn(`note: the machine is busy (load ${loadBefore.toFixed(1)})`);
  const pace = { rounds, seconds, warmUpSeconds: Math.min(1, seconds) };
  const workloads = [];
  for (const workload of WORKLOADS) {
    if (only !== undefined && only !== workload.name) continue;
    console.log(`\n${workload.title}`);
    const rows = await measureWorkload(workload, all, pace);
    rows.forEach(printRow);
    workloads.push({ ...workload, rows });
  }
  let idle;
  if (only === undefined || only === "idle") {
    console.log(`\n${IDLE.connections} idle connections`);
    const rows = await measureIdle(
      all.filter(({ name }) => name !== "c" && !name.endsWith("-defined")),
      IDLE,
    );
    for (const { title, silentBytes, askedBytes, laterBytes } of rows) {
      const kib = (bytes) => `${(bytes / 1024).toFixed(1).padStart(6)} KiB`;
      console.log(
        `  ${title.padEnd(18)} ${kib(silentBytes)} silent ${kib(askedBytes)} after a submit ` +
          `${kib(laterBytes)} ${IDLE.laterSeconds} s later`,
      );
    }
    idle = { ...IDLE, rows };
  }
  let heartbeats;
  if (only === undefined || only === "idle-heartbeats") {
    console.log(`\n${HEARTBEATS.connections} idle connections with heartbeats on`);
    const rows = await measureHeartbeats(all.filter(({ name }) => ["deno", "node"].includes(name)));
    rows.forEach((row) => console.log(heartbeatLine(row)));
    heartbeats = { ...HEARTBEATS, rows };
  }
  const measuredAt = new Date().toISOString();
  return { measuredAt, loadBefore, rounds, seconds, codec, workloads, idle, heartbeats };
}

function printRow({ title, median, ofC, ofGo }) {
  console.log(
    `  ${title.padEnd(18)} ${Math.round(median.requestsPerS / 1000).toString().padStart(6)} k/s` +
      `  ${ofC.toFixed(2)} of C  ${ofGo === undefined ? "   –" : ofGo.toFixed(2)} of Go` +
      `  p50 ${(median.p50Us / 1000).toFixed(2)} ms  p99 ${(median.p99Us / 1000).toFixed(2)} ms` +
      `  ${median.cpuUsPerRequest.toFixed(2)} µs CPU  ${Math.round(median.rssBytes / 2 ** 20)} MiB`,
  );
}

/** The parts measured last, as far as they were measured on this machine with these versions. */
function lastResults(machine) {
  const last = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : {};
  const same = JSON.stringify(last.machine) === JSON.stringify(machine);
  return same ? { ...last, machine } : { machine };
}

async function main() {
  if (process.platform !== "linux") {
    throw new SetupError("the bench needs Linux: its peers use epoll and it reads /proc");
  }
  const options = readOptions();
  const deno = findDeno(ROOT);
  const peers = [undefined, "server", "gates", "client"].includes(options.only);
  const { go } = peers ? buildPeers() : { go: false };
  const results = options.writes ? lastResults(describeMachine(deno)) : {};
  const { only } = options;
  if (only === undefined || only === "codec") results.codec = await measureCodec(deno);
  if (only === undefined || only === "framings") results.framings = await measureFramings(deno);
  if (only === undefined || only === "bytes") results.bytes = await measureBytes(deno);
  if (only === undefined || only === "smpp") results.smpp = await measureSmpp(deno);
  if (only === undefined || only === "server") {
    results.server = await measureServer(options, { deno, go });
  }
  if (only === undefined || only === "gates") results.gates = await measureGates(deno);
  if (only === undefined || only === "faults") results.faults = await measureFaults(deno);
  if (only === undefined || only === "client") {
    console.log("\nclients, calls a second of one connection");
    results.client = await measureClient(deno);
  }
  if (only === undefined || only === "startup") results.startup = await measureStartup(deno);

  if (options.writes) {
    mkdirSync(join(RESULTS, ".."), { recursive: true });
    writeFileSync(RESULTS, `${JSON.stringify(results, rounded, 2)}\n`);
    replaceTable(join(ROOT, "README.md"), shortReport(results));
    replaceTable(join(import.meta.dirname, "README.md"), fullReport(results));
  }
  for (const line of misses(results)) console.log(line);
}

/** Four significant digits are more than any of these figures has. */
function rounded(_key, value) {
  return typeof value === "number" && !Number.isInteger(value)
    ? Number(value.toPrecision(4))
    : value;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof SetupError ? `bench: ${error.message}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
