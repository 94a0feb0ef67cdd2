/**
 * LZ4 blocks in plain TypeScript: the oracle of the tests, and the fallback.
 *
 * The block format is that of lz4_Block_format.md: sequences of a token (two lengths of 4 bits),
 * literals, and a match of 4 bytes or more, up to 65,535 bytes back; the last one is literals alone.
 * What to match is the compressor's choice; the kernels in codec-wasm/ choose the same, so that both
 * give the same bytes.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";

/** What can be wrong with a block; the numbers of codec-wasm/assembly/layout.ts. */
export const Lz4Status = {
  /** The block is complete. */
  DONE: 1,
  /** The input ends inside a sequence. */
  TRUNCATED: 2,
  /** There are more bytes than declared. */
  TOO_LONG: 3,
  /** There are fewer bytes than declared. */
  TOO_SHORT: 4,
  /** A match begins before the first byte, or at no distance. */
  BAD_DISTANCE: 5,
} as const;

/** What is wrong, by {@linkcode Lz4Status}. */
const PROBLEMS: Readonly<Record<number, string>> = {
  2: "it ends inside a sequence",
  3: "it holds more",
  4: "it holds fewer",
  5: "a match begins before the first byte",
};

/** A block can hold so many times its own length at the most: a length's every byte counts 255. */
const MAX_RATIO = 255;
/** Under this there is no room for a match: none begins in the last 12 bytes. */
const NO_MATCH_BYTES = 12;
/** The last bytes of a block are literals. */
const LAST_LITERALS = 5;
/** How far back a match reaches. */
const MAX_DISTANCE = 65535;
/** A match is lengthened backwards by so many bytes at the most. */
const MAX_BACK_BYTES = 8;
/** A block of so many bytes begins with an empty table. */
const CLEAR_MIN_BYTES = 8192;
/** After so many positions without a match, the step gets longer by one … */
const STEP_POSITIONS = 64;
/** … but no longer than this. */
const MAX_STEP = 64;

/** The error of a block that is malformed. */
export function lz4Error(status: number, packedBytes: number, rawBytes: number): FramewireError {
  return new FramewireError(
    "DECOMPRESSION_FAILED",
    `the LZ4 block of ${packedBytes} bytes is declared to hold ${rawBytes}, but ` +
      (PROBLEMS[status] ?? `its status is ${status}`),
    { declaredBytes: rawBytes },
  );
}

/**
 * Refuses a declared length that the block cannot have, before any memory is taken for it.
 *
 * @throws FramewireError DECOMPRESSION_FAILED.
 */
export function checkRawBytes(packedBytes: number, rawBytes: number): void {
  if (packedBytes === 0) throw lz4Error(Lz4Status.TRUNCATED, 0, rawBytes);
  if (rawBytes > packedBytes * MAX_RATIO) {
    throw lz4Error(Lz4Status.TOO_SHORT, packedBytes, rawBytes);
  }
}

/** The longest block that so many bytes can make. */
export function maxPackedBytes(rawBytes: number): number {
  return rawBytes + Math.floor(rawBytes / 255) + 16;
}

/**
 * Writes a sequence into `block` at `at`: the literals `input[from, to)`, and a match of `length`
 * bytes, or none when that is 0.
 *
 * @returns Where it ends, or 0 when it does not end before `limit`.
 */
export function writeSequence(
  block: Uint8Array,
  at: number,
  limit: number,
  input: Uint8Array,
  from: number,
  to: number,
  distance: number,
  length: number,
): number {
  const literals = to - from;
  const extra = length === 0 ? 0 : length - 4;
  const matchBytes = length === 0 ? 0 : 2 + lengthBytes(extra);
  if (at + 1 + lengthBytes(literals) + literals + matchBytes > limit) return 0;
  block[at++] = Math.min(literals, 15) << 4 | Math.min(extra, 15);
  if (literals >= 15) at = writeLength(block, at, literals - 15);
  if (literals < 32) {
    for (let i = from; i < to; i++) block[at++] = input[i]!;
  } else {
    block.set(input.subarray(from, to), at);
    at += literals;
  }
  if (length !== 0) {
    block[at++] = distance & 0xff;
    block[at++] = distance >>> 8;
    if (extra >= 15) at = writeLength(block, at, extra - 15);
  }
  return at;
}

/** How many bytes a length takes beside its 4 bits in the token. */
function lengthBytes(length: number): number {
  return length < 15 ? 0 : 1 + Math.floor((length - 15) / 255);
}

function writeLength(block: Uint8Array, at: number, left: number): number {
  for (; left >= 255; left -= 255) block[at++] = 255;
  block[at++] = left;
  return at;
}

/** The last place, plus `base`, of each hash of 5 bytes. */
let table: Int32Array | undefined;
/** What earlier blocks left in the table is over 65,535 less than this. */
let base = 0;

/**
 * Compresses into one block.
 *
 * @param limit The longest block wanted, in bytes.
 * @returns The block, or undefined when it would be longer.
 */
