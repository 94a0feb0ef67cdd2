/**
 * What both codecs ask of a layout.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { FrameLayout } from "./codec.ts";

/** One pass of a scan finds the frames that begin in so many bytes from where it starts. */
export const SCAN_WINDOW_BYTES = 65536;

/** Where the length field and the kind field must have ended, counted from the frame's beginning. */
export const MAX_HEADER_BYTES = 256;

/** Offsets and lengths are 32-bit numbers: the highest limit a scan can have. */
export const MAX_FRAME_BYTES = 0x7fffffff;

/** How many bytes must be there before a frame's length is known. */
export function headerBytesOf(layout: FrameLayout): number {
  return layout.lengthOffset + layout.lengthBytes;
}

/** Whether two layouts describe the same framing. */
export function sameLayout(a: FrameLayout, b: FrameLayout): boolean {
  return a === b ||
    a.lengthOffset === b.lengthOffset && a.lengthBytes === b.lengthBytes &&
      a.adjust === b.adjust && a.littleEndian === b.littleEndian &&
      a.minFrameBytes === b.minFrameBytes && a.kindOffset === b.kindOffset &&
      a.kindBytes === b.kindBytes;
}

/**
 * Refuses a layout that no scan could follow.
 *
 * @throws FramewireError INVALID_OPTION, naming the member and what it may be.
 */
export function checkLayout(layout: FrameLayout): void {
  const { lengthOffset, lengthBytes, adjust, minFrameBytes, kindOffset, kindBytes } = layout;
  integer("lengthBytes", lengthBytes, 1, 8);
  integer("lengthOffset", lengthOffset, 0, MAX_HEADER_BYTES - lengthBytes);
  integer("adjust", adjust, -MAX_FRAME_BYTES, MAX_FRAME_BYTES - MAX_HEADER_BYTES);
  integer("minFrameBytes", minFrameBytes, lengthOffset + lengthBytes, MAX_FRAME_BYTES);
  if (![0, 1, 2, 4].includes(kindBytes)) {
    throw new FramewireError(
      "INVALID_OPTION",
      `kindBytes is ${kindBytes}: it must be 0, 1, 2 or 4`,
    );
  }
  integer("kindOffset", kindOffset, 0, Math.min(minFrameBytes, MAX_HEADER_BYTES) - kindBytes);
}

function integer(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new FramewireError(
    "INVALID_OPTION",
    `${name} is ${value}: it must be a whole number from ${least} to ${most}`,
  );
}
