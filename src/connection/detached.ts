/**
 * Memory that a program has taken away from under the library.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";

/** A handler has transferred (detached) the memory that its packet is in, and others with it. */
export function detachedMemory(cause?: unknown): FramewireError {
  return new FramewireError(
    "HANDLER_FAILED",
    "a handler has transferred packet.payload.buffer, which holds other packets too: transfer " +
      "packet.copy().payload.buffer",
    cause === undefined ? {} : { cause },
  );
}
