/**
 * The functions that make a framing, and what they make.
 *
 * @module
 */
import { CustomScanner } from "./custom_scanner.ts";
import {
  CustomWriter,
  DelimiterWriter,
  FixedWriter,
  LengthWriter,
  VarintWriter,
} from "./frame_writers.ts";
import { delimiterLayout, varintLayout } from "./frame_layout.ts";
import {
  bytesOf,
  checkDelimiters,
  checkEndian,
  checkFunction,
  checkLengthRange,
  checkOneOf,
  integer,
} from "./framing_check.ts";
import {
  type CustomFraming,
  type CustomScan,
  DEFAULT_MAX_FRAME_BYTES,
  type DelimiterFraming,
  type FixedFraming,
  type LengthFieldFraming,
  MAX_FRAME_BYTES,
  MAX_HEADER_BYTES,
  MAX_STRIP_BYTES,
  type OnOversize,
  type VarintFraming,
} from "./framing_types.ts";

import { type FramingScans, scannedBy } from "./framing_scans.ts";
import { TS_LENGTHS, WASM_LENGTHS } from "./length_scans.ts";
import { TsDelimiterScanner } from "./ts_delimiter_scanner.ts";
import { TsVarintScanner } from "./ts_varint_scanner.ts";
import { WasmDelimiterScanner } from "./wasm_delimiter_scanner.ts";
import { WasmVarintScanner } from "./wasm_header_scanners.ts";

export * from "./framing_types.ts";

const LENGTH_SCANS: FramingScans = {
  ts: TS_LENGTHS,
  wasm: WASM_LENGTHS,
  writer: (framing: LengthFieldFraming, most) => new LengthWriter(framing, most),
};

const FIXED_SCANS: FramingScans = {
  ts: TS_LENGTHS,
  wasm: WASM_LENGTHS,
  writer: (framing: FixedFraming) => new FixedWriter(framing),
};

const VARINT_SCANS: FramingScans = {
  ts: (_codec, table, framing: VarintFraming, kind) =>
    new TsVarintScanner(table, varintLayout(framing, kind)),
  wasm: {
    kernel: "scan_varint",
    make: (memory, framing: VarintFraming, kind) =>
      new WasmVarintScanner(memory, varintLayout(framing, kind)),
  },
  writer: (framing: VarintFraming, most) => new VarintWriter(framing, most),
};

const DELIMITER_SCANS: FramingScans = {
  ts: (_codec, table, framing: DelimiterFraming, kind) =>
    new TsDelimiterScanner(table, delimiterLayout(framing, kind)),
  wasm: {
    kernel: "scan_delimiter",
    make: (memory, framing: DelimiterFraming, kind) =>
      new WasmDelimiterScanner(memory, delimiterLayout(framing, kind)),
  },
  writer: (framing: DelimiterFraming, most) => new DelimiterWriter(framing, most),
};

const CUSTOM_SCANS: FramingScans = {
  ts: (codec, table, framing: CustomFraming, kind) =>
    new CustomScanner(codec, table, framing, kind),
  writer: (framing: CustomFraming, most) => new CustomWriter(framing, most),
};

/** Options of {@linkcode lengthField}. */
export interface LengthFieldOptions {
  /**
   * Bytes before the length field: 0 to 256 with the field itself.
   *
   * @default {0}
   */
  readonly offset?: number;
  /**
   * Width of the length field in bytes: 1 to 8.
   *
   * @default {4}
   */
  readonly size?: number;
  /**
   * What the length counts: `"payload"` is all that follows the length field, `"frame"` the whole
   * frame.
   *
   * @default {"payload"}
   */
  readonly counts?: "payload" | "frame";
  /**
   * Added to the length to get what {@linkcode counts} says, for lengths that count something in
   * between. With `counts: "payload"` this is Netty's `lengthAdjustment`.
   *
   * @default {0}
   */
  readonly adjust?: number;
  /**
   * Leading bytes that are no part of the content: 0 to 65,535.
   *
   * @default {0}
   */
  readonly strip?: number;
  /**
   * Byte order of the length field.
   *
   * @default {"big"}
   */
  readonly endian?: "big" | "little";
  /**
   * Whether the length field is signed; a negative length is the error NEGATIVE_LENGTH.
   *
   * @default {false}
   */
  readonly signed?: boolean;
  /**
   * The shortest frame, in bytes; a shorter one is the error LENGTH_UNDERFLOW.
   *
   * @default {offset + size}
   */
  readonly minFrameBytes?: number;
  /**
   * The longest frame, all of it, before anything is stripped, in bytes: up to 2^31 - 1.
   *
   * @default {1048576}
   */
  readonly maxFrameBytes?: number;
  /**
   * What is done with a longer one.
   *
   * @default {"fail"}
   */
  readonly onOversize?: OnOversize;
}

