/**
 * The packets of a protocol as its small client has them: read and written field by field, without
 * what makes servers fast. The definition is not checked: that is what `defineProtocol` does.
 *
 * @module
 */
import type { ByteWriter } from "../../codec/byte_writer.ts";
import { type FrameWriter, writerOf } from "../../codec/frame_writer.ts";
import type { Framing } from "../../codec/framing_types.ts";
import { ownScans } from "../../codec/framing_scans.ts";
import { FramewireError } from "../../errors.ts";
import { type Keys, keysOf, type MapKey, mapKey } from "./correlator.ts";
import type { PacketSpec, PacketSpecs, ProtocolSpec } from "./definition.ts";
import { FieldProblem, FieldReader, invalid, type Shape } from "./fields/field.ts";
import { type AnyField, FieldRow, type Values } from "./fields/field_row.ts";
import { config } from "./fields/shape.ts";
import { blanks } from "./header_defaults.ts";
import type { Side } from "./packet_table.ts";
import { headerError, unknownPacket } from "./packet_errors.ts";

const reader = /* @__PURE__ */ new FieldReader();

/** A kind of packet. */
export class SmallType {
  /** Its name in the definition. */
  readonly name: string;
  /** The values that the header's kind field may have. */
  readonly kinds: readonly number[];
  /** Values of header fields in packets of this kind. */
  readonly header: Values | undefined;
  /** The side that may send it, if only one may. */
  readonly from: Side | undefined;
  /** Whether it is the first packet of a connection, with a framing of its own. */
  readonly opens: boolean;
  /** What may answer it. */
  replies: readonly SmallType[] = [];
  /** Whether it answers others. */
  isReply: boolean;
  /** Its body. */
  readonly body: FieldRow;
  /** Makes its frames. */
  readonly frames: FrameWriter;
  /** What packets of it are. */
  readonly packet: typeof SmallPacket;

  /** A kind of packet; its replies are told later. */
  constructor(
    name: string,
    { kind = [], header, from, opening, answersAny = false, body = {} }: PacketSpec,
    framing: Framing,
  ) {
    this.name = name;
    this.kinds = [kind].flat();
    this.header = header;
    this.from = opening ? "client" : from;
    this.opens = opening !== undefined;
    this.isReply = answersAny;
    this.body = new FieldRow(body);
    this.frames = writerOf(ownScans(opening ?? framing), opening ?? framing);
    this.packet = SmallPacket.classOf(this.body.names);
  }
}

/** A packet that came, in memory of its own. Its body is decoded when a field is asked for. */
export class SmallPacket {
  readonly #type: SmallType;
  readonly #frame: Uint8Array;
  readonly #at: number;
  #fields: Values | undefined;
  /** The fields of its header. */
  readonly header: Values;

  /** Makes the class of packets whose bodies have these fields. */
  static classOf(names: readonly string[]): typeof SmallPacket {
    class Packet extends SmallPacket {}
    for (const name of names) {
      Object.defineProperty(Packet.prototype, name, {
        enumerable: true,
        get(this: SmallPacket) {
          return this.#body[name];
        },
      });
    }
    return Packet;
  }

  /** The packet in `frame`, whose body begins at `at`. */
  constructor(type: SmallType, frame: Uint8Array, at: number, header: Values) {
    this.#type = type;
    this.#frame = frame;
    this.#at = at;
    this.header = header;
  }

  /** The name of its type. */
  get packet(): string {
    return this.#type.name;
  }

