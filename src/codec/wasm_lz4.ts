/**
 * LZ4 blocks in WebAssembly: what is longer than the windows slides through them.
 *
 * @module
 */
import * as abi from "../../codec-wasm/dist/abi.ts";
import { checkRawBytes, lz4Error, maxPackedBytes, nextBase, writeSequence } from "./lz4.ts";

/** Plain bytes that matches can copy from when the window has slid. */
const HISTORY_BYTES = 65536;

const AT = /* @__PURE__ */ wordOf(abi.LZ4_AT);
const ANCHOR = /* @__PURE__ */ wordOf(abi.LZ4_ANCHOR);
const MATCH_BYTES = /* @__PURE__ */ wordOf(abi.LZ4_MATCH_BYTES);
const DISTANCE = /* @__PURE__ */ wordOf(abi.LZ4_DISTANCE);
const STEP = /* @__PURE__ */ wordOf(abi.LZ4_STEP);
const OUT = /* @__PURE__ */ wordOf(abi.LZ4_OUT);

/** Runs the kernels lz4_compress and lz4_decompress; there is one for each instance. */
export class WasmLz4 {
  readonly #exports: abi.CodecExports;
  readonly #memory: Uint8Array;
  readonly #state: Int32Array;
  /** See `base` in lz4.ts. */
  #base = 0;

  /** @param exports Those of an instance of codec.wasm. */
  constructor(exports: abi.CodecExports) {
    this.#exports = exports;
    this.#memory = new Uint8Array(exports.memory.buffer);
    this.#state = new Int32Array(exports.memory.buffer, abi.LZ4_STATE, 16);
  }

  /** Does what `compressLz4` in lz4.ts does. */
  compress(input: Uint8Array, limit: number): Uint8Array | undefined {
    const { length } = input;
    const state = this.#state;
    const memory = this.#memory;
    const base = nextBase(this.#base, length);
    if (base === 0) memory.fill(0, abi.LZ4_TABLE, abi.LZ4_TABLE + abi.LZ4_TABLE_BYTES);
    this.#base = base + length;
    // What the window holds of the block leaves it when it is full, or the block complete.
    let block: Uint8Array | undefined;
    let written = 0;
    let start = 0;
    let end = Math.min(length, abi.LZ4_PLAIN_BYTES);
    this.#copyIn(input, start, end, abi.LZ4_PLAIN);
    state.fill(0);
    state[AT] = 1;
    state[OUT] = abi.LZ4_PACKED;
    for (;;) {
      const result = this.#exports.lz4_compress(
        end,
        end === length ? 1 : 0,
        abi.LZ4_PLAIN - start,
        base,
      );
      const anchor = state[ANCHOR]!;
      if (result === abi.LZ4_MORE) {
        // Slide: keep what a match can reach from where the search or the match goes on.
        const next = state[AT]! + state[MATCH_BYTES]!;
        start = Math.max(0, next - abi.LZ4_HISTORY_BYTES);
        end = Math.min(length, start + abi.LZ4_PLAIN_BYTES);
        this.#copyIn(input, start, end, abi.LZ4_PLAIN);
        continue;
      }
      const out = state[OUT]!;
      if (result === abi.LZ4_DONE && block === undefined) {
        const room = Math.min(abi.LZ4_PACKED_BYTES, limit) + abi.LZ4_PACKED;
        const blockEnd = writeSequence(memory, out, room, input, anchor, length, 0, 0);
        if (blockEnd !== 0) return memory.slice(abi.LZ4_PACKED, blockEnd);
      }
      block ??= new Uint8Array(Math.min(limit, maxPackedBytes(length)));
      const pending = out - abi.LZ4_PACKED;
      if (written + pending > block.length) return undefined;
      block.set(memory.subarray(abi.LZ4_PACKED, out), written);
      written += pending;
      const isLast = result === abi.LZ4_DONE;
      const matchAt: number = isLast ? length : state[AT]!;
      const matchBytes: number = isLast ? 0 : state[MATCH_BYTES]!;
      // The last literals, or a sequence that does not fit the windows.
      written = writeSequence(
        block,
        written,
        block.length,
        input,
        anchor,
        matchAt,
        state[DISTANCE]!,
        matchBytes,
      );
      if (written === 0) return undefined;
      if (isLast) return block.slice(0, written);
      state[AT] = state[ANCHOR] = matchAt + matchBytes;
      state[MATCH_BYTES] = 0;
      state[STEP] = 0;
      state[OUT] = abi.LZ4_PACKED;
    }
  }

  /** Does what `decompressLz4` in lz4.ts does. */
  decompress(input: Uint8Array, rawBytes: number): Uint8Array {
    const { length } = input;
    checkRawBytes(length, rawBytes);
    const state = this.#state;
    const memory = this.#memory;
    // What fits the window is copied once it is known to be right.
    const isShort = rawBytes <= abi.LZ4_PLAIN_BYTES;
    let output: Uint8Array | undefined;
    let written = 0;
    let start = 0;
    let end = Math.min(length, abi.LZ4_PACKED_BYTES);
    this.#copyIn(input, start, end, abi.LZ4_PACKED);
    state.fill(0);
    state[AT] = abi.LZ4_PACKED;
    state[OUT] = abi.LZ4_PLAIN;
    for (;;) {
      const from = state[OUT]!;
      const result = this.#exports.lz4_decompress(
        abi.LZ4_PACKED + (end - start),
        end === length ? 1 : 0,
        rawBytes - written,
      );
      const to = state[OUT]!;
      if (result > abi.LZ4_DONE) throw lz4Error(result, length, rawBytes);
      if (!isShort) output ??= new Uint8Array(rawBytes); // not for a block that is wrong at its start
      output?.set(memory.subarray(from, to), written);
      written += to - from;
      if (result === abi.LZ4_DONE) return output ?? memory.slice(abi.LZ4_PLAIN, to);
      if (to === abi.LZ4_PLAIN + abi.LZ4_PLAIN_BYTES) {
        memory.copyWithin(abi.LZ4_PLAIN, to - HISTORY_BYTES, to);
        state[OUT] = abi.LZ4_PLAIN + HISTORY_BYTES;
      }
      if (end < length) {
        start += state[AT]! - abi.LZ4_PACKED;
        end = Math.min(length, start + abi.LZ4_PACKED_BYTES);
        this.#copyIn(input, start, end, abi.LZ4_PACKED);
        state[AT] = abi.LZ4_PACKED;
      }
    }
  }

  #copyIn(input: Uint8Array, from: number, to: number, address: number): void {
    const whole = to - from === input.length;
    this.#memory.set(
      whole ? input : new Uint8Array(input.buffer, input.byteOffset + from, to - from),
      address,
    );
  }
}

/** Which word of the memory begins at a byte. */
function wordOf(byte: number): number {
  return byte / 4;
}
