/**
 * Makes a codec out of a compiled module.
 *
 * @module
 */
import { findScans } from "./find_scans.ts";
import type { Codec } from "./codec.ts";
import { TsCodec } from "./ts_codec.ts";
import { WasmCodec } from "./wasm_codec.ts";

/**
 * Makes a codec of its own: in WebAssembly when given the compiled `codec.wasm`, else in
 * TypeScript. For programs whose bundler does not find the module by itself.
 *
 * A program wants one instance, not one per connection: each holds 600 KiB, and a runtime allows
 * only some thousands of WebAssembly memories.
 *
 * @param module `codec-wasm/dist/codec.wasm`, compiled.
 * @returns The codec; its {@linkcode Codec.kind} tells which it is.
 *
 * @example Scan two frames
 * ```ts
 * import { createCodec, SUBMIT_FRAMING, SUBMIT_KIND } from "framewire/codec";
 *
 * const chunk = new Uint8Array(26);
 * chunk.set([0, 0, 0, 13, 1]);
 * chunk.set([0, 0, 0, 13, 2], 13);
 * const table = createCodec(undefined)
 *   .scanner(SUBMIT_FRAMING, SUBMIT_KIND).scan(chunk, 0, 26, 1024);
 * if (table.count !== 2) throw new Error("two frames expected");
 * ```
 */
export function createCodec(module: WebAssembly.Module | undefined): Codec {
  return module === undefined ? new TsCodec(findScans) : new WasmCodec(findScans, module);
}
