/**
 * What a plain peer may not send.
 *
 * @module
 */
import { FramewireError } from "../../../errors.ts";
import { hex } from "../commands.ts";
import { isHello } from "./greeter.ts";

/** The error of a frame with a command that the server does not take from a plain peer. */
export function wrongCommand(
  chunk: Uint8Array,
  offset: number,
  length: number,
  command: number,
): FramewireError {
  const firstBytes = chunk.slice(offset, offset + Math.min(16, length));
  if (isHello(command, length)) {
    const message = "a Conn with a hello in it must be the first frame of its connection";
    return new FramewireError("UNEXPECTED_PACKET", message, { firstBytes });
  }
  const expected = "expected 0x01 (Conn) or 0x02 (Submit)";
  return (command & 0x80) !== 0
    ? new FramewireError(
      "UNEXPECTED_PACKET",
      `command ${hex(command)} is a reply, and a server takes requests: ${expected}`,
      { firstBytes },
    )
    : new FramewireError(
      "UNKNOWN_PACKET",
      `command ${hex(command)} is none that a plain peer may send: ${expected}`,
      { firstBytes },
    );
}
