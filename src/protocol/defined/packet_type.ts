/**
 * A kind of packet of a defined protocol, made ready: its place in the protocol, its decoder and
 * its encoder.
 *
 * @module
 */
import type { PayloadViews } from "../batch_memory.ts";
import type { ByteWriter } from "../../codec/byte_writer.ts";
import type { FrameWriter } from "../../codec/frame_writer.ts";
import { FramewireError } from "../../errors.ts";
import type { PacketSpec } from "./definition.ts";
import { QuickReader } from "./fields/ascii.ts";
import { FieldProblem, type Shape } from "./fields/field.ts";
import type { ShapeCodec } from "./fields/shape.ts";
import type { FrameTemplate } from "./frame_template.ts";
import type { HeaderCodec, HeaderFields, PacketHead } from "./header.ts";
import type { PacketFraming } from "./packet_framing.ts";
import type { ReplyPlan } from "./reply_run.ts";
import { DefinedPacket, type PacketClass, type Place } from "./packet.ts";

const reader = /* @__PURE__ */ new QuickReader();
const NOTHING = /* @__PURE__ */ new Uint8Array(0);
const NO_FIELDS: Readonly<Record<string, unknown>> = {};

/** What makes replies quick. Those who answer bring it along: a definition alone needs none of it. */
export interface ReplyMaker {
  /** See {@linkcode FrameTemplate.of}. */
  readonly template: typeof FrameTemplate.of;
  /** See {@linkcode ReplyPlan.of}. */
  readonly plan: typeof ReplyPlan.of;
}

/** A kind of packet. */
export class PacketType implements PacketHead {
  /** Its name in the definition. */
  readonly name: string;
  /** Its number among the protocol's packets, from 0. */
  readonly index: number;
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
  /** Whether its frames begin alike. */
  readonly #hasTemplate: boolean;
  #template: FrameTemplate | undefined;
  /** Makes its template and its plan; set before the first reply. */
  replyMaker: ReplyMaker | undefined;
  readonly #body: Shape;
  #replyPlan: ReplyPlan | null | undefined;

  /** A kind of packet; its replies are told later, when all kinds are known. */
  constructor(
    name: string,
    index: number,
    spec: PacketSpec,
    shape: ShapeCodec,
    framing: PacketFraming,
  ) {
    this.name = name;
    this.index = index;
    this.kinds = spec.kind === undefined ? [] : [spec.kind].flat();
    this.headerFields = spec.header;
    this.from = spec.opening === undefined ? spec.from : "client";
    this.opens = spec.opening !== undefined;
    this.answersAny = spec.answersAny === true;
    this.shape = shape;
    this.#body = spec.body ?? {};
    this.framing = framing;
    this.#header = framing.header;
    this.#frames = framing.frames;
    this.#hasTemplate = framing.header.isFixed &&
      framing.seal === undefined &&
      !shape.readsRecord;
    this.offsets = shape.isFlat ? shape.names.map((field) => shape.offsetOf(field)!) : undefined;
    this.#class = DefinedPacket.classOf(shape);
    this.#sparePlace = placeOf(this, NOTHING, 0, 0, 0);
    this.#spare = new this.#class(this.#sparePlace);
  }

  /**
   * Whether it can be sent without any field being given.
   */
  get sendsItself(): boolean {
    return this.shape.allOptional;
  }

  /** Why a request without a handler fails; undefined where its reply needs nothing of one. */
  get lacksHandler(): FramewireError | undefined {
    if (this.replies.length === 1 && this.replies[0]!.sendsItself) return undefined;
    return new FramewireError("NO_HANDLER", `there is no handler for ${this.name}`);
  }

  /** How a run of replies to it is made; null when they are not that simple. */
  get replyPlan(): ReplyPlan | null {
    const plan = this.#replyPlan;
    return plan === undefined ? this.#replyPlan = this.#planReply() : plan;
  }

  #planReply(): ReplyPlan | null {
    const [reply, another] = this.replies;
    return reply === undefined || another !== undefined ? null : reply.#makePlan();
  }

  #makePlan(): ReplyPlan | null {
    try {
      this.#template ??= this.#makeTemplate();
      return this.#template === undefined
        ? null
        : this.replyMaker!.plan(this.#template, this.#body);
    } catch {
      return null; // encoding it says what is wrong
    }
  }

  /** The packet that handlers are given one after the other; whoever keeps it calls `keepSpare`. */
  open(
    chunk: Uint8Array,
    start: number,
    body: number,
    end: number,
    views?: PayloadViews,
    index = 0,
  ): DefinedPacket {
    const place = this.#sparePlace;
    place.chunk = chunk;
    place.start = start;
    place.body = body;
    place.end = end;
    place.values = undefined;
    place.views = views;
    place.index = index;
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
      throw this.#unwritten(problem, writer, start, part);
    }
  }

  /**
   * Encodes the answer to the request whose header begins at `chunk[from]`: the same as `encode`,
   * over a template where its frames begin alike. Kept short, and what is seldom elsewhere, so that
   * the compilers put it in line where requests are handled: half of a reply's time otherwise.
   */
  reply(
    writer: ByteWriter,
    fields: Readonly<Record<string, unknown>> | undefined,
    chunk: Uint8Array,
    from: number,
  ): void {
    const start = writer.at;
    const given = fields ?? NO_FIELDS;
    const template = this.#template ??= this.#makeTemplate();
    if (template === undefined || given["header"] !== undefined) {
      this.encode(writer, given, undefined, chunk, from);
      return;
    }
    try {
      template.write(writer, chunk, from);
      this.shape.write(writer, given);
      if (!template.isComplete) this.#frames.end(writer, start);
    } catch (problem) {
      throw this.#unwritten(problem, writer, start, "");
    }
  }

  /** Takes back what was begun at `start`; returns what to throw. */
  #unwritten(problem: unknown, writer: ByteWriter, start: number, part: string): unknown {
    const at = writer.at - start;
    writer.at = start;
    if (!(problem instanceof FieldProblem)) return problem;
    return new FramewireError(
      problem.code,
      `${this.name}.${part}${problem.path} at byte ${at} of the frame ${problem.message}`,
      { cause: problem },
    );
  }

  #makeTemplate(): FrameTemplate | undefined {
    return this.#hasTemplate
      ? this.replyMaker?.template(this, this.#header, this.#frames, this.shape)
      : undefined;
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
  return {
    type,
    chunk,
    start,
    body,
    end,
    values: undefined,
    header: undefined,
    views: undefined,
    index: 0,
  };
}
