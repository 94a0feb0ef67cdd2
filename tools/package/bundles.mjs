// Programs for the browser and for workerd, bundled as their authors would: by esbuild and by Vite.

import { build } from "esbuild";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../root.mjs";

export const bundlePackages = ["vite@8.4.0"];

/** What a page begins with: Vite reads it, and esbuild's bundle has the same name. */
const PAGE = '<!doctype html><title>wire</title><script type="module" src="/page.js"></script>\n';

/** Workers are resolved as Cloudflare's own tools do it, which ask for `browser` too. */
const WORKER_CONDITIONS = ["workerd", "worker", "browser"];
const WORKER_EXTERNAL = ["node:*", "cloudflare:*"];

/**
 * Bundles the consumer's page and Worker with each bundler.
 *
 * @param {string} project
 * @returns {Promise<{ bundler: string, page: string, worker: string }[]>} The folders with what was
 * made: `index.html` and what it needs; `worker.mjs` and `codec.wasm`.
 */
export async function bundles(project) {
  for (const name of ["page.js", "worker.js", "counter.js"]) {
    copyFileSync(join(root, "tools", "package", "consumer", name), join(project, name));
  }
  writeFileSync(join(project, "index.html"), PAGE);
  const made = [];
  for (const [bundler, bundle] of [["esbuild", byEsbuild], ["Vite", await byVite(project)]]) {
    const [page, worker] = ["page", "worker"].map((name) => {
      const folder = join(project, `${name}-by-${bundler}`);
      mkdirSync(folder);
      return folder;
    });
    await bundle(project, page, worker);
    made.push({ bundler, page, worker });
  }
  return made;
}

async function byEsbuild(project, page, worker) {
  const common = { absWorkingDir: project, bundle: true, format: "esm", logLevel: "warning" };
  await build({
    ...common,
    entryPoints: ["page.js"],
    outdir: page,
    minify: true,
    target: "es2022",
  });
  copyFileSync(join(project, "index.html"), join(page, "index.html"));
  await build({
    ...common,
    entryPoints: ["worker.js"],
    outfile: join(worker, "worker.mjs"),
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: WORKER_CONDITIONS,
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
    external: WORKER_EXTERNAL,
    target: "es2022",
  });
}

/** Vite as it is installed in the project. */
async function byVite(project) {
  const resolved = createRequire(join(project, "package.json")).resolve("vite/package.json");
  const vite = await import(pathToFileURL(join(dirname(resolved), "dist/node/index.js")).href);
  return async (_project, page, worker) => {
    const common = { root: project, configFile: false, logLevel: "warn" };
    await vite.build({ ...common, build: { outDir: page, target: "es2022" } });
    await vite.build({
      ...common,
      plugins: [wasmModules()],
      ssr: {
        target: "webworker",
        noExternal: true,
        resolve: { conditions: WORKER_CONDITIONS },
      },
      build: {
        ssr: "worker.js",
        emitAssets: true,
        outDir: worker,
        target: "es2022",
        rollupOptions: {
          external: [/^(node|cloudflare):/],
          output: { entryFileNames: "worker.mjs" },
        },
      },
    });
  };
}

/** A Worker imports WebAssembly as a module: the file is put beside it, as Cloudflare's plugin does. */
function wasmModules() {
  return {
    name: "wasm-modules",
    enforce: "pre",
    resolveId(source, importer) {
      if (!source.endsWith(".wasm")) return undefined;
      const fileName = basename(source);
      this.emitFile({
        type: "asset",
        fileName,
        source: readFileSync(join(dirname(importer), source)),
      });
      return { id: `./${fileName}`, external: true };
    },
  };
}
