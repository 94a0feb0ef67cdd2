/**
 * Fields made of fields: arrays, records, unions, and fields that are left out, computed or fixed.
 *
 * @module
 */
import {
  type Decoded,
  type Encodable,
  type Field,
  FieldProblem,
  invalid,
  show,
  within,
} from "./field.ts";
import type { Shape } from "./field.ts";
import { ShapeCodec } from "./shape.ts";

/**
 * Several values of one kind, one after the other.
 *
 * @param count How many: a number, the field before them that says it, or `"rest"` for as many as
 * there are to the end of the record.
 * @param item How one of them stands.
 */
export function array<Out, In>(
  count: number | Field<number> | "rest",
  item: Field<Out, In>,
): Field<Out[], readonly In[]> {
  return {
    ...(count === "rest" && { trailing: true }),
    ...(typeof count === "number" && item.width !== undefined && { width: count * item.width }),
    optional: false,
    read(reader) {
      const values: Out[] = [];
      const most = count === "rest"
        ? Infinity
        : typeof count === "number"
        ? count
        : count.read(reader);
      for (let i = 0; i < most && (count !== "rest" || reader.at < reader.end); i++) {
        const { at } = reader;
        try {
          values.push(item.read(reader));
        } catch (problem) {
          throw within(problem, `[${i}]`);
        }
        if (reader.at === at && most > reader.bytes.length) {
          throw new FieldProblem("INVALID_FIELD", `counts ${most} items that take no bytes`);
        }
      }
      return values;
    },
    write(writer, values, record) {
      if (!Array.isArray(values) || typeof count === "number" && values.length !== count) {
        throw invalid(typeof count === "number" ? `an array of ${count}` : "an array", values);
      }
      if (typeof count === "object") count.write(writer, values.length, record);
      for (const [i, value] of values.entries()) {
        try {
          item.write(writer, value, record);
        } catch (problem) {
          throw within(problem, `[${i}]`);
        }
      }
    },
  };
}

/**
 * A record within a packet.
 *
 * @param shape Its fields, in order.
 */
export function record<const S extends Shape>(shape: S): Field<Decoded<S>, Encodable<S>> {
  const codec = new ShapeCodec(shape, "record");
  return {
    ...(codec.width !== undefined && { width: codec.width }),
    optional: false,
    read: (reader) => codec.readRecord(reader) as Decoded<S>,
    write(writer, value) {
      if (typeof value !== "object" || value === null) throw invalid("an object", value);
      codec.write(writer, value as Readonly<Record<string, unknown>>);
    },
  };
}

/** The cases of a union: by name, the tag that stands for it and the fields that follow. */
export type Cases<Tag> = Readonly<Record<string, readonly [tag: Tag, shape: Shape]>>;

/** What decoding a union gives: the name of the case as `type`, and its fields. */
export type DecodedUnion<C extends Cases<unknown>> = {
  [Name in keyof C]: { readonly type: Name } & Decoded<C[Name][1]>;
}[keyof C];

/** What encoding a union takes. */
export type EncodableUnion<C extends Cases<unknown>> = {
  [Name in keyof C]: { readonly type: Name } & Encodable<C[Name][1]>;
}[keyof C];

/**
 * One of several records, told apart by a tag before it.
 *
 * @param tag How the tag stands.
 * @param cases The tags and the fields that follow each.
 *
 * @example
 * ```ts
 * import { u8, u16, union } from "framewire/protocol";
 *
 * const shape = union(u8, { circle: [1, { radius: u16 }], square: [2, { side: u16 }] });
 * if (shape.optional) throw new Error("a union is not optional");
 * ```
 */
export function union<Tag, const C extends Cases<Tag>>(
  tag: Field<Tag>,
  cases: C,
): Field<DecodedUnion<C>, EncodableUnion<C>> {
  const byTag = new Map<Tag, readonly [string, ShapeCodec]>();
  const byName = new Map<string, readonly [Tag, ShapeCodec]>();
  for (const [name, [value, shape]] of Object.entries(cases)) {
    const codec = new ShapeCodec(shape, `union.${name}`);
    byTag.set(value, [name, codec]);
    byName.set(name, [value, codec]);
  }
  const expected = `one of ${
    [...byName].map(([name, [value]]) => `${name} (${value})`).join(", ")
  }`;
  return {
    optional: false,
    read(reader) {
      const value = tag.read(reader);
      const found = byTag.get(value);
      if (found === undefined) throw invalid(expected, value);
      return { type: found[0], ...found[1].readRecord(reader) } as DecodedUnion<C>;
    },
    write(writer, value) {
      const found = byName.get(String((value as { readonly type?: unknown } | null)?.type));
      if (found === undefined) throw invalid(`an object whose type is ${expected}`, value);
      tag.write(writer, found[0], {});
      found[1].write(writer, value as Readonly<Record<string, unknown>>);
    },
  };
}

/**
 * A field at the end of a record that may be missing there.
 *
 * @param field How it stands when it is there.
 */
export function optional<Out, In>(
  field: Field<Out, In>,
): Field<Out | undefined, In | undefined, true> {
  return {
    optional: true,
    trailing: true,
    read: (reader) => reader.at === reader.end ? undefined : field.read(reader),
    write(writer, value, record) {
      if (value !== undefined) field.write(writer, value, record);
    },
  };
}

/**
 * A field that has a value of its own when none is given.
 *
 * @param field How it stands.
 * @param value What stands there when it is left out.
 */
export function withDefault<Out, In>(
  field: Field<Out, In>,
  value: In,
): Field<Out, In | undefined, true> {
  return {
    ...field,
    optional: true,
    write: (writer, given, record) =>
      field.write(writer, given === undefined ? value : given, record),
  };
}

/**
 * A field that is worked out when the packet is encoded; what is given for it does not count.
 *
 * @param field How it stands.
 * @param compute Its value, from all the values of the record as they were given.
 */
export function computed<Out, In>(
  field: Field<Out, In>,
  compute: (record: Readonly<Record<string, unknown>>) => In,
): Field<Out, Out | undefined, true> {
  return {
    ...field,
    inline: undefined, // what is given does not count
    optional: true,
    write: (writer, _given, record) => field.write(writer, compute(record), record),
  };
}

/**
 * A value that is always the same, such as a magic number: another one is an error.
 *
 * @param field How it stands.
 * @param value The value.
 */
export function constant<const Value>(
  field: Field<
    Value extends number ? number : Value extends Uint8Array ? Uint8Array : Value
  >,
  value: Value,
): Field<Value, Value | undefined, true> {
  const plain = field as unknown as Field<unknown, unknown>;
  const same = (other: unknown) =>
    value instanceof Uint8Array && other instanceof Uint8Array
      ? value.length === other.length && value.every((byte, i) => byte === other[i])
      : value === other;
  const check = (other: unknown) => {
    if (!same(other)) throw invalid(`${show(value)}, always`, other);
  };
  return {
    ...plain,
    optional: true,
    isConstant: true,
    inline: undefined,
    read(reader) {
      check(plain.read(reader));
      return value;
    },
    write(writer, given, record) {
      if (given !== undefined) check(given);
      plain.write(writer, value, record);
    },
  };
}
