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
import { join, relative, sep } from "node:path";
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

/**
 * What is one chunk each, with all it imports that is in none before it. By itself esbuild makes a chunk for
 * every set of entries that share something, sixty and more, and each takes Node half a millisecond to find,
 * however little is in it.
 */
const wholes = {
  // The small client takes what it needs of these two: of a chunk with `import()` in it, or with what might
  // have an effect at its top level, a bundler would keep more.
  codec: [
    "src/codec/mod.ts",
    "src/codec/copy_of.ts",
    "src/entry/runtime_name.ts",
    "src/link/accept_queue.ts",
    "src/link/capabilities.ts",
    "src/protocol/protocol.ts",
    "src/protocol/submit/commands.ts",
  ],
  connection: ["src/connection/connection.ts", "src/protocol/open_calls.ts"],
  core: [
    "src/entry/common.ts",
    "src/entry/edge.ts",
    "src/entry/when_called.ts",
    "src/link/deno_capabilities.ts",
    "src/link/node_capabilities.ts",
  ],
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
declarations();
console.log(`dist/: ${size(dist)} bytes`);

async function bundle() {
  const options = {
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
    minifySyntax: true,
    packages: "external",
    // A bundle is never the main module in place of mod.ts; the command has an entry of its own.
    define: { "import.meta.main": "false" },
    logLevel: "warning",
  };
  const { metafile: { inputs } } = await build({ ...options, write: false, metafile: true });
  await build({ ...options, plugins: [commandEntry, wholeChunks(inputs)] });
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
    define: { "import.meta.main": "false" },
    charset: "utf8",
    logLevel: "warning",
  });
  if (existsSync(join(dist, "cli.js"))) chmodSync(join(dist, "cli.js"), 0o755);
}

/**
 * Makes chunks of the {@linkcode wholes}: whatever is loaded by itself, and uses a part of one, imports it
 * all, and so esbuild finds that the whole is shared by the same.
 */
function wholeChunks(inputs) {
  const taken = new Set();
  const parts = Object.entries(wholes).map(([name, files]) => {
    const all = files.flatMap((file) => [...closure(inputs, file)]);
    const own = new Set(all.filter((file) => !taken.has(file)));
    for (const file of own) taken.add(file);
    return { name, own };
  });
  const loaded = new Set([
    ...Object.values(entries),
    "src/cli/main.ts",
    ...Object.values(inputs).flatMap(({ imports }) =>
      imports.filter(({ kind, external }) => kind === "dynamic-import" && !external)
        .map(({ path }) => path)
    ),
  ]);
  return {
    name: "whole-chunks",
    setup(build) {
      build.onLoad({ filter: /\.ts$/, namespace: "file" }, ({ path }) => {
        const file = relative(root, path).split(sep).join("/");
        if (!loaded.has(file)) return;
        const used = [...closure(inputs, file)];
        const imports = parts.filter(({ own }) => used.some((file) => own.has(file)))
          .map(({ name }) => `import "whole:${name}";`);
        return { contents: [readFileSync(path, "utf8"), ...imports].join("\n"), loader: "ts" };
      });
      // In a namespace of its own, for package.json says that a mere import of a file has no effect.
      build.onResolve({ filter: /^whole:/ }, ({ path }) => ({
        path: path.slice("whole:".length),
        namespace: "whole",
      }));
      build.onLoad({ filter: /.*/, namespace: "whole" }, ({ path }) => ({
        contents: wholes[path].map((file, i) => `export * as _${i} from "./${file}";`).join("\n"),
        resolveDir: root,
      }));
    },
  };
}

/** A file and all that it imports. */
function closure(inputs, file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const { path, kind, external } of inputs[file].imports) {
    if (kind === "import-statement" && !external) closure(inputs, path, found);
  }
  return found;
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
