import {
  CONFIG,
  CONFIG_BASE,
  CONFIG_HEADER_BYTES,
  CONFIG_KIND_LANES,
  CONFIG_KIND_OFFSET,
  CONFIG_LENGTH_LANES,
  CONFIG_LENGTH_OFFSET,
  CONFIG_MIN_FRAME_BYTES,
  CONFIG_SIGN,
  CONFIG_STRIP,
  FRAME_ENTRY_BYTES,
  STATUS_FRAME_TOO_LARGE,
  STATUS_LENGTH_UNDERFLOW,
  STATUS_OK,
  TABLE,
  TABLE_FRAMES,
} from "./layout";
import { report } from "./report";

/**
 * Scans frames of the layout in CONFIG; parameters as for scan_submit. Frames of a fixed length are
 * a layout too: its length field has no bytes, and so it is 0.
 *
 * A swizzle gathers a field of any width and byte order in one instruction: CONFIG holds the lane
 * indices, and an index of 16 or more yields a zero byte.
 *
 * As in scan_submit, an inner loop takes a run of frames of one length without waiting for it.
 */
export function scan_length_field(
  at: u32,
  limit: u32,
  end: u32,
  shift: u32,
  maxFrameBytes: u32,
  index: u32,
): i32 {
  const lengthLanes = v128.load(CONFIG + CONFIG_LENGTH_LANES);
  // Moved up by 8 bytes, where the kind is in a table entry.
  const kindLanes = v128.shuffle<u8>(
    v128.load(CONFIG + CONFIG_KIND_LANES),
    v128.splat<u8>(16),
    16, 16, 16, 16, 16, 16, 16, 16, 0, 1, 2, 3, 16, 16, 16, 16,
  );
  // As many bytes as the field has.
  const lengthMask = v128.extract_lane<u64>(v128.lt<u8>(lengthLanes, v128.splat<u8>(16)), 0);
  const lengthOffset = load<u32>(CONFIG + CONFIG_LENGTH_OFFSET);
  const kindOffset = load<u32>(CONFIG + CONFIG_KIND_OFFSET);
  const headerBytes = load<u32>(CONFIG + CONFIG_HEADER_BYTES);
  const base = <i64> load<i32>(CONFIG + CONFIG_BASE);
  const minFrameBytes = <i64> load<i32>(CONFIG + CONFIG_MIN_FRAME_BYTES);
  const strip = <u64> load<u32>(CONFIG + CONFIG_STRIP) << 32;
  const sign = load<u64>(CONFIG + CONFIG_SIGN);
  const maxField = <i64> maxFrameBytes - base;

  let frame: u32 = at + shift;
  const frameLimit: u32 = limit + shift;
  const chunkEnd: u32 = end + shift;
  let entry: u32 = TABLE + index * FRAME_ENTRY_BYTES;
  const tableEnd: u32 = TABLE + TABLE_FRAMES * FRAME_ENTRY_BYTES;

  while (frame < frameLimit && entry < tableEnd) {
    const left: u32 = chunkEnd - frame;
    if (left < headerBytes) return report(entry, frame - shift, headerBytes, STATUS_OK, 0);
    const header = v128.load(frame + lengthOffset);
    const unsigned = v128.extract_lane<u64>(v128.swizzle(header, lengthLanes), 0);
    // Extends the sign of a signed field, and changes no other.
    const field: u64 = (unsigned ^ sign) - sign;
    // The field is compared before the base is added: a length of 8 bytes never wraps. A negative
    // one is over every limit; the caller tells which error it is.
    if (maxField < 0 || field > <u64> maxField) {
      return report(entry, frame - shift, 0, STATUS_FRAME_TOO_LARGE, field);
    }
    const whole = <i64> field + base;
    if (whole < minFrameBytes) {
      return report(entry, frame - shift, 0, STATUS_LENGTH_UNDERFLOW, field);
    }
    if (whole > <i64> left) return report(entry, frame - shift, <u32> whole, STATUS_OK, whole);

    const total = <u32> whole;
    // The field as it stands, its bytes in order.
    const same = v128.extract_lane<u64>(header, 0) & lengthMask;
    // The last place where a complete frame of this length can begin and has room in the table.
    const room = <u64> (tableEnd - entry) / FRAME_ENTRY_BYTES - 1;
    const lastFrame = <u32> min<u64>(min(chunkEnd - total, frameLimit - 1), frame + room * total);
    // Offset, length, no kind, strip.
    let words = v128.replace_lane<u64>(
      v128.splat<u64>(<u64> (frame - shift) | (<u64> total << 32)),
      1,
      strip,
    );
    const step = v128.replace_lane<u32>(i32x4.splat(0), 0, total);
    while (true) {
      v128.store(entry, v128.or(words, v128.swizzle(v128.load(frame + kindOffset), kindLanes)));
      entry += FRAME_ENTRY_BYTES;
      frame += total;
      if (frame > lastFrame) break;
      if ((load<u64>(frame + lengthOffset) & lengthMask) != same) break;
      words = v128.add<u32>(words, step);
    }
  }
  return report(entry, frame - shift, 0, STATUS_OK, 0);
}
