/**
 * Runs exactly-once trials: see `exactly_once.ts`.
 *
 * @module
 */

import { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import { trial } from "./exactly_once.ts";

const { values } = parseArgs({
  args: argv.slice(2),
  options: {
    seeds: { type: "string", default: "20" },
    from: { type: "string", default: "1" },
    clients: { type: "string", default: "50" },
    submits: { type: "string", default: "2000" },
    kills: { type: "string", default: "4" },
    plain: { type: "boolean", default: false },
  },
});
const size = {
  clients: Number(values.clients),
  submits: Number(values.submits),
  kills: Number(values.kills),
};
const failed: number[] = [];
const first = Number(values.from);
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const { wrong, connections, calls, ms } = await trial(seed, size, !values.plain);
  const counts = Object.entries(calls).map(([what, count]) => `${count} ${what}`).join(", ");
  console.log(
    `seed ${seed}: ${counts}; ${connections} connections, ${size.kills} kills, ` +
      `${(ms / 1000).toFixed(1)} s${wrong.length > 0 ? `; ${wrong.length} WRONG` : ""}`,
  );
  for (const what of wrong.slice(0, 10)) console.log(`  ${what}`);
  if (wrong.length > 0) failed.push(seed);
}
if (failed.length > 0) {
  console.log(`failed: seeds ${failed.join(", ")}`);
  exit(1);
}
