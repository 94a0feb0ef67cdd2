import {
  LZ4_ANCHOR,
  LZ4_AT,
  LZ4_DISTANCE,
  LZ4_DONE,
  LZ4_MATCH_BYTES,
  LZ4_MORE,
  LZ4_OUT,
  LZ4_PACKED,
  LZ4_PACKED_BYTES,
  LZ4_PLAIN,
  LZ4_SEQUENCE,
  LZ4_STATE,
  LZ4_STEP,
  LZ4_STEP_END,
  LZ4_TABLE,
} from "./layout";
import { copyLiterals } from "./lz4_copy";

/** A match is 4 bytes or more, and at most so far back. */
const MAX_DISTANCE: u32 = 65535;
/** The format's rules for the end of a block: no match begins in the last 12 bytes … */
const NO_MATCH_BYTES: u32 = 12;
/** … and the last 5 are literals. */
const LAST_LITERALS: u32 = 5;
/** After so many positions without a match, the step gets longer by one … */
const STEP_POSITIONS: u32 = 64;
/** … but no longer than this. */
const MAX_STEP: u32 = 64;
/** What a sequence of short lengths writes at the most, and what a vector store writes beside it. */
const SLACK_BYTES: u32 = 32;

/**
 * Writes the sequences of an LZ4 block, from LZ4_PLAIN to LZ4_PACKED, as far as the window allows.
 *
 * Positions in LZ4_STATE are offsets in the input; an offset plus `shift` is an address. Input is in
 * the window up to offset `end`, which is the end of all input when `isLast` is set. The search begins
 * at offset 1. An entry of the table is an offset plus `base`; what earlier blocks left there is over
 * 65,535 less, or the table is all zeros and so is `base`.
 *
 * @returns LZ4_MORE; LZ4_DONE when only the last literals are left; or LZ4_SEQUENCE.
 */
