/**
 * Numbers: whole and floating, big endian unless their name ends in `le`.
 *
 * @module
 */
import type { ByteWriter } from "../../../codec/byte_writer.ts";
import { readField } from "../../../codec/read_field.ts";
import { type Field, FieldProblem, type FieldReader, invalid } from "./field.ts";
import { type InlineOp, Op } from "./inline.ts";

/** A field of a whole number up to 32 bits wide. */
export interface NumberField extends Field<number> {
  /** Its width in bytes. */
  readonly width: number;
  /** Its largest value. */
  readonly max: number;
}

/** A field of a 64-bit whole number. */
export interface BigIntField extends Field<bigint> {
  /** Its width in bytes. */
  readonly width: 8;
}

/** Big endian and unsigned. */
const IN_LINE: Readonly<Record<number, InlineOp>> = { 1: Op.U8, 2: Op.U16, 4: Op.U32 };

/** How a whole number stands. */
export interface WholeNumber {
  /** In so many bytes: 1, 2 or 4. */
  readonly width: number;
  /** Its smallest value. */
  readonly min: number;
  /** Its largest value. */
  readonly max: number;
  /** Whether its lowest byte comes first. */
  readonly littleEndian: boolean;
}

/** The fields that are nothing but a whole number of 1, 2 or 4 bytes. */
export const wholeNumbers: WeakMap<object, WholeNumber> = /* @__PURE__ */ new WeakMap();

function whole(width: number, signed: boolean, littleEndian: boolean): NumberField {
  const bits = width * 8;
  const min = signed ? -(2 ** (bits - 1)) : 0;
  const max = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const op = signed || littleEndian ? undefined : IN_LINE[width];
  const field: NumberField = {
    ...(op !== undefined && { inline: { op, size: width } }),
    width,
    max,
    optional: false,
    read(reader) {
      return readField(reader.bytes, reader.take(width), width, littleEndian, signed);
    },
    write(writer, value) {
      if (!Number.isInteger(value) || value < min || value > max) {
        throw invalid(`a whole number from ${min} to ${max}`, value);
      }
      writer.room(width);
      const { bytes, at } = writer;
      for (let i = 0, rest = value; i < width; i++, rest >>= 8) {
        bytes[at + (littleEndian ? i : width - 1 - i)] = rest;
      }
      writer.at = at + width;
    },
  };
  if (width !== 3) wholeNumbers.set(field, { width, min, max, littleEndian });
  return field;
}

const scratchBytes = /* @__PURE__ */ new Uint8Array(8);
const scratch = /* @__PURE__ */ viewOf(scratchBytes);

function viewOf({ buffer }: Uint8Array): DataView {
  return new DataView(buffer);
}

function load(reader: FieldReader, width: number): void {
  const at = reader.take(width);
  for (let i = 0; i < width; i++) scratchBytes[i] = reader.bytes[at + i]!;
}

function store(writer: ByteWriter, width: number): void {
  writer.room(width);
  for (let i = 0; i < width; i++) writer.bytes[writer.at + i] = scratchBytes[i]!;
  writer.at += width;
}

function big(signed: boolean, littleEndian: boolean): BigIntField {
  const min = signed ? -(2n ** 63n) : 0n;
  const max = signed ? 2n ** 63n - 1n : 2n ** 64n - 1n;
  return {
    width: 8,
    optional: false,
    read(reader) {
      load(reader, 8);
      return signed ? scratch.getBigInt64(0, littleEndian) : scratch.getBigUint64(0, littleEndian);
    },
    write(writer, value) {
      if (typeof value !== "bigint" || value < min || value > max) {
        throw invalid(`a bigint from ${min} to ${max}`, value);
      }
      if (signed) scratch.setBigInt64(0, value, littleEndian);
      else scratch.setBigUint64(0, value, littleEndian);
      store(writer, 8);
    },
  };
}

function float(width: 4 | 8, littleEndian: boolean): Field<number> {
  return {
    width,
    optional: false,
    read(reader) {
      load(reader, width);
      return width === 4
        ? scratch.getFloat32(0, littleEndian)
        : scratch.getFloat64(0, littleEndian);
    },
    write(writer, value) {
      if (typeof value !== "number") throw invalid("a number", value);
      if (width === 4) scratch.setFloat32(0, value, littleEndian);
      else scratch.setFloat64(0, value, littleEndian);
      store(writer, width);
    },
  };
}

