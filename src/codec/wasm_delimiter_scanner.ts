/**
 * Scans for frames that end in a delimiter, in WebAssembly.
 *
 * @module
 */
import * as abi from "../../codec-wasm/dist/abi.ts";
import { type Scanner, ScanStatus } from "./codec.ts";
import type { DelimiterLayout } from "./frame_layout.ts";
import type { Table } from "./frame_table.ts";
import { readWord } from "./read_field.ts";
import { limitOf, type WasmMemory } from "./wasm_memory.ts";

/** Frames of a {@linkcode DelimiterLayout}; see TsDelimiterScanner for what one scan finds. */
export class WasmDelimiterScanner implements Scanner {
  /** See {@linkcode Scanner.headerBytes}. */
  readonly headerBytes = 1;
  /** See {@linkcode Scanner.exact}. */
  readonly exact = false;
  readonly #memory: WasmMemory;
  readonly #layout: DelimiterLayout;

  /**
   * @param memory The instance that scans.
   * @param layout The framing.
   */
  constructor(memory: WasmMemory, layout: DelimiterLayout) {
    this.#memory = memory;
    this.#layout = layout;
  }

  /** See {@linkcode Scanner.scan}. */
  scan(
    chunk: Uint8Array,
    start: number,
    end: number,
    maxFrameBytes: number,
    searched = 0,
  ): Table {
    const memory = this.#memory;
    const { table } = memory;
    const { longest, kind } = this.#layout;
    const max = limitOf(maxFrameBytes);
    if (memory.layout !== this.#layout) memory.configure(this.#layout, writeDelimiters);
    let from = Math.max(start, searched);
    let copied: number;
    let limit: number;
    do {
      limit = Math.min(end, from + abi.WINDOW_BYTES);
      // A delimiter that is complete behind `from` may begin before it.
      copied = Math.max(start, from - longest + 1);
      const shift = memory.copyIn(chunk, copied, limit);
      memory.finish(memory.exports.scan_delimiter(start, from, limit, shift, max, 0));
      from = limit;
    } while (from < end && table.count === 0 && table.status === ScanStatus.OK);
    if (limit < end) table.need = 0; // there is more to look through already
    if (copied > start && table.count > 0) {
      table.words[2] = readWord(chunk, start + kind.offset, kind.bytes, kind.littleEndian);
    }
    return table;
  }
}

function writeDelimiters(config: DataView, bytes: Uint8Array, layout: DelimiterLayout): void {
  const { delimiters, minContentBytes } = layout;
  config.setInt32(abi.CONFIG_MIN_FRAME_BYTES, minContentBytes, true);
  config.setInt32(abi.CONFIG_DELIMITERS, delimiters.length, true);
  const lasts = [...new Set(delimiters.map((delimiter) => delimiter.at(-1)!))];
  config.setInt32(abi.CONFIG_LASTS, lasts.length, true);
  bytes.set(lasts.length > 1 ? lasts : [lasts[0]!, lasts[0]!], abi.CONFIG + abi.CONFIG_LAST_BYTES);
  for (const [index, delimiter] of delimiters.entries()) {
    const at = abi.DELIMITERS + index * abi.DELIMITER_ENTRY_BYTES;
    new DataView(bytes.buffer).setInt32(at, delimiter.length, true);
    bytes.set(delimiter, at + 4);
  }
}
