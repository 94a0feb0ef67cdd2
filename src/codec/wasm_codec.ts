/**
 * The codec in WebAssembly. The `wasm_` files alone touch linear memory.
 *
 * Bytes cross the border once per pass: a window of input is copied in, one call fills the table,
 * which is read in place; one call encodes a batch of acknowledgements, which are copied out.
 *
 * @module
 */
import * as abi from "../../codec-wasm/dist/abi.ts";
import type { Codec, Scanner } from "./codec.ts";
import type { Table } from "./frame_table.ts";
import type { FindScans, FramingScans } from "./framing_scans.ts";
import type { Framing, KindField } from "./framing_types.ts";
import { ScannerShelf } from "./scanner_shelf.ts";
import { SHORT_COPY_BYTES, WasmMemory } from "./wasm_memory.ts";

/** A {@linkcode Codec} that runs the kernels of codec-wasm/. */
export class WasmCodec implements Codec {
  /** See {@linkcode Codec.kind}. */
  readonly kind = "wasm";
  /** See {@linkcode Codec.busy}. */
  busy = false;
  /** See {@linkcode Codec.table}. */
  readonly table: Table;
  /** See {@linkcode Codec.results}. */
  readonly results: Uint8Array;
  readonly #memory: WasmMemory;
  readonly #scanners: ScannerShelf;

  /**
   * @param find Finds the scans of framings.
   * @param module codec.wasm, compiled.
   */
  constructor(find: FindScans, module: WebAssembly.Module) {
    this.#scanners = new ScannerShelf(
      find,
      (scans, framing, kind) => this.#makeScanner(scans, framing, kind),
    );
    this.#memory = new WasmMemory(module);
    this.table = this.#memory.table;
    this.results = this.#memory.bytes.subarray(abi.RESULTS, abi.RESULTS + abi.TABLE_FRAMES);
  }

  /** See {@linkcode Codec.scanner}. */
  scanner(framing: Framing, kind?: KindField): Scanner {
    return this.#scanners.get(framing, kind);
  }

  #makeScanner(scans: FramingScans, framing: Framing, kind: KindField | undefined): Scanner {
    const { wasm } = scans;
    // A smaller module has not all kernels; scans in TypeScript fill the same table.
    return wasm !== undefined && wasm.kernel in this.#memory.exports
      ? wasm.make(this.#memory, framing, kind)
      : scans.ts(this, this.table, framing, kind);
  }

  /** See {@linkcode Codec.encodeAcks}. */
  encodeAcks(
    _chunk: Uint8Array,
    first: number,
    last: number,
    out: Uint8Array,
    at: number,
  ): number {
    // The headers are still in the window.
    const { bytes, exports, shift } = this.#memory;
    const length = exports.encode_acks(first, last, shift);
    if (length < SHORT_COPY_BYTES) {
      for (let i = 0; i < length; i++) out[at + i] = bytes[abi.ACKS + i]!;
    } else {
      out.set(bytes.subarray(abi.ACKS, abi.ACKS + length), at);
    }
    return length;
  }
}
