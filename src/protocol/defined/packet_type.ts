/**
 * A kind of packet of a defined protocol, made ready: its place in the protocol, its decoder and
 * its encoder.
 *
 * @module
 */
import { ByteWriter } from "../../codec/byte_writer.ts";
import type { FrameWriter } from "../../codec/frame_writer.ts";
import { FramewireError } from "../../errors.ts";
import type { PacketSpec } from "./definition.ts";
import { FieldProblem, FieldReader } from "./fields/field.ts";
import type { ShapeCodec } from "./fields/shape.ts";
import type { HeaderCodec, HeaderFields, PacketHead } from "./header.ts";
import type { PacketFraming } from "./packet_framing.ts";
import { type DefinedPacket, type PacketClass, packetClass, type Place } from "./packet.ts";

const reader = new FieldReader();
const NOTHING = new Uint8Array(0);
const NO_TEMPLATE = new Int32Array(0);
const NO_FIELDS: Readonly<Record<string, unknown>> = {};

/** A kind of packet. */
export class PacketType implements PacketHead {
  /** Its name in the definition. */
  readonly name: string;
  /** The values that the header's kind field may have; none if the protocol has no kind. */
  readonly kinds: readonly number[];
  /** Values of header fields in packets of this kind. */
  readonly headerFields: Readonly<Record<string, unknown>> | undefined;
  /** The side that may send it, if only one may. */
  readonly from: "client" | "server" | undefined;
  /** Its body. */
  readonly shape: ShapeCodec;
  /** How it stands in a frame. */
  readonly framing: PacketFraming;
  readonly #header: HeaderCodec;
  readonly #frames: FrameWriter;
  readonly #class: PacketClass;
  /** Where the fields of the body begin, where these places are always the same. */
  readonly offsets: readonly number[] | undefined;
  /** What may answer it. */
  replies: readonly PacketType[] = [];
  /** Whether it answers others. */
  isReply = false;
  /** Whether it may answer any request, as an error. */
  answersAny: boolean;
  /** Whether it is the first packet of a connection, with a framing of its own. */
  readonly opens: boolean;
  #spare: DefinedPacket;
  #sparePlace: Place;
  /** The whole frame with a blank body, by words of four bytes, where every frame of this kind is of one length. */
  #template: Int32Array | undefined;
  /** Where the header begins in the template. */
  #headerAt = 0;

  /** A kind of packet; its replies are told later, when all kinds are known. */
  constructor(name: string, spec: PacketSpec, shape: ShapeCodec, framing: PacketFraming) {
    this.name = name;
    this.kinds = spec.kind === undefined ? [] : [spec.kind].flat();
    this.headerFields = spec.header;
    this.from = spec.opening === undefined ? spec.from : "client";
    this.opens = spec.opening !== undefined;
    this.answersAny = spec.answersAny === true;
    this.shape = shape;
    this.framing = framing;
    this.#header = framing.header;
    this.#frames = framing.frames;
    this.offsets = shape.isFlat ? shape.names.map((field) => shape.offsetOf(field)!) : undefined;
    this.#class = packetClass(shape.names, this.offsets !== undefined);
    this.#sparePlace = placeOf(this, NOTHING, 0, 0, 0);
    this.#spare = new this.#class(this.#sparePlace);
  }

  /**
   * Whether it can be sent without any field being given.
   */
  get sendsItself(): boolean {
    return this.shape.allOptional;
  }

  /** The packet that handlers are given one after the other; whoever keeps it calls `keepSpare`. */
  open(chunk: Uint8Array, start: number, body: number, end: number): DefinedPacket {
    const place = this.#sparePlace;
    place.chunk = chunk;
    place.start = start;
    place.body = body;
    place.end = end;
    place.values = undefined;
    return this.#spare;
  }

  /** A packet of its own that reads in memory it does not own. */
  at(chunk: Uint8Array, start: number, body: number, end: number): DefinedPacket {
    return new this.#class(placeOf(this, chunk, start, body, end));
  }

  /** The packet last opened stays as it is: the next one is another. */
  keepSpare(): void {
    const { chunk, start, body, end } = this.#sparePlace;
    this.#sparePlace = placeOf(this, chunk, start, body, end);
    this.#spare = new this.#class(this.#sparePlace);
  }

  /** A packet in memory of its own. */
  copy(chunk: Uint8Array, start: number, body: number, end: number): DefinedPacket {
    return this.at(chunk.slice(start, end), 0, body - start, end - start);
  }

  /** Decodes the header of the packet at `chunk[start, end)`. */
  readHeader(chunk: Uint8Array, start: number, end: number): Record<string, unknown> {
    try {
      return this.#header.readRecord(chunk, start, end);
    } catch (problem) {
      throw this.#error(problem, chunk, start, end, "header.");
    }
  }

