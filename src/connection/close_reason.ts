/**
 * Why connections end.
 *
 * @module
 */
import { FramewireError, isFramewireError, thrownText } from "../errors.ts";
import { detachedMemory } from "./detached.ts";

/** Why a connection ended, as its `disconnect` event tells it. */
export interface CloseReason {
  /**
   * `"PEER_ENDED"` or `"CLOSED"` (by this side) when it ended in order; else the code of the error
   * that ended it.
   */
  readonly code: string;
  /** The same in words. */
  readonly message: string;
  /** The error that ended it, if one did. */
  readonly error?: Error;
}

/** The peer has ended the connection, in order. */
export const PEER_ENDED: CloseReason = {
  code: "PEER_ENDED",
  message: "the peer ended the connection",
};

/** A connection ended by what was thrown. */
export function failure(cause: unknown): CloseReason {
  const error = isFramewireError(cause)
    ? cause
    : new FramewireError("LINK_FAILED", thrownText(cause), { cause });
  return { code: error.code, message: error.message, error };
}

/** A handler has taken the memory away that its packets were in. */
export function memoryLost(): CloseReason {
  return failure(detachedMemory());
}
