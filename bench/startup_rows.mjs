/**
 * What it takes to start: the import of each entry on Node and on Deno, and a server from a clone.
 *
 * `node bench/startup_rows.mjs` prints it and writes nothing.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import process, { execPath } from "node:process";
import { findDeno } from "./machine.mjs";
import { ROOT } from "./server/bundle.mjs";
import { measureClone } from "./startup/clone.mjs";
import { ENTRIES, measureImports } from "./startup/imports.mjs";

/**
 * What the import of an entry of a package may take, and a server from a clone that was started before, in
 * ms. The import of a clone's sources is shown and has no target.
 */
export const STARTUP_TARGETS = { importMs: 10, listeningMs: 150 };

/** What is imported, in the order of the columns. */
const FROM = {
  node: "Node, npm",
  package: "Deno, npm",
  jsr: "Deno, JSR",
  source: "Deno, clone's source",
};

/**
 * @typedef {{ measuredAt: string, rounds: number, imports: import("./startup/imports.mjs").ImportRow[],
 *   clone: import("./startup/clone.mjs").CloneRow }} StartupResults
 */

/** @returns {Promise<StartupResults>} */
export async function measureStartup(deno, pace = { rounds: 21 }) {
  console.log("\nstart: the import of each entry, and a server from a clone");
  for (const tool of ["build.mjs", "build_jsr.mjs"]) {
    execFileSync(execPath, [join(ROOT, "tools", tool)]);
  }
  const imports = measureImports(deno, pace);
  for (const { entry, from, importMs, processMs } of imports) {
    console.log(
      `  ${entry.padEnd(20)} ${FROM[from].padEnd(20)} import ${ms(importMs)}  process + ${
        ms(processMs)
      }`,
    );
  }
  const clone = await measureClone(deno, pace);
  console.log(
    `  deno run -A mod.ts serve, listening after ${ms(clone.warmMs)}, ` +
      `with an empty cache ${ms(clone.coldMs)}`,
  );
  return { measuredAt: new Date().toISOString(), ...pace, imports, clone };
}

/** The full report: a Markdown table's head and its rows. */
export function startupCells({ imports }) {
  return {
    head: ["import", ...Object.values(FROM)],
    body: Object.keys(ENTRIES).map((entry) => [
      entry,
      ...Object.keys(FROM).map((from) => {
        const row = imports.find((row) => row.entry === entry && row.from === from);
        return row === undefined ? "–" : `${ms(row.importMs)}, ${ms(row.processMs)}`;
      }),
    ]),
  };
}

/** The full report, below the table. */
export function startupText({ clone }) {
  return `Wanted of the packages: an import under ${STARTUP_TARGETS.importMs} ms. The last column is the source as a ` +
    `clone has it, where Deno loads each file by itself. In a clone with nothing installed, \`deno run -A mod.ts serve\` listens after ` +
    `${ms(clone.warmMs)}; the first time, when Deno compiles the sources, after ${
      ms(clone.coldMs)
    } ` +
    `(wanted: ${STARTUP_TARGETS.listeningMs} ms).`;
}

/** One line per target that was missed; empty when all are met. */
export function startupMisses(results) {
  if (results === undefined) return [];
  const { importMs, listeningMs } = STARTUP_TARGETS;
  const lines = results.imports.filter((row) => row.from !== "source" && row.importMs >= importMs)
    .map(({ entry, from, importMs: got }) =>
      `missed: import of ${entry} (${FROM[from]}): ${ms(got)}, wanted under ${importMs} ms`
    );
  const { warmMs } = results.clone;
  if (warmMs >= listeningMs) {
    lines.push(`missed: serve from a clone: ${ms(warmMs)}, wanted under ${listeningMs} ms`);
  }
  return lines;
}

function ms(value) {
  return `${value.toFixed(1)} ms`;
}

if (process.argv[1] === import.meta.filename) {
  const results = await measureStartup(findDeno(ROOT), { rounds: 9 });
  for (const line of startupMisses(results)) console.log(line);
}
