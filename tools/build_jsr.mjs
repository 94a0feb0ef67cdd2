// Builds what is published to JSR into dist/jsr/: `node tools/build_jsr.mjs`.
//
// It has the entries of deno.json as few JavaScript files, each naming its declarations, which have the
// documentation: from source, Deno loads 126 modules for an import, and reads 300 before it runs the
// first. What entries share is in chunks of their own, so that a class exists once.

import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundleEntries } from "./build/bundle.mjs";
import { emitDeclarations, filesIn } from "./build/declarations.mjs";
import { readJson, root } from "./root.mjs";

const folder = join(root, "dist", "jsr");
const config = readJson("deno.json");
const { peerDependencies } = readJson("package.json");

/** The name of each entry's bundle, and its source. */
const entries = Object.fromEntries(
  Object.entries(config.exports).map(([name, source]) => [
    name === "." ? "mod" : name.slice("./".length),
    source.slice("./".length),
  ]),
);

/** The command runs on Deno alone here, and needs neither a shim nor Node's sockets: npm's is for Node. */
const commandOfDeno = {
  name: "command-of-deno",
  setup(build) {
    build.onResolve(
      { filter: /^@deno\/shim-deno$|\/entry\/node\.ts$/ },
      ({ importer, kind }) =>
        kind === "dynamic-import" && dirname(importer) === join(root, "src", "cli")
          ? { path: "none", namespace: "command-of-deno" }
          : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "command-of-deno" }, () => ({
      contents: 'throw new Error("of JSR, framewire is a command on Deno alone")',
    }));
  },
};

rmSync(folder, { recursive: true, force: true });
await bundleEntries(entries, {
  outdir: folder,
  conditions: ["deno"],
  plugins: [commandOfDeno],
  target: "es2022",
});
emitDeclarations(join(folder, "types"), ".d.ts");
// tsc does not know what `#entry` is.
const entry = config.imports["#entry"].replace(/\.ts$/, ".d.ts");
writeFileSync(join(folder, "types", "mod.d.ts"), `export * from "${entry}";\n`);
for (const [name, source] of Object.entries(entries)) {
  const types = `./types/${source.replace(/\.ts$/, ".d.ts")}`;
  prepend(`${name}.js`, `/* @ts-self-types="${types}" */\n`);
  // tsc leaves the module's own comment away where it leaves away the import behind it.
  const text = readFileSync(join(root, source), "utf8");
  prepend(types, text.slice(0, text.indexOf("*/") + "*/\n".length));
}
for (const name of ["README.md", "LICENSE", "CHANGELOG.md"]) {
  copyFileSync(join(root, name), join(folder, name));
}
write("deno.json", {
  name: config.name,
  version: config.version,
  license: config.license,
  exports: Object.fromEntries(
    Object.keys(config.exports).map((name) => [
      name,
      name === "." ? "./mod.js" : `${name}.js`,
    ]),
  ),
  imports: { ws: `npm:ws@${peerDependencies.ws}` },
  // It stands in a folder of a workspace, and is no part of it.
  workspace: [],
  // Of git's ignored files, which are left out otherwise.
  publish: { exclude: ["!types/codec-wasm/dist"] },
});
const files = filesIn(folder);
console.log(
  `dist/jsr/: ${files.length} files, ${
    files.reduce((sum, file) => sum + statSync(file).size, 0)
  } bytes`,
);

/** Lets a file begin with a text, if it does not. */
function prepend(name, text) {
  const file = join(folder, name);
  const before = readFileSync(file, "utf8");
  if (!before.startsWith(text)) writeFileSync(file, text + before);
}

/** Writes a file of JSON. */
function write(name, value) {
  writeFileSync(join(folder, name), `${JSON.stringify(value, undefined, 2)}\n`);
}