  get #body(): Values {
    return this.#fields ??= this.#read();
  }

  /** All its fields. */
  toObject(): Record<string, unknown> {
    return { packet: this.packet, header: this.header, ...this.#body };
  }

  /** What `JSON.stringify` and loggers show. */
  toJSON(): Record<string, unknown> {
    return this.toObject();
  }

  #read(): Values {
    const { name, body } = this.#type;
    const frame = this.#frame;
    reader.open(frame, this.#at, frame.length);
    try {
      const values = body.read(reader, { header: this.header });
      const left = frame.length - reader.at;
      if (left > 0) {
        throw new FieldProblem("BODY_TOO_LONG", `ends ${left} bytes before the frame does`)
          .within(body.names.at(-1) ?? "(no field)");
      }
      return body.record(values);
    } catch (problem) {
      if (!(problem instanceof FieldProblem)) throw problem;
      const where = `${name}.${problem.path} at byte ${reader.at - this.#at}`;
      throw new FramewireError(problem.code, `${where} ${problem.message}`, {
        cause: problem,
        firstBytes: frame.slice(this.#at, this.#at + 16),
      });
    }
  }
}

/** The packets of a protocol. */
export class SmallPackets {
  readonly #header: FieldRow;
  /** What the header's fields hold when nothing is given for them. */
  readonly #blank: Values;
  readonly #kind: string | undefined;
  readonly #correlate: string | undefined;
  /** What replies name their requests by; undefined where they come in their order. */
  readonly keys: Keys | undefined;
  /** Whether the header stands before the frame's varint, and the body behind it. */
  readonly #varint: boolean;
  /** The client's first packet, where there is one. */
  readonly opening: { readonly type: SmallType } | undefined;
  readonly #types: readonly SmallType[];
  /** The packets that each side sends, by kind; all are of kind 0 where they have none. */
  readonly #from: Readonly<Record<Side, ReadonlyMap<number, SmallType>>>;

  /** Makes a protocol's packets ready. */
  constructor(spec: ProtocolSpec<Shape, PacketSpecs>) {
    const { framing, header = {}, kind, correlate, packets, replyBit = 0 } = spec;
    const has = (name: string, among: object): void => {
      if (!(name in among)) throw config(`there is no ${name}`);
    };
    this.#header = new FieldRow(header);
    this.#blank = blanks(header);
    this.#kind = kind;
    this.#correlate = correlate;
    if (kind !== undefined) has(kind, header);
    if (correlate !== undefined) {
      has(correlate, header);
      this.keys = keysOf(header[correlate] as unknown as AnyField, this.#blank[correlate]);
    }
    this.#varint = framing.kind === "varint" && framing.offset > 0;
    this.#types = Object.entries(packets).map(([name, packet]) =>
      new SmallType(name, packet, framing)
    );
    for (const type of this.#types) {
      type.replies = [packets[type.name]!.reply ?? []].flat().map((name) => {
        has(name, packets);
        const reply = this.named(name)!;
        reply.isReply = true;
        return reply;
      });
      // A packet with the bit that nothing names as its reply answers any request.
      if (replyBit !== 0 && !type.opens && type.kinds.every((kind) => (kind & replyBit) !== 0)) {
        type.isReply = true;
      }
    }
    const type = this.#types.find(({ opens }) => opens);
    this.opening = type && { type };
    this.#from = { client: this.#sentBy("client"), server: this.#sentBy("server") };
  }

  #sentBy(side: Side): ReadonlyMap<number, SmallType> {
    const packets = new Map<number, SmallType>();
    for (const type of this.#types) {
      if (type.opens || (type.from ?? side) !== side) continue;
      for (const kind of this.#kind === undefined ? [0] : type.kinds) packets.set(kind, type);
    }
    return packets;
  }

  /** The packet of a name. */
  named(name: string): SmallType | undefined {
    return this.#types.find((type) => type.name === name);
  }

  /**
   * Writes a whole frame at the beginning of `writer`.
   *
   * @param fields The body's fields, and under `header` those of the header.
   * @param key What its reply will name it by.
   */
  write(writer: ByteWriter, type: SmallType, fields: Values | undefined, key: unknown): void {
    const given = fields ?? {};
    let part = "header.";
    try {
      const mark = type.frames.begin(writer);
      const header = this.#headerOf(type, given["header"] as Values | undefined, key);
      if (!type.opens) this.#header.write(writer, header);
      part = "";
      type.body.write(writer, type.body.readsRecord ? { ...given, header } : given);
      type.frames.end(writer, mark);
    } catch (problem) {
      if (!(problem instanceof FieldProblem)) throw problem;
      const where = `${type.name}.${part}${problem.path} at byte ${writer.at} of the frame`;
      throw new FramewireError(problem.code, `${where} ${problem.message}`, { cause: problem });
    }
  }

  /** The values of all header fields of a packet to be sent. */
  #headerOf({ kinds, header }: SmallType, given: Values | undefined, key: unknown): Values {
    const record: Record<string, unknown> = { ...this.#blank, ...header };
    // By name: a header may have getters, which a spread would leave out.
    for (const name of this.#header.names) {
      const value = given?.[name];
      if (value !== undefined) record[name] = value;
    }
    const kind = this.#kind;
    if (kind !== undefined) {
      const wanted = given?.[kind] as number | undefined;
      if (kinds.length < 2 || wanted === undefined) record[kind] = kinds[0];
      else if (!kinds.includes(wanted)) throw invalid(kinds.join(" or "), wanted).within(kind);
    }
    if (key !== undefined) record[this.#correlate!] = key;
    return record;
  }

  /**
   * Reads the packet in frame number `index`, which the server has sent.
   *
   * @returns Its type, it, and the key of the request that it answers, if it answers one.
   * @throws FramewireError when its header cannot be, or when the server sends none such.
   */
  read(
    chunk: Uint8Array,
    words: Int32Array,
    index: number,
  ): { readonly type: SmallType; readonly packet: SmallPacket; readonly key: MapKey } {
    const offset = words[index * 4]!;
    const strip = words[index * 4 + 3]!;
    const lead = strip & 0xffff;
    // The packet's own memory begins with its header.
    const frame = chunk.slice(
      this.#varint ? offset : offset + lead,
      offset + words[index * 4 + 1]! - (strip >>> 16),
    );
    reader.open(frame, 0, frame.length);
    let header: Values;
    try {
      header = this.#header.record(this.#header.read(reader));
    } catch (problem) {
      throw problem instanceof FieldProblem ? headerError(problem) : problem;
    }
    const kind = this.#kind === undefined ? 0 : header[this.#kind] as number;
    const { client, server } = this.#from;
    const type = server.get(kind);
    if (type === undefined) {
      const packets = this.#kind === undefined ? undefined : this.#types;
      throw unknownPacket(packets, "server", client.get(kind), kind, frame, 0, frame.length);
    }
    const at = this.#varint ? lead : reader.at;
    const packet = new type.packet(type, frame, at, header);
    return { type, packet, key: mapKey(header[this.#correlate!]) };
  }
}
