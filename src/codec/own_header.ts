/**
 * Reads a frame's length outside of a scan, to explain what came.
 *
 * @module
 */
import { lengthLayout } from "./frame_layout.ts";
import type { Framing, LengthFieldFraming } from "./framing_types.ts";
import { readField } from "./read_field.ts";

/** How far behind the beginning of a frame another header is looked for, in bytes. */
const MOST_SHIFT_BYTES = 64;

/** The whole length that the header at `bytes[at]` declares; undefined when it is not complete. */
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

/**
 * Explains a length that cannot be by our own header: written in the other byte order, or some
 * bytes further on. What the frame behind it confirms comes before what is only possible.
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
  const { littleEndian } = framing;
  const judge = (at: number, little: boolean): Verdict =>
    judgeHeader(framing, bytes, at, little, maxFrameBytes);
  const swapped = judge(0, !littleEndian);
  if (swapped === Verdict.CONFIRMED) return SWAPPED;
  let possible: number | undefined;
  const most = Math.min(MOST_SHIFT_BYTES, bytes.length);
  for (let shift = 1; shift < most; shift++) {
    const verdict = judge(shift, littleEndian);
    if (verdict === Verdict.CONFIRMED) return shifted(shift);
    if (verdict === Verdict.POSSIBLE) possible ??= shift;
  }
  if (swapped === Verdict.POSSIBLE) return SWAPPED;
  // Fewer than four bytes are easily plausible by chance.
  return possible === undefined || framing.size < 4 ? undefined : shifted(possible);
}

const SWAPPED = "a byte-swapped length";

function shifted(bytes: number): string {
  return `our own header ${bytes} byte${bytes === 1 ? "" : "s"} further on`;
}

/** How likely it is that a header stands somewhere. */
const Verdict = { NONE: 0, POSSIBLE: 1, CONFIRMED: 2 } as const;
type Verdict = (typeof Verdict)[keyof typeof Verdict];

function judgeHeader(
  framing: LengthFieldFraming,
  bytes: Uint8Array,
  at: number,
  littleEndian: boolean,
  maxFrameBytes: number,
): Verdict {
  const plausible = (length: number) => length >= framing.minFrameBytes && length <= maxFrameBytes;
  const length = lengthAt(framing, bytes, at, littleEndian);
  if (length === undefined || !plausible(length) || isZero(framing, bytes, at)) return Verdict.NONE;
  const next = at + length;
  if (next === bytes.length) return Verdict.CONFIRMED;
  const following = lengthAt(framing, bytes, next, littleEndian);
  if (following === undefined) return Verdict.POSSIBLE;
  return plausible(following) ? Verdict.CONFIRMED : Verdict.NONE;
}

/** A length of nothing says nothing: zeros are everywhere. */
function isZero(framing: LengthFieldFraming, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < framing.size; i++) {
    if (bytes[at + framing.offset + i] !== 0) return false;
  }
  return true;
}
