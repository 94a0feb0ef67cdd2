/**
 * The fields that packets are made of.
 *
 * @module
 */
export * from "./composite.ts";
export {
  type DecodedTags,
  type EncodableTags,
  type KnownTags,
  type OtherTag,
  sized,
  tlvs,
  when,
} from "./dependent.ts";
export {
  type Decoded,
  type Encodable,
  type Field,
  type FieldInput,
  type FieldOutput,
  FieldProblem,
  type FieldProblemCode,
  FieldReader,
  type OptionalNames,
  type Shape,
} from "./field.ts";
export type { InlineField, InlineOp, Op } from "./inline.ts";
export * from "./numbers.ts";
export * from "./text.ts";
export type { ByteWriter } from "../../../codec/byte_writer.ts";
