/** Importing the package on Node leaves standard output alone, which `node:process` as a module opens. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import t from "tap";
import { nodeCommand } from "../helpers/programs.ts";
import { path } from "../helpers/root.ts";

const skip = "Deno" in globalThis && "it is for Node";

t.test("no entry opens standard output, and none starts a timer", { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "framewire-import-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const entries = ["node", "browser", "codec", "protocol", "memory", "sqlite"];
  const urls = entries.map((entry) => pathToFileURL(path(`dist/${entry}.js`)).href);
  const file = join(folder, "program.mjs");
  writeFileSync(
    file,
    `const before = process.getActiveResourcesInfo();
for (const url of ${JSON.stringify(urls)}) await import(url);
const opened = process.getActiveResourcesInfo().slice(before.length);
console.log(JSON.stringify(opened));\n`,
  );
  // Standard output is a pipe: opened, it counts among the resources.
  const { status, stdout, stderr } = spawnSync(nodeCommand(), [file], {
    encoding: "utf8",
    timeout: 120_000,
  });
  t.equal(status, 0, stderr);
  t.equal(stdout.trim(), "[]");
  t.end();
});
