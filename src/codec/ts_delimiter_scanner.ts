/**
 * Scans for frames that end in a delimiter, in TypeScript.
 *
 * @module
 */
import { type Scanner, ScanStatus, TABLE_FRAMES, WORDS_PER_FRAME } from "./codec.ts";
import { type DelimiterLayout, SCAN_WINDOW_BYTES } from "./frame_layout.ts";
import type { Table } from "./frame_table.ts";
import { MAX_FRAME_BYTES } from "./framing_types.ts";
import { readWord } from "./read_field.ts";

/** Finds where delimiters are complete. */
export class DelimiterMatcher {
  readonly #delimiters: readonly Uint8Array[];
  /** 1 for each byte that ends a delimiter. */
  readonly last: Uint8Array = new Uint8Array(256);
  /** The only such byte, when there is only one. */
  readonly only: number | undefined;

  /** @param delimiters The delimiters, the longest first. */
  constructor(delimiters: readonly Uint8Array[]) {
    this.#delimiters = delimiters;
    for (const bytes of delimiters) this.last[bytes.at(-1)!] = 1;
    const lasts = new Set(delimiters.map((bytes) => bytes.at(-1)!));
    this.only = lasts.size === 1 ? delimiters[0]!.at(-1)! : undefined;
  }

  /**
   * The length of the longest delimiter that is complete with `bytes[at]` and does not begin before
   * `from`; 0 when there is none.
   */
  endsAt(bytes: Uint8Array, at: number, from: number): number {
    for (const delimiter of this.#delimiters) {
      const length = delimiter.length;
      const begin = at + 1 - length;
      if (begin < from) continue;
      let i = length - 1;
      while (i >= 0 && bytes[begin + i] === delimiter[i]) i--;
      if (i < 0) return length;
    }
    return 0;
  }

  /** Where the first delimiter is complete in `bytes[from, to)`: behind it; -1 when none is. */
  firstEnd(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      if (this.last[bytes[at]!] === 1 && this.endsAt(bytes, at, from) > 0) return at + 1;
    }
    return -1;
  }
}

/**
 * Frames of a {@linkcode DelimiterLayout}.
 *
 * A scan looks through one window after the other until it finds the end of a frame, and stops at
 * the end of that window.
 */
export class TsDelimiterScanner implements Scanner {
  /** See {@linkcode Scanner.headerBytes}. */
  readonly headerBytes = 1;
  /** See {@linkcode Scanner.exact}. */
  readonly exact = false;
  readonly #table: Table;
  readonly #layout: DelimiterLayout;
  readonly #matcher: DelimiterMatcher;

  /**
   * @param table What scans fill.
   * @param layout The framing.
   */
  constructor(table: Table, layout: DelimiterLayout) {
    this.#table = table;
    this.#layout = layout;
    this.#matcher = new DelimiterMatcher(layout.delimiters);
  }

  /** See {@linkcode Scanner.scan}. */
  scan(
    chunk: Uint8Array,
    start: number,
    end: number,
    maxFrameBytes: number,
    searched = 0,
  ): Table {
    const table = this.#table;
    const { words } = table;
    const { kind, minContentBytes } = this.#layout;
    const { last, only } = this.#matcher;
    const max = Math.max(0, Math.min(maxFrameBytes, MAX_FRAME_BYTES));
    let at = start;
    let word = 0;
    table.status = ScanStatus.OK;
    table.declared = 0;
    table.need = 0;
    let from = Math.max(start, searched);
    while (from < end && word === 0 && table.status === ScanStatus.OK) {
      const limit = Math.min(end, from + SCAN_WINDOW_BYTES);
      for (; from < limit; from++) {
        from = only === undefined
          ? skipOthers(chunk, from, limit, last)
          : skipTo(chunk, from, limit, only);
        if (from === limit) break;
        const ending = this.#matcher.endsAt(chunk, from, at);
        if (ending === 0) continue;
        const length = from + 1 - at;
        if (length > max) break;
        if (word === TABLE_FRAMES * WORDS_PER_FRAME) break;
        if (length - ending < minContentBytes) {
          table.status = ScanStatus.LENGTH_UNDERFLOW;
          table.declared = length - ending;
          break;
        }
        words[word] = at;
        words[word + 1] = length;
        words[word + 2] = readWord(chunk, at + kind.offset, kind.bytes, kind.littleEndian);
        words[word + 3] = ending << 16;
        word += WORDS_PER_FRAME;
        at += length;
      }
      if (table.status !== ScanStatus.OK || word === TABLE_FRAMES * WORDS_PER_FRAME) break;
      if (limit - at >= max) {
        // Whether a delimiter follows or not: what was found must not depend on what came when.
        table.status = ScanStatus.DELIMITER_NOT_FOUND;
        table.declared = max;
      }
    }
    table.count = word / WORDS_PER_FRAME;
    table.consumed = at;
    if (table.status === ScanStatus.OK && from === end && at < end) table.need = end - at + 1;
    return table;
  }
}

/** So many bytes are compared here before the runtime's own search takes over, which starts slowly. */
const NEAR_BYTES = 64;

/** Where `byte` is next; `limit` when it is not there. */
function skipTo(chunk: Uint8Array, from: number, limit: number, byte: number): number {
  const near = Math.min(limit, from + NEAR_BYTES);
  let at = from;
  while (at < near && chunk[at] !== byte) at++;
  if (at < near || at === limit) return at;
  const found = chunk.subarray(at, limit).indexOf(byte);
  return found < 0 ? limit : at + found;
}

/** Where one of the marked bytes is next; `limit` when none is there. */
function skipOthers(chunk: Uint8Array, from: number, limit: number, marked: Uint8Array): number {
  let at = from;
  while (at < limit && marked[chunk[at]!] === 0) at++;
  return at;
}
