/**
 * Submits a second of one client connection with all defaults on, one promise for each, on Deno and on
 * Node: against the C limit server, beside a bare program, against our own server, and on Node beside
 * what nats.js and grpc-js do.
 *
 * `node bench/client/rows.mjs` prints it and writes nothing.
 *
 * Rounds take turns, and the best one of each counts: on a machine that does other things too, that is
 * the figure that can be got again.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process, { execPath } from "node:process";
import { findDeno } from "../machine.mjs";
import { buildPeers } from "../peers/build.mjs";
import { bundleForNode, ROOT } from "../server/bundle.mjs";
import { hold, output, ServerProcess } from "../server/processes.mjs";
import { subjects } from "../server/subjects.mjs";

const SCRIPT = "bench/client/submit_rate.ts";
const FOREIGN = join(ROOT, "bench/client/foreign_rate.mjs");
const MANY = 1024;
const RUNTIMES = ["deno", "node"];

/**
 * What is measured, at which server, how many are in flight, and what is wanted: so many a second, or
 * a share of another row's.
 */
const ROWS = [
  { name: "limit-1024", at: "limit", kind: "client", inFlight: MANY, wanted: 2e6 },
  { name: "bare-1024", at: "limit", kind: "bare", inFlight: MANY },
  { name: "limit-64", at: "limit", kind: "client", inFlight: 64, wanted: 6e5 },
  { name: "bare-64", at: "limit", kind: "bare", inFlight: 64 },
  { name: "limit-1", at: "limit", kind: "client", inFlight: 1, of: "bare-1", share: 0.85 },
  { name: "bare-1", at: "limit", kind: "bare", inFlight: 1 },
  { name: "ours-1024", at: "ours", kind: "client", inFlight: MANY, wanted: 1e6 },
  { name: "hello-1024", at: "ours", kind: "hello", inFlight: MANY },
  {
    name: "session-1024",
    at: "ours",
    mode: "sessions",
    kind: "session",
    inFlight: MANY,
    of: "hello-1024",
    share: 0.75,
  },
  // Node 20 has no SQLite.
  { name: "sqlite-1024", at: "ours", mode: "sqlite", kind: "session", inFlight: MANY, on: "deno" },
];

const TITLES = {
  "limit-1024": "against the C limit, 1024 in flight",
  "bare-1024": "the same by a bare program",
  "limit-64": "against the C limit, 64 in flight",
  "bare-64": "the same by a bare program",
  "limit-1": "one after the other",
  "bare-1": "the same by a bare program",
  "ours-1024": "against our server, 1024 in flight",
  "hello-1024": "the same with a hello",
  "session-1024": "the same in a session, kept in memory",
  "sqlite-1024": "the same in a session, kept in SQLite",
};

/** Clients of others, and how many times as many of ours are wanted against our server. */
const FOREIGNERS = [
  { name: "nats", title: "nats.js, request and reply by a nats-server", times: 5 },
  { name: "grpc", title: "@grpc/grpc-js, unary calls", times: 10 },
];

/**
 * @typedef {{ measuredAt: string, rounds: number, seconds: number,
 *   rows: { name: string, deno: number, node: number }[],
 *   foreign: { name: string, rate: number | undefined }[] }} ClientResults calls a second
 */

/** @returns {Promise<ClientResults>} */
export async function measureClient(deno, { rounds = 2, seconds = 1 } = {}) {
  const bundle = await bundleForNode(SCRIPT);
  const ours = await subjects({ deno, go: false, codec: "auto", names: RUNTIMES });
  const limit = ours.find(({ name }) => name === "c");
  const rows = ROWS.map(({ name }) => ({ name, deno: 0, node: 0 }));
  for (let round = 0; round < rounds; round++) {
    for (const runtime of RUNTIMES) {
      for (const [i, { at, kind, inFlight, mode = "sync", on = runtime }] of ROWS.entries()) {
        if (on !== runtime) continue;
        const peer = at === "limit" ? limit : ours.find(({ name }) => name === runtime);
        const server = await ServerProcess.start(peer.launch(mode));
        const script = runtime === "deno"
          ? [deno, ["run", "-A", "--no-check", join(ROOT, SCRIPT)]]
          : [execPath, [bundle]];
        const args = [kind, `${server.port}`, `${inFlight}`, `${seconds}`];
        const { rate } = JSON.parse(await output(script[0], [...script[1], ...args]));
        await server.stop();
        rows[i][runtime] = Math.max(rows[i][runtime], rate);
      }
    }
  }
  for (const { name, deno, node } of rows) {
    console.log(`  ${TITLES[name].padEnd(46)} Deno ${show(deno)}  Node ${show(node)}`);
  }
  const foreign = [];
  for (const { name, title } of FOREIGNERS) {
    const rate = await (name === "nats" ? measureNats : measureGrpc)(seconds);
    console.log(`  ${title.padEnd(46)} ${rate === undefined ? "left out" : show(rate)}`);
    foreign.push({ name, rate });
  }
  return { measuredAt: new Date().toISOString(), rounds, seconds, rows, foreign };
}