/** Unsigned, 8 bits: 0 to 255. */
export const u8: NumberField = /* @__PURE__ */ whole(1, false, false);
/** Unsigned, 16 bits, big endian. */
export const u16: NumberField = /* @__PURE__ */ whole(2, false, false);
/** Unsigned, 24 bits, big endian. */
export const u24: NumberField = /* @__PURE__ */ whole(3, false, false);
/** Unsigned, 32 bits, big endian. */
export const u32: NumberField = /* @__PURE__ */ whole(4, false, false);
/** Unsigned, 64 bits, big endian: a bigint. */
export const u64: BigIntField = /* @__PURE__ */ big(false, false);
/** Unsigned, 16 bits, little endian. */
export const u16le: NumberField = /* @__PURE__ */ whole(2, false, true);
/** Unsigned, 24 bits, little endian. */
export const u24le: NumberField = /* @__PURE__ */ whole(3, false, true);
/** Unsigned, 32 bits, little endian. */
export const u32le: NumberField = /* @__PURE__ */ whole(4, false, true);
/** Unsigned, 64 bits, little endian: a bigint. */
export const u64le: BigIntField = /* @__PURE__ */ big(false, true);
/** Signed, 8 bits: -128 to 127. */
export const i8: NumberField = /* @__PURE__ */ whole(1, true, false);
/** Signed, 16 bits, big endian. */
export const i16: NumberField = /* @__PURE__ */ whole(2, true, false);
/** Signed, 32 bits, big endian. */
export const i32: NumberField = /* @__PURE__ */ whole(4, true, false);
/** Signed, 64 bits, big endian: a bigint. */
export const i64: BigIntField = /* @__PURE__ */ big(true, false);
/** Signed, 16 bits, little endian. */
export const i16le: NumberField = /* @__PURE__ */ whole(2, true, true);
/** Signed, 32 bits, little endian. */
export const i32le: NumberField = /* @__PURE__ */ whole(4, true, true);
/** Signed, 64 bits, little endian: a bigint. */
export const i64le: BigIntField = /* @__PURE__ */ big(true, true);
/** IEEE 754, 32 bits, big endian. */
export const f32: Field<number> = /* @__PURE__ */ float(4, false);
/** IEEE 754, 64 bits, big endian. */
export const f64: Field<number> = /* @__PURE__ */ float(8, false);
/** IEEE 754, 32 bits, little endian. */
export const f32le: Field<number> = /* @__PURE__ */ float(4, true);
/** IEEE 754, 64 bits, little endian. */
export const f64le: Field<number> = /* @__PURE__ */ float(8, true);

/**
 * Unsigned LEB128, as in protobuf and MQTT: 7 bits a byte, the lowest first; 0 to 2^53 - 1.
 */
export const uvarint: Field<number> = {
  optional: false,
  read(reader) {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = reader.bytes[reader.take(1)]!;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER || scale > 2 ** 49) {
        throw new FieldProblem(
          "INVALID_FIELD",
          "is a varint over 2^53 - 1, or one of over 8 bytes",
        );
      }
      if (byte < 0x80) return value;
    }
  },
  write(writer, value) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw invalid("a whole number from 0 to 2^53 - 1", value);
    }
    writer.room(8);
    let rest: number = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) {
      writer.bytes[writer.at++] = rest % 128 | 0x80;
    }
    writer.bytes[writer.at++] = rest;
  },
};

/**
 * Some of the bits of a byte, as a number. Neighbouring bit fields share bytes, the first one in the
 * highest bits; together they must fill whole bytes.
 *
 * @param count How many bits, 1 to 32.
 */
export function bits(count: number): NumberField {
  const max = 2 ** count - 1;
  return {
    width: 0,
    bitWidth: count,
    max,
    optional: false,
    read(reader) {
      let value = 0;
      for (let left = count; left > 0;) {
        if (reader.bit === 0) reader.take(1);
        const here = Math.min(left, 8 - reader.bit);
        const byte = reader.bytes[reader.at - 1]!;
        value = value * 2 ** here + (byte >> 8 - reader.bit - here & (1 << here) - 1);
        reader.bit = reader.bit + here & 7;
        left -= here;
      }
      return value;
    },
    write(writer, value) {
      if (!Number.isInteger(value) || value < 0 || value > max) {
        throw invalid(`a whole number from 0 to ${max}`, value);
      }
      for (let left = count; left > 0;) {
        if (writer.bit === 0) {
          writer.room(1);
          writer.bytes[writer.at++] = 0;
        }
        const here = Math.min(left, 8 - writer.bit);
        const part = Math.floor(value / 2 ** (left - here)) % 2 ** here;
        writer.bytes[writer.at - 1]! |= part << 8 - writer.bit - here;
        writer.bit = writer.bit + here & 7;
        left -= here;
      }
    },
  };
}

/** A byte that is 0 for false and 1 for true; any other is an error. */
export const bool: Field<boolean> & { readonly width: 1 } = {
  width: 1,
  optional: false,
  read(reader) {
    const byte = reader.bytes[reader.take(1)]!;
    if (byte > 1) throw invalid("0 or 1", byte);
    return byte === 1;
  },
  write(writer, value) {
    if (typeof value !== "boolean") throw invalid("true or false", value);
    u8.write(writer, value ? 1 : 0, {});
  },
};

/**
 * A number that stands for a name.
 *
 * @param field How the number stands.
 * @param names The names and their numbers; any other number is an error.
 *
 * @example
 * ```ts
 * import { enumeration, u8 } from "framewire/protocol";
 *
 * const level = enumeration(u8, { low: 1, high: 2 });
 * if (level.width !== 1) throw new Error("one byte expected");
 * ```
 */
export function enumeration<const Names extends Readonly<Record<string, number>>>(
  field: NumberField,
  names: Names,
): Field<keyof Names & string> & { readonly width: number } {
  const byNumber = new Map(Object.entries(names).map(([name, number]) => [number, name]));
  const expected = `one of ${Object.entries(names).map(([n, v]) => `${n} (${v})`).join(", ")}`;
  return {
    width: field.width,
    optional: false,
    read(reader) {
      const number = field.read(reader);
      const name = byNumber.get(number);
      if (name === undefined) throw invalid(expected, number);
      return name;
    },
    write(writer, value, record) {
      if (!Object.hasOwn(names, value)) throw invalid(expected, value);
      field.write(writer, names[value]!, record);
    },
  };
}
