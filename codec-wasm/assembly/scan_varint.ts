import {
  CONFIG,
  CONFIG_KIND_BEHIND,
  CONFIG_KIND_LANES,
  CONFIG_KIND_OFFSET,
  CONFIG_LENGTH_OFFSET,
  CONFIG_MAX_VARINT_BYTES,
  CONFIG_MIN_FRAME_BYTES,
  FRAME_ENTRY_BYTES,
  STATUS_FRAME_TOO_LARGE,
  STATUS_LENGTH_UNDERFLOW,
  STATUS_OK,
  STATUS_VARINT_TOO_LONG,
  TABLE,
  TABLE_FRAMES,
} from "./layout";
import { report } from "./report";

/**
 * Scans frames with a LEB128 length, as CONFIG describes them; parameters as for scan_submit.
 *
 * An error reports the frame's whole length, not the field: the header has no fixed length.
 */
export function scan_varint(
  at: u32,
  limit: u32,
  end: u32,
  shift: u32,
  maxFrameBytes: u32,
  index: u32,
): i32 {
  const kindLanes = v128.load(CONFIG + CONFIG_KIND_LANES);
  const kindOffset = load<u32>(CONFIG + CONFIG_KIND_OFFSET);
  // All bits when the kind is counted from the varint's end, else none.
  const behind = load<u32>(CONFIG + CONFIG_KIND_BEHIND);
  const lengthOffset = load<u32>(CONFIG + CONFIG_LENGTH_OFFSET);
  const maxHeaderBytes: u32 = lengthOffset + load<u32>(CONFIG + CONFIG_MAX_VARINT_BYTES);
  const minValue = <u64> load<u32>(CONFIG + CONFIG_MIN_FRAME_BYTES);

  let frame: u32 = at + shift;
  const frameLimit: u32 = limit + shift;
  const chunkEnd: u32 = end + shift;
  let entry: u32 = TABLE + index * FRAME_ENTRY_BYTES;
  const tableEnd: u32 = TABLE + TABLE_FRAMES * FRAME_ENTRY_BYTES;

  while (frame < frameLimit && entry < tableEnd) {
    const left: u32 = chunkEnd - frame;
    let header: u32 = lengthOffset;
    let value: u64 = 0;
    let bits: u64 = 0;
    let byte: u32 = 0x80;
    while (header < maxHeaderBytes) {
      if (header >= left) return report(entry, frame - shift, header + 1, STATUS_OK, 0);
      byte = load<u8>(frame + header);
      value |= <u64> (byte & 0x7f) << bits;
      bits += 7;
      header++;
      if (byte < 0x80) break;
    }
    if (byte >= 0x80) return report(entry, frame - shift, 0, STATUS_VARINT_TOO_LONG, header);
    // 9 bytes have 63 bits: neither the sum nor the comparison can wrap.
    const total: u64 = value + header;
    if (total > <u64> maxFrameBytes) {
      return report(entry, frame - shift, 0, STATUS_FRAME_TOO_LARGE, total);
    }
    if (value < minValue) return report(entry, frame - shift, 0, STATUS_LENGTH_UNDERFLOW, total);
    if (total > <u64> left) return report(entry, frame - shift, <u32> total, STATUS_OK, total);
    const kind = v128.extract_lane<u64>(
      v128.swizzle(v128.load(frame + kindOffset + (header & behind)), kindLanes),
      0,
    );
    store<u64>(entry, <u64> (frame - shift) | (total << 32));
    store<u64>(entry, kind | (<u64> header << 32), 8);
    entry += FRAME_ENTRY_BYTES;
    frame += <u32> total;
  }
  return report(entry, frame - shift, 0, STATUS_OK, 0);
}
