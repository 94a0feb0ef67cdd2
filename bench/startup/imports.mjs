/**
 * What it takes to import each entry: a process that imports it beside one that imports an empty
 * module, and the import alone.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { pathToFileURL } from "node:url";
import { ROOT } from "../server/bundle.mjs";
import { median, timed } from "./processes.mjs";

/** The entries that are measured: the whole library, and its parts. */
export const ENTRIES = {
  framewire: {
    node: "dist/node.js",
    package: "dist/deno.js",
    jsr: "dist/jsr/mod.js",
    source: "mod.ts",
  },
  "framewire/codec": {
    node: "dist/codec.js",
    package: "dist/codec.js",
    jsr: "dist/jsr/codec.js",
    source: "src/codec/mod.ts",
  },
  "framewire/protocol": {
    node: "dist/protocol.js",
    package: "dist/protocol.js",
    jsr: "dist/jsr/protocol.js",
    source: "src/protocol/mod.ts",
  },
  "framewire/memory": {
    node: "dist/memory.js",
    package: "dist/memory.js",
    jsr: "dist/jsr/memory.js",
    source: "src/link/memory.ts",
  },
  "framewire/sqlite": {
    node: "dist/sqlite.js",
    package: "dist/sqlite.js",
    jsr: "dist/jsr/sqlite.js",
    source: "src/entry/sqlite.ts",
  },
};

/**
 * @typedef {{ entry: string, from: "node" | "package" | "jsr" | "source",
 *   importMs: number, processMs: number }} ImportRow Medians: of the import by itself, and of how much
 *   longer the whole process takes than one that imports an empty module. `package` is the npm package
 *   on Deno, `jsr` what is published to JSR, and `source` what is in a clone, on Deno too.
 */

/**
 * @param {string} deno
 * @param {{ rounds: number }} pace In each round all take turns.
 * @returns {ImportRow[]}
 */
export function measureImports(deno, { rounds }) {
  const folder = mkdtempSync(join(tmpdir(), "framewire-startup-"));
  try {
    const onDeno = denoRun(deno);
    const commands = { node: [execPath], package: onDeno, jsr: onDeno, source: onDeno };
    const empty = program(folder, "empty", join(folder, "nothing.mjs"));
    writeFileSync(join(folder, "nothing.mjs"), "");
    const rows = Object.entries(ENTRIES).flatMap(([entry, files]) =>
      Object.entries(files).map(([from, file], index) => ({
        entry,
        from,
        file: program(folder, `${entry.replace("/", "_")}${index}`, join(ROOT, file)),
        imports: [],
        processes: [],
      }))
    );
    // The first round fills the caches of the system and of Deno, and does not count.
    for (let round = 0; round <= rounds; round++) {
      const base = Object.fromEntries(
        Object.entries(commands).map(([from, command]) => [from, timed([...command, empty]).ms]),
      );
      for (const row of rows) {
        const { ms, stdout } = timed([...commands[row.from], row.file]);
        if (round === 0) continue;
        row.imports.push(Number(stdout));
        row.processes.push(ms - base[row.from]);
      }
    }
    return rows.map(({ entry, from, imports, processes }) => ({
      entry,
      from,
      importMs: median(imports),
      processMs: median(processes),
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function denoRun(deno) {
  return [deno, "run", "-A", "--no-check", "--config", join(ROOT, "deno.json")];
}

/** Writes a program that prints the milliseconds that the import of a file takes. */
function program(folder, name, file) {
  const path = join(folder, `${name}.mjs`);
  const text = `const startMs = performance.now();
await import(${JSON.stringify(pathToFileURL(file).href)});
console.log(performance.now() - startMs);\n`;
  writeFileSync(path, text);
  return path;
}
