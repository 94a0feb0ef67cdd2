// Checks what is published to JSR as its users get it: `node tools/check_jsr.mjs [PART…]`.
//
// Looks at dist/jsr/ (built beforehand by tools/build_jsr.mjs). The parts, all by default:
//
//   publish    a dry run of publishing warns of nothing but what the sources are warned of
//   docs       `deno doc` says of each entry what it says of its source
//   types      a program that uses it is checked
//   run        that program makes a round trip, and finds each class once
//   command    the main entry is the command: it serves, and is pinged

import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { denoCommand, readJson, root } from "./root.mjs";

const built = join(root, "dist", "jsr");
const PARTS = { publish, docs, types, run, command };

/** What is imported by a name that is known when it runs: a module of Workers alone, and a server's handlers. */
const WARNED = ["import(name)", "import(pathToFileURL(file).href)"];

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS);
const unknown = wanted.find((part) => !(part in PARTS));
if (unknown !== undefined) {
  console.error(`there is no part ${unknown}; there are ${Object.keys(PARTS).join(", ")}`);
  process.exit(2);
}

const { exports } = readJson("dist/jsr/deno.json");
const sources = readJson("deno.json").exports;
// Away from the project, whose settings are not those of a program that uses it.
const folder = mkdtempSync(join(tmpdir(), "framewire-jsr-"));
try {
  cpSync(built, join(folder, "framewire"), { recursive: true });
  const consumer = join(root, "tools", "jsr", "consumer.ts");
  cpSync(consumer, join(folder, "consumer.ts"));
  const imports = Object.fromEntries(
    Object.entries(exports).map(([name, file]) => [
      name.replace(".", "framewire"),
      `./framewire/${file.slice("./".length)}`,
    ]),
  );
  writeFileSync(join(folder, "deno.json"), JSON.stringify({ imports }));
  for (const part of wanted) {
    await PARTS[part]();
    console.log(`${part}: ok`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function publish() {
  const { stderr } = deno(["publish", "--dry-run", "--allow-dirty"], built);
  const [said] = stderr.split("\nSimulating publish");
  const warnings = said.split(/^warning/im).slice(1);
  const expected = warnings.every((text) => text.startsWith("[unanalyzable-dynamic-import]"));
  const imports = warnings.map((text) => WARNED.find((call) => text.includes(call)));
  check(expected && String(imports.sort()) === String(WARNED), said);
}

function docs() {
  for (const [name, file] of Object.entries(exports)) {
    const [ours, theirs] = [described(sources[name], root), described(file, built)];
    check(ours.size > 0, `${name} has no documentation`);
    for (const [symbol, text] of ours) {
      check(theirs.has(symbol), `${name}: the declarations lack ${symbol}`);
      check(theirs.get(symbol) === text, `${name}: ${symbol} is described otherwise`);
    }
    check(ours.size === theirs.size, `${name}: the declarations have more than the source`);
  }
}

/** The documentation of each symbol of a module, and under no name that of the module. */
function described(file, cwd) {
  const { nodes } = JSON.parse(deno(["doc", "--json", file], cwd).stdout);
  const [{ module_doc: module, symbols }] = Object.values(nodes);
  const texts = symbols.map((
    { name, declarations },
  ) => [name, JSON.stringify(docsIn(declarations))]);
  return new Map([["", JSON.stringify(module)], ...texts]);
}

/** All comments within a description, in their order. */
function docsIn(value) {
  if (Array.isArray(value)) return value.flatMap(docsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => key === "jsDoc" ? [inner] : docsIn(inner));
}

function types() {
  deno(["check", "consumer.ts"], folder);
}

function run() {
  // An import asks for no permission and writes nothing: it is no command, and opens nothing.
  const all = Object.keys(exports).map((name) => `import "${name.replace(".", "framewire")}";\n`);
  writeFileSync(join(folder, "imports.ts"), all.join(""));
  const imported = deno(["run", "--no-prompt", "imports.ts"], folder);
  check(imported.stdout === "", `imported, it writes ${imported.stdout}`);
  const { stdout } = deno(["run", "--no-check", "-A", "consumer.ts"], folder);
  check(stdout === "hello, world\n", `the program wrote ${stdout}`);
}

async function command() {
  const [name, ...args] = [...denoCommand(), "run", "-A", "framewire/mod.js"];
  const server = spawn(name, [...args, "serve", "--port", "0"], { cwd: folder });
  try {
    const port = await new Promise((resolve, reject) => {
      let printed = "";
      server.stderr.on("data", (bytes) => printed += bytes);
      server.stdout.on("data", (bytes) => {
        printed += bytes;
        const [, port] = /^listening on 127\.0\.0\.1:(\d+) /m.exec(printed) ?? [];
        if (port !== undefined) resolve(port);
      });
      server.on("close", () => reject(new Error(`it does not listen: ${printed}`)));
    });
    deno(["run", "-A", "framewire/mod.js", "ping", `127.0.0.1:${port}`, "--count", "3"], folder);
  } finally {
    server.kill();
  }
}

/** Runs Deno, which must succeed. */
function deno(args, cwd) {
  const [command, ...first] = denoCommand();
  const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  const options = { cwd, env, encoding: "utf8", maxBuffer: 1 << 28 };
  const result = spawnSync(command, [...first, ...args], options);
  check(result.status === 0, `deno ${args.join(" ")}: ${result.error ?? result.stderr}`);
  return result;
}

function check(holds, message) {
  if (!holds) throw new Error(message);
}
