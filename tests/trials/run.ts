/**
 * Runs exactly-once trials, prints a line for each seed, and ends with status 1 when one went wrong.
 * What an interrupted run has not done is said, for `--from`; see `exactly_once.ts`.
 *
 * @module
 */

import process, { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import { trial, type TrialSize } from "./exactly_once.ts";

const { values } = parseArgs({
  args: argv.slice(2),
  options: {
    seeds: { type: "string", default: "20" },
    from: { type: "string", default: "1" },
    clients: { type: "string", default: "50" },
    submits: { type: "string", default: "2000" },
    kills: { type: "string", default: "4" },
    "at-once": { type: "string", default: "1" },
    plain: { type: "boolean", default: false },
  },
});

function whole(name: keyof typeof values, least: number): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= least) return value;
  console.error(`--${name} must be a whole number from ${least} on and is ${values[name]}`);
  exit(2);
}

const size: TrialSize = {
  clients: whole("clients", 1),
  submits: whole("submits", 1),
  kills: whole("kills", 0),
};
const from = whole("from", 0);
const end = from + whole("seeds", 1);
const under = new Set<number>();
const failed: number[] = [];
let done = 0;
let next = from;

async function one(seed: number): Promise<void> {
  const { wrong, connections, calls, ms } = await trial(seed, size, !values.plain);
  const counts = Object.entries(calls).map(([what, count]) => `${count} ${what}`).join(", ");
  console.log(
    `seed ${seed}: ${counts}; ${connections} connections, ${size.kills} kills, ` +
      `${(ms / 1000).toFixed(1)} s${wrong.length > 0 ? `; ${wrong.length} WRONG` : ""}`,
  );
  for (const what of wrong.slice(0, 10)) console.log(`  ${what}`);
  if (wrong.length > 0) failed.push(seed);
}

async function some(): Promise<void> {
  while (next < end) {
    const seed = next++;
    under.add(seed);
    try {
      await one(seed);
    } catch (error) {
      console.log(`seed ${seed}: FAILED to run: ${error}`);
      failed.push(seed);
    }
    under.delete(seed);
    done++;
  }
}

/** What came of all, and how to go on. */
function summary(): void {
  console.log(`${done - failed.length} seeds passed, ${failed.length} failed`);
  failed.sort((a, b) => a - b);
  if (failed.length > 0) {
    const again = `--seeds 1 --from ${failed[0]} --clients ${size.clients} ` +
      `--submits ${size.submits} --kills ${size.kills}${values.plain ? " --plain" : ""}`;
    console.log(`failed: seeds ${failed.join(", ")}; again: ${again}`);
  }
  const rest = Math.min(next, ...under);
  if (rest < end) console.log(`to go on: --from ${rest} --seeds ${end - rest}`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    summary();
    exit(130);
  });
}
await Promise.all(Array.from({ length: whole("at-once", 1) }, some));
summary();
exit(failed.length > 0 ? 1 : 0);
