/**
 * Replies to a peer that has said hello: what a handler's outcome means to it, as a frame.
 *
 * @module
 */
import { FramewireError, thrownText } from "../../../errors.ts";
import type { ServerSide } from "../../protocol.ts";
import { type Answer, answer, CANCELLED, FAILED, OK, returnedAnswer } from "./answer.ts";
import { Command, REPLY, Result, SUBMIT_HEADER_BYTES } from "../commands.ts";
import { type FrameOut, writeU32 } from "../frame_out.ts";
import { isRefused } from "./refused.ts";
import type { RequestPacket } from "./request_packet.ts";
import type { Turn } from "./under_way.ts";

/** A Response's bytes besides its header and payload: result, retry-after, checksum. */
const MOST_EXTRA_BYTES = 9;

/** Writes the reply to the request whose id stands at `bytes[offset + 5]`, and counts it. */
export function putReply(
  out: FrameOut,
  side: ServerSide,
  command: number,
  bytes: Uint8Array,
  offset: number,
  reply: Answer,
): void {
  const { counters } = side;
  counters.replies++;
  const { result, payload, retryAfterMs } = fitting(side, command, reply);
  const withText = command === Command.REQUEST && payload !== undefined;
  if (result !== Result.OK) counters.failures++;
  const wait = result === Result.BUSY ? 4 : 0;
  const bodyBytes = 1 + wait + (withText ? payload!.length : 0);
  const at = out.begin(command | REPLY, bytes, offset + 5, bodyBytes);
  out.buffer[at] = result;
  if (wait > 0) writeU32(out.buffer, at + 1, retryAfterMs);
  if (withText) out.buffer.set(payload!, at + 1 + wait);
  out.end(bodyBytes);
}

/** The answer, unless it is too long for a frame. */
export function fitting(side: ServerSide, command: number, reply: Answer): Answer {
  const { payload } = reply;
  if (command !== Command.REQUEST || payload === undefined) return reply;
  const { maxFrameBytes } = side.options;
  if (SUBMIT_HEADER_BYTES + MOST_EXTRA_BYTES + payload.length <= maxFrameBytes) return reply;
  side.report(tooLong(payload.length, maxFrameBytes));
  return answer(Result.TOO_LARGE);
}

/** What the peer is told of a failure, and the `error` event for what it is not told. */
export function failureAnswer(side: ServerSide, cause: unknown, packet: RequestPacket): Answer {
  if (isRefused(cause)) return answer(cause.result, cause.message, cause.retryAfterMs);
  side.report(
    new FramewireError(
      "HANDLER_FAILED",
      `the handler of request ${packet.id} failed: ${thrownText(cause)}`,
      { cause },
    ),
  );
  return FAILED;
}

/** What the peer is told once a handler's promise has settled. */
export function settledAnswer(
  side: ServerSide,
  { packet, command }: Turn,
  failed: boolean,
  value: unknown,
): Answer {
  if (!failed) {
    if (command === Command.SUBMIT) return OK;
    try {
      return returnedAnswer(value);
    } catch (error) {
      return failureAnswer(side, error, packet);
    }
  }
  // Giving up is what a handler should do when its peer does not wait any more.
  return packet.signal.aborted ? CANCELLED : failureAnswer(side, value, packet);
}

function tooLong(bytes: number, maxFrameBytes: number): FramewireError {
  return new FramewireError(
    "FRAME_TOO_LARGE",
    `a handler returned ${bytes} bytes, which makes a frame over the limit of ` +
      `${maxFrameBytes} (maxFrameBytes); its request was answered with result ` +
      `${Result.TOO_LARGE}`,
  );
}
