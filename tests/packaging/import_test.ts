/** Importing an entry starts nothing: no timer, no socket, no file, nothing that asks for permission. */

import { spawnSync } from "node:child_process";
import process from "node:process";
import { pathToFileURL } from "node:url";
import t from "tap";
import { denoCommand, nodeCommand } from "../helpers/programs.ts";
import { path, readJson } from "../helpers/root.ts";
import { runtime } from "../helpers/runtime.ts";

/** A program that imports nothing exits at once; one that has not by then waits for something. */
const MOST_MS = 120_000;

/** Runs a program that is given as text, without what the runner of this test tells it. */
function run([command, ...args]: readonly [string, ...string[]], program: string) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(_?TAP|NODE_)/.test(name)),
  );
  const { status, signal, stdout, stderr } = spawnSync(command, args, {
    input: program,
    cwd: path("."),
    encoding: "utf8",
    timeout: MOST_MS,
    env: { ...env, NO_COLOR: "1" },
  });
  return { ended: signal ?? status, stdout, stderr };
}

t.test("on Node, of the package", { skip: runtime !== "node" && "Node's part" }, (t) => {
  const { exports } = readJson<{ exports: Record<string, { default: string }> }>("package.json");
  const entries = Object.entries(exports).filter(([name]) =>
    name !== "./schema" && name !== "./workerd" // data, and what Workers alone can load
  );
  t.ok(entries.length > 8);
  for (const [name, { default: file }] of entries) {
    const { ended, stdout, stderr } = run(
      [nodeCommand(), "--input-type=module"],
      `const own = process.getActiveResourcesInfo().length; // the pipes to this program
       await import(${JSON.stringify(pathToFileURL(path(file)).href)});
       // Node itself closes the files of the modules a turn later.
       for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
       console.log(JSON.stringify(process.getActiveResourcesInfo().slice(own)));`,
    );
    t.strictSame([ended, stdout.trim()], [0, "[]"], `${name} ${stderr}`);
  }
  t.end();
});

t.test("on Deno, of the sources", { skip: runtime !== "deno" && "Deno's part" }, (t) => {
  const { exports } = readJson<{ exports: Record<string, string> }>("deno.json");
  for (const [name, file] of Object.entries(exports)) {
    const { ended, stdout, stderr } = run(
      [...denoCommand(), "run", "--no-prompt", "--quiet", "--config", path("deno.json"), "-"],
      `import * as entry from ${JSON.stringify(pathToFileURL(path(file)).href)};
       console.log(Object.keys(entry).length > 0);`,
    );
    t.strictSame([ended, stdout.trim()], [0, "true"], `${name} ${stderr}`);
  }
  t.end();
});
