/**
 * The isolate's codecs, and who may use them when.
 *
 * @module
 */
import module, { failure } from "#codec-module";
import { FramewireError } from "../errors.ts";
import { AutoCodec } from "./auto_codec.ts";
import type { Codec } from "./codec.ts";
import { TsCodec } from "./ts_codec.ts";
import { WasmCodec } from "./wasm_codec.ts";

/**
 * Which codec to use: one of the two by name, or with `"auto"` the faster one for each chunk, as
 * `auto_codec.ts` has measured it; only TypeScript where WebAssembly is not allowed.
 */
export type CodecChoice = "auto" | "wasm" | "ts";

let autoCodec: AutoCodec | undefined;
let wasmCodec: WasmCodec | undefined;
let wasmFailure: unknown = failure;
const tsCodecs: TsCodec[] = [];

/**
 * Decides which codec a choice means in this isolate.
 *
 * @param choice What the user asked for.
 * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
 */
export function resolveCodec(choice: CodecChoice): "wasm" | "ts" {
  if (choice === "ts") return "ts";
  if (load(choice) !== undefined) return "wasm";
  if (choice === "auto") return "ts";
  throw new FramewireError(
    "UNSUPPORTED",
    "WebAssembly cannot be used here (does a Content-Security-Policy lack 'wasm-unsafe-eval'?): " +
      'use codec "auto" or "ts"',
    { cause: wasmFailure },
  );
}

/**
 * Lends the isolate's codec of the chosen kind, or, while that one is {@linkcode Codec.busy}, a
 * spare one in TypeScript: a handler inside a batch may decode a stream of its own.
 *
 * The borrower sets `busy` while it needs the table or the results to stay.
 *
 * @param choice What the user asked for.
 * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
 */
export function borrow(choice: CodecChoice): Codec {
  if (resolveCodec(choice) === "wasm") {
    const codec = choice === "auto" ? autoCodec! : wasmCodec!;
    if (!codec.busy) return codec;
  }
  for (const codec of tsCodecs) if (!codec.busy) return codec;
  const codec = new TsCodec();
  tsCodecs.push(codec);
  return codec;
}

/** The isolate's instance for a choice, made when it is first asked for; undefined if it cannot be. */
function load(choice: "auto" | "wasm"): Codec | undefined {
  const loaded = choice === "auto" ? autoCodec : wasmCodec;
  if (loaded !== undefined || wasmFailure !== undefined) return loaded;
  try {
    if (module === undefined) throw new Error("codec.wasm was not compiled");
    if (choice === "auto") return autoCodec = new AutoCodec(module);
    return wasmCodec = new WasmCodec(module);
  } catch (error) {
    wasmFailure = error;
    return undefined;
  }
}
