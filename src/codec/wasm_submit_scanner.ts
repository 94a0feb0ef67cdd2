/**
 * Scans for the frames of `submit`, in WebAssembly: their kernel knows all its numbers.
 *
 * @module
 */
import * as abi from "../../codec-wasm/dist/abi.ts";
import type { Scanner } from "./codec.ts";
import type { Table } from "./frame_table.ts";
import { limitOf, type WasmMemory } from "./wasm_memory.ts";

/** Frames of `submit`. */
export class WasmSubmitScanner implements Scanner {
  /** See {@linkcode Scanner.headerBytes}. */
  readonly headerBytes = 4;
  /** See {@linkcode Scanner.exact}. */
  readonly exact = true;
  readonly #memory: WasmMemory;

  /** @param memory The instance that scans. */
  constructor(memory: WasmMemory) {
    this.#memory = memory;
  }

  /** See {@linkcode Scanner.scan}. */
  scan(chunk: Uint8Array, start: number, end: number, maxFrameBytes: number): Table {
    const memory = this.#memory;
    const limit = Math.min(end, start + abi.WINDOW_BYTES);
    const max = limitOf(maxFrameBytes);
    const shift = memory.copyIn(chunk, start, Math.min(end, limit + abi.MAX_HEADER_BYTES));
    memory.finish(memory.exports.scan_submit(start, limit, end, shift, max, 0));
    return memory.table;
  }
}
