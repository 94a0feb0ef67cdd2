/** The matrix as a program: see run.mjs. */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { path } from "../helpers/root.ts";
import { tryMatrix } from "./matrix.ts";
import { RUNTIMES } from "./runtimes.ts";
import { tableOf, withBlock } from "./table.ts";

const args = process.argv.slice(2);
const wanted = args.filter((arg) => arg !== "--write");
const chosen = RUNTIMES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const missing = chosen.filter(({ missing }) => missing !== undefined);
for (const { name, missing: why } of missing) console.log(`not there: ${name}: ${why}`);

// So that the hosts are ended too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

let failures = 0;
const present = chosen.filter(({ missing }) => missing === undefined);
const cells = await tryMatrix(present, ({ server, client, carrier, trials }) => {
  const failed = trials.filter(({ failure }) => failure !== undefined);
  failures += failed.length;
  console.log(`${failed.length === 0 ? "ok    " : "FAILED"}  ${client} → ${server}, ${carrier}`);
  for (const { behaviour, codec, failure } of failed) {
    console.log(`        ${behaviour.title}, ${codec}: ${failure!.replaceAll("\n", "\n        ")}`);
  }
});
const table = tableOf(cells);
console.log(`\n${table}\n\n${failures} failures`);
if (args.includes("--write")) {
  if (present.length < RUNTIMES.length) {
    console.log("not written: that takes all runtimes");
    process.exit(1);
  }
  const readme = path("README.md");
  writeFileSync(readme, withBlock(readFileSync(readme, "utf8"), table));
}
process.exit(failures === 0 ? 0 : 1);
