/**
 * A shape made ready: checked, its places known, its commonest fields read and written in line.
 *
 * @module
 */
import type { ByteWriter } from "../../../codec/byte_writer.ts";
import { FramewireError } from "../../../errors.ts";
import { type FieldReader, type Shape, within } from "./field.ts";
import { FieldRow, type Values } from "./field_row.ts";
import { type InlineField, InlineFields } from "./inline.ts";

/** Reads and writes the fields of a shape. */
export class ShapeCodec extends FieldRow {
  readonly #inline: InlineFields;
  /** Whether every field takes whole bytes. */
  readonly #isWhole: boolean;
  /** Whether every field takes whole bytes and looks at none but itself. */
  readonly #isPlain: boolean;
  /** The width of all fields together, where it is always the same. */
  readonly width: number | undefined;

  /**
   * Makes a shape ready.
   *
   * @param where How an error names the shape.
   * @throws FramewireError INVALID_CONFIG when its fields cannot stand so.
   */
  constructor(shape: Shape, where: string) {
    super(shape);
    const { names, fields } = this;
    this.#inline = new InlineFields(names, fields);
    this.#isWhole = fields.every(({ bitWidth }) => bitWidth === undefined);
    this.#isPlain = this.#isWhole && !this.readsRecord;
    this.#checkBits(where);
    for (const [i, field] of fields.entries()) {
      if (typeof field !== "object" || typeof field.read !== "function") {
        throw config(`${where}.${names[i]} is no field`);
      }
      if (field.trailing && fields.slice(i + 1).some((other) => !other.trailing)) {
        throw config(
          `${where}.${names[i]} takes what is left of the record: ` +
            `no field that must be there can stand behind it`,
        );
      }
    }
    this.width = this.#bytesBefore(fields.length);
  }

  /** Whether it can be encoded from nothing. */
  get allOptional(): boolean {
    return this.fields.every((field) => field.optional);
  }

  /** Where a field begins, where that is always the same. */
  offsetOf(name: string): number | undefined {
    const index = this.names.indexOf(name);
    return index < 0 || this.fields[index]!.bitWidth !== undefined
      ? undefined
      : this.#bytesBefore(index);
  }

  /** How many bytes the first `count` fields take, where that is always the same. */
  #bytesBefore(count: number): number | undefined {
    let bits = 0;
    for (const { bitWidth, width } of this.fields.slice(0, count)) {
      if (bitWidth === undefined && width === undefined) return undefined;
      bits += bitWidth ?? width! * 8;
    }
    return bits / 8;
  }

  /**
   * Whether every field begins at a place that is always the same: fields of fixed widths, and at
   * the end perhaps one that takes the rest.
   */
  get isFlat(): boolean {
    const last = this.fields.length - 1;
    return this.#isPlain &&
      this.fields.every(({ width, takesRest }, i) =>
        width !== undefined || i === last && takesRest === true
      );
  }

  /** How the field of a name is read in line, if it is. */
  inlineOf(name: string): InlineField | undefined {
    return this.fields[this.names.indexOf(name)]?.inline;
  }

  /** Reads one field alone, where it begins. */
  readField(index: number, reader: FieldReader): unknown {
    try {
      return this.fields[index]!.read(reader);
    } catch (problem) {
      throw within(problem, this.names[index]!);
    }
  }

  /** {@inheritDoc FieldRow.read} */
  override read(reader: FieldReader, before?: Values): unknown[] {
    return this.#isPlain ? this.#inline.read(reader) : super.read(reader, before);
  }

  /** Reads all fields: their values by name. */
  readRecord(reader: FieldReader): Record<string, unknown> {
    return this.record(this.read(reader));
  }

  /** {@inheritDoc FieldRow.write} */
  override write(writer: ByteWriter, record: Values): void {
    if (this.#isWhole) this.#inline.write(writer, record);
    else super.write(writer, record);
  }

  #checkBits(where: string): void {
    const { names, fields } = this;
    for (let i = 0; i < fields.length; i++) {
      const first = names[i];
      let bits = 0;
      while (fields[i]?.bitWidth !== undefined) bits += fields[i++]!.bitWidth!;
      if (bits % 8 === 0) continue;
      throw config(
        `${where}.${first} and the bit fields behind it take ${bits} bits: ` +
          "neighbouring bit fields must fill whole bytes",
      );
    }
  }
}

/** A definition that cannot be. */
export function config(message: string): FramewireError {
  return new FramewireError("INVALID_CONFIG", message);
}