  /** Decodes the body of the packet at `chunk[at, end)`, whose header begins at `start`. */
  readBody(chunk: Uint8Array, at: number, end: number, start: number): readonly unknown[] {
    const before = this.shape.readsRecord
      ? { header: this.readHeader(chunk, start, end) }
      : undefined;
    reader.open(chunk, at, end);
    try {
      const values = this.shape.read(reader, before);
      if (reader.at !== end) {
        throw new FieldProblem(
          "BODY_TOO_LONG",
          `ends ${end - reader.at} bytes before the frame does`,
        ).within(this.shape.names.at(-1) ?? "(no field)");
      }
      return values;
    } catch (problem) {
      throw this.#error(problem, chunk, at, end, "");
    }
  }

  /** Decodes the field number `index` of the body at `chunk[at, end)`, where it has its place. */
  readField(index: number, chunk: Uint8Array, at: number, end: number): unknown {
    const from = at + this.offsets![index]!;
    const { width } = this.shape;
    if (from > end || width !== undefined && end - at !== width) {
      return this.readBody(chunk, at, end, at)[index]; // says what is wrong with it
    }
    reader.open(chunk, from, end);
    try {
      return this.shape.readField(index, reader);
    } catch (problem) {
      throw this.#error(problem, chunk, at, end, "");
    }
  }

  /**
   * Encodes a whole frame at the end of `writer`; when it throws, nothing was written.
   *
   * @param fields The body's fields, and under `header` those of the header.
   * @param value What it is found by, when it is a request.
   * @param chunk The memory of the request it answers, which has what it is found by.
   * @param from Where that request's header begins.
   */
  encode(
    writer: ByteWriter,
    fields: Readonly<Record<string, unknown>> | undefined,
    value: unknown,
    chunk?: Uint8Array,
    from = 0,
  ): void {
    const start = writer.at;
    const given = fields ?? NO_FIELDS;
    let part = "header.";
    try {
      const template = this.#template ??= this.#makeTemplate();
      if (template !== NO_TEMPLATE && given["header"] === undefined) {
        writer.room(template.length * 4); // up to three bytes more than the frame has
        const { view } = writer;
        for (let i = 0; i < template.length; i++) view.setInt32(start + i * 4, template[i]!);
        const header = start + this.#headerAt;
        this.#header.writeCorrelation(writer, header, value, chunk, from);
        writer.at = header + this.#header.width!;
        part = "";
        this.shape.write(writer, given);
        return;
      }
      const mark = this.#frames.begin(writer);
      const head = writer.at;
      const header = given["header"] as HeaderFields;
      this.#header.write(writer, this, header, value, chunk, from);
      const body = writer.at;
      part = "";
      const record = this.shape.readsRecord
        ? { ...given, header: this.#header.complete(this, header) }
        : given;
      this.shape.write(writer, record);
      const { seal } = this.framing;
      seal?.pack(writer, body, head, this.#header.kindField);
      this.#frames.end(writer, mark);
      seal?.close(writer, mark);
    } catch (problem) {
      const at = writer.at - start;
      writer.at = start;
      if (!(problem instanceof FieldProblem)) throw problem;
      throw new FramewireError(
        problem.code,
        `${this.name}.${part}${problem.path} at byte ${at} of the frame ${problem.message}`,
        { cause: problem },
      );
    }
  }

  /** Frames of one length need no work on their framing: it is done here, once. */
  #makeTemplate(): Int32Array {
    const { width } = this.shape;
    if (this.#header.width === undefined || width === undefined) return NO_TEMPLATE;
    if (this.framing.seal !== undefined) return NO_TEMPLATE;
    const writer = new ByteWriter(64);
    const mark = this.#frames.begin(writer);
    this.#headerAt = writer.at;
    this.#header.write(writer, this, undefined, undefined, undefined, 0);
    writer.room(width);
    writer.at += width;
    const content = writer.at;
    this.#frames.end(writer, mark);
    // Bytes behind or within the content are the framing's, and depend on it: no template then.
    if (writer.at !== content) return NO_TEMPLATE;
    writer.room(4);
    writer.bytes.fill(0, content, content + 4);
    return Int32Array.from({ length: content + 3 >> 2 }, (_, i) => writer.view.getInt32(i * 4));
  }

  #error(
    problem: unknown,
    chunk: Uint8Array,
    from: number,
    end: number,
    part: string,
  ): unknown {
    if (!(problem instanceof FieldProblem)) return problem;
    return new FramewireError(
      problem.code,
      `${this.name}.${part}${problem.path} at byte ${reader.at - from} ${problem.message}`,
      { cause: problem, firstBytes: chunk.slice(from, Math.min(end, from + 16)) },
    );
  }
}

function placeOf(
  type: PacketType,
  chunk: Uint8Array,
  start: number,
  body: number,
  end: number,
): Place {
  return { type, chunk, start, body, end, values: undefined, header: undefined };
}
