/**
 * Frames as they come from a peer that has agreed on `crc32c` or `lz4`: checked and opened.
 *
 * @module
 */
import { verifyChecksum } from "../../codec/checksum.ts";
import { FramewireError } from "../../errors.ts";
import { Command, hex, SUBMIT_HEADER_BYTES } from "./commands.ts";
import { frameChecksum } from "./frame_out.ts";
import { COMPRESSED, type FrameFeatures, openSubmitFrame } from "./seal.ts";

/** One frame at a time, opened. */
export class FrameIn {
  readonly #features: FrameFeatures;
  readonly #maxFrameBytes: number;
  /** Where the frame is now: in the memory it came in, or decompressed in memory of its own. */
  bytes!: Uint8Array;
  /** Where it begins there. */
  offset = 0;
  /** How long it is, without its checksum. */
  length = 0;
  /** Its command, without the bit for compression. */
  command = 0;

  constructor(features: FrameFeatures, maxFrameBytes: number) {
    this.#features = features;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** @throws FramewireError CHECKSUM_MISMATCH and what `openSubmitFrame` throws. */
  open(bytes: Uint8Array, offset: number, length: number, command: number): void {
    if (this.#features.crc32c) {
      verifyChecksum(frameChecksum(), bytes, offset, offset + length);
      length -= 4;
      if (length < SUBMIT_HEADER_BYTES) {
        throw new FramewireError(
          "LENGTH_UNDERFLOW",
          `frame of ${length + 4} bytes: with crc32c, ${SUBMIT_HEADER_BYTES + 4} are the shortest`,
        );
      }
    }
    if ((command & COMPRESSED) !== 0) {
      const frame = bytes.subarray(offset, offset + length);
      this.bytes = openSubmitFrame(
        frame,
        { lz4: this.#features.lz4 ?? false },
        this.#maxFrameBytes,
      );
      this.offset = 0;
      this.length = this.bytes.length;
      this.command = command & ~COMPRESSED;
      return;
    }
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    this.command = command;
  }
}

/** The error for a body of the wrong length. Closes the connection. */
export function wrongBody(command: number, name: string, length: number, expected: string): Error {
  const code = length < SUBMIT_HEADER_BYTES + 1 ? "BODY_TOO_SHORT" : "INVALID_FIELD";
  return new FramewireError(
    code,
    `${name} (${hex(command)}) has a body of ${
      length - SUBMIT_HEADER_BYTES
    } bytes: expected ${expected}`,
  );
}

/** The error for a command that a server does not take after a hello. Closes the connection. */
export function unexpected(
  command: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): FramewireError {
  const firstBytes = bytes.slice(offset, offset + Math.min(16, length));
  if (command === Command.CONN) {
    const message = "a second Conn came on a connection that has said hello already";
    return new FramewireError("UNEXPECTED_PACKET", message, { firstBytes });
  }
  const isReply = (command & 0x80) !== 0;
  return new FramewireError(
    isReply || command === Command.PUSH ? "UNEXPECTED_PACKET" : "UNKNOWN_PACKET",
    `command ${hex(command)} is ${
      isReply ? "a reply to nothing that a server sends" : "none that a server takes"
    }: expected 0x02 (Submit) to 0x08 (Credit)`,
    { firstBytes },
  );
}
