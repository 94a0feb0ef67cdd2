/**
 * Bundles the Worker for workerd.
 *
 *   deno run -A examples/edge_gateway/build.ts [folder]
 *   BACKENDS="tcp://127.0.0.1:4400 tcp://127.0.0.1:4401" workerd serve FOLDER/config.capnp
 */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const [folder = path("dist")] = process.argv.slice(2);

await build({
  entryPoints: [path("worker.ts")],
  outfile: join(folder, "worker.mjs"),
  bundle: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  // The codec is a module of its own there: Workers compile no WebAssembly at run time.
  conditions: ["workerd"],
  loader: { ".wasm": "copy" },
  assetNames: "codec",
  external: ["node:*"],
});
await copyFile(path("config.capnp"), join(folder, "config.capnp"));
console.log(`bundled into ${folder}`);
