/**
 * The commonest fields in one loop.
 *
 * A call of `field.read` for each of a packet's fields goes to as many different functions, which no
 * compiler can put in line: of the 1.1 µs that a submit_sm of SMPP took to decode, the calls were
 * half. So the commonest fields say what they are, and one loop reads and writes them.
 *
 * @module
 */
import type { ByteWriter } from "../../../codec/byte_writer.ts";
import { decodeText, writeAscii } from "./ascii.ts";
import { FieldProblem, type FieldReader, isMissing, within } from "./field.ts";
import type { AnyField } from "./field_row.ts";

/** What can be read in line; those from FIXED_BYTES on only where they have their place. */
export const Op = {
  CALL: 0,
  U8: 1,
  U16: 2,
  U32: 3,
  CSTRING: 4,
  BYTES: 5,
  TEXT: 6,
  FIXED_BYTES: 7,
  FIXED_TEXT: 8,
  REST: 9,
  REST_TEXT: 10,
} as const;

/** What a field is that can be read in line; 0 is one that cannot. */
export type InlineOp = (typeof Op)[keyof typeof Op];

/** How a field is read and written in line. */
export interface InlineField {
  /** What it is. */
  readonly op: InlineOp;
  /** How many bytes: the most of a C string, those of the length before bytes and text. */
  readonly size: number;
}

/** Fields made ready to be read in one loop. */
export class InlineFields {
  readonly #names: readonly string[];
  readonly #fields: readonly AnyField[];
  readonly #ops: readonly InlineOp[];
  readonly #sizes: number[];

  /** The fields of a record, in order. */
  constructor(names: readonly string[], fields: readonly AnyField[]) {
    this.#names = names;
    this.#fields = fields;
    this.#ops = fields.map(({ inline }) => inline?.op ?? Op.CALL);
    this.#sizes = fields.map(({ inline }) => inline?.size ?? 0);
    // Bytes stand in rows, nearly always: how many there are from each on.
    for (let i = fields.length - 1, row = 0; i >= 0; i--) {
      row = this.#ops[i] === Op.U8 ? row + 1 : 0;
      if (row > 0) this.#sizes[i] = row;
    }
  }

  /**
   * Reads all fields: their values in order. What cannot be read in line is left to the field's own
   * function, which also says what is wrong.
   */
  read(reader: FieldReader): unknown[] {
    const fields = this.#fields;
    const ops = this.#ops;
    const sizes = this.#sizes;
    const count = ops.length;
    const values = new Array<unknown>(count);
    const { bytes, end } = reader;
    let { at } = reader;
    let i = 0;
    try {
      for (; i < count; i++) {
        const op = ops[i]!;
        if (op === Op.U8) {
          const past = i + sizes[i]!;
          if (past - i <= end - at) {
            for (; i < past; i++) values[i] = bytes[at++];
            i--;
            continue;
          }
        }
        if (op === Op.CSTRING) {
          const limit = Math.min(end, at + sizes[i]!);
          let to = at;
          while (to < limit && bytes[to] !== 0) to++;
          if (to < limit) {
            values[i] = to === at ? "" : decodeText(bytes, at, to);
            at = to + 1;
            continue;
          }
        } else if (op === Op.BYTES || op === Op.TEXT) {
          const from = at + sizes[i]!;
          if (from <= end) {
            let length = 0;
            for (let j = at; j < from; j++) length = length * 256 + bytes[j]!;
            if (from + length <= end) {
              at = from + length;
              values[i] = op === Op.BYTES ? reader.view(from, at) : decodeText(bytes, from, at);
              continue;
            }
          }
        } else if (op === Op.U16 && at + 2 <= end) {
          values[i] = bytes[at]! << 8 | bytes[at + 1]!;
          at += 2;
          continue;
        } else if (op === Op.U32 && at + 4 <= end) {
          values[i] = (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
            bytes[at + 3]!) >>> 0;
          at += 4;
          continue;
        }
        reader.at = at;
        values[i] = fields[i]!.read(reader);
        at = reader.at;
      }
    } catch (problem) {
      throw within(problem, this.#names[i]!);
    }
    reader.at = at;
    return values;
  }

  /**
   * Writes all fields. What cannot be written in line is left to the field's own function, which
   * also says what is wrong.
   */
  write(writer: ByteWriter, record: Readonly<Record<string, unknown>>): void {
    const names = this.#names;
    const ops = this.#ops;
    for (let i = 0; i < names.length; i++) {
      const value = record[names[i]!];
      if (typeof value === "number" && putNumber(writer, ops[i]!, value)) continue;
      this.#writeOther(writer, i, value, record);
    }
  }

  #writeOther(
    writer: ByteWriter,
    i: number,
    value: unknown,
    record: Readonly<Record<string, unknown>>,
  ): void {
    if (
      this.#ops[i] === Op.CSTRING && typeof value === "string" && value.length < this.#sizes[i]! &&
      writeAscii(writer, value)
    ) {
      writer.room(1);
      writer.bytes[writer.at++] = 0;
      return;
    }
    const field = this.#fields[i]!;
    try {
      if (isMissing(field, value)) {
        throw new FieldProblem("INVALID_FIELD", "is missing");
      }
      field.write(writer, value, record);
    } catch (problem) {
      throw within(problem, this.#names[i]!);
    }
  }
}

/** Writes a number, if its field is one that is written in line and can hold it. */
function putNumber(writer: ByteWriter, op: InlineOp, value: number): boolean {
  if ((value >>> 0) !== value) return false;
  writer.room(4);
  const { at } = writer;
  if (op === Op.U8) {
    if (value > 0xff) return false;
    writer.bytes[at] = value;
    writer.at = at + 1;
  } else if (op === Op.U16) {
    if (value > 0xffff) return false;
    writer.view.setUint16(at, value);
    writer.at = at + 2;
  } else {
    if (op !== Op.U32) return false;
    writer.view.setUint32(at, value);
    writer.at = at + 4;
  }
  return true;
}
