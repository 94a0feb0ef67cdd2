/**
 * Which calls are made again.
 *
 * @module
 */
import { type ErrorCode, isFramewireError } from "../errors.ts";
import type { CallOptions } from "../protocol/call_limits.ts";
import { Result } from "../protocol/submit/commands.ts";

/** Failures that are the call's own: the next server would say the same, or its time is over. */
const OWN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "CANCELLED",
  "DEADLINE_EXCEEDED",
  "FRAME_TOO_LARGE",
  "INVALID_CONTENT",
  "INVALID_FIELD",
  "INVALID_OPTION",
  "UNSUPPORTED",
  "WINDOW_FULL",
]);

/**
 * Whether a call that failed may be made again: it certainly was not carried out, or doing it twice
 * does no harm. When the server has answered, only if the answer is that another time or place will
 * do: that it takes no new requests because it ends (result 8, which is said of requests not taken),
 * or is busy (result 4, which a handler may say too that has done half of its work).
 */
export function mayRetry(error: unknown, { idempotent = false }: CallOptions): boolean {
  if (!isFramewireError(error) || OWN.has(error.code)) return false;
  switch (error.outcome) {
    case "not-sent":
      return true;
    case "unknown":
      return idempotent;
    case "answered":
      return error.result === Result.DRAINING || (error.result === Result.BUSY && idempotent);
    default:
      return false;
  }
}

/** What a failed call says of its server: that it is well, that it is not, or nothing. */
export function verdict(error: unknown): boolean | undefined {
  if (!isFramewireError(error)) return undefined;
  if (error.outcome === "answered") return true;
  if (error.code === "DEADLINE_EXCEEDED" && error.outcome === "unknown") return false;
  return OWN.has(error.code) ? undefined : false;
}
