/**
 * Scans for frames that begin with a header, in WebAssembly: a length field or a varint.
 *
 * @module
 */
import * as abi from "../../codec-wasm/dist/abi.ts";
import { type Scanner, ScanStatus } from "./codec.ts";
import type { LengthLayout, VarintLayout } from "./frame_layout.ts";
import type { Table } from "./frame_table.ts";
import { limitOf, type WasmMemory, writeLanes } from "./wasm_memory.ts";

/** Frames of a {@linkcode LengthLayout}. */
export class WasmLengthScanner implements Scanner {
  /** See {@linkcode Scanner.headerBytes}. */
  readonly headerBytes: number;
  /** See {@linkcode Scanner.exact}. */
  readonly exact = true;
  readonly #memory: WasmMemory;
  readonly #layout: LengthLayout;

  /**
   * @param memory The instance that scans.
   * @param layout The framing.
   */
  constructor(memory: WasmMemory, layout: LengthLayout) {
    this.headerBytes = layout.headerBytes;
    this.#memory = memory;
    this.#layout = layout;
  }

  /** See {@linkcode Scanner.scan}. */
  scan(chunk: Uint8Array, start: number, end: number, maxFrameBytes: number): Table {
    const memory = this.#memory;
    const limit = Math.min(end, start + abi.WINDOW_BYTES);
    const max = limitOf(maxFrameBytes);
    const shift = memory.copyIn(chunk, start, Math.min(end, limit + abi.MAX_HEADER_BYTES));
    if (memory.layout !== this.#layout) memory.configure(this.#layout, writeLength);
    const count = memory.exports.scan_length_field(start, limit, end, shift, max, 0);
    if (memory.finish(count)) this.#refuse();
    return memory.table;
  }

  /** Tells apart what is one error to the kernel. */
  #refuse(): void {
    const { table } = this.#memory;
    const { signed, base, minFrameBytes } = this.#layout;
    const field = this.#memory.reported(signed);
    const total = field + base;
    table.declared = field < 0 ? field : total;
    if (field < 0) {
      table.status = ScanStatus.NEGATIVE_LENGTH;
    } else if (table.status === ScanStatus.LENGTH_UNDERFLOW && total >= minFrameBytes) {
      table.status = ScanStatus.STRIP_EXCEEDS_FRAME;
    }
  }
}

function writeLength(config: DataView, bytes: Uint8Array, layout: LengthLayout): void {
  const { offset, size, littleEndian, signed, base, headerBytes, minFrameBytes, strip, kind } =
    layout;
  const bits = 8 * kind.bytes;
  config.setUint32(abi.CONFIG_KIND_MASK, 2 ** bits - 1, true);
  config.setInt32(abi.CONFIG_KIND_SWAP, kind.littleEndian || bits <= 8 ? 0 : 64 - bits, true);
  writeLanes(bytes, abi.CONFIG + abi.CONFIG_LENGTH_LANES, size, littleEndian);
  const isWord = size <= 4 && size > 0 && !signed;
  const order = !isWord ? abi.ORDER_ANY : littleEndian ? abi.ORDER_LITTLE : abi.ORDER_BIG;
  config.setInt32(abi.CONFIG_ORDER, order, true);
  config.setInt32(abi.CONFIG_UNUSED_BITS, isWord ? 32 - 8 * size : 0, true);
  config.setInt32(abi.CONFIG_LENGTH_OFFSET, offset, true);
  config.setInt32(abi.CONFIG_HEADER_BYTES, headerBytes, true);
  config.setInt32(abi.CONFIG_BASE, base, true);
  config.setInt32(abi.CONFIG_MIN_FRAME_BYTES, Math.max(minFrameBytes, strip), true);
  config.setInt32(abi.CONFIG_STRIP, strip, true);
  config.setBigUint64(abi.CONFIG_SIGN, signed ? 1n << BigInt(8 * size - 1) : 0n, true);
}

/** Frames of a {@linkcode VarintLayout}. */
export class WasmVarintScanner implements Scanner {
  /** See {@linkcode Scanner.headerBytes}. */
  readonly headerBytes: number;
  /** See {@linkcode Scanner.exact}. */
  readonly exact = true;
  readonly #memory: WasmMemory;
  readonly #layout: VarintLayout;

  /**
   * @param memory The instance that scans.
   * @param layout The framing.
   */
  constructor(memory: WasmMemory, layout: VarintLayout) {
    this.headerBytes = layout.offset + 1;
    this.#memory = memory;
    this.#layout = layout;
  }

  /** See {@linkcode Scanner.scan}. */
  scan(chunk: Uint8Array, start: number, end: number, maxFrameBytes: number): Table {
    const memory = this.#memory;
    const limit = Math.min(end, start + abi.WINDOW_BYTES);
    const max = limitOf(maxFrameBytes);
    const shift = memory.copyIn(chunk, start, Math.min(end, limit + abi.MAX_HEADER_BYTES));
    if (memory.layout !== this.#layout) memory.configure(this.#layout, writeVarint);
    const count = memory.exports.scan_varint(start, limit, end, shift, max, 0);
    memory.finish(count);
    return memory.table;
  }
}

function writeVarint(config: DataView, _bytes: Uint8Array, layout: VarintLayout): void {
  const { offset, maxBytes, kind, kindBehind } = layout;
  config.setInt32(abi.CONFIG_LENGTH_OFFSET, offset, true);
  config.setInt32(abi.CONFIG_MAX_VARINT_BYTES, maxBytes, true);
  config.setInt32(abi.CONFIG_KIND_BEHIND, kindBehind ? -1 : 0, true);
  config.setInt32(abi.CONFIG_MIN_FRAME_BYTES, kindBehind ? kind.offset + kind.bytes : 0, true);
}
