/**
 * Framings as the scans take them: with the kind field, and all that follows from both.
 *
 * @module
 */
import {
  type DelimiterFraming,
  type FixedFraming,
  type Framing,
  type KindField,
  type LengthFieldFraming,
  MAX_FRAME_BYTES,
  MAX_HEADER_BYTES,
  type VarintFraming,
} from "./framing_types.ts";
import { checkOneOf, integer, invalidConfig } from "./framing_check.ts";

/** One pass of a scan finds the frames that begin in so many bytes from where it starts. */
export const SCAN_WINDOW_BYTES = 65536;

/** Where a kind stands that there is not. */
const NO_KIND = { offset: 0, bytes: 0, littleEndian: false } as const;

/** A kind field, or one of no bytes. */
export interface KindLayout {
  readonly offset: number;
  readonly bytes: 0 | 1 | 2 | 4;
  readonly littleEndian: boolean;
}

/** A lengthField framing; a fixed one too: its length field has no bytes and is 0. */
export interface LengthLayout {
  readonly offset: number;
  readonly size: number;
  readonly littleEndian: boolean;
  readonly signed: boolean;
  /** Added to the length field to get the whole frame's length. */
  readonly base: number;
  /** Bytes that must be there before the length is known. */
  readonly headerBytes: number;
  /** The shortest frame that has all its fields. */
  readonly minFrameBytes: number;
  readonly strip: number;
  readonly kind: KindLayout;
}

/** A varint framing. */
export interface VarintLayout {
  readonly offset: number;
  readonly maxBytes: number;
  readonly kind: KindLayout;
  /** Whether the kind stands behind the varint; its offset then counts from the varint's end. */
  readonly kindBehind: boolean;
}

/** A delimiter framing. */
export interface DelimiterLayout {
  /** The delimiters, the longest first. */
  readonly delimiters: readonly Uint8Array[];
  /** The longest one's length. */
  readonly longest: number;
  readonly kind: KindLayout;
  /** Bytes of content that a frame must have for its kind. */
  readonly minContentBytes: number;
}

/**
 * Refuses a limit that a framing cannot have; it may change while a decoder runs.
 *
 * @throws FramewireError INVALID_CONFIG.
 */
export function checkLimit(framing: Framing, maxFrameBytes: number): void {
  integer(framing.kind, "maxFrameBytes", maxFrameBytes, leastLimit(framing), MAX_FRAME_BYTES);
}

/** The least limit that lets any frame through. */
export function leastLimit(framing: Framing): number {
  switch (framing.kind) {
    case "lengthField":
      return framing.minFrameBytes;
    case "varint":
      return framing.offset + 1;
    case "delimiter":
      return longestDelimiter(framing);
    case "fixed":
      return framing.frameBytes;
    case "custom":
      return 1;
  }
}

/** The length of the longest delimiter of a framing. */
export function longestDelimiter(framing: DelimiterFraming): number {
  return framing.delimiters.reduce((longest, { length }) => Math.max(longest, length), 0);
}

/** The limit a framing has by itself. */
export function ownLimit(framing: Framing): number {
  return framing.kind === "fixed" ? framing.frameBytes : framing.maxFrameBytes;
}

/** Whether a frame over the limit is skipped. */
export function skipsOversize(framing: Framing): boolean {
  return framing.kind !== "fixed" && framing.kind !== "custom" && framing.onOversize === "skip";
}

/** Whether a framing and its kind field are those of `submit`, which has a kernel of its own. */
export function isSubmit(layout: LengthLayout): boolean {
  const { offset, size, littleEndian, signed, base, minFrameBytes, strip, kind } = layout;
  return offset === 0 && size === 4 && !littleEndian && !signed && base === 0 &&
    minFrameBytes === 13 && strip === 0 && kind.offset === 4 && kind.bytes === 1;
}

/** What a length scan needs to know. */
export function lengthLayout(
  framing: LengthFieldFraming | FixedFraming,
  field: KindField | undefined,
): LengthLayout {
  const kind = kindLayout(field);
  const kindEnd = kind.offset + kind.bytes;
  if (framing.kind === "fixed") {
    kindWithin(kindEnd, framing.frameBytes, "the frame");
    return {
      offset: 0,
      size: 0,
      littleEndian: false,
      signed: false,
      base: framing.frameBytes,
      headerBytes: framing.frameBytes,
      minFrameBytes: 0,
      strip: 0,
      kind,
    };
  }
  const { offset, size, littleEndian, signed, adjust, strip } = framing;
  const headerBytes = offset + size;
  kindWithin(kindEnd, framing.maxFrameBytes, "the longest frame");
  return {
    offset,
    size,
    littleEndian,
    signed,
    base: adjust + (framing.counts === "frame" ? 0 : headerBytes),
    headerBytes,
    minFrameBytes: Math.max(framing.minFrameBytes, kindEnd),
    strip,
    kind,
  };
}

/** What a varint scan needs to know. */
export function varintLayout(framing: VarintFraming, field: KindField | undefined): VarintLayout {
  const kind = kindLayout(field);
  const { offset, maxBytes } = framing;
  const kindBehind = kind.bytes > 0 && kind.offset >= offset;
  if (!kindBehind) {
    kindWithin(kind.offset + kind.bytes, offset + (kind.bytes === 0 ? 1 : 0), "the fixed bytes");
    return { offset, maxBytes, kind, kindBehind };
  }
  kindWithin(kind.offset + kind.bytes, framing.maxFrameBytes, "the longest frame");
  return { offset, maxBytes, kind: { ...kind, offset: kind.offset - offset }, kindBehind };
}

/** What a delimiter scan needs to know. */
export function delimiterLayout(
  framing: DelimiterFraming,
  field: KindField | undefined,
): DelimiterLayout {
  const kind = kindLayout(field);
  kindWithin(kind.offset + kind.bytes, framing.maxFrameBytes, "the longest frame");
  const delimiters = [...framing.delimiters].sort((a, b) => b.length - a.length);
  return {
    delimiters,
    longest: delimiters[0]!.length,
    kind,
    minContentBytes: kind.bytes === 0 ? 0 : kind.offset + kind.bytes,
  };
}

/** Checks a kind field. */
export function kindLayout(field: KindField | undefined): KindLayout {
  if (field === undefined) return NO_KIND;
  const { offset, bytes, littleEndian } = field;
  checkOneOf("kind", "bytes", bytes, [1, 2, 4]);
  integer("kind", "offset", offset, 0, MAX_HEADER_BYTES - 16);
  checkOneOf("kind", "littleEndian", littleEndian, [true, false]);
  return { offset, bytes, littleEndian };
}

function kindWithin(end: number, most: number, what: string): void {
  if (end <= most) return;
  throw invalidConfig(`kind: the field ends at byte ${end}, and ${what} at byte ${most}`);
}
