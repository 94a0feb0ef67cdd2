// Checks the npm package as its users get it: `node tools/check_package.mjs [PART…]`.
//
// Packs dist/ (built beforehand), looks at the list of files, installs the tarball into an empty
// project, and tries it there. The parts, all by default:
//
//   lint                    publint and attw have nothing to say
//   command                 `framewire --version`
//   node node24 deno bun    the README's example on that runtime
//   types                   a program is checked by TypeScript 5.4 to 7
//   bundles                 esbuild and Vite bundle a page and a Worker; Chromium and workerd run them
//
// What needs a program that is not installed is skipped, and says so.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundlePackages, bundles } from "./package/bundles.mjs";
import { chromiumCommand, tryPage } from "./package/chromium.mjs";
import { command } from "./package/command.mjs";
import { lint } from "./package/lint.mjs";
import { pack } from "./package/pack.mjs";
import { makeProject } from "./package/project.mjs";
import { runExample, runtimePackages } from "./package/runtimes.mjs";
import { typePackages, types } from "./package/types.mjs";
import { tryWorker, workerdCommand } from "./package/workerd.mjs";
import { readJson } from "./root.mjs";

const RUNTIMES = ["node", "node24", "deno", "bun"];
const PARTS = ["lint", "command", ...RUNTIMES, "types", "bundles"];

const parts = process.argv.length > 2 ? process.argv.slice(2) : PARTS;
for (const part of parts) {
  if (!PARTS.includes(part)) {
    console.error(`there is no part ${part}; there are ${PARTS.join(", ")}`);
    process.exit(2);
  }
}

const folder = mkdtempSync(join(tmpdir(), "framewire-package-"));
try {
  const tarball = pack(folder);
  if (parts.includes("lint")) await lint(tarball);
  const project = join(folder, "consumer");
  const runtimes = RUNTIMES.filter((runtime) => parts.includes(runtime));
  const { ws } = readJson("package.json").devDependencies;
  makeProject(project, [
    tarball,
    `ws@${ws}`,
    ...runtimePackages(runtimes),
    ...(parts.includes("types") ? typePackages : []),
    ...(parts.includes("bundles") ? bundlePackages : []),
  ]);
  if (parts.includes("command")) command(project);
  for (const runtime of runtimes) runExample(project, runtime);
  if (parts.includes("types")) types(project);
  if (parts.includes("bundles")) await tryBundles(project);
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function tryBundles(project) {
  for (const { bundler, page, worker } of await bundles(project)) {
    if (chromiumCommand() === undefined) {
      console.log(`page by ${bundler}: skipped, for there is no Chromium`);
    } else {
      await tryPage(project, page);
      console.log(`page by ${bundler}: a round trip in Chromium`);
    }
    if (workerdCommand() === undefined) {
      console.log(`Worker by ${bundler}: skipped, for workerd is not installed for this platform`);
    } else {
      await tryWorker(project, worker);
      console.log(`Worker by ${bundler}: round trips in workerd, as a server and as a client`);
    }
  }
}