async function measureNats(seconds) {
  if (spawnSync("nats-server", ["--version"]).status !== 0) {
    console.log("  no nats-server is installed (Debian: apt install nats-server)");
    return undefined;
  }
  const server = await ServerProcess.start({
    command: "nats-server",
    args: (port) => ["--addr", "127.0.0.1", "--port", `${port}`, "--log", "/dev/null"],
    tellsPort: false,
  });
  try {
    const responder = await hold(execPath, [FOREIGN, "nats-responder", `${server.port}`]);
    const rate = await foreignRate("nats", server.port, seconds);
    await responder.release();
    return rate;
  } catch (error) {
    return leftOut(error);
  } finally {
    await server.stop();
  }
}

async function measureGrpc(seconds) {
  let server;
  try {
    server = await ServerProcess.start({
      command: execPath,
      args: () => [FOREIGN, "grpc-server"],
      tellsPort: true,
    });
    return await foreignRate("grpc", server.port, seconds);
  } catch (error) {
    return leftOut(error);
  } finally {
    await server?.stop();
  }
}

async function foreignRate(kind, port, seconds) {
  const args = [FOREIGN, kind, `${port}`, `${MANY}`, `${seconds}`];
  return JSON.parse(await output(execPath, args)).rate;
}

/** A package that is not installed is told by code 3; anything else is a fault of this bench. */
function leftOut(error) {
  if (!/ with 3\b/.test(error.message)) throw error;
  return undefined;
}

/** The full report. */
export function clientCells({ rows, foreign }) {
  const of = (name) => rows.find((row) => row.name === name);
  return {
    head: ["one connection, one promise a call", "Deno", "Node"],
    body: [
      ...ROWS.map((
        { name },
      ) => [TITLES[name], ...RUNTIMES.map((runtime) => show(of(name)[runtime]))]),
      ...FOREIGNERS.map(({ name, title }) => {
        const { rate } = foreign.find((row) => row.name === name);
        return [title, "", rate === undefined || rate === null ? "not measured" : show(rate)];
      }),
    ],
  };
}

/** The short report. */
export function clientLine(results) {
  if (results === undefined) return "";
  const { rows, foreign } = results;
  const of = (name) => rows.find((row) => row.name === name);
  const better = FOREIGNERS.flatMap(({ name, title, times }) => {
    const { rate } = foreign.find((row) => row.name === name);
    if (!rate) return [];
    if (of("ours-1024").node < rate * times) return [];
    return [`more than ${times} times ${title.split(",")[0]}`];
  });
  const many = of("limit-1024");
  return `One client connection makes ${millions(many.deno)} submits a second on Deno and ${
    millions(many.node)
  } on Node, one promise each, with 1024 in flight and deadlines on` +
    (better.length === 0 ? "." : `; against our own server on Node ${better.join(" and ")}.`);
}

/** One line per target that was missed. */
export function clientMisses(results) {
  if (results === undefined) return [];
  const { rows, foreign } = results;
  const of = (name) => rows.find((row) => row.name === name);
  const lines = [];
  for (const { name, wanted, of: other, share } of ROWS) {
    for (const runtime of RUNTIMES) {
      const rate = of(name)[runtime];
      const least = wanted ?? (other === undefined ? 0 : of(other)[runtime] * share);
      if (rate < least) {
        lines.push(
          `missed: client, ${TITLES[name]}: ${show(rate)} on ${runtime}, wanted ${show(least)}`,
        );
      }
    }
  }
  for (const { name, title, times } of FOREIGNERS) {
    const { rate } = foreign.find((row) => row.name === name);
    const ours = of("ours-1024").node;
    if (rate && ours < rate * times) {
      lines.push(`missed: client: ${(ours / rate).toFixed(1)} times ${title}, wanted ${times}`);
    }
  }
  return lines;
}

function millions(perS) {
  return `${(perS / 1e6).toFixed(2)} million`;
}

function show(perS) {
  if (perS === 0) return "not measured";
  return perS >= 1e5 ? `${(perS / 1e6).toFixed(2)} M/s` : `${(perS / 1e3).toFixed(1)} k/s`;
}

if (process.argv[1] === import.meta.filename) {
  buildPeers();
  const results = await measureClient(findDeno(ROOT));
  for (const line of clientMisses(results)) console.log(line);
}
