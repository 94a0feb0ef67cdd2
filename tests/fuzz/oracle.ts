/**
 * What a stream must come to, by the plainest reading of each framing: no tables, no windows, no
 * chunks, and nothing shared with the codecs.
 *
 * @module
 */

import type { KindField } from "../../src/codec/framing.ts";
import { fromHex } from "../helpers/frames.ts";
import { type FramingSpec, type FuzzCase, toHex } from "./case.ts";

/** What came of a stream. */
export interface Outcome {
  /** Each frame: its kind, the bytes before and behind its content, and all of its bytes. */
  readonly frames: string[];
  /** The frames that were skipped, each as its error. */
  readonly skipped: string[];
  /** The error, or undefined when the stream ended between two frames. */
  error: string | undefined;
}

/** An error in a line: code, declared bytes, limit, and where in the stream. */
export function errorLine(
  code: string,
  declared: number | bigint | undefined,
  limit: number | undefined,
  at: number | undefined,
): string {
  return `${code} declared ${declared} limit ${limit} at ${at}`;
}

interface Measured {
  /** The whole frame's bytes. */
  readonly length: bigint;
  /** Bytes before the content. */
  readonly lead: number;
  /** Bytes behind it. */
  readonly trail: number;
}

interface Failed {
  readonly code: string;
  readonly declared: number | bigint;
  readonly limit: number;
  /** How many bytes a framing that skips throws away, or `"seek"` for the next delimiter. */
  readonly skip?: bigint | "seek";
}

/** The header is not complete, or no end has come. */
const INCOMPLETE = null;

/** Decodes a case's stream in one go. */
export function decodePlainly(given: FuzzCase): Outcome {
  let { framing, kind } = given;
  const { maxFrameBytes, reframe } = given;
  const stream = fromHex(given.stream);
  const outcome: Outcome = { frames: [], skipped: [], error: undefined };
  let at = 0;
  while (at < stream.length) {
    const rest = stream.subarray(at);
    const found = measure(framing, kind, maxFrameBytes, rest);
    if (found === INCOMPLETE) {
      outcome.error = `TRUNCATED at ${at}`;
      return outcome;
    }
    if ("code" in found) {
      const line = errorLine(found.code, Number(found.declared), found.limit, at);
      const skips = "onOversize" in framing && framing.onOversize === "skip";
      if (!skips || found.skip === undefined) {
        outcome.error = line;
        return outcome;
      }
      outcome.skipped.push(line);
      const skipped = found.skip === "seek"
        ? endOfDelimited(framing, rest, maxFrameBytes)
        : found.skip;
      if (skipped === undefined || skipped > BigInt(rest.length)) {
        outcome.error = "TRUNCATED while skipping";
        return outcome;
      }
      at += Number(skipped);
      continue;
    }
    if (found.length > BigInt(rest.length)) {
      outcome.error = `TRUNCATED at ${at}`;
      return outcome;
    }
    const length = Number(found.length);
    const name = kind === undefined ? 0 : kindOf(framing, kind, rest, found.lead);
    const bytes = toHex(rest.subarray(0, length));
    outcome.frames.push(`${name} ${found.lead} ${found.trail} ${bytes}`);
    at += length;
    if (reframe !== undefined && outcome.frames.length === reframe.after) {
      ({ framing, kind } = { kind: undefined, ...reframe });
    }
  }
  return outcome;
}

