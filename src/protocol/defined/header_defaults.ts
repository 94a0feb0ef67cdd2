/**
 * What the fields of a header hold when nothing is given for them.
 *
 * @module
 */
import { ByteWriter } from "../../codec/byte_writer.ts";
import type { Shape } from "./fields/field.ts";
import type { AnyField } from "./fields/field_row.ts";
import { config, type ShapeCodec } from "./fields/shape.ts";

/** What a field can have when nothing is given for it. */
const BLANKS: readonly ((width: number) => unknown)[] = [
  () => undefined,
  () => 0,
  () => 0n,
  () => false,
  (width) => "0".repeat(width),
  (width) => new Uint8Array(width),
];

/** The bytes of the constant fields, where each has its place. */
export function constants(
  shape: Shape,
  codec: ShapeCodec,
): readonly (readonly [at: number, byte: number])[] | undefined {
  const pairs: (readonly [number, number])[] = [];
  for (const [name, field] of Object.entries(shape) as unknown as [string, AnyField][]) {
    if (!field.isConstant) continue;
    const offset = codec.offsetOf(name);
    if (offset === undefined || field.width === undefined) return undefined;
    const writer = new ByteWriter(16);
    field.write(writer, undefined, {});
    for (let i = 0; i < writer.at; i++) pairs.push([offset + i, writer.bytes[i]!]);
  }
  return pairs;
}

/** A value for each field of a header, for when none is given. */
export function blanks(shape: Shape): Record<string, unknown> {
  const blank: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(shape) as unknown as [string, AnyField][]) {
    if (field.optional) continue;
    const value = BLANKS.map((make) => make(field.width ?? 0))
      .find((candidate) => fits(field, candidate));
    if (value === undefined) {
      throw config(
        `header.${name} has no default: give it one by withDefault, or make it optional`,
      );
    }
    blank[name] = value;
  }
  return blank;
}

function fits(field: AnyField, value: unknown): boolean {
  if (value === undefined) return false;
  try {
    field.write(new ByteWriter(16), value, {});
    return true;
  } catch {
    return false;
  }
}

/** Whether a field of whole numbers is little endian. */
export function isLittleEndian(field: AnyField): boolean {
  const writer = new ByteWriter(8);
  field.write(writer, 1, {});
  return writer.at > 1 && writer.bytes[0] === 1;
}
