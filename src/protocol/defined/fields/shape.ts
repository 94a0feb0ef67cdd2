/**
 * A shape made ready: its fields in a row, its bit fields gathered into bytes.
 *
 * @module
 */
import type { ByteWriter } from "../../../codec/byte_writer.ts";
import { FramewireError } from "../../../errors.ts";
import { type Field, FieldProblem, type FieldReader, invalid, type Shape } from "./field.ts";
import { type InlineField, InlineFields } from "./inline.ts";

type AnyField = Field<unknown, unknown, boolean>;
type Values = Readonly<Record<string, unknown>>;

const NOTHING_BEFORE: Values = {};

/** Neighbouring bit fields: `[first, last)` of the shape, in `bytes` bytes. */
interface BitGroup {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

/** Reads and writes the fields of a shape. */
export class ShapeCodec {
  /** The names, in order. */
  readonly names: readonly string[];
  readonly #fields: readonly AnyField[];
  readonly #inline: InlineFields;
  /** The group that begins at a field, if one does. */
  readonly #groups: readonly (BitGroup | undefined)[];
  /** Whether every field takes whole bytes. */
  readonly #isWhole: boolean;
  /** Whether every field takes whole bytes and looks at none but itself. */
  readonly #isPlain: boolean;
  /** Whether a field looks at those before it. */
  readonly readsRecord: boolean;
  /** The width of all fields together, where it is always the same. */
  readonly width: number | undefined;

  /**
   * Makes a shape ready.
   *
   * @param where How an error names the shape.
   * @throws FramewireError INVALID_CONFIG when its fields cannot stand so.
   */
  constructor(shape: Shape, where: string) {
    this.names = Object.keys(shape);
    this.#fields = Object.values(shape) as unknown as AnyField[];
    this.#inline = new InlineFields(this.names, this.#fields);
    this.#groups = this.#group(where);
    this.readsRecord = this.#fields.some((field) => field.readsRecord);
    this.#isWhole = this.#groups.every((group) => group === undefined);
    this.#isPlain = this.#isWhole && !this.readsRecord;
    let width: number | undefined = 0;
    for (const [i, field] of this.#fields.entries()) {
      if (typeof field !== "object" || typeof field.read !== "function") {
        throw config(`${where}.${this.names[i]} is no field`);
      }
      if (field.bitWidth !== undefined) width = width === undefined ? undefined : width;
      else {width = width === undefined || field.width === undefined
          ? undefined
          : width + field.width;}
      if (field.trailing && this.#fields.slice(i + 1).some((other) => !other.trailing)) {
        throw config(
          `${where}.${this.names[i]} takes what is left of the record: ` +
            `no field that must be there can stand behind it`,
        );
      }
    }
    for (const group of this.#groups) if (group && width !== undefined) width += group.bytes;
    this.width = width;
  }

  /** Whether it can be encoded from nothing. */
  get allOptional(): boolean {
    return this.#fields.every((field) => field.optional);
  }

  /** Where a field begins, where that is always the same. */
  offsetOf(name: string): number | undefined {
    let offset = 0;
    for (const [i, field] of this.#fields.entries()) {
      if (this.names[i] === name) return field.bitWidth === undefined ? offset : undefined;
      const group = this.#groups[i];
      if (group !== undefined) offset += group.bytes;
      else if (field.bitWidth === undefined) {
        if (field.width === undefined) return undefined;
        offset += field.width;
      }
    }
    return undefined;
  }

  /**
   * Whether every field begins at a place that is always the same: fields of fixed widths, and at
   * the end perhaps one that takes the rest.
   */
  get isFlat(): boolean {
    const last = this.#fields.length - 1;
    return this.#isPlain &&
      this.#fields.every(({ width, takesRest }, i) =>
        width !== undefined || i === last && takesRest === true
      );
  }

  /** How the field of a name is read in line, if it is. */
  inlineOf(name: string): InlineField | undefined {
    return this.#fields[this.names.indexOf(name)]?.inline;
  }

  /** Reads one field alone, where it begins. */
  readField(index: number, reader: FieldReader): unknown {
    try {
      return this.#fields[index]!.read(reader);
    } catch (problem) {
      throw problem instanceof FieldProblem ? problem.within(this.names[index]!) : problem;
    }
  }

