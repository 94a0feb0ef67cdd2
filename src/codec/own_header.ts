/**
 * Reads a frame's length outside of a scan, to explain what came.
 *
 * @module
 */
import { lengthLayout } from "./frame_layout.ts";
import type { Framing, LengthFieldFraming, VarintFraming } from "./framing.ts";
import { readField } from "./read_field.ts";

/** How far behind the beginning of a frame another header is looked for, in bytes. */
const MOST_SHIFT_BYTES = 64;

/**
 * The whole length that the header at `bytes[at]` declares.
 *
 * @returns Undefined when the header is not complete or the framing has none.
 */
export function declaredLength(framing: Framing, bytes: Uint8Array, at = 0): number | undefined {
  switch (framing.kind) {
    case "lengthField":
      return lengthAt(framing, bytes, at, framing.littleEndian);
    case "varint":
      return varintAt(framing, bytes, at);
    case "fixed":
      return framing.frameBytes;
    default:
      return undefined;
  }
}

function lengthAt(
  framing: LengthFieldFraming,
  bytes: Uint8Array,
  at: number,
  littleEndian: boolean,
): number | undefined {
  const { offset, size, signed } = framing;
  if (at + offset + size > bytes.length) return undefined;
  const { base } = lengthLayout(framing, undefined);
  return readField(bytes, at + offset, size, littleEndian, signed) + base;
}

function varintAt(framing: VarintFraming, bytes: Uint8Array, at: number): number | undefined {
  let value = 0;
  for (let i = 0; i < framing.maxBytes; i++) {
    const byte = bytes[at + framing.offset + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) return framing.offset + i + 1 + value;
  }
  return undefined;
}

/**
 * Explains a length that cannot be by our own header: written in the other byte order, or some
 * bytes further on.
 *
 * @param bytes What has come from the malformed frame on; more than 16 bytes make it surer.
 * @returns For example `"a byte-swapped length"`, or undefined.
 */
export function explainHeader(
  framing: Framing,
  bytes: Uint8Array,
  maxFrameBytes: number,
): string | undefined {
  if (framing.kind !== "lengthField" || framing.size < 2) return undefined;
  const plausible = (length: number | undefined): length is number =>
    length !== undefined && length >= framing.minFrameBytes && length <= maxFrameBytes;
  if (plausible(lengthAt(framing, bytes, 0, !framing.littleEndian))) return "a byte-swapped length";
  // Two bytes are easily plausible by chance.
  if (framing.size < 4) return undefined;
  const most = Math.min(MOST_SHIFT_BYTES, bytes.length);
  for (let shift = 1; shift < most; shift++) {
    const length = declaredLength(framing, bytes, shift);
    if (!plausible(length) || isZero(framing, bytes, shift)) continue;
    // Where the next header should be, there must be one, as far as has come.
    const next = shift + length;
    const following = declaredLength(framing, bytes, next);
    if (following !== undefined && !plausible(following)) continue;
    return `our own header ${shift} byte${shift === 1 ? "" : "s"} further on`;
  }
  return undefined;
}

/** A length of nothing says nothing: zeros are everywhere. */
function isZero(framing: LengthFieldFraming, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < framing.size; i++) {
    if (bytes[at + framing.offset + i] !== 0) return false;
  }
  return true;
}
