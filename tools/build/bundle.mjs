// Bundles entries whose shared code goes into a few chunks, for the packages of npm and of JSR alike.

import { readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { build } from "esbuild";
import { root } from "../root.mjs";

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
    "src/connection/alarm.ts",
    "src/connection/state.ts",
    "src/protocol/call_queue.ts",
  ],
  core: [
    "src/entry/common.ts",
    "src/entry/edge.ts",
    "src/entry/when_called.ts",
    "src/link/deno_capabilities.ts",
    "src/link/node_capabilities.ts",
  ],
  connection: ["src/connection/connection.ts", "src/protocol/open_calls.ts"],
};

/**
 * Bundles entries.
 *
 * @param {Record<string, string>} entries The bundle's name and the source it starts at.
 * @param {import("esbuild").BuildOptions} options What differs between packages.
 */
export async function bundleEntries(entries, options) {
  const { plugins = [] } = options;
  const all = {
    absWorkingDir: root,
    entryPoints: Object.entries(entries).map(([out, source]) => ({ in: source, out })),
    bundle: true,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node20.19",
    minifySyntax: true,
    packages: "external",
    logLevel: "warning",
    ...options,
  };
  const { metafile: { inputs } } = await build({ ...all, write: false, metafile: true });
  const sources = Object.values(entries).filter((source) => source in inputs);
  await build({ ...all, plugins: [...plugins, wholeChunks(inputs, sources)] });
}

/**
 * Makes chunks of the {@linkcode wholes}: whatever is loaded by itself, and uses a part of one, imports it
 * all, and so esbuild finds that the whole is shared by the same.
 */
function wholeChunks(inputs, sources) {
  const taken = new Set();
  const parts = Object.entries(wholes).map(([name, files]) => {
    const all = files.flatMap((file) => [...closure(inputs, file)]);
    const own = new Set(all.filter((file) => !taken.has(file)));
    for (const file of own) taken.add(file);
    return { name, own };
  });
  const loaded = new Set([
    ...sources,
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
