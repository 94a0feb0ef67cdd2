/**
 * Frames around content that is written in place.
 *
 * @module
 */
import type { ByteWriter } from "./byte_writer.ts";
import { checkFraming } from "./check_framing.ts";
import { checkLimit, ownLimit } from "./frame_layout.ts";
import type { Framing } from "./framing.ts";
import type { FramingScans } from "./framing_scans.ts";

/**
 * Makes frames of one framing.
 *
 * Between `begin` and `end` the frame's content is written: what a decoder of the same framing
 * gives. So with a lengthField framing that strips nothing, the bytes before the length and a
 * placeholder for it are part of the content; with a varint framing that strips nothing, only the
 * bytes before the varint are; with a delimiter framing that strips nothing, the delimiter is.
 */
export interface FrameWriter {
  /**
   * Begins a frame at the end of `out`.
   *
   * @returns The mark that `end` takes.
   */
  begin(out: ByteWriter): number;
  /**
   * Completes the frame that began at `mark`.
   *
   * @throws FramewireError FRAME_TOO_LARGE, LENGTH_UNDERFLOW or INVALID_CONTENT; `out` is then as it
   * was before `begin`.
   */
  end(out: ByteWriter, mark: number): void;
}

/**
 * Makes the writer of a framing.
 *
 * @param framing The framing.
 * @param maxFrameBytes The longest frame to write; by default what the framing says.
 * @throws FramewireError INVALID_CONFIG.
 */
export function frameWriter(framing: Framing, maxFrameBytes?: number): FrameWriter {
  return writerOf(checkFraming(framing), framing, maxFrameBytes);
}

/** The same for a framing that was checked, with what that has found. */
export function writerOf(
  { writer }: FramingScans,
  framing: Framing,
  most: number = ownLimit(framing),
): FrameWriter {
  checkLimit(framing, most);
  return writer!(framing, most);
}
