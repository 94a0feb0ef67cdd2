import {
  CONFIG,
  CONFIG_BASE,
  CONFIG_HEADER_BYTES,
  CONFIG_KIND_LANES,
  CONFIG_KIND_MASK,
  CONFIG_KIND_OFFSET,
  CONFIG_KIND_SWAP,
  CONFIG_LENGTH_LANES,
  CONFIG_LENGTH_OFFSET,
  CONFIG_MIN_FRAME_BYTES,
  CONFIG_ORDER,
  CONFIG_SIGN,
  CONFIG_STRIP,
  CONFIG_UNUSED_BITS,
  FRAME_ENTRY_BYTES,
  ORDER_BIG,
  ORDER_LITTLE,
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
  const kindMask = load<u32>(CONFIG + CONFIG_KIND_MASK);
  const kindSwap = load<u32>(CONFIG + CONFIG_KIND_SWAP);
  const kindOffset = load<u32>(CONFIG + CONFIG_KIND_OFFSET);
  const headerBytes = load<u32>(CONFIG + CONFIG_HEADER_BYTES);
  const order = load<u32>(CONFIG + CONFIG_ORDER);
  const unused = load<u32>(CONFIG + CONFIG_UNUSED_BITS);
  const base = <i64> load<i32>(CONFIG + CONFIG_BASE);
  const minFrameBytes = <i64> load<i32>(CONFIG + CONFIG_MIN_FRAME_BYTES);
  const strip = <u64> load<u32>(CONFIG + CONFIG_STRIP) << 32;
  const sign = load<u64>(CONFIG + CONFIG_SIGN);
  const tooLong = <u64> max<i64>(<i64> maxFrameBytes - base + 1, 0);

  let frame: u32 = at + shift;
  const frameLimit: u32 = limit + shift;
  const chunkEnd: u32 = end + shift;
  let entry: u32 = TABLE + index * FRAME_ENTRY_BYTES;
  const tableEnd: u32 = TABLE + TABLE_FRAMES * FRAME_ENTRY_BYTES;
  let before: u32 = 0;

  while (frame < frameLimit && entry < tableEnd) {
    const left: u32 = chunkEnd - frame;
    if (left < headerBytes) return report(entry, frame - shift, headerBytes, STATUS_OK, 0);
    let place: u32 = frame + lengthOffset;
    let field: u64;
    if (order == ORDER_BIG) {
      field = <u64> (bswap<u32>(load<u32>(place)) >>> unused);
    } else if (order == ORDER_LITTLE) {
      field = <u64> load<u32>(place) & lengthMask;
    } else {
      field = v128.extract_lane<u64>(v128.swizzle(v128.load(place), lengthLanes), 0);
      // Extends the sign of a signed field, and changes no other.
      field = (field ^ sign) - sign;
    }
    // The field is compared before the base is added: a length of 8 bytes never wraps. A negative
    // one is over every limit; the caller tells which error it is.
    if (field >= tooLong) {
      return report(entry, frame - shift, 0, STATUS_FRAME_TOO_LARGE, field);
    }
    const whole = <i64> field + base;
    if (whole < minFrameBytes) {
      return report(entry, frame - shift, 0, STATUS_LENGTH_UNDERFLOW, field);
    }
    if (whole > <i64> left) return report(entry, frame - shift, <u32> whole, STATUS_OK, whole);

    const total = <u32> whole;
    const offsetAndLength = <u64> (frame - shift) | (<u64> total << 32);
    let kind = load<u32>(frame + kindOffset);
    if (kindSwap != 0) kind = bswap<u32>(kind) >>> (kindSwap & 31);
    store<u64>(entry, offsetAndLength);
    store<u64>(entry, <u64> (kind & kindMask) | strip, 8);
    entry += FRAME_ENTRY_BYTES;
    frame += total;

    // A run begins with the second frame of a length: then it is worth what follows.
    if (total != before) {
      before = total;
      continue;
    }
    // The last place where a complete frame of this length can begin and has room in the table.
    const room = <i64> ((tableEnd - entry) / FRAME_ENTRY_BYTES) - 1;
    const lastFrame = min<i64>(min(chunkEnd - total, frameLimit - 1), <i64> frame + room * total);
    if (<i64> frame > lastFrame) continue;
    // The field as it stands, its bytes in order.
    const same = load<u64>(place) & lengthMask;
    place += total;
    // From here on all is counted from where the length is.
    const lastPlace: u32 = <u32> lastFrame + lengthOffset;
    const toKind: u32 = kindOffset - lengthOffset;
    const step = v128.replace_lane<u32>(i32x4.splat(0), 0, total);
    // Offset, length, no kind, strip.
    let words = v128.replace_lane<u64>(v128.splat<u64>(offsetAndLength), 1, strip);
    if (lengthMask == 0xffffffff) {
      // Four bytes are the most frequent.
      const same32 = <u32> same;
      do {
        if (load<u32>(place) != same32) break;
        words = v128.add<u32>(words, step);
        v128.store(entry, v128.or(words, v128.swizzle(v128.load(place + toKind), kindLanes)));
        entry += FRAME_ENTRY_BYTES;
        place += total;
      } while (place <= lastPlace);
    } else {
      do {
        if ((load<u64>(place) & lengthMask) != same) break;
        words = v128.add<u32>(words, step);
        v128.store(entry, v128.or(words, v128.swizzle(v128.load(place + toKind), kindLanes)));
        entry += FRAME_ENTRY_BYTES;
        place += total;
      } while (place <= lastPlace);
    }
    frame = place - lengthOffset;
  }
  return report(entry, frame - shift, 0, STATUS_OK, 0);
}
