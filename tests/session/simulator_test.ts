/**
 * Sessions under schedules of chance. `SEED=17` runs one of them, `SCHEDULES=100000` as many; CI runs 10,000,
 * one half on each runtime.
 */

import process from "node:process";
import t from "tap";
import { runtime } from "../helpers/runtime.ts";
import { type SimReport, simulate } from "./simulator.ts";

t.setTimeout(600_000);

const { SEED, SCHEDULES, CI } = process.env;
const schedules = Number(SCHEDULES ?? (CI === "true" ? 5000 : 250));
const first = SEED !== undefined ? Number(SEED) : runtime === "deno" ? 1 : 5001;
const last = SEED !== undefined ? first : first + schedules - 1;

t.test(`schedules ${first} to ${last}`, async (t) => {
  const total: Record<string, number> = {};
  for (let seed = first; seed <= last; seed++) {
    let report: SimReport;
    try {
      report = await simulate(seed);
    } catch (error) {
      t.fail(`SEED=${seed}: ${(error as Error).message}`);
      return;
    }
    for (const [name, count] of Object.entries(report)) total[name] = (total[name] ?? 0) + count;
  }
  t.comment(JSON.stringify(total));
  if (SEED !== undefined) return t.pass();
  // A simulation in which nothing goes wrong proves nothing.
  const { requests = 0, ...rest } = total;
  t.ok(requests > 15 * schedules);
  for (const name of ["unknown", "lost", "crashes", "cuts", "repeats", "takenOver", "replayed"]) {
    t.ok(rest[name]! * 20 > schedules, `${rest[name]} ${name}`);
  }
});

t.test("the same seed is the same run", async (t) => {
  for (let seed = first; seed < first + 20; seed++) {
    t.strictSame(await simulate(seed), await simulate(seed), `seed ${seed}`);
  }
});
