import {
  LZ4_AT,
  LZ4_BAD_DISTANCE,
  LZ4_DISTANCE,
  LZ4_DONE,
  LZ4_LITERALS,
  LZ4_MATCH_BYTES,
  LZ4_MORE,
  LZ4_OUT,
  LZ4_PHASE,
  LZ4_PLAIN,
  LZ4_PLAIN_BYTES,
  LZ4_STATE,
  LZ4_TOO_LONG,
  LZ4_TOO_SHORT,
  LZ4_TRUNCATED,
} from "./layout";
import { copyLiterals, copyMatch } from "./lz4_copy";

// A sequence is read in phases, so that a window may end anywhere in it:
//
//   TOKEN ─▶ LITERALS_LENGTH ─▶ LITERALS ─▶ DISTANCE ─▶ MATCH_LENGTH ─▶ MATCH ─▶ TOKEN
//     │                            ▲  └─ the input ends: DONE  │          ▲
//     └────────────────────────────┘                           └──────────┘
//       fewer than 15 literals                      a match of fewer than 19 bytes

const TOKEN: u32 = 0;
const LITERALS_LENGTH: u32 = 1;
const LITERALS: u32 = 2;
const DISTANCE: u32 = 3;
const MATCH_LENGTH: u32 = 4;
const MATCH: u32 = 5;

/** Packed bytes that the shortest path reads: a token, 16 bytes for 14 literals, the distance. */
const FAST_IN: u32 = 20;
/** Plain bytes that it writes at the most: 14 literals, then 18 bytes in two stores of 16. */
const FAST_OUT: u32 = 14 + 32;

/**
 * Reads an LZ4 block, from LZ4_PACKED to LZ4_PLAIN, as far as the windows allow.
 *
 * Packed bytes are in the window from the address in LZ4_AT up to `end`, where all input ends when
 * `isLast` is set. Matches may copy what is between LZ4_PLAIN and the address in LZ4_OUT; `left` more
 * plain bytes are to come.
 *
 * @returns LZ4_MORE, LZ4_DONE, or the number of an error.
 */
export function lz4_decompress(end: u32, isLast: u32, left: u32): u32 {
  let at: u32 = load<u32>(LZ4_STATE + LZ4_AT);
  let out: u32 = load<u32>(LZ4_STATE + LZ4_OUT);
  let literals: u32 = load<u32>(LZ4_STATE + LZ4_LITERALS);
  let length: u32 = load<u32>(LZ4_STATE + LZ4_MATCH_BYTES);
  let distance: u32 = load<u32>(LZ4_STATE + LZ4_DISTANCE);
  let phase: u32 = load<u32>(LZ4_STATE + LZ4_PHASE);
  let result: u32 = LZ4_MORE;
  // `limit` is where the plain bytes must end, `outEnd` where the window does.
  const limit: u32 = out + left;
  const outEnd: u32 = min(limit, LZ4_PLAIN + LZ4_PLAIN_BYTES);

  while (true) {
    if (phase == TOKEN) {
      // The shortest path: a whole sequence of short runs, with room on both sides.
      while (at + FAST_IN <= end && out + FAST_OUT <= outEnd) {
        const token: u32 = load<u8>(at);
        literals = token >>> 4;
        length = token & 15;
        if (literals == 15 || length == 15) break;
        const back: u32 = load<u16>(at + literals, 1);
        const from: u32 = out + literals - back;
        if (back < 16 || from < LZ4_PLAIN) break;
        v128.store(out, v128.load(at, 1));
        out += literals;
        at += 3 + literals;
        v128.store(out, v128.load(from));
        v128.store(out, v128.load(from, 16), 16);
        out += length + 4;
      }
      if (at == end) {
        // A block ends with literals, so there is another token.
        if (isLast) result = LZ4_TRUNCATED;
        break;
      }
      const token: u32 = load<u8>(at++);
      literals = token >>> 4;
      length = (token & 15) + 4;
      phase = literals == 15 ? LITERALS_LENGTH : LITERALS;
      // Checked here too, since no more bytes may come.
      if (literals > limit - out) {
        result = LZ4_TOO_LONG;
        break;
      }
    }

    if (phase == LITERALS_LENGTH) {
      let byte: u32 = 255;
      while (byte == 255 && at < end && literals <= limit - out) {
        byte = load<u8>(at++);
        literals += byte;
      }
      if (literals > limit - out) {
        result = LZ4_TOO_LONG;
        break;
      }
      if (byte == 255) {
        if (isLast) result = LZ4_TRUNCATED;
        break;
      }
      phase = LITERALS;
    }

    if (phase == LITERALS) {
      const bytes = min(literals, min(end - at, outEnd - out));
      copyLiterals(out, at, bytes);
      at += bytes;
      out += bytes;
      literals -= bytes;
      if (literals != 0) {
        if (isLast && at == end) result = LZ4_TRUNCATED;
        break;
      }
      if (isLast && at == end) {
        result = out == limit ? LZ4_DONE : LZ4_TOO_SHORT;
        break;
      }
      phase = DISTANCE;
    }

    if (phase == DISTANCE) {
      if (end - at < 2) {
        if (isLast) result = LZ4_TRUNCATED;
        break;
      }
      distance = load<u16>(at);
      at += 2;
      if (distance == 0 || distance > out - LZ4_PLAIN) {
        result = LZ4_BAD_DISTANCE;
        break;
      }
      phase = length == 19 ? MATCH_LENGTH : MATCH;
    }

    if (phase == MATCH_LENGTH) {
      let byte: u32 = 255;
      while (byte == 255 && at < end && length <= limit - out) {
        byte = load<u8>(at++);
        length += byte;
      }
      if (byte == 255 && length <= limit - out) {
        if (isLast) result = LZ4_TRUNCATED;
        break;
      }
      phase = MATCH;
    }

    // MATCH
    if (length > limit - out) {
      result = LZ4_TOO_LONG;
      break;
    }
    const bytes = min(length, outEnd - out);
    copyMatch(out, distance, bytes);
    out += bytes;
    length -= bytes;
    if (length != 0) break;
    phase = TOKEN;
  }

  store<u32>(LZ4_STATE + LZ4_AT, at);
  store<u32>(LZ4_STATE + LZ4_OUT, out);
  store<u32>(LZ4_STATE + LZ4_LITERALS, literals);
  store<u32>(LZ4_STATE + LZ4_MATCH_BYTES, length);
  store<u32>(LZ4_STATE + LZ4_DISTANCE, distance);
  store<u32>(LZ4_STATE + LZ4_PHASE, phase);
  return result;
}
