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

  while (true) {
    if (length == 0) {
      // Search.
      if (<i32> at > lastStart) break;
      if (step == 0) {
        step = 1;
        stepEnd = at + STEP_POSITIONS;
      }
      let found = false;
      while (true) {
        const stop: i32 = min(<i32> stepEnd, lastStart + 1);
        // Two positions for each turn of the loop; a turn has its price on a runtime that checks
        // the bounds of every load, as Deno does.
        while (<i32> at < stop) {
          const bytes = load<u64>(at);
          distance = put(bytes, at + bias);
          if (distance <= MAX_DISTANCE && load<u32>(at - distance) == <u32> bytes) {
            found = true;
            break;
          }
          at += step;
          if (<i32> at >= stop) break;
          const bytes2 = load<u64>(at);
          distance = put(bytes2, at + bias);
          if (distance <= MAX_DISTANCE && load<u32>(at - distance) == <u32> bytes2) {
            found = true;
            break;
          }
          at += step;
        }
        if (found || <i32> at > lastStart) break;
        step = min(step + 1, MAX_STEP);
        stepEnd = at + step * STEP_POSITIONS;
      }
      if (!found) break;
      length = 4;
      // Backwards, over bytes that were stepped over; 8 at once, without a branch.
      const before = load<u64>(at - 8) ^ load<u64>(at - distance - 8);
      const first: i32 = max(<i32> anchor, <i32> (shift + distance));
      const back: u32 = min(<u32> (clz(before) >> 3), <u32> (<i32> at - first));
      at -= back;
      length += back;
    }

    // Forwards; a match may go on in the next window.
    let to: u32 = at + length;
    while (to < matchEnd) {
      const same: u32 = i8x16.bitmask(i8x16.eq(v128.load(to), v128.load(to - distance)));
      to += ctz(~same);
      if (same != 0xffff) break;
    }
    to = min(to, matchEnd);
    length = to - at;
    if (!isLast && to == windowEnd) break;

    // Write.
    const literals: u32 = at - anchor;
    const extra: u32 = length - 4;
    const room: i32 = <i32> (LZ4_PACKED + LZ4_PACKED_BYTES - out);
    if (
      <i32> anchor < <i32> LZ4_PLAIN ||
      <i32> (literals + (literals >>> 7) + (extra >>> 7) + 32) > room
    ) {
      result = LZ4_SEQUENCE;
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
 * Puts a position into the table, and returns how far before it the one is that stood there.
 *
 * The entry is 13 bits of a multiplicative hash of 5 bytes: they find longer matches than 4 do, a
 * third fewer sequences and up to a tenth smaller.
 */
// @ts-ignore: decorator
@inline
function put(bytes: u64, here: u32): u32 {
  const hash = <u32> bytes * 2654435761 + (<u32> (bytes >> 8) & 0xff000000);
  const entry = hash >>> 19 << 2;
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
