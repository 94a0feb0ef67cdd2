/**
 * What ended a scan, as an error that says what to do.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { type FrameLayout, ScanStatus } from "./codec.ts";
import { looksLike } from "./looks_like.ts";

/**
 * Makes the error of a malformed frame.
 *
 * @param status What the scan reported, not `OK`.
 * @param declared The whole length the frame declares, in bytes.
 * @param layout The framing it was scanned by.
 * @param maxFrameBytes The longest frame that was allowed.
 * @param streamOffset Where in the received stream the frame begins.
 * @param firstBytes The frame's first bytes, at most 16; the error keeps them.
 */
export function scanError(
  status: ScanStatus,
  declared: number,
  layout: FrameLayout,
  maxFrameBytes: number,
  streamOffset: number,
  firstBytes: Uint8Array,
): FramewireError {
  const tooLarge = status === ScanStatus.FRAME_TOO_LARGE;
  const limitBytes = tooLarge ? maxFrameBytes : layout.minFrameBytes;
  const name = looksLike(firstBytes);
  const problem = tooLarge
    ? `frame of ${declared} bytes is over the limit of ${limitBytes} (maxFrameBytes)`
    : `frame of ${declared} bytes is under the ${limitBytes} that the shortest frame has`;
  return new FramewireError(
    tooLarge ? "FRAME_TOO_LARGE" : "LENGTH_UNDERFLOW",
    `${problem}; the first bytes ${name ? hint(name) : `are ${hex(firstBytes)}`}`,
    {
      declaredBytes: declared,
      limitBytes,
      streamOffset,
      firstBytes,
      ...(name !== undefined && { looksLike: name }),
    },
  );
}

function hint(name: string): string {
  if (name.startsWith("PROXY")) {
    return `look like the ${name}: is a proxy in front of this port that sends it?`;
  }
  const article = /^[HSRA]/.test(name) && name !== "Redis" ? "an" : "a";
  return `look like ${name}: is ${article} ${name} client connecting to this port?`;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ") || "not there";
}
