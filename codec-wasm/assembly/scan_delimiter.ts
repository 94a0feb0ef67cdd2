import {
  CONFIG,
  CONFIG_DELIMITERS,
  CONFIG_KIND_LANES,
  CONFIG_KIND_OFFSET,
  CONFIG_LAST_BYTES,
  CONFIG_LASTS,
  CONFIG_MIN_FRAME_BYTES,
  DELIMITER_ENTRY_BYTES,
  DELIMITERS,
  FRAME_ENTRY_BYTES,
  STATUS_DELIMITER_NOT_FOUND,
  STATUS_LENGTH_UNDERFLOW,
  STATUS_OK,
  TABLE,
  TABLE_FRAMES,
} from "./layout";
import { report } from "./report";

/** A bit for each of the 16 bytes at `address` that may end a delimiter. */
// @ts-ignore: decorator
@inline
function candidates(address: u32, last: v128, other: v128, lasts: u32): u32 {
  const bytes = v128.load(address);
  let found = v128.or(i8x16.eq(bytes, last), i8x16.eq(bytes, other));
  for (let i: u32 = 2; i < lasts; i++) {
    const byte = load<u8>(CONFIG + CONFIG_LAST_BYTES + i);
    found = v128.or(found, i8x16.eq(bytes, i8x16.splat(byte)));
  }
  return <u32> i8x16.bitmask(found);
}

/** The length of the longest delimiter that `address` is the last byte of, or 0. */
function ending(address: u32, frame: u32): u32 {
  const delimiters = load<u32>(CONFIG + CONFIG_DELIMITERS);
  let delimiter: u32 = DELIMITERS;
  for (let i: u32 = 0; i < delimiters; i++) {
    const length = load<u32>(delimiter);
    const begin: u32 = address + 1 - length;
    if (<i32> (begin - frame) >= 0) {
      let at: u32 = 0;
      while (at < length && load<u8>(begin + at) === load<u8>(delimiter + 4 + at)) at++;
      if (at === length) return length;
    }
    delimiter += DELIMITER_ENTRY_BYTES;
  }
  return 0;
}

/**
 * Scans one window for frames that end in a delimiter, as CONFIG describes them.
 *
 * Parameters as for scan_submit, but the window is that of the search: it goes on at `from`, in the
 * frame that begins at `at`, and finds the frames that end before `limit`. Of that first frame only
 * so many bytes before `from` need be in memory as the longest delimiter has; its kind is left to
 * the caller when its beginning is not there.
 *
 * Sixteen bytes are looked through at a time, for the last bytes of the delimiters: what stands
 * before one is compared only where one is found.
 */
export function scan_delimiter(
  at: u32,
  from: u32,
  limit: u32,
  shift: u32,
  maxFrameBytes: u32,
  index: u32,
): i32 {
  const kindLanes = v128.load(CONFIG + CONFIG_KIND_LANES);
  const kindOffset = load<u32>(CONFIG + CONFIG_KIND_OFFSET);
  const minContentBytes = load<u32>(CONFIG + CONFIG_MIN_FRAME_BYTES);
  // Lasts beyond the first two are rare; those that are not there repeat the first.
  const last = i8x16.splat(load<u8>(CONFIG + CONFIG_LAST_BYTES));
  const other = i8x16.splat(load<u8>(CONFIG + CONFIG_LAST_BYTES + 1));
  const lasts = load<u32>(CONFIG + CONFIG_LASTS);
  // A single byte needs no comparison.
  const single = load<u32>(CONFIG + CONFIG_DELIMITERS) === 1 && load<u32>(DELIMITERS) === 1;

  let frame: u32 = at + shift;
  const end: u32 = limit + shift;
  let block: u32 = from + shift;
  let entry: u32 = TABLE + index * FRAME_ENTRY_BYTES;
  const tableEnd: u32 = TABLE + TABLE_FRAMES * FRAME_ENTRY_BYTES;

  while (block < end) {
    let found = candidates(block, last, other, lasts);
    if (end - block < 16) found &= (1 << (end - block)) - 1;
    while (found !== 0) {
      const address: u32 = block + <u32> ctz(found);
      found &= found - 1;
      const length: u32 = single ? 1 : ending(address, frame);
      if (length === 0) continue;
      const total: u32 = address + 1 - frame;
      // The next scan begins with this frame.
      if (entry === tableEnd) return report(entry, frame - shift, 0, STATUS_OK, 0);
      if (total > maxFrameBytes) {
        return report(entry, frame - shift, 0, STATUS_DELIMITER_NOT_FOUND, maxFrameBytes);
      }
      if (total - length < minContentBytes) {
        return report(entry, frame - shift, 0, STATUS_LENGTH_UNDERFLOW, total - length);
      }
      // The beginning of the first frame may be out of memory.
      const kindAt: u32 = frame < end ? frame : block;
      const kind = v128.extract_lane<u64>(
        v128.swizzle(v128.load(kindAt + kindOffset), kindLanes),
        0,
      );
      store<u64>(entry, <u64> (frame - shift) | (<u64> total << 32));
      store<u64>(entry, kind | (<u64> length << 48), 8);
      entry += FRAME_ENTRY_BYTES;
      frame += total;
    }
    block += 16;
  }
  const left: u32 = end - frame;
  if (entry < tableEnd && left >= maxFrameBytes) {
    return report(entry, frame - shift, 0, STATUS_DELIMITER_NOT_FOUND, maxFrameBytes);
  }
  // Every byte was looked at: one more may find more.
  return report(entry, frame - shift, left === 0 ? 0 : left + 1, STATUS_OK, 0);
}