function measure(
  framing: FramingSpec,
  kind: KindField | undefined,
  max: number,
  rest: Uint8Array,
): Measured | Failed | null {
  const kindEnd = kind === undefined ? 0 : kind.offset + kind.bytes;
  switch (framing.kind) {
    case "lengthField": {
      const { offset = 0, size = 4, adjust = 0, strip = 0, counts = "payload" } = framing;
      const header = offset + size;
      if (rest.length < header) return INCOMPLETE;
      const digits = toHex(
        framing.endian === "little"
          ? rest.slice(offset, header).reverse()
          : rest.subarray(offset, header),
      );
      const field = framing.signed
        ? BigInt.asIntN(8 * size, BigInt(`0x${digits}`))
        : BigInt(`0x${digits}`);
      if (field < 0n) return { code: "NEGATIVE_LENGTH", declared: field, limit: 0 };
      const length = field + BigInt(adjust) + BigInt(counts === "frame" ? 0 : header);
      const min = Math.max(framing.minFrameBytes ?? header, kindEnd);
      if (length > BigInt(max)) {
        // The library adds in floating point, and so does this.
        const declared = Number(field) + (adjust + (counts === "frame" ? 0 : header));
        const skip = length <= BigInt(Number.MAX_SAFE_INTEGER) ? { skip: length } : {};
        return { code: "FRAME_TOO_LARGE", declared, limit: max, ...skip };
      }
      if (length < BigInt(min)) {
        return { code: "LENGTH_UNDERFLOW", declared: length, limit: min };
      }
      if (length < BigInt(strip)) {
        return { code: "STRIP_EXCEEDS_FRAME", declared: length, limit: strip };
      }
      return { length, lead: strip, trail: 0 };
    }
    case "varint": {
      const { offset = 0, maxBytes = 5 } = framing;
      let value = 0n;
      for (let i = 0;; i++) {
        const header = offset + i;
        if (i === maxBytes) {
          return { code: "VARINT_TOO_LONG", declared: header, limit: header };
        }
        const byte = rest[header];
        if (byte === undefined) return INCOMPLETE;
        value |= BigInt(byte % 128) << BigInt(7 * i);
        if (byte >= 128) continue;
        const length = value + BigInt(header + 1);
        if (length > BigInt(max)) {
          const skip = length <= BigInt(Number.MAX_SAFE_INTEGER) ? { skip: length } : {};
          return { code: "FRAME_TOO_LARGE", declared: length, limit: max, ...skip };
        }
        const behind = kind !== undefined && kind.offset >= offset ? kindEnd - offset : 0;
        if (value < BigInt(behind)) {
          return { code: "LENGTH_UNDERFLOW", declared: length, limit: kindEnd + 1 };
        }
        return { length, lead: header + 1, trail: 0 };
      }
    }
    case "delimiter": {
      const found = firstDelimiter(framing.delimiters, rest.subarray(0, max));
      if (found === undefined) {
        return rest.length < max
          ? INCOMPLETE
          : { code: "DELIMITER_NOT_FOUND", declared: max, limit: max, skip: "seek" };
      }
      const [end, trail] = found;
      if (end - trail < kindEnd) {
        return { code: "LENGTH_UNDERFLOW", declared: end - trail, limit: kindEnd };
      }
      return { length: BigInt(end), lead: 0, trail };
    }
    case "fixed":
      return { length: BigInt(framing.frameBytes), lead: 0, trail: 0 };
    case "custom": {
      let length: number;
      if (framing.scan === "typed") {
        if (rest[0] === 255) return { code: "INVALID_FRAME", declared: -1, limit: max };
        length = rest[0]! * 3 + 1;
      } else if (framing.scan === "counted") {
        if (max < 2) return { code: "FRAME_TOO_LARGE", declared: 2, limit: max };
        if (rest.length < 2) return INCOMPLETE;
        length = rest[0]! * 256 + rest[1]!;
        if (length < 2) return { code: "INVALID_FRAME", declared: -1, limit: max };
      } else {
        length = rest.subarray(0, max).indexOf(0) + 1;
        if (length === 0) {
          return rest.length < max
            ? INCOMPLETE
            : { code: "FRAME_TOO_LARGE", declared: max + 1, limit: max };
        }
      }
      if (length > max) return { code: "FRAME_TOO_LARGE", declared: length, limit: max };
      if (length < kindEnd) return { code: "LENGTH_UNDERFLOW", declared: length, limit: kindEnd };
      return { length: BigInt(length), lead: 0, trail: 0 };
    }
  }
}

/** The lengths of the delimiters that end with the last of `bytes`. */
function endings(delimiters: readonly string[], bytes: Uint8Array): number[] {
  return delimiters.map(fromHex).filter(({ length }, i) =>
    length <= bytes.length && toHex(bytes.subarray(bytes.length - length)) === delimiters[i]
  ).map(({ length }) => length);
}

/** Where the first delimiter is complete behind `from`, and the length of the longest that is. */
function firstDelimiter(
  delimiters: readonly string[],
  bytes: Uint8Array,
  from = 0,
): [number, number] | undefined {
  const lasts = new Set(delimiters.map((hex) => parseInt(hex.slice(-2), 16)));
  for (let end = from + 1; end <= bytes.length; end++) {
    if (!lasts.has(bytes[end - 1]!)) continue;
    const lengths = endings(delimiters, bytes.subarray(0, end));
    if (lengths.length > 0) return [end, Math.max(...lengths)];
  }
  return undefined;
}

/** The bytes up to the first delimiter that is complete behind the limit. */
function endOfDelimited(framing: FramingSpec, rest: Uint8Array, max: number): bigint | undefined {
  const found = framing.kind === "delimiter"
    ? firstDelimiter(framing.delimiters, rest, max)
    : undefined;
  return found && BigInt(found[0]);
}

function kindOf(framing: FramingSpec, kind: KindField, rest: Uint8Array, lead: number): number {
  let at = kind.offset;
  if (framing.kind === "varint" && at >= (framing.offset ?? 0)) at += lead - (framing.offset ?? 0);
  const bytes = [...rest.subarray(at, at + kind.bytes)];
  if (kind.littleEndian) bytes.reverse();
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}
