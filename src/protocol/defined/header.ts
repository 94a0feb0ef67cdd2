/**
 * The header that all packets of a defined protocol begin with.
 *
 * Where its fields have fixed places, which is nearly always, a header is written by copying one
 * that was encoded beforehand, and its kind and correlation are read and copied where they stand.
 *
 * @module
 */
import { ByteWriter } from "../../codec/byte_writer.ts";
import type { KindField } from "../../codec/framing.ts";
import type { IdField } from "../../observe/flight.ts";
import { type Keys, keysOf, type MapKey, mapKey } from "./correlator.ts";
import { QuickReader } from "./fields/ascii.ts";
import { invalid, type Shape, within } from "./fields/field.ts";
import type { AnyField } from "./fields/field_row.ts";
import { config, ShapeCodec } from "./fields/shape.ts";
import { blanks, constants, isLittleEndian } from "./header_defaults.ts";
import { type HeaderView, viewClass } from "./header_view.ts";
import type { Place } from "./packet.ts";
import { TakenBytes } from "./taken_bytes.ts";

const reader = /* @__PURE__ */ new QuickReader();

/** Fields of a header by name. */
export type HeaderFields = Readonly<Record<string, unknown>> | undefined;

/** What all packets of one kind have in their header. */
export interface PacketHead {
  /** The values of the kind field: the first stands there unless another one is given. */
  readonly kinds: readonly number[];
  /** Values of other fields. */
  readonly headerFields: HeaderFields;
}

/** A field and where it stands. */
interface FieldPlace {
  readonly name: string;
  readonly at: number;
  readonly field: AnyField;
}

/** Reads and writes headers. */
export class HeaderCodec {
  readonly #shape: ShapeCodec;
  readonly #blank: Readonly<Record<string, unknown>>;
  /** Headers encoded beforehand. */
  readonly #templates = new Map<PacketHead, Uint8Array>();
  readonly #view: new (place: Place) => HeaderView;
  readonly #kind: string | undefined;
  readonly #kindIndex: number;
  readonly #correlate: string | undefined;
  readonly #correlateField: AnyField | undefined;
  readonly #correlateAt: number | undefined;
  readonly #correlateWidth: number;
  /** The values of the correlation, if there is one. */
  readonly keys: Keys | undefined;
  /** The names of other fields that a reply takes over. */
  readonly #copied: readonly string[];
  /** What of it a reply takes over from its request. */
  readonly taken: TakenBytes;
  /** All fields and where they stand, if each has its place in whole bytes. */
  readonly #places: readonly FieldPlace[] | undefined;
  /** Constant bytes: where they stand, and what they are; undefined when a place is not fixed. */
  readonly #constants: readonly (readonly [at: number, byte: number])[] | undefined;
  /** Whether it has fields that must have one value. */
  readonly hasConstants: boolean;
  /** Its width, where that is always the same. */
  readonly width: number | undefined;
  /** Whether it can be written over a template: its width is fixed, and so is the correlation's place. */
  readonly isFixed: boolean;
  /** The kind as the scan reads it, where it stands in whole bytes at a fixed place. */
  readonly kindField: KindField | undefined;

