/**
 * Makes TypeScript of this repository run on Node 20, which cannot strip types: esbuild bundles a
 * file with the library's sources, as the npm package is bundled. So the bench always measures the
 * sources as they are, never a stale dist/.
 *
 * @module
 */
import { build } from "esbuild";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

export const ROOT = join(import.meta.dirname, "..", "..");

/**
 * Bundles `entry` (a path from the repository's root) for Node.
 *
 * @returns {Promise<string>} the bundle's path, in a directory that goes away with this process.
 */
export async function bundleForNode(entry) {
  const directory = mkdtempSync(join(tmpdir(), "framewire-bench-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const outfile = join(directory, "bundle.mjs");
  await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20.19",
    format: "esm",
    alias: {
      "framewire/sqlite": join(ROOT, "src/entry/sqlite.ts"),
      framewire: join(ROOT, "src/entry/node.ts"),
    },
    logLevel: "error",
  });
  return outfile;
}