export function compressLz4(input: Uint8Array, limit: number): Uint8Array | undefined {
  const { length } = input;
  const block = new Uint8Array(Math.min(limit, maxPackedBytes(length)));
  table ??= new Int32Array(8192);
  const slots = table;
  const bias = nextBase(base, length);
  if (bias === 0) slots.fill(0);
  base = bias + length;
  const lastStart = length - NO_MATCH_BYTES;
  const matchEnd = length - LAST_LITERALS;
  let anchor = 0;
  let out = 0;
  let at = 1;
  while (at <= lastStart) {
    // Search.
    let step = 1;
    let stepEnd = at + STEP_POSITIONS;
    let distance = 0;
    let found = false;
    let here = word(input, at);
    while (at <= lastStart) {
      if (step !== 1) here = word(input, at);
      const next = here >>> 8 | input[at + 4]! << 24;
      const slot = hash(here, next);
      distance = at + bias - slots[slot]!;
      slots[slot] = at + bias;
      if (distance <= MAX_DISTANCE && word(input, at - distance) === here) {
        found = true;
        break;
      }
      at += step;
      here = next;
      if (at === stepEnd) {
        if (step < MAX_STEP) step++;
        stepEnd = at + step * STEP_POSITIONS;
      }
    }
    if (!found) break;
    // Forwards, and backwards over bytes that were stepped over.
    let to = at + 4;
    while (to < matchEnd && input[to] === input[to - distance]) to++;
    const first = Math.max(anchor, at - MAX_BACK_BYTES, distance);
    while (at > first && input[at - 1] === input[at - 1 - distance]) at--;
    out = writeSequence(block, out, block.length, input, anchor, at, distance, to - at);
    if (out === 0) return undefined;
    anchor = at = to;
  }
  out = writeSequence(block, out, block.length, input, anchor, length, 0, 0);
  return out === 0 ? undefined : block.slice(0, out);
}

/**
 * Chooses what to add to a block's positions in the table.
 *
 * A short block leaves the table as it is and begins too far from the last one's end for any match.
 * A long one begins with zeros, which for all of its first 64 KiB stand for its first byte: no step
 * of the search has to find out, unpredictably, that an entry is of no use.
 *
 * @param after Where the last block ended, in the same numbers.
 * @returns The number, or 0 when the table must be filled with zeros.
 */
export function nextBase(after: number, blockBytes: number): number {
  const next = after + MAX_DISTANCE + 1;
  return blockBytes >= CLEAR_MIN_BYTES || next > 0x3fffffff ? 0 : next;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}

/** 13 bits of a multiplicative hash of 5 bytes: the words at a place and at the next. */
function hash(value: number, next: number): number {
  return Math.imul(value, 2654435761) + next >>> 19;
}

/**
 * Decompresses one block of exactly `rawBytes` bytes.
 *
 * @throws FramewireError DECOMPRESSION_FAILED.
 */
export function decompressLz4(input: Uint8Array, rawBytes: number): Uint8Array {
  checkRawBytes(input.length, rawBytes);
  const output = new Uint8Array(rawBytes);
  const status = decompressBlock(input, output);
  if (status !== Lz4Status.DONE) throw lz4Error(status, input.length, rawBytes);
  return output;
}

/** Fills `output` with what the block holds; returns a number of {@linkcode Lz4Status}. */
function decompressBlock(input: Uint8Array, output: Uint8Array): number {
  const end = input.length;
  const limit = output.length;
  let at = 0;
  let out = 0;
  // A block ends with literals, so after each match there is another token.
  while (at < end) {
    const token = input[at++]!;
    let literals = token >>> 4;
    if (literals > limit - out) return Lz4Status.TOO_LONG;
    if (literals === 15) {
      let byte = 255;
      while (byte === 255) {
        if (at === end) return Lz4Status.TRUNCATED;
        byte = input[at++]!;
        literals += byte;
        if (literals > limit - out) return Lz4Status.TOO_LONG;
      }
    }
    if (literals > end - at) return Lz4Status.TRUNCATED;
    if (literals < 32) {
      for (const last = at + literals; at < last;) output[out++] = input[at++]!;
    } else {
      output.set(input.subarray(at, at + literals), out);
      at += literals;
      out += literals;
    }
    if (at === end) return out === limit ? Lz4Status.DONE : Lz4Status.TOO_SHORT;

    if (end - at < 2) return Lz4Status.TRUNCATED;
    const distance = input[at]! | input[at + 1]! << 8;
    at += 2;
    if (distance === 0 || distance > out) return Lz4Status.BAD_DISTANCE;
    let length = (token & 15) + 4;
    if (length === 19) {
      let byte = 255;
      while (byte === 255) {
        if (length > limit - out) return Lz4Status.TOO_LONG;
        if (at === end) return Lz4Status.TRUNCATED;
        byte = input[at++]!;
        length += byte;
      }
    }
    if (length > limit - out) return Lz4Status.TOO_LONG;
    if (length > 64 && distance >= length) {
      output.copyWithin(out, out - distance, out - distance + length);
      out += length;
    } else {
      for (const last = out + length; out < last; out++) output[out] = output[out - distance]!;
    }
  }
  return Lz4Status.TRUNCATED;
}
