/** The package is described twice, for npm and for Deno; both must say the same. */

import { existsSync } from "node:fs";
import t from "tap";
import { VERSION } from "../../src/version.ts";
import { path, read, readJson } from "../helpers/root.ts";

interface Target {
  readonly deno?: Target;
  readonly bun?: Target;
  readonly browser?: Target;
  readonly workerd?: Target;
  readonly types?: string;
  readonly default?: string;
}

interface Package {
  readonly version: string;
  readonly license: string;
  readonly exports: Record<string, Target>;
  readonly imports: Record<string, Record<string, string>>;
  readonly devDependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
  readonly dependencies?: Record<string, string>;
}

interface DenoConfig {
  readonly version: string;
  readonly license: string;
  readonly exports: Record<string, string>;
  readonly imports: Record<string, string>;
  readonly tasks: Record<string, string>;
}

const npm = readJson<Package>("package.json");
/** The schema of config files is data for editors, not a module: npm's alone. */
const { "./schema": schema, ...modules } = npm.exports;
const deno = readJson<DenoConfig>("deno.json");

/** The source of which a file of declarations was made. */
function sourceOf(types: string | undefined): string {
  return (types ?? "").replace("./dist/types/", "./").replace(/\.d\.ts$/, ".ts");
}

t.test("package.json, deno.json, src/version.ts and the lock file agree on the version", (t) => {
  t.equal(deno.version, npm.version);
  t.equal(VERSION, npm.version);
  const lock = readJson<{ version: string; packages: Record<string, { version: string }> }>(
    "package-lock.json",
  );
  t.equal(lock.version, npm.version);
  t.equal(lock.packages[""]?.version, npm.version);
  t.equal(deno.license, npm.license);
  t.end();
});

t.test("both export maps have the same entries", (t) => {
  t.strictSame(Object.keys(deno.exports).sort(), Object.keys(modules).sort());
  t.end();
});

t.test("the schema of config files is in the package", (t) => {
  t.equal(schema?.default, "./schema/framewire.schema.json");
  t.match(readJson<object>("schema/framewire.schema.json"), { title: "Framewire server" });
  t.end();
});

t.test("each entry of the npm package is made of the source that Deno loads", (t) => {
  for (const [entry, target] of Object.entries(modules)) {
    const source = deno.exports[entry];
    if (entry === ".") {
      // mod.ts re-exports `#entry`, which is another file on each runtime.
      t.equal(source, "./mod.ts");
      t.equal(sourceOf(target.deno?.types), npm.imports["#entry"]?.deno);
      t.equal(sourceOf(target.bun?.types), npm.imports["#entry"]?.bun);
      t.equal(sourceOf(target.types), npm.imports["#entry"]?.default);
    } else {
      t.equal(sourceOf(target.types), source, `${entry} has the declarations of ${source}`);
    }
    t.ok(existsSync(path(source ?? "")), `${source} exists`);
  }
  t.end();
});

t.test("every file that the npm package names is built", (t) => {
  const files = (target: Target | string): string[] =>
    typeof target === "string" ? [target] : Object.values(target).flatMap(files);
  const named = Object.values(npm.exports).flatMap(files);
  t.ok(named.length > 20);
  for (const file of named) t.ok(existsSync(path(file)), `${file} exists`);
  t.end();
});

t.test("the conditions of an entry stand in an order in which the right one is met first", (t) => {
  for (const [entry, target] of Object.entries(npm.exports)) {
    const conditions = Object.keys(target);
    t.equal(conditions.at(-1), "default", `${entry} ends with "default"`);
    // Wrangler asks for "browser" too, and Bun and Deno for "node": what is the narrowest comes first.
    const order = ["workerd", "bun", "deno", "browser", "types", "default"];
    t.strictSame(conditions, order.filter((condition) => conditions.includes(condition)), entry);
  }
  t.end();
});

t.test("both import maps lead # names to the same files", (t) => {
  t.equal(deno.imports["#entry"], npm.imports["#entry"]?.deno);
  t.equal(deno.imports["#codec-module"], npm.imports["#codec-module"]?.default);
  t.strictSame(
    Object.keys(deno.imports).filter((name) => name.startsWith("#")).sort(),
    Object.keys(npm.imports).sort(),
  );
  for (const target of Object.values(npm.imports).flatMap((each) => Object.values(each))) {
    t.ok(existsSync(path(target)), `${target} exists`);
  }
  t.end();
});

t.test("in this repository Deno loads each entry under the package's name", (t) => {
  for (const [entry, source] of Object.entries(deno.exports)) {
    t.equal(deno.imports[entry.replace(".", "framewire")], source);
  }
  t.end();
});

t.test("every entry is linted for its documentation", (t) => {
  const linted = deno.tasks.doc?.split(" ").filter((word) => word.endsWith(".ts")).sort();
  t.strictSame(linted, Object.values(deno.exports).map((file) => file.slice(2)).sort());
  t.end();
});

t.test("dependencies are pinned exactly, and the lock file names no registry", (t) => {
  const all = { ...npm.dependencies, ...npm.optionalDependencies, ...npm.devDependencies };
  for (const [name, version] of Object.entries(all)) {
    t.match(version, /^\d+\.\d+\.\d+$/, `${name} is pinned`);
  }
  t.notMatch(read("package-lock.json"), /"resolved"|https?:\/\/[^"]*registry/);
  t.end();
});

t.test("docs/DEPENDENCIES.md names every dependency", (t) => {
  const text = read("docs/DEPENDENCIES.md");
  for (const name of Object.keys({ ...npm.optionalDependencies, ...npm.devDependencies })) {
    t.ok(text.includes(`\`${name}\``), name);
  }
  t.end();
});
