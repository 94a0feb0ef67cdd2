// Builds the npm package into dist/: `npm run build`.
//
// esbuild bundles each entry as an ES module for the oldest Node the package supports; what entries
// share goes into chunks of its own, so that a class exists once however many entries a program
// loads. tsc emits the declarations beside it. Needs Node 20 and what `npm ci` installs.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./root.mjs";

const dist = join(root, "dist");

/** The bundle's name and the source it starts at. `#entry` stands for the Node entry in all of them. */
const entries = {
  node: "src/entry/node.ts",
  deno: "src/entry/deno.ts",
  bun: "src/entry/bun.ts",
  browser: "src/entry/browser.ts",
  client: "src/entry/client.ts",
  codec: "src/codec/mod.ts",
  protocol: "src/protocol/mod.ts",
  memory: "src/link/memory.ts",
  sqlite: "src/entry/sqlite.ts",
};

/** The command's entry: `main` run unconditionally, for Node 20 does not know `import.meta.main`. */
const commandEntry = {
  name: "command-entry",
  setup(build) {
    build.onResolve({ filter: /^cli:main$/ }, () => ({ path: "main", namespace: "cli" }));
    build.onLoad({ filter: /.*/, namespace: "cli" }, () => ({
      contents: '#!/usr/bin/env node\nimport { main } from "./src/cli/main.ts";\nawait main();\n',
      loader: "js",
      resolveDir: root,
    }));
  },
};

rmSync(dist, { recursive: true, force: true });
await bundle();
declarations();
console.log(`dist/: ${size(dist)} bytes`);

async function bundle() {
  await build({
    absWorkingDir: root,
    entryPoints: [
      ...Object.entries(entries).map(([out, source]) => ({ in: source, out })),
      ...(existsSync(join(root, "src/cli/main.ts")) ? [{ in: "cli:main", out: "cli" }] : []),
    ],
    plugins: [commandEntry],
    outdir: dist,
    bundle: true,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node20.19",
    packages: "external",
    // A bundle is never the main module in place of mod.ts; the command has an entry of its own.
    define: { "import.meta.main": "false" },
    charset: "utf8",
    logLevel: "warning",
  });
  // workerd compiles what is imported statically and nothing else, so this one shares no chunks.
  await build({
    absWorkingDir: root,
    entryPoints: [{ in: "src/entry/workerd.ts", out: "workerd" }],
    outdir: dist,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    conditions: ["workerd"],
    target: "es2022",
    packages: "external",
    external: ["node:*"],
    loader: { ".wasm": "copy" },
    assetNames: "codec",
    define: { "import.meta.main": "false" },
    charset: "utf8",
    logLevel: "warning",
  });
  if (existsSync(join(dist, "cli.js"))) chmodSync(join(dist, "cli.js"), 0o755);
}

function declarations() {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  execFileSync(process.execPath, [tsc, "-p", root], { stdio: "inherit" });
  for (const file of files(join(dist, "types"))) {
    // tsc keeps the `.ts` of an import, for which there is no file in the package.
    const text = readFileSync(file, "utf8");
    const lines = text.split("\n").map((line) =>
      line.trimStart().startsWith("*")
        ? line
        : line.replaceAll(/(["']\.{1,2}\/[^"']+)\.ts(["'])/g, "$1.js$2")
    );
    writeFileSync(file, lines.join("\n"));
  }
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function size(folder) {
  return files(folder).reduce((sum, file) => sum + statSync(file).size, 0);
}
