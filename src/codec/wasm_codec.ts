/**
 * The codec in WebAssembly. This file alone touches linear memory.
 *
 * Bytes cross the border once per pass: a window of input is copied in, one call fills the table,
 * which is read in place; one call encodes a batch of acknowledgements, which are copied out.
 *
 * @module
 */
import * as abi from "../../codec-wasm/dist/abi.ts";
import { SUBMIT_LAYOUT } from "../protocol/layouts.ts";
import type { Codec, FrameLayout, Scanner, ScanStatus } from "./codec.ts";
import { checkLayout, headerBytesOf, MAX_FRAME_BYTES, sameLayout } from "./frame_layout.ts";
import { Table } from "./frame_table.ts";

/** Copies shorter than this are faster byte by byte than by `set` with a view made for it. */
const SHORT_COPY_BYTES = 64;

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

  /** @param module codec.wasm, compiled. */
  constructor(module: WebAssembly.Module) {
    this.#memory = new WasmMemory(module);
    this.table = this.#memory.table;
    this.results = this.#memory.bytes.subarray(abi.RESULTS, abi.RESULTS + abi.TABLE_FRAMES);
  }

  /** See {@linkcode Codec.scanner}. */
  scanner(layout: FrameLayout): Scanner {
    checkLayout(layout);
    return new WasmScanner(this.#memory, layout);
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

/** One instance, its memory, and which layout and which chunk it holds. */
class WasmMemory {
  readonly exports: abi.CodecExports;
  readonly bytes: Uint8Array;
  readonly result: Int32Array;
  readonly table: Table;
  /** An offset in the chunk plus this is its address in the window. */
  shift = 0;
  /** The layout in CONFIG. */
  layout: FrameLayout | undefined;

  constructor(module: WebAssembly.Module) {
    this.exports = new WebAssembly.Instance(module).exports as unknown as abi.CodecExports;
    const { buffer } = this.exports.memory;
    this.bytes = new Uint8Array(buffer);
    this.result = new Int32Array(buffer, abi.RESULT, 8);
    this.table = new Table(
      new Int32Array(buffer, abi.TABLE, abi.TABLE_FRAMES * abi.FRAME_WORDS),
    );
  }

  /** Copies `chunk[from, to)` to its place in the window. */
  copyIn(chunk: Uint8Array, from: number, to: number): void {
    const address = from + this.shift;
    const length = to - from;
    if (length < SHORT_COPY_BYTES) {
      const { bytes } = this;
      for (let i = 0; i < length; i++) bytes[address + i] = chunk[from + i]!;
    } else if (length === chunk.length) {
      this.bytes.set(chunk, address);
    } else {
      // Not `subarray`: a Buffer's is its own, and slow.
      this.bytes.set(new Uint8Array(chunk.buffer, chunk.byteOffset + from, length), address);
    }
  }

  /** Makes `layout` the one that scan_length_field reads. */
  configure(layout: FrameLayout): void {
    if (this.layout === layout) return;
    this.layout = layout;
    const { bytes } = this;
    const at = abi.CONFIG;
    const { littleEndian } = layout;
    writeLanes(bytes, at + abi.CONFIG_LENGTH_LANES, layout.lengthBytes, littleEndian);
    writeLanes(bytes, at + abi.CONFIG_KIND_LANES, layout.kindBytes, littleEndian);
    const view = new DataView(bytes.buffer);
    view.setInt32(at + abi.CONFIG_LENGTH_OFFSET, layout.lengthOffset, true);
    view.setInt32(at + abi.CONFIG_KIND_OFFSET, layout.kindOffset, true);
    view.setInt32(at + abi.CONFIG_HEADER_BYTES, headerBytesOf(layout), true);
    view.setInt32(at + abi.CONFIG_BASE, headerBytesOf(layout) + layout.adjust, true);
    view.setInt32(at + abi.CONFIG_MIN_FRAME_BYTES, layout.minFrameBytes, true);
  }
}

/** Lane indices that gather a field into a little-endian number; 16 gives a zero byte. */
function writeLanes(bytes: Uint8Array, at: number, width: number, littleEndian: boolean): void {
  for (let i = 0; i < 16; i++) {
    bytes[at + i] = i >= width ? 16 : littleEndian ? i : width - 1 - i;
  }
}

class WasmScanner implements Scanner {
  readonly headerBytes: number;
  readonly #memory: WasmMemory;
  readonly #layout: FrameLayout;
  readonly #base: number;
  readonly #isSubmit: boolean;

  constructor(memory: WasmMemory, layout: FrameLayout) {
    this.headerBytes = headerBytesOf(layout);
    this.#memory = memory;
    this.#layout = layout;
    this.#base = this.headerBytes + layout.adjust;
    this.#isSubmit = sameLayout(layout, SUBMIT_LAYOUT);
  }

  scan(chunk: Uint8Array, start: number, end: number, maxFrameBytes: number): Table {
    const memory = this.#memory;
    const { table, result, exports } = memory;
    const limit = Math.min(end, start + abi.WINDOW_BYTES);
    const max = Math.max(0, Math.min(maxFrameBytes, MAX_FRAME_BYTES));
    const shift = memory.shift = abi.WINDOW - start;
    memory.copyIn(chunk, start, Math.min(end, limit + abi.MAX_HEADER_BYTES));
    if (this.#isSubmit) {
      table.count = exports.scan_submit(start, limit, end, shift, max, 0);
    } else {
      memory.configure(this.#layout);
      table.count = exports.scan_length_field(start, limit, end, shift, max, 0);
    }
    table.consumed = result[abi.RESULT_CONSUMED / 4]!;
    table.need = result[abi.RESULT_NEED / 4]!;
    const status = result[abi.RESULT_STATUS / 4] as ScanStatus;
    table.status = status;
    table.declared = status === 0 ? 0 : (result[abi.RESULT_FIELD_HIGH / 4]! >>> 0) * 0x100000000 +
      (result[abi.RESULT_FIELD_LOW / 4]! >>> 0) + this.#base;
    return table;
  }
}
