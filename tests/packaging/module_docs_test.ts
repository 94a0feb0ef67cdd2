/** Every entry's documentation begins with a program, and that program runs. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { transform } from "esbuild";
import t from "tap";
import { path, read, readJson } from "../helpers/root.ts";

const { exports } = readJson<{ exports: Record<string, string> }>("deno.json");
const bun = path("node_modules/bun/bin/bun.exe");
/** Without what the runner of this test tells it: Bun would take it for its own. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(_?TAP|NODE_)/.test(name)),
);
const onNode = !("Deno" in globalThis);

/** The documentation of a module: its first comment. */
function moduleDoc(file: string): string {
  const [comment = ""] = /^\/\*\*.*?\*\//s.exec(read(file)) ?? [];
  return comment;
}

/** The first program in a documentation comment, and what its fence says besides the language. */
function firstProgram(doc: string): { readonly text: string; readonly mark: string } | undefined {
  const match = /^ \* ```ts(.*)\n((?: \*.*\n)*?) \* ```$/m.exec(doc);
  if (match === null) return undefined;
  return { mark: match[1]!.trim(), text: match[2]!.replaceAll(/^ \* ?/gm, "") };
}

/** Runs an entry's program from inside the project, so that "framewire" is the package itself. */
async function run(command: string, entry: "./node" | "./bun") {
  const { text } = firstProgram(moduleDoc(exports[entry]!))!;
  mkdirSync(path(".test-build/module-docs"), { recursive: true });
  const file = path(`.test-build/module-docs/${entry.slice(2)}.mjs`);
  const { code } = await transform(text, { loader: "ts", format: "esm", target: "node20.19" });
  writeFileSync(file, code);
  const { status, stdout, stderr } = spawnSync(command, [file], {
    cwd: path("."),
    encoding: "utf8",
    timeout: 120_000,
    env: environment,
  });
  return { status, printed: stdout + stderr };
}

for (const [entry, file] of Object.entries(exports)) {
  t.test(`the documentation of ${entry} has a program that loads it`, (t) => {
    const doc = moduleDoc(file);
    t.match(doc, /^ \* @module$/m);
    const program = firstProgram(doc);
    const name = entry.replace(".", "framewire");
    t.ok(program?.text.includes(`from "${name}"`), `it imports ${name}`);
    // `.ci/run doc-examples` runs those on Deno that can run there.
    const elsewhere = ["./node", "./bun", "./workerd", "./browser", "./client"].includes(entry);
    t.equal(program?.mark, elsewhere ? "ignore" : "");
    t.end();
  });
}

const notHere = {
  "./node": !onNode && "it is for Node",
  "./bun": !onNode ? "once is enough: it is Bun that runs" : !existsSync(bun) && "there is no Bun",
};

for (const [entry, command] of [["./node", process.execPath], ["./bun", bun]] as const) {
  t.test(`the program of ${entry} runs there`, { skip: notHere[entry] }, async (t) => {
    const { status, printed } = await run(command, entry);
    t.equal(status, 0, printed);
    t.match(printed, /hello/);
  });
}