/**
 * A length at a fixed place of each frame, with the semantics of Netty's
 * `LengthFieldBasedFrameDecoder`: `offset`, `size`, `adjust` and `strip` are its
 * `lengthFieldOffset`, `lengthFieldLength`, `lengthAdjustment` and `initialBytesToStrip`. (Netty
 * takes a length of 8 bytes as signed: that is `signed: true`.)
 *
 * The whole frame has `offset + size + length + adjust` bytes, or with `counts: "frame"` just
 * `length + adjust`.
 *
 * @throws FramewireError INVALID_CONFIG, naming the option and what it may be.
 *
 * @example SMPP: a u32 that counts the whole frame, itself included
 * ```ts
 * import { lengthField } from "framewire";
 *
 * const smpp = lengthField({ size: 4, counts: "frame", maxFrameBytes: 64 * 1024 });
 * if (smpp.adjust !== 0) throw new Error("unexpected");
 * ```
 *
 * @example Modbus/TCP: transaction and protocol, then a u16 that counts what follows it
 * ```ts
 * import { lengthField } from "framewire";
 *
 * const modbus = lengthField({ offset: 4, size: 2, maxFrameBytes: 260 });
 * if (modbus.minFrameBytes !== 6) throw new Error("unexpected");
 * ```
 */
export function lengthField(options: LengthFieldOptions = {}): LengthFieldFraming {
  const {
    offset = 0,
    size = 4,
    counts = "payload",
    adjust = 0,
    strip = 0,
    endian = "big",
    signed = false,
    minFrameBytes = offset + size,
    maxFrameBytes = DEFAULT_MAX_FRAME_BYTES,
    onOversize = "fail",
  } = options;
  integer("lengthField", "size", size, 1, 8);
  integer("lengthField", "offset", offset, 0, MAX_HEADER_BYTES - size);
  checkOneOf("lengthField", "counts", counts, ["payload", "frame"]);
  integer("lengthField", "adjust", adjust, -MAX_FRAME_BYTES, MAX_FRAME_BYTES - MAX_HEADER_BYTES);
  checkEndian("lengthField", endian);
  checkOneOf("lengthField", "signed", signed, [true, false]);
  checkOneOf("lengthField", "onOversize", onOversize, ["fail", "skip"]);
  integer("lengthField", "maxFrameBytes", maxFrameBytes, offset + size, MAX_FRAME_BYTES);
  integer("lengthField", "minFrameBytes", minFrameBytes, offset + size, maxFrameBytes);
  integer("lengthField", "strip", strip, 0, Math.min(MAX_STRIP_BYTES, maxFrameBytes));
  const base = adjust + (counts === "frame" ? 0 : offset + size);
  checkLengthRange(base, size, signed, minFrameBytes, maxFrameBytes);
  const framing: LengthFieldFraming = {
    kind: "lengthField",
    offset,
    size,
    adjust,
    strip,
    counts,
    littleEndian: endian === "little",
    signed,
    minFrameBytes,
    maxFrameBytes,
    onOversize,
  };
  return scannedBy(Object.freeze(framing), LENGTH_SCANS);
}

/** Options of {@linkcode varint}. */
export interface VarintOptions {
  /**
   * Bytes before the length: 0 to 240. MQTT has 1.
   *
   * @default {0}
   */
  readonly offset?: number;
  /**
   * The most bytes a length may take: 1 to 9. MQTT has 4, protobuf's delimited messages 5.
   *
   * @default {5}
   */
  readonly maxBytes?: number;
  /**
   * Whether the bytes up to the length's end are no part of the content.
   *
   * @default {true} without `offset`, else false
   */
  readonly strip?: boolean;
  /** The longest frame, all of it, in bytes. @default {1048576} */
  readonly maxFrameBytes?: number;
  /** What is done with a longer one. @default {"fail"} */
  readonly onOversize?: OnOversize;
}

/**
 * A LEB128 length: seven bits a byte, the lowest first, the highest bit set in all bytes but the
 * last. It counts what follows it. A length with needless zero bits is taken; encoders write the
 * shortest.
 *
 * @throws FramewireError INVALID_CONFIG, naming the option and what it may be.
 *
 * @example MQTT: a fixed first byte, then a length of up to 4 bytes
 * ```ts
 * import { varint } from "framewire";
 *
 * const mqtt = varint({ offset: 1, maxBytes: 4 });
 * if (mqtt.strip) throw new Error("unexpected");
 * ```
 */
