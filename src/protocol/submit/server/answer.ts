/**
 * What a request is answered with.
 *
 * @module
 */
import { Result, RESULT_TEXTS } from "../commands.ts";

/** An answer, before it is a frame. */
export interface Answer {
  /** The result. */
  readonly result: number;
  /** The payload; of a failure, a message in UTF-8. Only a Response has room for it. */
  readonly payload: Uint8Array | undefined;
  /** With result 4, after how long it is worth to try again, in milliseconds. */
  readonly retryAfterMs: number;
}

const encoder = /* @__PURE__ */ new TextEncoder();

/** A failure; its message is that of the result unless there is another one. */
export function answer(result: number, message?: string, retryAfterMs = 0): Answer {
  return { result, payload: encoder.encode(message ?? RESULT_TEXTS[result]!), retryAfterMs };
}

/** Success without a payload. */
export const OK: Answer = { result: Result.OK, payload: undefined, retryAfterMs: 0 };

/** A failure of which nothing more is told. */
export const FAILED: Answer = answer(Result.FAILED);

/** The deadline has passed. */
export const TIMED_OUT: Answer = answer(Result.DEADLINE_EXCEEDED);

/** The peer has given the request up, and so has its handler. */
export const CANCELLED: Answer = answer(Result.FAILED, "cancelled");

/**
 * The answer that a `request` handler has returned.
 *
 * @throws TypeError when it is none.
 */
export function returnedAnswer(returned: unknown): Answer {
  if (returned === undefined) return OK;
  const payload = typeof returned === "string" ? encoder.encode(returned) : returned;
  if (payload instanceof Uint8Array) return { result: Result.OK, payload, retryAfterMs: 0 };
  throw new TypeError(
    `a request handler returns bytes (Uint8Array), a string or nothing, not ${typeof returned}`,
  );
}
