/**
 * The fields of a shape, read and written one after the other.
 *
 * @module
 */
import type { ByteWriter } from "../../../codec/byte_writer.ts";
import {
  type Field,
  FieldProblem,
  type FieldReader,
  invalid,
  isMissing,
  type Shape,
  within,
} from "./field.ts";

/** A field of any kind. */
export type AnyField = Field<unknown, unknown, boolean>;
/** Values by name. */
export type Values = Readonly<Record<string, unknown>>;

/** Reads and writes the fields of a shape; each by its own function. */
export class FieldRow {
  /** The names, in order. */
  readonly names: readonly string[];
  /** The fields, in order. */
  protected readonly fields: readonly AnyField[];
  /** Whether a field looks at those before it. */
  readonly readsRecord: boolean;

  /** The fields of a shape. */
  constructor(shape: Shape) {
    this.names = Object.keys(shape);
    this.fields = Object.values(shape) as unknown as AnyField[];
    this.readsRecord = this.fields.some((field) => field.readsRecord);
  }

  /**
   * Reads all fields: their values in order.
   *
   * @param before What stands before the first, for fields that look at it.
   */
  read(reader: FieldReader, before?: Values): unknown[] {
    const { fields } = this;
    const values: unknown[] = [];
    let bit = 0;
    let i = 0;
    try {
      for (; i < fields.length; i++) {
        const field = fields[i]!;
        const { bitWidth } = field;
        if (bitWidth !== undefined) {
          values.push(readBits(reader, bit, bitWidth));
          bit = bit + bitWidth & 7;
        } else if (field.readsRecord) {
          values.push(field.read(reader, { ...before, ...this.record(values) }));
        } else {
          values.push(field.read(reader));
        }
      }
      return values;
    } catch (problem) {
      throw within(problem, this.names[i]!);
    }
  }

  /** Values in order, by name; as many as there are. */
  record(values: readonly unknown[]): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    for (let i = 0; i < values.length; i++) record[this.names[i]!] = values[i];
    return record;
  }

  /** Writes all fields. */
  write(writer: ByteWriter, record: Values): void {
    const { fields, names } = this;
    let bit = 0;
    let i = 0;
    try {
      for (; i < fields.length; i++) {
        const field = fields[i]!;
        const value = record[names[i]!];
        const { bitWidth } = field;
        if (bitWidth !== undefined) {
          writeBits(writer, bit, bitWidth, value);
          bit = bit + bitWidth & 7;
        } else if (isMissing(field, value)) {
          throw new FieldProblem("INVALID_FIELD", "is missing");
        } else {
          field.write(writer, value, record);
        }
      }
    } catch (problem) {
      throw within(problem, names[i]!);
    }
  }
}

/** Reads a bit field that begins at bit number `from` of a byte: at 0, the byte is the next one. */
function readBits(reader: FieldReader, from: number, width: number): number {
  let bit = from;
  let value = 0;
  for (let left = width; left > 0;) {
    if (bit === 0) reader.take(1);
    const here = Math.min(left, 8 - bit);
    const byte = reader.bytes[reader.at - 1]!;
    value = value * 2 ** here + (byte >> 8 - bit - here & (1 << here) - 1);
    bit = bit + here & 7;
    left -= here;
  }
  return value;
}

function writeBits(writer: ByteWriter, from: number, width: number, value: unknown): void {
  const max = 2 ** width - 1;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
    throw invalid(`a whole number from 0 to ${max}`, value);
  }
  let bit = from;
  for (let left = width; left > 0;) {
    if (bit === 0) {
      writer.room(1);
      writer.bytes[writer.at++] = 0;
    }
    const here = Math.min(left, 8 - bit);
    const part = Math.floor(value / 2 ** (left - here)) % 2 ** here;
    writer.bytes[writer.at - 1]! |= part << 8 - bit - here;
    bit = bit + here & 7;
    left -= here;
  }
}
