/**
 * One instance of codec.wasm: its memory, the table in it, and the window that input is copied into.
 *
 * @module
 */
import * as abi from "../../codec-wasm/dist/abi.ts";
import { ScanStatus } from "./codec.ts";
import type { KindLayout } from "./frame_layout.ts";
import { Table } from "./frame_table.ts";
import { MAX_FRAME_BYTES } from "./framing_types.ts";

/** Copies shorter than this are faster byte by byte than by `set` with a view made for it. */
export const SHORT_COPY_BYTES = 32;

/** Shared by all scanners of a codec. */
export class WasmMemory {
  /** The kernels. */
  readonly exports: abi.CodecExports;
  /** All of the memory. */
  readonly bytes: Uint8Array;
  /** What a scan reports beside the table. */
  readonly result: Int32Array;
  /** The table, whose words are in the memory. */
  readonly table: Table;
  /** An offset in the chunk last copied in, plus this, is its address in the window. */
  shift = 0;
  /** The layout in CONFIG. */
  layout: object | undefined;

  /** @param module codec.wasm, compiled. */
  constructor(module: WebAssembly.Module) {
    this.exports = new WebAssembly.Instance(module).exports as unknown as abi.CodecExports;
    const { buffer } = this.exports.memory;
    this.bytes = new Uint8Array(buffer);
    this.result = new Int32Array(buffer, abi.RESULT, 8);
    this.table = new Table(
      new Int32Array(buffer, abi.TABLE, abi.TABLE_FRAMES * abi.FRAME_WORDS),
    );
  }

  /** Copies `chunk[from, to)` to the beginning of the window; returns the shift. */
  copyIn(chunk: Uint8Array, from: number, to: number): number {
    const length = to - from;
    if (length < SHORT_COPY_BYTES) {
      const { bytes } = this;
      for (let i = 0; i < length; i++) bytes[abi.WINDOW + i] = chunk[from + i]!;
    } else if (length === chunk.length) {
      this.bytes.set(chunk, abi.WINDOW);
    } else {
      // Not `subarray`: a Buffer's is its own, and slow.
      this.bytes.set(new Uint8Array(chunk.buffer, chunk.byteOffset + from, length), abi.WINDOW);
    }
    return this.shift = abi.WINDOW - from;
  }

  /** Takes from RESULT how a scan of `count` frames ended; returns whether it was an error. */
  finish(count: number): boolean {
    const { table, result } = this;
    table.count = count;
    table.consumed = result[abi.RESULT_CONSUMED / 4]!;
    table.need = result[abi.RESULT_NEED / 4]!;
    const status = result[abi.RESULT_STATUS / 4] as ScanStatus;
    table.status = status;
    table.declared = this.reported(false);
    return status !== ScanStatus.OK;
  }

  /** The number that an error reports, as an unsigned or a signed integer of 64 bits. */
  reported(signed: boolean): number {
    const high = this.result[abi.RESULT_FIELD_HIGH / 4]!;
    const low = this.result[abi.RESULT_FIELD_LOW / 4]! >>> 0;
    return (signed ? high : high >>> 0) * 0x100000000 + low;
  }

  /** Lets `write` fill CONFIG; not needed when it holds that layout already. */
  configure<Layout extends { readonly kind: KindLayout }>(
    layout: Layout,
    write: (config: DataView, bytes: Uint8Array, layout: Layout) => void,
  ): void {
    this.layout = layout;
    const config = new DataView(this.bytes.buffer, abi.CONFIG);
    const { offset, bytes, littleEndian } = layout.kind;
    writeLanes(this.bytes, abi.CONFIG + abi.CONFIG_KIND_LANES, bytes, littleEndian);
    config.setInt32(abi.CONFIG_KIND_OFFSET, offset, true);
    write(config, this.bytes, layout);
  }
}

/** Lane indices that gather a field into a little-endian number; 16 gives a zero byte. */
export function writeLanes(
  bytes: Uint8Array,
  at: number,
  width: number,
  littleEndian: boolean,
): void {
  for (let i = 0; i < 16; i++) {
    bytes[at + i] = i >= width ? 16 : littleEndian ? i : width - 1 - i;
  }
}

/** A limit as kernels take it. */
export function limitOf(maxFrameBytes: number): number {
  return Math.max(0, Math.min(maxFrameBytes, MAX_FRAME_BYTES));
}
