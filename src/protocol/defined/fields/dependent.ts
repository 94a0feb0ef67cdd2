/**
 * Fields that depend on others: those that are there only sometimes, those whose width in bytes
 * stands before them, and lists of tagged values.
 *
 * @module
 */
import { ByteWriter } from "../../../codec/byte_writer.ts";
import {
  type Field,
  type FieldInput,
  type FieldOutput,
  FieldProblem,
  type FieldReader,
  invalid,
  show,
  within,
} from "./field.ts";
import { config } from "./shape.ts";

type AnyField = Field<unknown, unknown, boolean>;

/** Where lengths of no fixed width are written first. */
const prefix = /* @__PURE__ */ new ByteWriter(16);

/**
 * A field that is there only when the fields before it say so.
 *
 * @param condition Whether it is there, told by the fields of the same record that stand before it;
 * in the body of a packet, `header` is one of them. Annotate its argument with those it looks at.
 * @param field How it stands when it is there.
 *
 * @example MQTT's packet identifier, which depends on the quality of service in the header
 * ```ts
 * import { u16, when } from "framewire/protocol";
 *
 * const packetId = when((packet: { header: { qos: number } }) => packet.header.qos > 0, u16);
 * if (!packetId.optional) throw new Error("it may be left out");
 * ```
 */
export function when<Before, Out, In>(
  condition: (before: Before) => boolean,
  field: Field<Out, In, boolean>,
): Field<Out | undefined, In | undefined, true> {
  const holds = condition as (before: unknown) => boolean;
  return {
    ...(field.trailing && { trailing: true }),
    optional: true,
    readsRecord: true,
    read: (reader, record) => holds(record) ? field.read(reader, record) : undefined,
    write(writer, value, record) {
      if (holds(record)) {
        if (value === undefined && !field.optional) {
          throw new FieldProblem("INVALID_FIELD", "is missing");
        }
        field.write(writer, value as In, record);
      } else if (value !== undefined) {
        throw new FieldProblem("INVALID_FIELD", `must be left out here and is ${show(value)}`);
      }
    },
  };
}

/**
 * A field that takes as many bytes as the length before it says.
 *
 * @param length How that length stands.
 * @param field What fills those bytes, exactly.
 *
 * @example Registers of two bytes behind the number of their bytes, as Modbus has them
 * ```ts
 * import { array, sized, u16, u8 } from "framewire/protocol";
 *
 * const registers = sized(u8, array("rest", u16));
 * if (registers.optional) throw new Error("it must be given");
 * ```
 */
export function sized<Out, In, Optional extends boolean>(
  length: Field<number>,
  field: Field<Out, In, Optional>,
): Field<Out, In, Optional> {
  return {
    optional: field.optional,
    read(reader) {
      const from = reader.take(length.read(reader));
      return readWhole(reader, from, field);
    },
    write(writer, value, record) {
      const start = writer.at;
      const { width } = length;
      if (width !== undefined) {
        writer.room(width);
        writer.at = start + width;
        field.write(writer, value, record);
        const end = writer.at;
        writer.at = start;
        length.write(writer, end - start - width, {});
        writer.at = end;
        return;
      }
      // How wide the length is depends on what follows it.
      field.write(writer, value, record);
      prefix.at = 0;
      length.write(prefix, writer.at - start, {});
      writer.room(prefix.at);
      writer.bytes.copyWithin(start + prefix.at, start, writer.at);
      writer.bytes.set(prefix.bytes.subarray(0, prefix.at), start);
      writer.at += prefix.at;
    },
  };
}

/** Reads a field that must fill `[from, reader.at)`. */
function readWhole<Out>(
  reader: FieldReader,
  from: number,
  field: Field<Out, never, boolean>,
): Out {
  const { at: to, end } = reader;
  reader.at = from;
  reader.end = to;
  const value = field.read(reader);
  if (reader.at !== to) {
    throw new FieldProblem(
      "BODY_TOO_LONG",
      `ends ${to - reader.at} bytes before its length says`,
    );
  }
  reader.end = end;
  return value;
}

/** Tags that are known: by name, the tag and the value that follows its length. */
export type KnownTags = Readonly<
  Record<string, readonly [tag: number, field: Field<unknown, never, boolean>]>
