/**
 * The isolate's WebAssembly instance for checksums and compression, made when it is first needed.
 *
 * It is one of its own: the scanning codec keeps a batch in its memory, and may not be there.
 *
 * @module
 */
import { codecModule } from "#codec-module";
import type { CodecExports } from "../../codec-wasm/dist/abi.ts";
import { type CodecChoice, resolveCodec } from "./lend.ts";
import { WasmCrc32 } from "./wasm_crc32.ts";
import { WasmLz4 } from "./wasm_lz4.ts";

/** The kernels that work on bytes, not on frames. */
export class WasmKernels {
  /** CRC-32C and CRC-32. */
  readonly crc32: WasmCrc32;
  /** LZ4 blocks. */
  readonly lz4: WasmLz4;

  /** @param module codec.wasm, compiled. */
  constructor(module: WebAssembly.Module) {
    const exports = new WebAssembly.Instance(module).exports as unknown as CodecExports;
    this.crc32 = new WasmCrc32(exports);
    this.lz4 = new WasmLz4(exports);
  }
}

let kernels: WasmKernels | undefined;

/**
 * The kernels for a choice of codec, or undefined when it means TypeScript.
 *
 * @throws FramewireError UNSUPPORTED when "wasm" is asked for and cannot be had.
 */
export function wasmKernels(choice: CodecChoice): WasmKernels | undefined {
  if (choice === "ts") return undefined;
  if (kernels === undefined && resolveCodec(choice) === "wasm") {
    kernels = new WasmKernels(codecModule().module!);
  }
  return kernels;
}
