import { ACK_BYTES, ACKS, FRAME_ENTRY_BYTES, RESULTS, TABLE } from "./layout";

/**
 * Encodes the acknowledgements of the table's frames [first, last) into ACKS, and returns how many
 * bytes they take. `shift` is that of the scan: the frames' headers are still in the window.
 *
 * An acknowledgement has its command and its id where the request has them, so one 16-byte load
 * keeps bytes 4 to 12, sets the total of 14 and the reply bit, and puts the result byte at 13. The
 * store is 16 bytes wide; the next one overwrites the two that are too many.
 */
export function encode_acks(first: u32, last: u32, shift: u32): i32 {
  const keep = i8x16(0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0);
  const fixed = i8x16(0, 0, 0, <i8> ACK_BYTES, -128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  let entry: u32 = TABLE + first * FRAME_ENTRY_BYTES;
  let out: u32 = ACKS;
  for (let i = first; i < last; i++) {
    const request = v128.load(load<u32>(entry) + shift);
    const ack = v128.or(v128.and(request, keep), fixed);
    v128.store(out, v128.replace_lane<u8>(ack, 13, load<u8>(RESULTS + i)));
    entry += FRAME_ENTRY_BYTES;
    out += ACK_BYTES;
  }
  return out - ACKS;
}
