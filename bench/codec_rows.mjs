/**
 * Runs the codec bench (`codec/measure.ts`) on Deno and on Node.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { execPath } from "node:process";
import { bundleForNode, ROOT } from "./server/bundle.mjs";
import { output } from "./server/processes.mjs";

/**
 * @typedef {{ name: string, payload: number, chunk: number | string, wasmNs: number,
 *   tsNs: number }} CodecRow nanoseconds per frame, the same work done by each codec.
 */

/** The row on which WASM has to win, and by how much on each runtime. */
export const CODEC_TARGET = { name: "scan + acks", payload: 32, chunk: 65536, tsOverWasm: 1.5 };

/** @returns {Promise<{ measuredAt: string, deno: CodecRow[], node: CodecRow[] } | undefined>} */
export async function measureCodec(deno) {
  const entry = "bench/codec_print.ts";
  if (!existsSync(join(ROOT, "bench/codec/measure.ts"))) {
    console.warn("note: bench/codec/measure.ts is missing, so there are no codec rows");
    return undefined;
  }
  console.log("codec, ns per frame: measuring on Deno and on Node");
  const rows = {
    deno: JSON.parse(await output(deno, ["run", "-A", join(ROOT, entry)])),
    node: JSON.parse(await output(execPath, [await bundleForNode(entry)])),
  };
  return { measuredAt: new Date().toISOString(), ...rows };
}
