/**
 * Bytes and text.
 *
 * @module
 */
import type { ByteWriter } from "../../../codec/byte_writer.ts";
import { writeAscii } from "./ascii.ts";
import { type Field, FieldProblem, type FieldReader, invalid } from "./field.ts";
import { type InlineField, type InlineOp, Op } from "./inline.ts";
import { u16, u32, u8 } from "./numbers.ts";

const encoder = /* @__PURE__ */ new TextEncoder();

function encodeText(value: unknown): Uint8Array {
  if (typeof value !== "string") throw invalid("a string", value);
  return encoder.encode(value);
}

function checkBytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw invalid("a Uint8Array", value);
  return value;
}

/** A length: a number of bytes, or the field that stands before the bytes and says how many. */
export type Length = number | Field<number>;

function readLength(reader: FieldReader, length: Length): number {
  return reader.take(typeof length === "number" ? length : length.read(reader));
}

function writeSized(writer: ByteWriter, length: Length, bytes: Uint8Array): void {
  if (typeof length !== "number") length.write(writer, bytes.length, {});
  else if (bytes.length !== length) throw invalid(`${length} bytes`, bytes);
  writer.append(bytes);
}

function widthOf(length: Length): { readonly width?: number } {
  return typeof length === "number" ? { width: length } : {};
}

/** Bytes and text of a fixed length, or behind one of a usual width, are read in line. */
function inlineOf(op: InlineOp, length: Length): { readonly inline?: InlineField } {
  if (typeof length === "number") {
    return { inline: { op: op === Op.BYTES ? Op.FIXED_BYTES : Op.FIXED_TEXT, size: length } };
  }
  for (const usual of [u8, u16, u32]) {
    if (length === usual) return { inline: { op, size: usual.width } };
  }
  return {};
}

/**
 * Bytes: so many, or as many as the length before them says. Decoding gives a view.
 *
 * @param length How many, or the field of their number.
 */
export function bytes(length: number): Field<Uint8Array> & { readonly width: number };
/** Bytes, as many as the length before them says: a view. */
export function bytes(length: Field<number>): Field<Uint8Array>;
export function bytes(length: Length): Field<Uint8Array> {
  return {
    ...widthOf(length),
    ...inlineOf(Op.BYTES, length),
    optional: false,
    read(reader) {
      const at = readLength(reader, length);
      return reader.view(at, reader.at);
    },
    write(writer, value) {
      writeSized(writer, length, checkBytes(value));
    },
  };
}

/**
 * UTF-8 text: so many bytes of it, or as many as the length before it says.
 *
 * @param length How many bytes, or the field of their number.
 */
export function string(length: Length): Field<string> {
  return {
    ...widthOf(length),
    ...inlineOf(Op.TEXT, length),
    optional: false,
    read(reader) {
      const at = readLength(reader, length);
      return reader.text(at, reader.at);
    },
    write(writer, value) {
      const mark = writer.at;
      if (typeof value === "string" && (typeof length !== "number" || value.length === length)) {
        if (typeof length !== "number") length.write(writer, value.length, {});
        if (writeAscii(writer, value)) return;
        writer.at = mark;
      }
      writeSized(writer, length, encodeText(value));
    },
  };
}

/**
 * UTF-8 text that ends in a zero byte, as in C.
 *
 * @param maxBytes The most it may take, the zero included: 1 or more.
 */
export function cstring(maxBytes: number): Field<string> {
  return {
    inline: { op: Op.CSTRING, size: maxBytes },
    optional: false,
    read(reader) {
      const from = reader.at;
      const end = Math.min(reader.end, from + maxBytes);
      const { bytes } = reader;
      let at = from;
      while (at < end && bytes[at] !== 0) at++;
      if (at === end) {
        if (end === reader.end && end - from < maxBytes) reader.take(end - from + 1);
        throw new FieldProblem(
          "INVALID_FIELD",
          `must end in a zero byte within ${maxBytes} bytes and does not`,
        );
      }
      reader.at = at + 1;
      return reader.text(from, at);
    },
    write(writer, value) {
      const isShort = typeof value === "string" && value.length < maxBytes;
      if (!isShort || !writeAscii(writer, value)) {
        const text = encodeText(value);
        if (text.length >= maxBytes || text.includes(0)) {
          throw invalid(`text of at most ${maxBytes - 1} bytes without a zero`, value);
        }
        writer.append(text);
      }
      writer.room(1);
      writer.bytes[writer.at++] = 0;
    },
  };
}

/**
 * UTF-8 text in a fixed number of bytes, filled up at its end.
 *
 * @param width How many bytes.
 * @param pad The byte that fills it up, which decoding takes away: a space unless said otherwise.
 */
export function padded(width: number, pad = 0x20): Field<string> & { readonly width: number } {
  return {
    width,
    optional: false,
    read(reader) {
      const at = reader.take(width);
      let end = at + width;
      while (end > at && reader.bytes[end - 1] === pad) end--;
      return reader.text(at, end);
    },
    write(writer, value) {
      const text = encodeText(value);
      if (text.length > width || text[text.length - 1] === pad) {
        throw invalid(`text of at most ${width} bytes that does not end in byte ${pad}`, value);
      }
      writer.room(width);
      writer.bytes.fill(pad, writer.at, writer.at + width);
      writer.bytes.set(text, writer.at);
      writer.at += width;
    },
  };
}

/** All bytes to the end of the record, none as well: a view. Stands last. */
export function rest(): Field<Uint8Array, Uint8Array | undefined, true> {
  return {
    inline: { op: Op.REST, size: 0 },
    optional: true,
    trailing: true,
    takesRest: true,
    read(reader) {
      const { at, end } = reader;
      reader.at = end;
      return reader.view(at, end);
    },
    write(writer, value) {
      if (value !== undefined) writer.append(checkBytes(value));
    },
  };
}

/** All bytes to the end of the record as UTF-8 text. Stands last. */
export function restText(): Field<string, string | undefined, true> {
  return {
    inline: { op: Op.REST_TEXT, size: 0 },
    optional: true,
    trailing: true,
    takesRest: true,
    read(reader) {
      const { at, end } = reader;
      reader.at = end;
      return reader.text(at, end);
    },
    write(writer, value) {
      if (value === undefined || typeof value === "string" && writeAscii(writer, value)) return;
      writer.append(encodeText(value));
    },
  };
}