  /**
   * Reads all fields: their values in order.
   *
   * @param before What stands before the first, for fields that look at it.
   */
  read(reader: FieldReader, before: Values = NOTHING_BEFORE): unknown[] {
    if (this.#isPlain) return this.#inline.read(reader);
    const fields = this.#fields;
    const values = new Array<unknown>(fields.length);
    let i = 0;
    try {
      while (i < fields.length) {
        const group = this.#groups[i];
        if (group === undefined) {
          const field = fields[i]!;
          values[i] = field.readsRecord
            ? field.read(reader, { ...before, ...this.#upTo(i, values) })
            : field.read(reader);
          i++;
        } else {
          this.#readBits(reader, group, values);
          i = group.last;
        }
      }
      return values;
    } catch (problem) {
      throw problem instanceof FieldProblem ? problem.within(this.names[i]!) : problem;
    }
  }

  /** Reads all fields: their values by name. */
  readRecord(reader: FieldReader): Record<string, unknown> {
    return this.record(this.read(reader));
  }

  /** Values in order, by name. */
  record(values: readonly unknown[]): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    for (let i = 0; i < this.names.length; i++) record[this.names[i]!] = values[i];
    return record;
  }

  #upTo(index: number, values: readonly unknown[]): Values {
    const record: Record<string, unknown> = {};
    for (let i = 0; i < index; i++) record[this.names[i]!] = values[i];
    return record;
  }

  /** Writes all fields. */
  write(writer: ByteWriter, record: Values): void {
    if (this.#isWhole) {
      this.#inline.write(writer, record);
      return;
    }
    const { names } = this;
    const fields = this.#fields;
    let i = 0;
    try {
      while (i < fields.length) {
        const group = this.#groups[i];
        if (group !== undefined) {
          i = this.#writeBits(writer, group, record);
          continue;
        }
        const value = record[names[i]!];
        const field = fields[i]!;
        if (value === undefined && !field.optional) {
          throw new FieldProblem("INVALID_FIELD", "is missing");
        }
        field.write(writer, value, record);
        i++;
      }
    } catch (problem) {
      throw problem instanceof FieldProblem ? problem.within(names[i]!) : problem;
    }
  }

  #readBits(reader: FieldReader, group: BitGroup, values: unknown[]): void {
    const at = reader.take(group.bytes);
    let bit = 0;
    for (let i = group.first; i < group.last; i++) {
      let value = 0;
      for (let left = this.#fields[i]!.bitWidth!; left > 0;) {
        const here = Math.min(left, 8 - (bit & 7));
        const byte = reader.bytes[at + (bit >> 3)]!;
        value = value * 2 ** here + (byte >> 8 - (bit & 7) - here & (1 << here) - 1);
        bit += here;
        left -= here;
      }
      values[i] = value;
    }
  }

  #writeBits(writer: ByteWriter, group: BitGroup, record: Values): number {
    writer.room(group.bytes);
    const { bytes, at } = writer;
    bytes.fill(0, at, at + group.bytes);
    let bit = 0;
    for (let i = group.first; i < group.last; i++) {
      const { bitWidth, max } = this.#fields[i]! as Required<AnyField>;
      const value = record[this.names[i]!];
      if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
        throw invalid(`a whole number from 0 to ${max}`, value).within(this.names[i]!);
      }
      for (let left = bitWidth; left > 0;) {
        const here = Math.min(left, 8 - (bit & 7));
        const part = Math.floor(value / 2 ** (left - here)) % 2 ** here;
        bytes[at + (bit >> 3)]! |= part << 8 - (bit & 7) - here;
        bit += here;
        left -= here;
      }
    }
    writer.at = at + group.bytes;
    return group.last;
  }

  #group(where: string): (BitGroup | undefined)[] {
    const groups: (BitGroup | undefined)[] = this.#fields.map(() => undefined);
    for (let first = 0; first < this.#fields.length;) {
      let last = first;
      let bits = 0;
      while (this.#fields[last]?.bitWidth !== undefined) bits += this.#fields[last++]!.bitWidth!;
      if (bits % 8 !== 0) {
        throw config(
          `${where}.${this.names[first]} and the bit fields behind it take ${bits} bits: ` +
            "neighbouring bit fields must fill whole bytes",
        );
      }
      if (last > first) groups[first] = { first, last, bytes: bits / 8 };
      first = Math.max(last, first + 1);
    }
    return groups;
  }
}

/** A definition that cannot be. */
export function config(message: string): FramewireError {
  return new FramewireError("INVALID_CONFIG", message);
}
