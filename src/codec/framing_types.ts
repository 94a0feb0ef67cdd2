/**
 * How a stream is cut into frames.
 *
 * A framing is a plain frozen object, checked when it is made. Decoders, encoders and protocols take
 * it; it holds no state and can be shared.
 *
 * @module
 */

/** The longest frame when a framing does not say otherwise, in bytes: 1 MiB. */
export const DEFAULT_MAX_FRAME_BYTES = 1048576;

/** The highest limit a framing can have, in bytes: offsets and lengths are 32-bit numbers. */
export const MAX_FRAME_BYTES = 0x7fffffff;

/** Where a length must have ended, counted from the frame's beginning, in bytes. */
export const MAX_HEADER_BYTES = 256;

/** How many leading bytes a framing can strip. */
export const MAX_STRIP_BYTES = 65535;

/**
 * What is done with a frame over the limit: `"fail"` ends the stream, `"skip"` reports it, throws
 * its bytes away as they come and goes on with the next frame.
 */
export type OnOversize = "fail" | "skip";

/** What framings with a limit have in common. */
export interface FramingLimits {
  /** The longest frame, all of it, before anything is stripped, in bytes. */
  readonly maxFrameBytes: number;
  /** What is done with a longer one. */
  readonly onOversize: OnOversize;
}

/** A length at a fixed place of each frame; see `lengthField`. */
export interface LengthFieldFraming extends FramingLimits {
  /** Which framing this is. */
  readonly kind: "lengthField";
  /** Bytes before the length field. */
  readonly offset: number;
  /** Width of the length field in bytes: 1 to 8. */
  readonly size: number;
  /** Added to the length, after {@linkcode counts}. */
  readonly adjust: number;
  /** Leading bytes that are no part of the content. */
  readonly strip: number;
  /** What the length counts: all that follows the length field, or the whole frame. */
  readonly counts: "payload" | "frame";
  /** Whether the length field is little endian. */
  readonly littleEndian: boolean;
  /** Whether the length field is signed. */
  readonly signed: boolean;
  /** The shortest frame, in bytes. */
  readonly minFrameBytes: number;
}

/** A LEB128 length; see `varint`. */
export interface VarintFraming extends FramingLimits {
  /** Which framing this is. */
  readonly kind: "varint";
  /** Bytes before the length. */
  readonly offset: number;
  /** The most bytes a length may take: 1 to 9. */
  readonly maxBytes: number;
  /** Whether the bytes up to the length's end are no part of the content. */
  readonly strip: boolean;
}

/** Bytes that end each frame; see `delimiter`. */
export interface DelimiterFraming extends FramingLimits {
  /** Which framing this is. */
  readonly kind: "delimiter";
  /** What ends a frame; encoders write the first. */
  readonly delimiters: readonly Uint8Array[];
  /** Whether the delimiter is no part of the content. */
  readonly strip: boolean;
}

/** Frames of one length; see `fixed`. */
export interface FixedFraming {
  /** Which framing this is. */
  readonly kind: "fixed";
  /** The length of every frame, in bytes. */
  readonly frameBytes: number;
}

/** Frames that a function finds; see `custom`. */
export interface CustomFraming {
  /** Which framing this is. */
  readonly kind: "custom";
  /** The longest frame, in bytes. */
  readonly maxFrameBytes: number;
  /** Tells how long the frame is that begins at `start`. */
  readonly scan: CustomScan;
  /** Makes a frame of its content. */
  readonly encode?: (payload: Uint8Array) => Uint8Array;
}

/**
 * Tells how long the frame is that begins at `bytes[start]`; bytes up to `end` have come.
 *
 * Its result must not depend on bytes from `end` on. It is called again for the same frame when
 * more bytes have come, so it should look at the header alone, and say how much it lacks.
 *
 * @returns The whole frame's length; or minus the number of bytes the frame has at the least, when
 * those that have come do not tell; or 0 when not even that is known.
 */
export type CustomScan = (bytes: Uint8Array, start: number, end: number) => number;

/** How a stream is cut into frames. */
export type Framing =
  | LengthFieldFraming
  | VarintFraming
  | DelimiterFraming
  | FixedFraming
  | CustomFraming;

/**
 * Where the field stands that names a frame's kind: scans report it with every frame.
 *
 * It is counted from the frame's beginning; with a varint framing, an offset from the framing's own
 * `offset` on is counted without the varint, as if it had no bytes.
 */
export interface KindField {
  /** Bytes before the field. */
  readonly offset: number;
  /** Its width. */
  readonly bytes: 1 | 2 | 4;
  /** Whether it is little endian. */
  readonly littleEndian: boolean;
}
