/**
 * A field: how one value of a packet stands in its bytes.
 *
 * @module
 */
import type { ByteWriter } from "../../../codec/byte_writer.ts";
import type { InlineField } from "./inline.ts";

const NOTHING = /* @__PURE__ */ new Uint8Array(0);
const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });

/** Where fields are read: `bytes[at, end)` is what is left of the record. */
export class FieldReader {
  /** The memory; set by {@linkcode open}. */
  bytes: Uint8Array = NOTHING;
  #buffer: ArrayBufferLike = NOTHING.buffer;
  #base = 0;
  #data: DataView | undefined;
  /** Where the next field begins. */
  at = 0;
  /** Where the record ends. */
  end = 0;
  /** How many bits of the byte before `at` were read; 0 for all of them. */
  bit = 0;

  /** Reads in other memory from now on, `bytes[at, end)` of it. */
  open(bytes: Uint8Array, at: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.#buffer = bytes.buffer;
      this.#base = bytes.byteOffset;
      this.#data = undefined;
    }
    this.at = at;
    this.end = end;
    this.bit = 0;
  }

  /** A view of `bytes[from, to)`: cheaper than `subarray`, since the buffer is at hand. */
  view(from: number, to: number): Uint8Array {
    return new Uint8Array(this.#buffer, this.#base + from, to - from);
  }

  /** The text that `bytes[from, to)` is in UTF-8. */
  text(from: number, to: number): string {
    return decoder.decode(this.bytes.subarray(from, to));
  }

  /** The memory, for values of several bytes. */
  get data(): DataView {
    return this.#data ??= new DataView(this.#buffer, this.#base, this.bytes.length);
  }

  /** Takes `count` bytes: returns where they begin. */
  take(count: number): number {
    const at = this.at;
    if (count > this.end - at) {
      throw new FieldProblem(
        "BODY_TOO_SHORT",
        `needs ${count} bytes, and ${this.end - at} are left`,
      );
    }
    this.at = at + count;
    return at;
  }
}

/**
 * How a value of one kind is decoded and encoded.
 *
 * Own fields are objects of this shape; an encoded value must decode to an equal one.
 *
 * @typeParam Out What decoding gives.
 * @typeParam In What encoding takes.
 * @typeParam Optional Whether the value may be left out when encoding.
 */
export interface Field<Out, In = Out, Optional extends boolean = false> {
  /**
   * Reads the value and moves the reader behind it.
   *
   * @param record Fields with `readsRecord`: those of the same record that were read before.
   */
  read(reader: FieldReader, record?: Readonly<Record<string, unknown>>): Out;
  /**
   * Writes a value to the end of the writer.
   *
   * @param value What was given; undefined when it was left out.
   * @param record All values of the record it stands in.
   */
  write(writer: ByteWriter, value: In, record: Readonly<Record<string, unknown>>): void;
  /** Whether the value may be left out when encoding. */
  readonly optional: Optional;
  /** Its width in bytes, where every value has the same. */
  readonly width?: number;
  /** Its width in bits: it shares bytes with its neighbours; see `bits`. */
  readonly bitWidth?: number;
  /** Whether it takes everything to the end of the record, or may take nothing: it stands last. */
  readonly trailing?: boolean;
  /** Whether it takes everything to the end of the record, whatever that is. */
  readonly takesRest?: boolean;
  /** Fields whose values are whole numbers: their largest. */
  readonly max?: number;
  /** Whether `read` needs the fields before it. */
  readonly readsRecord?: boolean;
  /** Fields of the library: how they are read and written without a call. Your own leave it out. */
  readonly inline?: InlineField | undefined;
  /** Whether there is one value only: in a header, that is checked of every packet. */
  readonly isConstant?: boolean;
}

/** Fields by name, in the order in which they stand. */
export type Shape = { readonly [name: string]: Field<unknown, never, boolean> };

/** What decoding a shape gives. */
export type Decoded<S extends Shape> = {
  readonly [K in keyof S]: FieldOutput<S[K]>;
};

/** What decoding a field gives. */
export type FieldOutput<F> = F extends Field<infer Out, infer _In, infer _Opt> ? Out : never;

/** What encoding a field takes. */
export type FieldInput<F> = F extends Field<infer _Out, infer Value, infer _Opt> ? Value : never;
/** The names of the fields that may be left out. */
export type OptionalNames<S extends Shape> = {
  [K in keyof S]: S[K] extends { readonly optional: true } ? K : never;
}[keyof S];

/** What encoding a shape takes: optional fields may be left out. */
export type Encodable<S extends Shape> =
  & { readonly [K in Exclude<keyof S, OptionalNames<S>>]: FieldInput<S[K]> }
  & { readonly [K in OptionalNames<S>]?: FieldInput<S[K]> | undefined };

/** The codes of what can be wrong with a field. */
export type FieldProblemCode = "BODY_TOO_SHORT" | "BODY_TOO_LONG" | "INVALID_FIELD";

/** What is wrong with a field, before it is known in which packet. */
export class FieldProblem extends Error {
  /** The code of the error it becomes. */
  readonly code: FieldProblemCode;
  /** The names of the fields it is in, outermost first. */
  path = "";

  /** A problem; the shapes around the field add their names. */
  constructor(code: FieldProblemCode, message: string) {
    super(message);
    this.code = code;
  }

  /** Says in which field it is. */
  within(name: string): this {
    this.path = this.path === "" || this.path.startsWith("[")
      ? name + this.path
      : `${name}.${this.path}`;
    return this;
  }
}

/** What was thrown, with the name of the field that it was thrown in. */
export function within(thrown: unknown, name: string): unknown {
  return thrown instanceof FieldProblem ? thrown.within(name) : thrown;
}

/** Whether a value is left out that must be given. */
export function isMissing(field: { readonly optional: boolean }, value: unknown): boolean {
  return value === undefined && !field.optional;
}

/** A value that its field cannot hold. */
export function invalid(expected: string, value: unknown): FieldProblem {
  return new FieldProblem("INVALID_FIELD", `must be ${expected} and is ${show(value)}`);
}

/** A value as a message shows it. */
export function show(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
