// Tries the matrix of runtimes: `node tests/suite/run.mjs [--write] [RUNTIME…]`. `--write` puts its table
// into the README, which takes all runtimes.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { root } from "../../tools/root.mjs";

const outfile = join(root, ".test-build", "suite", "program.mjs");
await build({
  absWorkingDir: root,
  entryPoints: ["tests/suite/program.ts"],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  packages: "external",
  logLevel: "warning",
});
await import(pathToFileURL(outfile));