export function lz4_compress(end: u32, isLast: u32, shift: u32, base: u32): u32 {
  let at: u32 = load<u32>(LZ4_STATE + LZ4_AT) + shift;
  let anchor: u32 = load<u32>(LZ4_STATE + LZ4_ANCHOR) + shift;
  let length: u32 = load<u32>(LZ4_STATE + LZ4_MATCH_BYTES);
  let distance: u32 = load<u32>(LZ4_STATE + LZ4_DISTANCE);
  let step: u32 = load<u32>(LZ4_STATE + LZ4_STEP);
  let stepEnd: u32 = load<u32>(LZ4_STATE + LZ4_STEP_END) + shift;
  let out: u32 = load<u32>(LZ4_STATE + LZ4_OUT);
  let result: u32 = LZ4_MORE;
  const bias: u32 = base - shift;
  const windowEnd: u32 = end + shift;
  const matchEnd: u32 = isLast ? windowEnd - LAST_LITERALS : windowEnd;
  const lastStart: i32 = <i32> (windowEnd - NO_MATCH_BYTES);
  // Literals that have left the window are not for this kernel to copy.
  const outEnd: u32 = <i32> anchor < <i32> LZ4_PLAIN ? 0 : LZ4_PACKED + LZ4_PACKED_BYTES - SLACK_BYTES;

  // 64 KiB of JSON are 4,000 sequences, each found only when the one before has its end: what counts
  // is how long that takes, and how many instructions there are. Branches are foreseen well enough: to
  // look at two positions at once and to select one was slower by a fifth.
  while (true) {
    let to: u32 = at + length;
    if (length == 0) {
      // Search. Conditions are nested, as `&&` makes a number of each.
      let found = false;
      if (step == 0) {
        step = 1;
        stepEnd = at + STEP_POSITIONS;
        // Four positions for each load and turn: up to a tenth faster than one, where matches are few.
        const stop: i32 = min(<i32> stepEnd, lastStart + 1) - 3;
        while (<i32> at < stop) {
          const bytes = load<u64>(at);
          distance = put(bytes, at + bias);
          if (distance <= MAX_DISTANCE) {
            if (load<u32>(at - distance) == <u32> bytes) {
              found = true;
              break;
            }
          }
          at++;
          distance = put(bytes >> 8, at + bias);
          if (distance <= MAX_DISTANCE) {
            if (load<u32>(at - distance) == <u32> (bytes >> 8)) {
              found = true;
              break;
            }
          }
          at++;
          distance = put(bytes >> 16, at + bias);
          if (distance <= MAX_DISTANCE) {
            if (load<u32>(at - distance) == <u32> (bytes >> 16)) {
              found = true;
              break;
            }
          }
          at++;
          distance = put(bytes >> 24, at + bias);
          if (distance <= MAX_DISTANCE) {
            if (load<u32>(at - distance) == <u32> (bytes >> 24)) {
              found = true;
              break;
            }
          }
          at++;
        }
      }
      if (!found) {
        let stop: i32 = min(<i32> stepEnd, lastStart + 1);
        while (true) {
          if (<i32> at >= stop) {
            if (<i32> at > lastStart) break;
            step = min(step + 1, MAX_STEP);
            stepEnd = at + step * STEP_POSITIONS;
            stop = min(<i32> stepEnd, lastStart + 1);
          }
          const bytes = load<u64>(at);
          distance = put(bytes, at + bias);
          if (distance <= MAX_DISTANCE) {
            if (load<u32>(at - distance) == <u32> bytes) {
              found = true;
              break;
            }
          }
          at += step;
        }
      }
      if (!found) break;
      to = at + 4;
      if (at != anchor) {
        // Backwards, over bytes that were stepped over; 8 at once, without a branch. Whether there are
        // any follows from where the search ended, so that this one is foreseen.
        const before = load<u64>(at - 8) ^ load<u64>(at - distance - 8);
        const first: i32 = max(<i32> anchor, <i32> (shift + distance));
        at -= min(<u32> (clz(before) >> 3), <u32> (<i32> at - first));
      }
    }

    // Forwards; a match may go on in the next window. The first 8 bytes are a word, whose
    // difference is known sooner than a vector's: 3 to 5 % for text and source code.
    const other = load<u64>(to) ^ load<u64>(to - distance);
    if (other != 0) {
      to += <u32> (ctz(other) >> 3);
    } else {
      to += 8;
      while (true) {
        const others = ~i8x16.bitmask(i8x16.eq(v128.load(to), v128.load(to - distance)));
        to += ctz(others);
        if (others != 0xffff0000) break;
        if (to >= matchEnd) break;
      }
    }
    if (to >= matchEnd) {
      to = matchEnd;
      if (!isLast) {
        length = to - at;
        break;
      }
    }

    // Write. One branch, seldom taken, for all that is long; none for whether a match's length has a
    // byte of its own, which it has in a fifth of JSON's and cannot be foreseen.
    const literals: u32 = at - anchor;
    const extra: u32 = to - at - 4;
    if (<i32> ((14 - literals) | (15 + 254 - extra) | (outEnd - out)) >= 0) {
      const over = <i32> extra - 15;
      const isShort = over >> 31; // -1 or 0
      store<u8>(out, literals << 4 | (15 + (over & isShort)));
      v128.store(out, v128.load(anchor), 1);
      out += literals;
      store<u32>(out, distance | over << 16, 1);
      out += 4 + isShort;
    } else {
      if (out + literals + ((to - anchor) >>> 7) >= outEnd) {
        result = LZ4_SEQUENCE;
        length = to - at;
        break;
      }
      store<u8>(out++, min(literals, 15) << 4 | min(extra, 15));
      if (literals >= 15) out = writeLength(out, literals - 15);
      v128.store(out, v128.load(anchor));
      if (literals > 16) copyLiterals(out + 16, anchor + 16, literals - 16);
      out += literals;
      store<u16>(out, distance);
      out += 2;
      if (extra >= 15) out = writeLength(out, extra - 15);
    }
    anchor = at = to;
    length = 0;
    step = 0;
  }

  if (result == LZ4_MORE && isLast) result = LZ4_DONE;
  store<u32>(LZ4_STATE + LZ4_AT, at - shift);
  store<u32>(LZ4_STATE + LZ4_ANCHOR, anchor - shift);
  store<u32>(LZ4_STATE + LZ4_MATCH_BYTES, length);
  store<u32>(LZ4_STATE + LZ4_DISTANCE, distance);
  store<u32>(LZ4_STATE + LZ4_STEP, step);
  store<u32>(LZ4_STATE + LZ4_STEP_END, stepEnd - shift);
  store<u32>(LZ4_STATE + LZ4_OUT, out);
  return result;
}

/**
 * Makes the twin's hash of 5 bytes the high half of one product: the word of the first 4 times a prime,
 * plus the word that begins with the second. Without the latter's low bytes it took two more steps, and
 * the kernel 4 to 8 % longer.
 */
const HASH_FACTOR: u64 = 2654435761 << 32 | 1 << 24;

/**
 * Puts a position into the table, and returns how far before it the one is that stood there.
 *
 * The entry is 13 bits of the hash: 5 bytes find longer matches than 4 do, a third fewer sequences and
 * up to a tenth smaller.
 */
// @ts-ignore: decorator
@inline
function put(bytes: u64, here: u32): u32 {
  const entry = <u32> (bytes * HASH_FACTOR >> 51) << 2;
  const there = load<u32>(entry, LZ4_TABLE);
  store<u32>(entry, here, LZ4_TABLE);
  return here - there;
}

/** Writes what of a length is over 15: bytes of 255, then the rest. */
function writeLength(out: u32, left: u32): u32 {
  while (left >= 255) {
    store<u8>(out++, 255);
    left -= 255;
  }
  store<u8>(out, left);
  return out + 1;
}
