/**
 * Which calls are made again.
 *
 * @module
 */
import { type ErrorCode, isFramewireError } from "../errors.ts";
import type { CallOptions } from "../protocol/call_limits.ts";

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
 * Whether a call that failed may be made again: it certainly did not arrive, or doing it twice does
 * no harm. Never when the server has answered.
 */
export function mayRetry(error: unknown, { idempotent = false }: CallOptions): boolean {
  if (!isFramewireError(error) || OWN.has(error.code)) return false;
  return error.outcome === "not-sent" || (error.outcome === "unknown" && idempotent);
}