>;

/** A value whose tag is not known, or came before. */
export interface OtherTag {
  /** Its tag. */
  readonly tag: number;
  /** Its value; decoding gives a view. */
  readonly value: Uint8Array;
}

/** What decoding tagged values gives: those that came. */
export type DecodedTags<K extends KnownTags> =
  & { readonly [Name in keyof K]?: FieldOutput<K[Name][1]> }
  & { readonly others?: readonly OtherTag[] };

/** What encoding tagged values takes: those that are given. */
export type EncodableTags<K extends KnownTags> =
  & { readonly [Name in keyof K]?: FieldInput<K[Name][1]> | undefined }
  & { readonly others?: readonly OtherTag[] | undefined };

/**
 * Any number of values to the end of the record, each behind a tag and its length: SMPP's and
 * JT/T 808's optional parameters, for example. It may be left out; values are written in the order in
 * which they are given, `others` last.
 *
 * @param tag How a tag stands.
 * @param length How a value's length in bytes stands.
 * @param known The tags that have a name, and what their values are. Values of other tags, and
 * repeated ones, come as bytes under `others`.
 *
 * @example
 * ```ts
 * import { cstring, tlvs, u16, u8 } from "framewire/protocol";
 *
 * const parameters = tlvs(u16, u16, {
 *   userMessageReference: [0x0204, u16],
 *   receiptedMessageId: [0x001e, cstring(65)],
 *   messageState: [0x0427, u8],
 * });
 * if (!parameters.optional) throw new Error("it may be left out");
 * ```
 */
export function tlvs<const K extends KnownTags>(
  tag: Field<number>,
  length: Field<number>,
  known: K,
): Field<DecodedTags<K>, EncodableTags<K> | undefined, true> {
  const byTag = new Map<number, readonly [string, AnyField]>();
  const byName = new Map<string, (writer: ByteWriter, value: unknown) => void>();
  for (const [name, [number, field]] of Object.entries(known)) {
    const taken = byTag.get(number);
    if (name === "others" || taken !== undefined) {
      throw config(
        taken === undefined
          ? "tlvs: others is what values of unknown tags come under; rename it"
          : `tlvs: ${name} has tag ${number}, which is ${taken[0]}'s`,
      );
    }
    const plain = field as unknown as AnyField;
    const value = sized(length, plain);
    byTag.set(number, [name, plain]);
    byName.set(name, (writer, given) => {
      tag.write(writer, number, {});
      value.write(writer, given, {});
    });
  }
  return {
    optional: true,
    trailing: true,
    read(reader) {
      const values: Record<string, unknown> = {};
      let others: OtherTag[] | undefined;
      while (reader.at < reader.end) {
        const number = tag.read(reader);
        const from = reader.take(length.read(reader));
        const found = byTag.get(number);
        if (found === undefined || Object.hasOwn(values, found[0])) {
          others ??= [];
          others.push({ tag: number, value: reader.view(from, reader.at) });
          continue;
        }
        try {
          values[found[0]] = readWhole(reader, from, found[1]);
        } catch (problem) {
          throw within(problem, found[0]);
        }
      }
      if (others !== undefined) values["others"] = others;
      return values as DecodedTags<K>;
    },
    write(writer, given) {
      if (given === undefined) return;
      if (typeof given !== "object" || given === null) throw invalid("an object", given);
      for (const [name, value] of Object.entries(given)) {
        if (value === undefined || name === "others") continue;
        const write = byName.get(name);
        if (write === undefined) {
          throw invalid(`an object of ${[...byName.keys()].join(", ")} and others`, name);
        }
        try {
          write(writer, value);
        } catch (problem) {
          throw within(problem, name);
        }
      }
      for (const other of given.others ?? []) {
        const name = byTag.get(other.tag)?.[0];
        if (name !== undefined && (given as Record<string, unknown>)[name] === undefined) {
          throw invalid(`given as ${name}, since its tag is known`, other.tag).within("others");
        }
        if (!(other.value instanceof Uint8Array)) {
          throw invalid("a Uint8Array", other.value).within("others");
        }
        tag.write(writer, other.tag, {});
        length.write(writer, other.value.length, {});
        writer.append(other.value);
      }
    },
  };
}
