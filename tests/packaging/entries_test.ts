/** What a program gets that loads the built package, as npm ships it. */

import t from "tap";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { path, read, readJson, root } from "../helpers/root.ts";

type Exports = Record<string, unknown>;

/** Loads a file of dist/ at run time, out of sight of the bundler and of the type checker. */
function load(file: string): Promise<Exports> {
  return import(new URL(file, root).href) as Promise<Exports>;
}

const built = {
  node: await load("dist/node.js"),
  deno: await load("dist/deno.js"),
  bun: await load("dist/bun.js"),
  browser: await load("dist/browser.js"),
  client: await load("dist/client.js"),
  codec: await load("dist/codec.js"),
  memory: await load("dist/memory.js"),
  sqlite: await load("dist/sqlite.js"),
};

/** A file of dist/ and all that it imports, but for `import()`. */
function filesOf(file: string, found: Set<string> = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, name = ""] of read(file).matchAll(/(?:from|^import) "(\.[^"]+)";$/gm)) {
    filesOf(new URL(name, new URL(file, "file:///")).pathname.slice(1), found);
  }
  return found;
}

t.test("the entries of all runtimes export the same names, but for servers in browsers", (t) => {
  const names = Object.keys(built.node).sort();
  t.strictSame(Object.keys(built.deno).sort(), names);
  t.strictSame(Object.keys(built.bun).sort(), names);
  t.strictSame([...Object.keys(built.browser), "serve", "edge"].sort(), names);
  t.end();
});

t.test("the built entries export what the sources do", async (t) => {
  const sources = {
    node: await import("../../src/entry/node.ts") as Exports,
    deno: await import("../../src/entry/deno.ts") as Exports,
    bun: await import("../../src/entry/bun.ts") as Exports,
    browser: await import("../../src/entry/browser.ts") as Exports,
    client: await import("../../src/entry/client.ts") as Exports,
    codec: await import("../../src/codec/mod.ts") as Exports,
    memory: await import("../../src/link/memory.ts") as Exports,
    sqlite: await import("../../src/entry/sqlite.ts") as Exports,
  };
  for (const name of Object.keys(sources) as (keyof typeof sources)[]) {
    t.strictSame(Object.keys(built[name]).sort(), Object.keys(sources[name]).sort(), name);
  }
});

t.test("framewire/protocol of Workers is the main entry, which has all of it", async (t) => {
  const { exports } = readJson<{ exports: Record<string, { workerd: { default: string } }> }>(
    "package.json",
  );
  t.equal(exports["./protocol"]!.workerd.default, exports["."]!.workerd.default);
  const names = Object.keys(await load("dist/protocol.js"));
  t.strictSame(names.filter((name) => !(name in built.browser)), []);
});

t.test("an import takes few files: each costs Node half a millisecond", (t) => {
  const most = { node: 3, deno: 3, protocol: 3, codec: 2, memory: 2, sqlite: 3 };
  for (const [name, files] of Object.entries(most)) {
    t.ok(filesOf(`dist/${name}.js`).size <= files, `${name} takes ${files}`);
  }
  t.end();
});

t.test("the main entry has serve, connect and FramewireError", (t) => {
  for (const name of ["serve", "connect", "FramewireError"]) {
    t.type(built.node[name], "function", name);
  }
  t.end();
});

t.test("a class exists once, whichever entries are loaded", (t) => {
  t.equal(built.node.FramewireError, built.deno.FramewireError);
  t.end();
});

t.test("importing an entry has no side effect that keeps a program alive or names a file", (t) => {
  for (const file of readdirSync(path("dist"), { recursive: true })) {
    const name = String(file);
    if (!name.endsWith(".js")) continue;
    const text = readFileSync(path(`dist/${name}`), "utf8");
    t.notMatch(text, /\/(home|root|work|Users)\//, `${name} holds no path of this machine`);
    if (name !== "cli.js") t.notMatch(text, /^await /m, `${name} has no await at its top level`);
  }
  t.end();
});

t.test("the package runs without the shim but for its command", (t) => {
  for (const file of Object.keys(built)) {
    t.notMatch(read(`dist/${file}.js`), /shim-deno/);
  }
  t.ok(readJson<Exports>("package.json").optionalDependencies);
  t.ok(existsSync(path("dist/cli.js")));
  t.end();
});
