/** Every behaviour for every pair of runtimes that is there: see matrix.ts. */

import process from "node:process";
import t from "tap";
import { read } from "../helpers/root.ts";
import { runtime } from "../helpers/runtime.ts";
import { type Cell, tryMatrix } from "./matrix.ts";
import { RUNTIMES } from "./runtimes.ts";
import { blockOf, tableOf } from "./table.ts";

/** Where every runtime has to be there: elsewhere CI has another Node, or packages are not to be had. */
const isComplete = process.env.CI === "true" && process.platform === "linux" &&
  process.arch === "x64" && process.versions.node.startsWith("20.");
const present = RUNTIMES.filter(({ missing }) => missing === undefined);
const once = runtime === "node" ? false : "once is enough: it starts all runtimes";

t.setTimeout(1_200_000);

for (const { name, missing } of RUNTIMES) {
  if (missing === undefined || once !== false) continue;
  t.test(`${name} is there`, { skip: isComplete ? false : missing }, (t) => {
    t.fail(missing);
    t.end();
  });
}

t.test("one behaviour in every runtime", { skip: once }, async (t) => {
  const cells: readonly Cell[] = await tryMatrix(present);
  for (const { server, client, carrier, trials, lacks } of cells) {
    if (lacks !== undefined) continue;
    t.test(`${client} → ${server}, ${carrier}`, (t) => {
      for (const { behaviour, codec, failure, lacks } of trials) {
        if (lacks === undefined) t.equal(failure, undefined, `${behaviour.title}, ${codec}`);
      }
      t.end();
    });
  }
  const all = present.length === RUNTIMES.length;
  t.test("the README shows this", { skip: all ? false : "not all runtimes are there" }, (t) => {
    t.equal(blockOf(read("README.md")), tableOf(cells), "node tests/suite/run.mjs --write");
    t.end();
  });
});
