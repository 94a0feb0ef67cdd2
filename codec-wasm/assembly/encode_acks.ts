import { ACK_BYTES, ACKS, FRAME_ENTRY_BYTES, RESULT, RESULTS, TABLE } from "./layout";

/**
 * Encodes the acknowledgements of the table's frames [first, last) into ACKS, and returns how many
 * bytes they take. `shift` is that of the scan: the frames' headers are still in the window.
 *
 * An acknowledgement has its command and its id where the request has them, so one 16-byte load
 * keeps bytes 4 to 12, sets the total of 14 and the reply bit, and puts the result byte at 13. The
 * store is 16 bytes wide; the next one overwrites the two that are too many.
 */
export function encode_acks(first: u32, last: u32, shift: u32): i32 {
  // V8 makes a constant vector anew wherever it is used, which takes longer than all the rest of
  // this loop; what comes out of memory it keeps in a register. RESULT is free between scans.
  v128.store(RESULT, i8x16(0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0));
  v128.store(RESULT, i8x16(0, 0, 0, <i8> ACK_BYTES, -128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 16);
  const keep = v128.load(RESULT);
  const fixed = v128.load(RESULT, 16);

  let entry: u32 = TABLE + first * FRAME_ENTRY_BYTES;
  let out: u32 = ACKS;
  let frame = first;
  // Four at a time: one load for their results, one end-of-loop check; a fifth faster.
  for (; frame + 4 <= last; frame += 4) {
    const results = load<u32>(RESULTS + frame);
    v128.store(out, ack(entry, shift, keep, fixed, results));
    v128.store(out, ack(entry + 16, shift, keep, fixed, results >> 8), 14);
    v128.store(out, ack(entry + 32, shift, keep, fixed, results >> 16), 28);
    v128.store(out, ack(entry + 48, shift, keep, fixed, results >> 24), 42);
    entry += 4 * FRAME_ENTRY_BYTES;
    out += 4 * ACK_BYTES;
  }
  for (; frame < last; frame++) {
    v128.store(out, ack(entry, shift, keep, fixed, load<u8>(RESULTS + frame)));
    entry += FRAME_ENTRY_BYTES;
    out += ACK_BYTES;
  }
  return out - ACKS;
}

/** The acknowledgement of the frame of a table entry; of `result` the low 8 bits count. */
// @ts-ignore: decorator
@inline
function ack(entry: u32, shift: u32, keep: v128, fixed: v128, result: u32): v128 {
  const request = v128.load(load<u32>(entry) + shift);
  return v128.replace_lane<u8>(v128.or(v128.and(request, keep), fixed), 13, <u8> result);
}