  /**
   * Makes a header ready.
   *
   * @throws FramewireError INVALID_CONFIG.
   */
  constructor(
    shape: Shape,
    kind: string | undefined,
    correlate: string | undefined,
    copy: readonly string[] = [],
  ) {
    this.#shape = new ShapeCodec(shape, "header");
    this.width = this.#shape.width;
    this.#kind = kind;
    this.#kindIndex = this.#index("kind", kind);
    this.#correlate = correlate;
    this.#index("correlate", correlate);
    this.#correlateField = correlate === undefined
      ? undefined
      : shape[correlate] as unknown as AnyField;
    this.#correlateAt = correlate === undefined ? undefined : this.#shape.offsetOf(correlate);
    this.#correlateWidth = this.#correlateField?.width ?? 0;
    this.isFixed = this.width !== undefined &&
      (correlate === undefined || this.#correlateAt !== undefined);
    this.kindField = kind === undefined ? undefined : this.#kindField(shape, kind);
    this.#copied = copy;
    this.taken = this.#takenBytes(shape, copy);
    const places = Object.entries(shape).map(([name, field]) => ({
      name,
      at: this.#shape.offsetOf(name),
      field: field as unknown as AnyField,
    }));
    this.#places = places.every(({ at, field }) => at !== undefined && !field.readsRecord)
      ? places as FieldPlace[]
      : undefined;
    this.#blank = blanks(shape);
    this.keys = correlate === undefined
      ? undefined
      : keysOf(this.#correlateField!, this.#blank[correlate]);
    this.#view = viewClass(this, this.#shape, shape);
    this.#constants = constants(shape, this.#shape);
    this.hasConstants = this.#constants === undefined || this.#constants.length > 0;
  }

  /** Where the field of a name begins, where that is always the same. */
  offsetOf(name: string): number | undefined {
    return this.#shape.offsetOf(name);
  }

  /** The field that begins at `offset` and is `width` bytes wide, if there is one. */
  fieldAt(offset: number, width: number, shape: Shape): string | undefined {
    return this.#shape.names.find((name) =>
      this.#shape.offsetOf(name) === offset && shape[name]!.width === width
    );
  }

  /** Moves behind a header: where the body begins. */
  bodyAt(chunk: Uint8Array, start: number, end: number): number {
    if (this.width !== undefined) return start + this.width;
    this.#read(chunk, start, end);
    return reader.at;
  }

  /** The kind of the packet at `chunk[start, end)`. */
  kindOf(chunk: Uint8Array, start: number, end: number): number {
    return this.#read(chunk, start, end)[this.#kindIndex] as number;
  }

  /** The header of a packet, whose fields are decoded when they are asked for. */
  view(place: Place): HeaderView {
    return new this.#view(place);
  }

  /**
   * Checks the fields that must have one value.
   *
   * @throws FieldProblem that names the field.
   */
  checkConstants(chunk: Uint8Array, start: number, end: number): void {
    const pairs = this.#constants;
    if (pairs !== undefined && start + (this.width ?? Infinity) <= end) {
      let same = true;
      for (const [at, byte] of pairs) same &&= chunk[start + at] === byte;
      if (same) return;
    }
    this.#read(chunk, start, end);
  }

  /** All fields of a header. */
  readRecord(chunk: Uint8Array, start: number, end: number): Record<string, unknown> {
    return this.#shape.record(this.#read(chunk, start, end));
  }

  /** What a packet is found by, as a key of a map. */
  keyOf(chunk: Uint8Array, start: number, end: number): MapKey {
    if (this.#correlate === undefined) return undefined;
    if (this.#correlateAt === undefined) {
      const record = this.readRecord(chunk, start, end);
      return mapKey(record[this.#correlate]);
    }
    reader.open(chunk, start + this.#correlateAt, end);
    return mapKey(this.#correlateField!.read(reader));
  }

  /** Where the correlation stands, where that is always the same and it has 8 bytes at the most. */
  get correlatePlace(): IdField | undefined {
    const [offset, bytes] = [this.#correlateAt, this.#correlateWidth];
    return offset === undefined || bytes === 0 || bytes > 8 ? undefined : { offset, bytes };
  }

  /** Writes a header. */
  write(
    writer: ByteWriter,
    head: PacketHead,
    given: HeaderFields,
    value: unknown,
    chunk: Uint8Array | undefined,
    from: number,
  ): void {
    const width = this.width;
    if (width === undefined || !this.isFixed || given !== undefined && this.#places === undefined) {
      this.#writeFields(writer, head, given, value, chunk, from);
      return;
    }
    writer.room(width);
    const { bytes, at } = writer;
    const template = this.#templates.get(head) ?? this.#makeTemplate(head);
    for (let i = 0; i < width; i++) bytes[at + i] = template[i]!;
    this.writeCorrelation(writer, at, value, chunk, from);
    if (given !== undefined) {
      this.#writeGiven(writer, at, head, given, value !== undefined || chunk !== undefined);
    }
    writer.at = at + width;
  }

  /** Writes the fields that are given over those of the template; each has its place. */
  #writeGiven(
    writer: ByteWriter,
    at: number,
    head: PacketHead,
    given: NonNullable<HeaderFields>,
    isFound: boolean,
  ): void {
    for (const { name, at: offset, field } of this.#places!) {
      let value = given[name];
      if (value === undefined || isFound && name === this.#correlate) continue;
      if (name === this.#kind) value = this.#kindFor(head, value);
      writer.at = at + offset;
      try {
        field.write(writer, value, given);
      } catch (problem) {
        throw within(problem, name);
      }
    }
  }

  /** Writes what a packet is found by into its header at `at`, which has fixed places. */
  writeCorrelation(
    writer: ByteWriter,
    at: number,
    value: unknown,
    chunk: Uint8Array | undefined,
    from: number,
  ): void {
    if (chunk !== undefined) {
      this.taken.copy(writer, at, chunk, from);
    } else if (value !== undefined && this.#correlateAt !== undefined) {
      writer.at = at + this.#correlateAt;
      this.#correlateField!.write(writer, value, {});
    }
  }

  /** The values of all fields in a packet to be sent, as far as they are known before. */
  complete(head: PacketHead, given: HeaderFields): Record<string, unknown> {
    const record: Record<string, unknown> = { ...this.#blank, ...head.headerFields };
    if (given !== undefined) {
      // By name: a packet's own header has getters, which a spread would leave out.
      for (const name of this.#shape.names) {
        const value = given[name];
        if (value !== undefined) record[name] = value;
      }
    }
    if (this.#kind !== undefined) record[this.#kind] = this.#kindFor(head, given?.[this.#kind]);
    return record;
  }

  #kindFor({ kinds }: PacketHead, given: unknown): number | undefined {
    if (kinds.length < 2 || given === undefined) return kinds[0];
    if (kinds.includes(given as number)) return given as number;
    const expected = kinds.length > 6 ? `one of ${kinds.length} kinds` : kinds.join(" or ");
    throw invalid(expected, given).within(this.#kind!);
  }

  #writeFields(
    writer: ByteWriter,
    head: PacketHead,
    given: HeaderFields,
    value: unknown,
    chunk: Uint8Array | undefined,
    from: number,
  ): void {
    const record = this.complete(head, given);
    if (chunk !== undefined && this.#copied.length > 0) {
      const request = this.readRecord(chunk, from, chunk.length);
      for (const name of this.#copied) {
        if (given?.[name] === undefined) record[name] = request[name];
      }
    }
    if (this.#correlate !== undefined) {
      const found = chunk === undefined
        ? value
        : this.readRecord(chunk, from, chunk.length)[this.#correlate];
      if (found !== undefined) record[this.#correlate] = found;
    }
    this.#shape.write(writer, record);
  }

  #makeTemplate(head: PacketHead): Uint8Array {
    const writer = new ByteWriter(32);
    this.#writeFields(writer, head, undefined, undefined, undefined, 0);
    const template = writer.bytes.slice(0, writer.at);
    this.#templates.set(head, template);
    return template;
  }

  #read(chunk: Uint8Array, start: number, end: number): unknown[] {
    reader.open(chunk, start, end);
    return this.#shape.read(reader);
  }

  #takenBytes(shape: Shape, copy: readonly string[]): TakenBytes {
    const places = copy.map((name): readonly [number, number] => {
      this.#index("copy", name);
      const at = this.#shape.offsetOf(name);
      const { width } = shape[name]!;
      if (at === undefined || width === undefined) {
        throw config(`copy names ${name}, which has no place of its own in whole bytes`);
      }
      return [at, width];
    });
    const at = this.#correlateAt;
    if (at !== undefined) places.push([at, this.#correlateWidth]);
    return new TakenBytes(places);
  }

  #index(role: string, name: string | undefined): number {
    if (name === undefined) return -1;
    const index = this.#shape.names.indexOf(name);
    if (index < 0) {
      throw config(
        `${role} names the header field ${name}, and the header has ` +
          (this.#shape.names.join(", ") || "no fields"),
      );
    }
    return index;
  }

  #kindField(shape: Shape, kind: string): KindField | undefined {
    const field = shape[kind]!;
    const offset = this.#shape.offsetOf(kind);
    const { width, max } = field;
    if (offset === undefined || max === undefined) return undefined;
    if (width !== 1 && width !== 2 && width !== 4) return undefined;
    if (max !== 2 ** (width * 8) - 1) return undefined; // signed
    return { offset, bytes: width, littleEndian: isLittleEndian(field as unknown as AnyField) };
  }
}
