// Builds the npm package into dist/: `npm run build`.
//
// esbuild bundles each entry as an ES module for the oldest Node the package supports; what entries
// share goes into chunks of its own, so that a class exists once however many entries a program
// loads. tsc emits the declarations beside it. Needs Node 20 and what `npm ci` installs.

import { chmodSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { bundleEntries } from "./build/bundle.mjs";
import { emitDeclarations, filesIn } from "./build/declarations.mjs";
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

/** What is loaded later is in the same file here: wrapped as esbuild does it, it would take 10 KB more. */
const staticImports = {
  name: "static-imports",
  setup(build) {
    build.onLoad({ filter: /src.protocol.*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const [, file] = /\(\) => import\((".+?")\)/.exec(text) ?? [];
      const contents = file === undefined
        ? text
        : `import * as parts from ${file};\n${
          text.replace(`import(${file})`, "Promise.resolve(parts)")
        }`;
      return { contents, loader: "ts" };
    });
  },
};

rmSync(dist, { recursive: true, force: true });
await bundle();
emitDeclarations(join(dist, "types"), ".js");
console.log(`dist/: ${size(dist)} bytes`);

async function bundle() {
  // A bundle is never the main module in place of mod.ts; the command has an entry of its own.
  const define = { "import.meta.main": "false" };
  const all = { ...entries, cli: "cli:main" };
  await bundleEntries(all, { outdir: dist, plugins: [commandEntry], define });
  // workerd compiles what is imported statically and nothing else, so this one shares no chunks.
  await build({
    absWorkingDir: root,
    entryPoints: [{ in: "src/entry/workerd.ts", out: "workerd" }],
    plugins: [staticImports],
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
    define,
    charset: "utf8",
    logLevel: "warning",
  });
  chmodSync(join(dist, "cli.js"), 0o755);
}

function size(folder) {
  return filesIn(folder).reduce((sum, file) => sum + statSync(file).size, 0);
}
