/**
 * The codec in WebAssembly. This file alone touches linear memory.
 *
 * Bytes cross the border once per pass: a window of input is copied in, one call fills the table,
 * which is read in place; one call encodes a batch of acknowledgements, which are copied out.
 *
 * @module
 */
import * as abi from "../../codec-wasm/dist/abi.ts";
import { type Codec, type Scanner, ScanStatus } from "./codec.ts";
import { CustomScanner } from "./custom_scanner.ts";
import {
  delimiterLayout,
  isSubmit,
  type KindLayout,
  type LengthLayout,
  lengthLayout,
  varintLayout,
} from "./frame_layout.ts";
import { Table } from "./frame_table.ts";
import { type Framing, type KindField, MAX_FRAME_BYTES } from "./framing.ts";
import { ScannerShelf } from "./scanner_shelf.ts";
import { TsDelimiterScanner } from "./ts_delimiter_scanner.ts";
import { TsVarintScanner } from "./ts_varint_scanner.ts";

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
  readonly #scanners = new ScannerShelf((framing, kind) => this.#makeScanner(framing, kind));

  /** @param module codec.wasm, compiled. */
  constructor(module: WebAssembly.Module) {
    this.#memory = new WasmMemory(module);
    this.table = this.#memory.table;
    this.results = this.#memory.bytes.subarray(abi.RESULTS, abi.RESULTS + abi.TABLE_FRAMES);
  }

  /** See {@linkcode Codec.scanner}. */
  scanner(framing: Framing, kind?: KindField): Scanner {
    return this.#scanners.get(framing, kind);
  }

  #makeScanner(framing: Framing, kind: KindField | undefined): Scanner {
    switch (framing.kind) {
      case "lengthField":
      case "fixed":
        return new WasmLengthScanner(this.#memory, lengthLayout(framing, kind));
      case "varint":
        return new TsVarintScanner(this.table, varintLayout(framing, kind));
      case "delimiter":
        return new TsDelimiterScanner(this.table, delimiterLayout(framing, kind));
      case "custom":
        return new CustomScanner(this, this.table, framing, kind);
    }
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
  layout: unknown;

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
  configure(layout: LengthLayout): void {
    if (this.layout === layout) return;
    this.layout = layout;
    const view = new DataView(this.bytes.buffer, abi.CONFIG);
    writeLanes(this.bytes, abi.CONFIG + abi.CONFIG_LENGTH_LANES, layout.size, layout.littleEndian);
    this.#configureKind(layout.kind);
    view.setInt32(abi.CONFIG_LENGTH_OFFSET, layout.offset, true);
    view.setInt32(abi.CONFIG_HEADER_BYTES, layout.headerBytes, true);
    view.setInt32(abi.CONFIG_BASE, layout.base, true);
    const min = Math.max(layout.minFrameBytes, layout.strip);
    view.setInt32(abi.CONFIG_MIN_FRAME_BYTES, min, true);
    view.setInt32(abi.CONFIG_STRIP, layout.strip, true);
    const sign = layout.signed ? 1n << BigInt(8 * layout.size - 1) : 0n;
    view.setBigUint64(abi.CONFIG_SIGN, sign, true);
  }

  #configureKind({ offset, bytes, littleEndian }: KindLayout): void {
    writeLanes(this.bytes, abi.CONFIG + abi.CONFIG_KIND_LANES, bytes, littleEndian);
    new DataView(this.bytes.buffer, abi.CONFIG).setInt32(abi.CONFIG_KIND_OFFSET, offset, true);
  }
}

/** Lane indices that gather a field into a little-endian number; 16 gives a zero byte. */
function writeLanes(bytes: Uint8Array, at: number, width: number, littleEndian: boolean): void {
  for (let i = 0; i < 16; i++) {
    bytes[at + i] = i >= width ? 16 : littleEndian ? i : width - 1 - i;
  }
}

class WasmLengthScanner implements Scanner {
  readonly headerBytes: number;
  readonly exact = true;
  readonly #memory: WasmMemory;
  readonly #layout: LengthLayout;
  readonly #isSubmit: boolean;

  constructor(memory: WasmMemory, layout: LengthLayout) {
    this.headerBytes = layout.headerBytes;
    this.#memory = memory;
    this.#layout = layout;
    this.#isSubmit = isSubmit(layout);
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
    if (status === ScanStatus.OK) table.declared = 0;
    else this.#refuse(status);
    return table;
  }

  /** Tells apart what is one error to the kernel. */
  #refuse(status: ScanStatus): void {
    const { table, result } = this.#memory;
    const { signed, base, minFrameBytes } = this.#layout;
    const high = result[abi.RESULT_FIELD_HIGH / 4]!;
    const field = (signed ? high : high >>> 0) * 0x100000000 +
      (result[abi.RESULT_FIELD_LOW / 4]! >>> 0);
    const total = field + base;
    table.declared = field < 0 ? field : total;
    if (field < 0) {
      table.status = ScanStatus.NEGATIVE_LENGTH;
    } else if (status === ScanStatus.LENGTH_UNDERFLOW && total >= minFrameBytes) {
      table.status = ScanStatus.STRIP_EXCEEDS_FRAME;
    }
  }
}
