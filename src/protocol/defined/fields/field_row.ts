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
    let i = 0;
    try {
      for (; i < fields.length; i++) {
        const field = fields[i]!;
        const record = field.readsRecord ? { ...before, ...this.record(values) } : undefined;
        values.push(field.read(reader, record));
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
    writer.bit = 0;
    let i = 0;
    try {
      for (; i < fields.length; i++) {
        const field = fields[i]!;
        const value = record[names[i]!];
        if (isMissing(field, value)) throw new FieldProblem("INVALID_FIELD", "is missing");
        field.write(writer, value, record);
      }
    } catch (problem) {
      throw within(problem, names[i]!);
    }
  }
}
