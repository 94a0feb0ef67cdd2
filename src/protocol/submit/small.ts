/**
 * The `submit` protocol of a client that says no hello.
 *
 * @module
 */
import type { CallOptions } from "../call_limits.ts";
import { LENGTH_SCANS_ALONE } from "../../codec/length_scans.ts";
import { scannedBy } from "../../codec/framing_scans.ts";
import { DEFAULT_MAX_FRAME_BYTES, type LengthFieldFraming } from "../../codec/framing_types.ts";
import { SUBMIT_KIND } from "../defined/layouts.ts";
import type { ClientProtocol } from "../protocol.ts";
import { SubmitClientEndpoint } from "./client/client.ts";
import { SUBMIT_HEADER_BYTES } from "./commands.ts";

/** What a small client of the `submit` protocol can call. */
export interface SmallSubmitCalls {
  /**
   * Submits a payload. Any number may be under way at once.
   *
   * @param payload Bytes, or text to be sent as UTF-8: it is copied, its memory is free at once.
   * @param options Deadline and signal.
   * @returns Resolves when the server has acknowledged it with result 0.
   * @throws FramewireError RESULT_FAILED when the server answered with another result,
   * DEADLINE_EXCEEDED, CANCELLED, WINDOW_FULL, FRAME_TOO_LARGE, CONNECTION_CLOSED (or what broke the
   * link) when the answer can no longer come. Its `outcome` says what is known of the submit.
   */
  submit(payload: Uint8Array | string, options?: CallOptions): Promise<void>;
}

/** `SUBMIT_FRAMING` as `lengthField` makes it, without bringing along its checks. */
const FRAMING: LengthFieldFraming = {
  kind: "lengthField",
  offset: 0,
  size: 4,
  adjust: 0,
  strip: 0,
  counts: "frame",
  littleEndian: false,
  signed: false,
  minFrameBytes: SUBMIT_HEADER_BYTES,
  maxFrameBytes: DEFAULT_MAX_FRAME_BYTES,
  onOversize: "fail",
};

/** The client's side of the `submit` protocol to plain peers (docs/PROTOCOL.md, section 1). */
export const submit: ClientProtocol<SmallSubmitCalls> = {
  name: "submit",
  framing: /* @__PURE__ */ scannedBy(/* @__PURE__ */ Object.freeze(FRAMING), LENGTH_SCANS_ALONE),
  kind: SUBMIT_KIND,
  client: (connection, side) => new SubmitClientEndpoint(connection, side),
  calls: (endpoint) => ({ submit: (payload, options) => endpoint().submit(payload, options) }),
};
