/**
 * Healthy clients beside fault actors (`faults/`): what they lose, and what their latency becomes.
 *
 * `node bench/faults_rows.mjs [deno or node] [ACTOR …]` prints it and writes nothing.
 *
 * @module
 */
import { join } from "node:path";
import process, { argv } from "node:process";
import { findDeno } from "./machine.mjs";
import { ROOT } from "./server/bundle.mjs";
import { hold, output, ServerProcess } from "./server/processes.mjs";
import { subjects } from "./server/subjects.mjs";

const ACTORS = [
  "slowloris",
  "black holes",
  "half closers",
  "handshake staller",
  "memory pressure",
  "flooder",
  "reconnect storm",
  "garbage",
  "TLS garbage",
  "corrupt checksums",
  "LZ4 bombs",
  "hung handlers",
];
/**
 * Rate limits for all but black holes: at 20,000 requests a second, 20 of them would take half a minute
 * to fill the buffers between them and the server, and be a flood of 400,000 a second meanwhile.
 */
const MODES = {
  "black holes": "bounded",
  "hung handlers": "hanging",
  "TLS garbage": "guarded-tls",
};
const SECONDS = 2;
/** How often each is taken, without the actor and beside it in turns. */
const ROUNDS = 3;

/** What has to hold: p99 beside an actor, in multiples of p99 without one; the middle one of the rounds. */
const MOST_TIMES = 3;

/**
 * @typedef {{ actor: string, runtime: "deno" | "node", lost: number, p50Us: number, p99Us: number,
 *   calmP99Us: number, mostRssBytes: number, elsewhereTimes?: number }} FaultRow Of the round whose
 *   ratio is the middle one, but for `lost` and `mostRssBytes`, which are of all. `elsewhereTimes` is
 *   p99 while the actor acts on another server, in multiples of p99 without one.
 */

/** @returns {Promise<{ measuredAt: string, seconds: number, rounds: number, rows: FaultRow[] }>} */
export async function measureFaults(deno, actors = ACTORS, names = ["deno", "node"]) {
  const ours = await subjects({ deno, go: false, codec: "auto", names });
  const rows = [];
  for (const { name, ours: isOurs, launch } of ours) {
    if (!isOurs) continue;
    console.log(`healthy clients beside fault actors, on ${name}`);
    for (const actor of actors) {
      const row = await beside(deno, launch(MODES[actor] ?? "guarded"), actor);
      rows.push({ actor, runtime: name, ...row });
      console.log(`  ${actor.padEnd(18)} ${faultLine(row)}`);
    }
  }
  return { measuredAt: new Date().toISOString(), seconds: SECONDS, rounds: ROUNDS, rows };
}

async function beside(deno, launch, actor) {
  const server = await ServerProcess.start(launch);
  let mostRssBytes = 0;
  const watch = setInterval(() => mostRssBytes = Math.max(mostRssBytes, server.rssBytes()), 100);
  try {
    const row = await rounds(deno, actor, server.port, server.port);
    if (timesCalm(row) <= MOST_TIMES) return { ...row, mostRssBytes };
    // At another server, which nobody else uses, the actor tells what of that is the machine's doing.
    const other = await ServerProcess.start(launch);
    try {
      const elsewhere = await rounds(deno, actor, server.port, other.port);
      return { ...row, mostRssBytes, elsewhereTimes: timesCalm(elsewhere) };
    } finally {
      await other.stop();
    }
  } finally {
    clearInterval(watch);
    await server.stop();
  }
}

/** Healthy clients of one server, without an actor and beside one that acts on a server, in turns. */
async function rounds(deno, actor, port, actedOn) {
  const carrier = actor.startsWith("TLS") ? "tls" : "tcp";
  const run = async (seconds = SECONDS) =>
    JSON.parse(await output(deno, [...script("healthy"), `${port}`, `${seconds}`, carrier]));
  await run(1); // warm-up
  const taken = [];
  for (let round = 0; round < ROUNDS; round++) {
    const calm = await run();
    // They get the time that the others leave, at once: there are fewer cores than processes, and even
    // with the least priority one that runs would keep a healthy client waiting for its slice's end.
    const args = ["--idle", "0", deno, ...script("actor"), actor, `${actedOn}`];
    const actors = await hold("chrt", args);
    try {
      taken.push({ ...await run(), calmP99Us: calm.p99Us });
    } finally {
      await actors.release();
    }
  }
  const lost = taken.reduce((sum, round) => sum + round.lost, 0);
  const { p50Us, p99Us, calmP99Us } = taken.toSorted((a, b) => timesCalm(a) - timesCalm(b))[
    ROUNDS >> 1
  ];
  return { lost, p50Us, p99Us, calmP99Us };
}

const timesCalm = ({ p99Us, calmP99Us }) => p99Us / calmP99Us;
const script = (name) => ["run", "-A", "--no-check", join(ROOT, `bench/faults/${name}.ts`)];
const ms = (us) => `${(us / 1000).toFixed(2)} ms`;
const mib = (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`;

function faultLine({ lost, p50Us, p99Us, calmP99Us, mostRssBytes, elsewhereTimes }) {
  const times = timesCalm({ p99Us, calmP99Us }).toFixed(1);
  const elsewhere = elsewhereTimes === undefined
    ? ""
    : ` (${elsewhereTimes.toFixed(1)} while it acts on another server)`;
  return `${lost} lost  p50 ${ms(p50Us)}  p99 ${ms(p99Us)}: ${times} times calm${elsewhere}  ` +
    mib(mostRssBytes);
}

/** One line per target that was missed; empty when all are met. */
export function faultMisses(results) {
  return (results?.rows ?? [])
    .filter((row) => row.lost > 0 || timesCalm(row) > MOST_TIMES)
    .map((row) => `missed: beside ${row.actor} on ${row.runtime}: ${faultLine(row)}`);
}

/** The full report. */
export function faultCells({ rows }) {
  return {
    head: ["beside", ...["Deno", "Node"].map((name) => `${name}: p99, lost, memory`)],
    body: ACTORS.map((actor) => [
      actor,
      ...["deno", "node"].map((runtime) => {
        const row = rows.find((row) => row.actor === actor && row.runtime === runtime);
        if (row === undefined) return "–";
        const times = timesCalm(row).toFixed(1);
        const elsewhere = row.elsewhereTimes === undefined
          ? ""
          : ` (elsewhere ${row.elsewhereTimes.toFixed(1)})`;
        return `${ms(row.p99Us)}, ${times} × calm${elsewhere}; ${row.lost}; ${
          mib(row.mostRssBytes)
        }`;
      }),
    ]),
  };
}

if (process.argv[1] === import.meta.filename) {
  const actors = ACTORS.filter((name) => argv.includes(name));
  const runtimes = ["deno", "node"].filter((name) => argv.includes(name));
  const results = await measureFaults(
    findDeno(ROOT),
    actors.length > 0 ? actors : ACTORS,
    runtimes.length > 0 ? runtimes : undefined,
  );
  for (const line of faultMisses(results)) console.log(line);
  if (argv.includes("--json")) console.log(JSON.stringify(results));
}
