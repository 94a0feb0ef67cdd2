/**
 * What ended a scan or a stream, as an error that says what to do.
 *
 * @module
 */
import { type ErrorCode, FramewireError } from "../errors.ts";
import { type FrameTable, ScanStatus } from "./codec.ts";
import type { Framing, KindField } from "./framing_types.ts";
import type { DecoderAids } from "./lender.ts";

/** How many bytes of a malformed frame its error keeps. */
const FIRST_BYTES = 16;

/**
 * Makes the error of a malformed frame.
 *
 * @param table What the scan reported; its status is not `OK`.
 * @param framing The framing it was scanned by.
 * @param kind Where the kind of a frame stands.
 * @param maxFrameBytes The longest frame that was allowed.
 * @param streamOffset Where in the received stream the frame begins.
 * @param bytes What has come from the frame's beginning on; it is not kept.
 * @param guess Guesses what those are; without it the error shows them.
 */
export function scanError(
  table: FrameTable,
  framing: Framing,
  kind: KindField | undefined,
  maxFrameBytes: number,
  streamOffset: number,
  bytes: Uint8Array,
  guess: DecoderAids["guess"],
): FramewireError {
  const { declared } = table;
  const guessed = guess?.(framing, bytes, maxFrameBytes);
  const firstBytes = bytes.slice(0, FIRST_BYTES);
  const detail = {
    declaredBytes: declared,
    streamOffset,
    firstBytes,
    ...(guessed !== undefined && { looksLike: guessed.name }),
  };
  const fail = (code: ErrorCode, limitBytes: number, problem: string) => {
    const hint = guessed === undefined ? `are ${hex(firstBytes)}` : guessed.hint;
    const message = `${problem}; the first bytes ${hint}`;
    return new FramewireError(code, message, { ...detail, limitBytes });
  };
  const short = (code: ErrorCode, least: number, why: string) =>
    fail(code, least, `frame of ${declared} bytes is under the ${least} that ${why}`);
  const long = (code: ErrorCode, problem: string) =>
    fail(code, maxFrameBytes, `${problem} (maxFrameBytes)`);
  switch (table.status) {
    case ScanStatus.LENGTH_UNDERFLOW:
      return short("LENGTH_UNDERFLOW", shortestFrame(framing, kind), "the shortest frame has");
    case ScanStatus.NEGATIVE_LENGTH:
      return fail("NEGATIVE_LENGTH", 0, `the length field is ${declared}, under 0`);
    case ScanStatus.STRIP_EXCEEDS_FRAME: {
      const strip = framing.kind === "lengthField" ? framing.strip : 0;
      return short("STRIP_EXCEEDS_FRAME", strip, "are stripped from it");
    }
    case ScanStatus.VARINT_TOO_LONG: {
      const most = framing.kind === "varint" ? framing.maxBytes : 0;
      const problem = `the length goes on behind ${most} bytes, the most it may have (maxBytes)`;
      return fail("VARINT_TOO_LONG", declared, problem);
    }
    case ScanStatus.DELIMITER_NOT_FOUND:
      return long(
        "DELIMITER_NOT_FOUND",
        `no delimiter in ${maxFrameBytes} bytes, the most a frame may have`,
      );
    case ScanStatus.INVALID_FRAME: {
      const { code, message, cause } = table.failure!;
      return new FramewireError(code, message, { ...detail, limitBytes: maxFrameBytes, cause });
    }
    default:
      return long(
        "FRAME_TOO_LARGE",
        `frame of ${declared} bytes is over the limit of ${maxFrameBytes}`,
      );
  }
}

/**
 * Makes the error of a stream that ended inside a frame.
 *
 * @param framing How it was framed.
 * @param bytes What came of the frame; it is not kept.
 * @param declared How many bytes it has, or 0 when that is not known.
 * @param need How many bytes there must have been to go on.
 * @param streamOffset Where in the received stream the frame begins.
 */
export function truncated(
  framing: Framing,
  bytes: Uint8Array,
  declared: number,
  need: number,
  streamOffset: number,
): FramewireError {
  const where = framing.kind === "delimiter" || framing.kind === "custom"
    ? `a frame: ${bytes.length} bytes came and not its end`
    : declared === 0
    ? `a frame's header: ${bytes.length} of at least ${need} bytes came`
    : `a frame's body: ${bytes.length} of ${declared} bytes came`;
  return new FramewireError("TRUNCATED", `the stream ended inside ${where}`, {
    declaredBytes: declared || need,
    streamOffset,
    firstBytes: bytes.slice(0, FIRST_BYTES),
  });
}

/** The shortest frame that has its kind; of a delimiter framing, its content. */
function shortestFrame(framing: Framing, kind: KindField | undefined): number {
  const kindEnd = kind === undefined ? 0 : kind.offset + kind.bytes;
  if (framing.kind === "lengthField") return Math.max(framing.minFrameBytes, kindEnd);
  return framing.kind === "varint" ? kindEnd + 1 : kindEnd;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ") || "not there";
}
