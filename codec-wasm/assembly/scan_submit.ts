import {
  FRAME_ENTRY_BYTES,
  STATUS_FRAME_TOO_LARGE,
  STATUS_LENGTH_UNDERFLOW,
  STATUS_OK,
  SUBMIT_KIND_OFFSET,
  SUBMIT_LENGTH_BYTES,
  SUBMIT_MIN_FRAME_BYTES,
  TABLE,
  TABLE_FRAMES,
} from "./layout";
import { report } from "./report";

/**
 * Scans frames of the submit protocol: u32 big-endian total at 0, command u8 at 4, 13 bytes or more.
 *
 * `at`, `limit` and `end` are offsets in the chunk; a chunk offset plus `shift` is its address in the
 * window. Frames that begin in [at, limit) go into the table from entry `index` on. Their headers
 * are in the window; their bodies need not be: `end` is where the chunk ends, in memory or not.
 */
export function scan_submit(
  at: u32,
  limit: u32,
  end: u32,
  shift: u32,
  maxFrameBytes: u32,
  index: u32,
): i32 {
  let frame: u32 = at + shift;
  const frameLimit: u32 = limit + shift;
  const chunkEnd: u32 = end + shift;
  let entry: u32 = TABLE + index * FRAME_ENTRY_BYTES;
  const tableEnd: u32 = TABLE + TABLE_FRAMES * FRAME_ENTRY_BYTES;

  while (frame < frameLimit && entry < tableEnd) {
    const left: u32 = chunkEnd - frame;
    if (left < SUBMIT_LENGTH_BYTES) {
      return report(entry, frame - shift, SUBMIT_LENGTH_BYTES, STATUS_OK, 0);
    }
    const total: u32 = bswap<u32>(load<u32>(frame));
    if (total > maxFrameBytes) {
      return report(entry, frame - shift, 0, STATUS_FRAME_TOO_LARGE, total);
    }
    if (total < SUBMIT_MIN_FRAME_BYTES) {
      return report(entry, frame - shift, 0, STATUS_LENGTH_UNDERFLOW, total);
    }
    if (total > left) return report(entry, frame - shift, total, STATUS_OK, 0);
    // Two 8-byte stores for the four words: offset and length, then kind and zero.
    store<u64>(entry, <u64> (frame - shift) | (<u64> total << 32));
    store<u64>(entry, <u64> load<u8>(frame, SUBMIT_KIND_OFFSET), 8);
    entry += FRAME_ENTRY_BYTES;
    frame += total;
  }
  return report(entry, frame - shift, 0, STATUS_OK, 0);
}
