/**
 * Both codecs over one table: each chunk is scanned by the one that is faster for it.
 *
 * Copying a chunk into WebAssembly and calling it costs 100 ns and 25 ns per KiB, and then saves
 * 5 to 25 ns for every frame. So it pays where there are many short frames. TypeScript's time
 * divided by WebAssembly's, for scan and acks, on Deno 2.9 / Node 20 (bench/codec, 2.5 GHz Xeon):
 *
 * | payload | chunks of one frame | 1400 bytes | 64 KiB    |
 * | ------- | ------------------- | ---------- | --------- |
 * | 32 B    | 0.6 / 0.5           | 1.8 / 3.7  | 1.9 / 6.2 |
 * | 128 B   | 0.6 / 0.5           | 1.0 / 1.5  | 1.5 / 4.2 |
 * | 512 B   | 0.6 / 0.5           | 0.6 / 0.6  | 0.7 / 1.6 |
 * | 2 KiB   | 0.5 / 0.5           |            | 0.3 / 0.4 |
 * | 16 KiB  | 0.2 / 0.2           |            | 0.1 / 0.1 |
 *
 * Choosing by chunk costs 20 ns, and comes within a tenth of the faster one where that matters.
 *
 * @module
 */
import type { Codec, Scanner } from "./codec.ts";
import type { Table } from "./frame_table.ts";
import type { FindScans, FramingScans } from "./framing_scans.ts";
import type { Framing, KindField } from "./framing_types.ts";
import { ScannerShelf } from "./scanner_shelf.ts";
import { WasmCodec } from "./wasm_codec.ts";

/** From so many frames in a chunk on, WebAssembly is faster … */
const WORTH_FRAMES = 12;

/** … if they are no longer than this on the average. */
const SHORT_FRAME_BYTES = 320;

/** From so many bytes on, WebAssembly is faster in searching for a delimiter. */
const WORTH_SEARCH_BYTES = 512;

/** Makes a codec in TypeScript: over a table and results of its own where none are given. */
export type MakeTs = (find: FindScans, table?: Table, results?: Uint8Array) => Codec;

/** A {@linkcode Codec} that is the faster of the two for each chunk. */
export class AutoCodec implements Codec {
  /** See {@linkcode Codec.kind}. */
  readonly kind = "wasm";
  /** See {@linkcode Codec.busy}. */
  busy = false;
  /** See {@linkcode Codec.table}. */
  readonly table: Table;
  /** See {@linkcode Codec.results}. */
  readonly results: Uint8Array;
  readonly #wasm: WasmCodec;
  readonly #ts: Codec;
  /** Whose scan filled the table: only that one knows where the headers are. */
  #scannedBy: Codec;
  readonly #scanners: ScannerShelf;

  /**
   * @param find Finds the scans of framings.
   * @param makeTs Makes the codec in TypeScript.
   * @param module codec.wasm, compiled.
   */
  constructor(find: FindScans, makeTs: MakeTs, module: WebAssembly.Module) {
    this.#scanners = new ScannerShelf(
      find,
      (scans, framing, kind) => this.#makeScanner(scans, framing, kind),
    );
    this.#wasm = new WasmCodec(find, module);
    this.table = this.#wasm.table;
    this.results = this.#wasm.results;
    this.#ts = makeTs(find, this.table, this.results);
    this.#scannedBy = this.#ts;
  }

  /** See {@linkcode Codec.scanner}. */
  scanner(framing: Framing, kind?: KindField): Scanner {
    return this.#scanners.get(framing, kind);
  }

  #makeScanner(scans: FramingScans, framing: Framing, kind: KindField | undefined): Scanner {
    if (scans.wasm === undefined) return scans.ts(this, this.table, framing, kind);
    const ts = this.#ts.scanner(framing, kind);
    const wasm = this.#wasm.scanner(framing, kind);
    const { table } = this;
    return quicker(ts, wasm, table, framing.kind === "delimiter", (isWasm) => {
      this.#scannedBy = isWasm ? this.#wasm : this.#ts;
    });
  }

  /** See {@linkcode Codec.encodeAcks}. */
  encodeAcks(
    chunk: Uint8Array,
    first: number,
    last: number,
    out: Uint8Array,
    at: number,
  ): number {
    return this.#scannedBy.encodeAcks(chunk, first, last, out, at);
  }
}

/**
 * Scans with the quicker of two scanners that fill one table.
 *
 * @param searches Whether they search for the end of frames.
 * @param chosen Told before each scan whether it is the one in WebAssembly.
 */
export function quicker(
  ts: Scanner,
  wasm: Scanner,
  table: Table,
  searches: boolean,
  chosen?: (isWasm: boolean) => void,
): Scanner {
  // How long frames are, is taken from the last scan that found any: chunks of a kind of traffic
  // are alike, and a wrong guess costs no more than always using the same codec.
  let knownFrames = 0;
  let knownBytes = 1;
  return {
    headerBytes: ts.headerBytes,
    exact: ts.exact,
    scan(chunk, start, end, maxFrameBytes, searched) {
      const bytes = end - start;
      const worth = searches
        ? bytes >= WORTH_SEARCH_BYTES
        : bytes * knownFrames >= WORTH_FRAMES * knownBytes &&
          knownBytes <= SHORT_FRAME_BYTES * knownFrames;
      chosen?.(worth);
      (worth ? wasm : ts).scan(chunk, start, end, maxFrameBytes, searched);
      if (table.count > 0) {
        knownFrames = table.count;
        knownBytes = table.consumed - start;
      }
      return table;
    },
  };
}
