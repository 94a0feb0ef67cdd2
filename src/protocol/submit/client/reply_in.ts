/**
 * What a client makes of a reply that says no.
 *
 * @module
 */
import { FramewireError } from "../../../errors.ts";
import { Command, Result, RESULT_TEXTS } from "../commands.ts";
import { readU32 } from "../frame_out.ts";

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });

/** The error of a call that was answered with a failure: `bytes[at, end)` is the reply's body. */
export function answeredNo(
  command: number,
  id: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): FramewireError {
  const result = bytes[at]!;
  const isBusy = result === Result.BUSY && end - at >= 5;
  const text = decoder.decode(bytes.subarray(at + (isBusy ? 5 : 1), end)) ||
    RESULT_TEXTS[result] || "unknown";
  const what = command === Command.SUBMIT ? "submit" : "request";
  return new FramewireError(
    "RESULT_FAILED",
    `the server answered ${what} ${String(id).padStart(8, "0")} with result ${result}, ` +
      `expected 0: ${text}`,
    { result, outcome: "answered", ...(isBusy && { retryAfterMs: readU32(bytes, at + 1) }) },
  );
}
