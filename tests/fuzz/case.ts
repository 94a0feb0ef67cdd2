/**
 * A case of the fuzzer: a framing, a stream, and how it is cut. A case is plain JSON, so that those
 * that once failed can be kept in tests/vectors/fuzz_corpus.json.
 *
 * @module
 */

import {
  custom,
  delimiter,
  fixed,
  type Framing,
  type KindField,
  lengthField,
  type OnOversize,
  varint,
} from "../../src/codec/framing.ts";
import { fromHex } from "../helpers/frames.ts";

/** A framing as JSON. */
export type FramingSpec =
  | {
    readonly kind: "lengthField";
    readonly offset?: number;
    readonly size?: number;
    readonly adjust?: number;
    readonly strip?: number;
    readonly counts?: "payload" | "frame";
    readonly endian?: "big" | "little";
    readonly signed?: boolean;
    readonly minFrameBytes?: number;
    readonly onOversize?: OnOversize;
  }
  | {
    readonly kind: "varint";
    readonly offset?: number;
    readonly maxBytes?: number;
    readonly strip?: boolean;
    readonly onOversize?: OnOversize;
  }
  | {
    readonly kind: "delimiter";
    /** In hexadecimal. */
    readonly delimiters: readonly string[];
    readonly strip?: boolean;
    readonly onOversize?: OnOversize;
  }
  | { readonly kind: "fixed"; readonly frameBytes: number }
  | {
    readonly kind: "custom";
    /**
     * `"typed"`: the first byte tells the length, as `3 * byte + 1`; 255 is refused. `"counted"`: two
     * bytes, which count themselves. `"zero"`: up to a zero byte, wherever it comes.
     */
    readonly scan: "typed" | "counted" | "zero";
  };

/** One case. */
export interface FuzzCase {
  /** The framing, without its limit. */
  readonly framing: FramingSpec;
  /** Where the kind stands. */
  readonly kind?: KindField;
  /** The limit. */
  readonly maxFrameBytes: number;
  /** What comes, in hexadecimal. */
  readonly stream: string;
  /** Where it is cut, in bytes. */
  readonly cuts: readonly number[];
  /** How many frames the consumer takes of each batch, in turn; all of them without it. */
  readonly rooms?: readonly number[];
  /** After how many frames the framing changes, and to which. */
  readonly reframe?: {
    readonly after: number;
    readonly framing: FramingSpec;
    readonly kind?: KindField;
  };
  /** Whether the consumer keeps the memory that frames are in. */
  readonly keeps?: boolean;
}

/**
 * Makes the framing of a case.
 *
 * @throws FramewireError INVALID_CONFIG.
 */
export function framingOf(spec: FramingSpec, maxFrameBytes: number): Framing {
  switch (spec.kind) {
    case "lengthField":
      return lengthField({ ...spec, maxFrameBytes });
    case "varint":
      return varint({ ...spec, maxFrameBytes });
    case "delimiter":
      return delimiter(spec.delimiters.map(fromHex), { ...spec, maxFrameBytes });
    case "fixed":
      return fixed(spec.frameBytes);
    case "custom":
      return custom(SCANS[spec.scan], { maxFrameBytes, encode: ENCODES[spec.scan] });
  }
}

const SCANS = {
  typed(bytes: Uint8Array, start: number): number {
    if (bytes[start] === 255) throw new Error("type 255 is none");
    return 3 * bytes[start]! + 1;
  },
  counted(bytes: Uint8Array, start: number, end: number): number {
    if (end - start < 2) return -2;
    const length = bytes[start]! << 8 | bytes[start + 1]!;
    if (length < 2) throw new Error(`length ${length} does not count itself`);
    return length;
  },
  zero(bytes: Uint8Array, start: number, end: number): number {
    const zero = bytes.subarray(start, end).indexOf(0);
    return zero < 0 ? 0 : zero + 1;
  },
};

const ENCODES = {
  typed(payload: Uint8Array): Uint8Array {
    const count = Math.min(84, Math.floor(payload.length / 3));
    return Uint8Array.of(count, ...payload.subarray(0, 3 * count));
  },
  counted(payload: Uint8Array): Uint8Array {
    const length = payload.length + 2;
    const frame = new Uint8Array(length);
    frame.set([length >> 8, length], 0);
    frame.set(payload, 2);
    return frame;
  },
  zero(payload: Uint8Array): Uint8Array {
    return new Uint8Array(payload.length + 1).map((_, i) =>
      (payload[i] ?? 0) || Number(i < payload.length)
    );
  },
};

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Bytes as hexadecimal text, fast enough for a fuzzer. */
export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (let i = 0; i < bytes.length; i++) hex += DIGITS[bytes[i]!]!;
  return hex;
}
