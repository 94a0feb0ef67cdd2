/**
 * CRC-32C and CRC-32 in WebAssembly, window by window.
 *
 * @module
 */
import * as abi from "../../codec-wasm/dist/abi.ts";

/** Runs the kernel of codec-wasm/assembly/crc32.ts. */
export class WasmCrc32 {
  readonly #exports: abi.CodecExports;
  readonly #memory: Uint8Array;

  /** @param exports Those of an instance of codec.wasm. */
  constructor(exports: abi.CodecExports) {
    this.#exports = exports;
    this.#memory = new Uint8Array(exports.memory.buffer);
  }

  /** Does what `updateCrc32` in crc32.ts does. */
  update(ieee: boolean, bytes: Uint8Array, from: number, to: number, state: number): number {
    const kernel = this.#exports;
    const memory = this.#memory;
    let crc = state;
    for (let at = from; at < to;) {
      const length = Math.min(abi.CRC_WINDOW_BYTES, to - at);
      const whole = length === bytes.length;
      memory.set(
        whole ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset + at, length),
        abi.CRC_WINDOW,
      );
      crc = kernel.crc32(ieee ? 1 : 0, length, crc);
      at += length;
    }
    return crc;
  }
}
