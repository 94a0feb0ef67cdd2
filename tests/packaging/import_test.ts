/** Importing the package does nothing but define it. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import t from "tap";
import { denoCommand, nodeCommand } from "../helpers/programs.ts";
import { path, readJson } from "../helpers/root.ts";

const runtime = "Deno" in globalThis ? "deno" : "node";
const { exports } = readJson<{ exports: Record<string, string> }>("deno.json");

/** Runs a program of a folder of its own to its end. */
function run(t: { teardown(fn: () => void): unknown }, text: string, command: string[]) {
  const folder = mkdtempSync(join(tmpdir(), "framewire-import-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "program.mjs");
  writeFileSync(file, text);
  const [program, ...args] = command;
  return spawnSync(program!, [...args, file], { encoding: "utf8", timeout: 120_000 });
}

t.test("on Node no entry starts a timer or opens anything", {
  skip: runtime !== "node" && "on Node",
}, (t) => {
  const entries = ["node", "browser", "codec", "protocol", "memory", "sqlite"];
  const urls = entries.map((entry) => pathToFileURL(path(`dist/${entry}.js`)).href);
  const text = `const before = process.getActiveResourcesInfo();
for (const url of ${JSON.stringify(urls)}) await import(url);
const opened = process.getActiveResourcesInfo().slice(before.length);
console.log(JSON.stringify(opened));\n`;
  const { status, stdout, stderr } = run(t, text, [nodeCommand()]);
  t.equal(status, 0, stderr);
  t.equal(stdout.trim(), "[]");
  t.end();
});

t.test("on Deno no entry asks for a permission", { skip: runtime !== "deno" && "on Deno" }, (t) => {
  // Imports that stand in the text need none; what they do would.
  const imports = Object.values(exports).filter((file) => !/bun|workerd|browser/.test(file))
    .map((file) => `import ${JSON.stringify(pathToFileURL(path(file)).href)};\n`);
  t.ok(imports.length > 5);
  const args = ["run", "--no-prompt", "--no-check", "--config", path("deno.json")];
  const { status, stdout, stderr } = run(t, imports.join(""), [...denoCommand(), ...args]);
  t.equal(status, 0, stderr);
  t.equal(stdout, "");
  t.end();
});