export function varint(options: VarintOptions = {}): VarintFraming {
  const {
    offset = 0,
    maxBytes = 5,
    strip = offset === 0,
    maxFrameBytes = DEFAULT_MAX_FRAME_BYTES,
    onOversize = "fail",
  } = options;
  integer("varint", "maxBytes", maxBytes, 1, 9);
  integer("varint", "offset", offset, 0, 240);
  checkOneOf("varint", "strip", strip, [true, false]);
  checkOneOf("varint", "onOversize", onOversize, ["fail", "skip"]);
  integer("varint", "maxFrameBytes", maxFrameBytes, offset + 1, MAX_FRAME_BYTES);
  const framing = { kind: "varint", offset, maxBytes, strip, maxFrameBytes, onOversize } as const;
  return scannedBy(Object.freeze(framing), VARINT_SCANS);
}

/** Options of {@linkcode delimiter}. */
export interface DelimiterOptions {
  /**
   * Whether the delimiter is no part of the content.
   *
   * @default {true}
   */
  readonly strip?: boolean;
  /** The longest frame, its delimiter included, in bytes. @default {1048576} */
  readonly maxFrameBytes?: number;
  /** What is done with a longer one. @default {"fail"} */
  readonly onOversize?: OnOversize;
}

/**
 * Bytes that end each frame. A frame ends with the first byte at which any of the delimiters is
 * complete; when several are, the longest is the delimiter. So `["\r\n", "\n"]` takes both line
 * ends, and no decoder ever has to wait for the byte behind a frame.
 *
 * @param ends The delimiter, or 1 to 8 of them, each of 1 to 64 bytes; text stands for its UTF-8
 * bytes. Encoders write the first.
 * @throws FramewireError INVALID_CONFIG, also when a delimiter could never be found because another
 * one is complete before it.
 *
 * @example Lines
 * ```ts
 * import { delimiter } from "framewire";
 *
 * const lines = delimiter(["\r\n", "\n"], { maxFrameBytes: 8192 });
 * if (lines.delimiters.length !== 2) throw new Error("unexpected");
 * ```
 */
export function delimiter(
  ends: Uint8Array | string | readonly (Uint8Array | string)[],
  options: DelimiterOptions = {},
): DelimiterFraming {
  const { strip = true, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES, onOversize = "fail" } = options;
  const list = Array.isArray(ends) ? ends : [ends];
  const delimiters = Object.freeze(list.map((end) => bytesOf(end)));
  checkDelimiters(delimiters);
  checkOneOf("delimiter", "strip", strip, [true, false]);
  checkOneOf("delimiter", "onOversize", onOversize, ["fail", "skip"]);
  const longest = Math.max(...delimiters.map((bytes) => bytes.length));
  integer("delimiter", "maxFrameBytes", maxFrameBytes, longest, MAX_FRAME_BYTES);
  const framing = { kind: "delimiter", delimiters, strip, maxFrameBytes, onOversize } as const;
  return scannedBy(Object.freeze(framing), DELIMITER_SCANS);
}

/**
 * Frames of one length.
 *
 * @param frameBytes The length of every frame, in bytes: 1 to 2^31 - 1.
 * @throws FramewireError INVALID_CONFIG.
 */
export function fixed(frameBytes: number): FixedFraming {
  integer("fixed", "frameBytes", frameBytes, 1, MAX_FRAME_BYTES);
  const framing = { kind: "fixed", frameBytes } as const;
  return scannedBy(Object.freeze(framing), FIXED_SCANS);
}

/** Options of {@linkcode custom}. */
export interface CustomOptions {
  /** Makes a frame of its content; without it nothing can be sent in this framing. */
  readonly encode?: (payload: Uint8Array) => Uint8Array;
  /** The longest frame, all of it, in bytes. @default {1048576} */
  readonly maxFrameBytes?: number;
}

/**
 * Frames that a function finds, for anything the others cannot say. It runs in JavaScript, whichever
 * codec is used. What it throws ends the stream with INVALID_FRAME.
 *
 * @param scan Tells how long a frame is.
 * @throws FramewireError INVALID_CONFIG.
 *
 * @example Frames whose first byte is a type, and whose length depends on it
 * ```ts
 * import { custom } from "framewire";
 *
 * const LENGTHS = [8, 24, 5];
 * const framing = custom((bytes, start) => {
 *   const length = LENGTHS[bytes[start]!];
 *   if (length === undefined) throw new Error(`unknown type ${bytes[start]}`);
 *   return length;
 * }, { maxFrameBytes: 24 });
 * if (framing.kind !== "custom") throw new Error("unexpected");
 * ```
 */
export function custom(scan: CustomScan, options: CustomOptions = {}): CustomFraming {
  const { encode, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES } = options;
  checkFunction("custom", "scan", scan);
  if (encode !== undefined) checkFunction("custom", "encode", encode);
  integer("custom", "maxFrameBytes", maxFrameBytes, 1, MAX_FRAME_BYTES);
  const framing = { kind: "custom", scan, maxFrameBytes } as const;
  const whole = encode === undefined ? framing : { ...framing, encode };
  return scannedBy<CustomFraming>(Object.freeze(whole), CUSTOM_SCANS);
}
