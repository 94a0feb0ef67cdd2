/**
 * All kinds of packets of a defined protocol, and how a frame is told to be one of them.
 *
 * @module
 */
import type { Framing, KindField } from "../codec/framing.ts";
import type { FrameWriter } from "../codec/frame_writer.ts";
import { frameWriter } from "../codec/frame_writer.ts";
import type { PacketSpecs, ProtocolSpec } from "./definition.ts";
import type { Shape } from "./fields/field.ts";
import { config, ShapeCodec } from "./fields/shape.ts";
import { HeaderCodec } from "./header.ts";
import { PacketType, RESERVED_NAMES } from "./packet_type.ts";

/** The side of a connection. */
export type Side = "client" | "server";

/** The other side. */
export function other(side: Side): Side {
  return side === "client" ? "server" : "client";
}

const SMALL_KINDS = 256;

/** The packets of a protocol. */
export class PacketTable {
  /** How the stream is cut into frames. */
  readonly framing: Framing;
  /** How the scan reads a packet's kind, where it can. */
  readonly kindField: KindField | undefined;
  /** The header. */
  readonly header: HeaderCodec;
  /** Whether packets have a kind at all. */
  readonly hasKind: boolean;
  /** Whether replies are found by a header field, and not by their order. */
  readonly correlated: boolean;
  readonly #byKind = new Map<number, PacketType>();
  /** The same for kinds of one byte: an array is quicker than a map. */
  readonly #bySmallKind: (PacketType | undefined)[] = new Array(SMALL_KINDS).fill(undefined);
  readonly #byName = new Map<string, PacketType>();
  /** The one packet that each side sends, where packets have no kind. */
  readonly #only: Partial<Record<Side, PacketType>> = {};
  /** Bytes between a frame's first byte and its header, and whether they are told per frame. */
  readonly #varint: boolean;

  /**
   * Makes a protocol's packets ready.
   *
   * @throws FramewireError INVALID_CONFIG.
   */
  constructor(spec: ProtocolSpec<Shape, PacketSpecs>) {
    this.framing = spec.framing;
    const shape: Shape = spec.header ?? {};
    this.header = new HeaderCodec(shape, spec.kind, spec.correlate);
    this.hasKind = spec.kind !== undefined;
    this.correlated = spec.correlate !== undefined;
    this.#varint = spec.framing.kind === "varint" && spec.framing.offset > 0;
    this.#checkFraming(shape);
    this.kindField = this.#placeKind();
    const frames = frameWriter(spec.framing);
    for (const [name, packet] of Object.entries(spec.packets)) {
      this.#add(spec, name, packet, frames);
    }
    this.#link(spec);
  }

  /** All packets. */
  get types(): Iterable<PacketType> {
    return this.#byName.values();
  }

  /** The packet of a name. */
  named(name: string): PacketType | undefined {
    return this.#byName.get(name);
  }

  /** The packet of a kind, as the scan read it. */
  ofKind(kind: number): PacketType | undefined {
    return kind >= 0 && kind < SMALL_KINDS ? this.#bySmallKind[kind] : this.#byKind.get(kind >>> 0);
  }

  /** The one packet that a side sends, where packets have no kind. */
  onlyOf(side: Side): PacketType | undefined {
    return this.#only[side];
  }

  /** Where the header of a frame begins: `lead` is what the scan says to strip at its front. */
  headerAt(offset: number, lead: number): number {
    return this.#varint ? offset : offset + lead;
  }

  /** Where the body of a frame begins. */
  bodyAt(chunk: Uint8Array, offset: number, lead: number, header: number, end: number): number {
    return this.#varint ? offset + lead : this.header.bodyAt(chunk, header, end);
  }

  #add(
    spec: ProtocolSpec<Shape, PacketSpecs>,
    name: string,
    packet: PacketSpecs[string],
    frames: FrameWriter,
  ): void {
    const { kind, body = {}, from } = packet;
    for (const field of Object.keys(body)) {
      if (RESERVED_NAMES.has(field)) {
        throw config(`${name}.${field}: every packet has a member of this name already; rename it`);
      }
    }
    if ((kind !== undefined) !== this.hasKind) {
      throw config(
        this.hasKind
          ? `${name} has no kind, and the header's ${spec.kind} tells packets apart by it`
          : `${name} has kind ${kind}, and no header field is named as the protocol's kind`,
      );
    }
    const type = new PacketType(
      { name, index: this.#byName.size, kind, from },
      new ShapeCodec(body, name),
      this.header,
      frames,
    );
    this.#byName.set(name, type);
    if (kind === undefined) return;
    const taken = this.#byKind.get(kind >>> 0);
    if (taken !== undefined) throw config(`${name} has kind ${kind}, which is ${taken.name}'s`);
    this.#byKind.set(kind >>> 0, type);
    if (kind >= 0 && kind < SMALL_KINDS) this.#bySmallKind[kind] = type;
  }

  #link(spec: ProtocolSpec<Shape, PacketSpecs>): void {
    for (const [name, packet] of Object.entries(spec.packets)) {
      const names = packet.reply === undefined ? [] : [packet.reply].flat();
      this.#byName.get(name)!.replies = names.map((reply) => {
        const type = this.#byName.get(reply);
        if (type === undefined) throw config(`${name} is answered by ${reply}, which is no packet`);
        type.isReply = true;
        return type;
      });
    }
    const bit = spec.replyBit ?? 0;
    if (bit !== 0) {
      for (const type of this.#byName.values()) {
        const has = (type.kind! & bit) !== 0;
        if (type.isReply && !has) {
          throw config(`${type.name} answers others, and its kind lacks the replyBit`);
        }
        // A packet with the bit that nothing names as its reply answers any request.
        if (has) type.isReply = true;
      }
    }
    if (this.hasKind) return;
    for (const side of ["client", "server"] as const) {
      const types = [...this.#byName.values()].filter(({ from }) => (from ?? side) === side);
      if (types.length > 1) {
        throw config(
          `the ${side} may send ${
            types.map(({ name }) => name).join(" and ")
          }, and packets without ` +
            "a kind cannot be told apart: say which side each is from, or name the kind's field",
        );
      }
      if (types[0] !== undefined) this.#only[side] = types[0];
    }
  }

  #checkFraming(shape: Shape): void {
    const { framing } = this;
    if (framing.kind === "lengthField" && framing.strip === 0) {
      const { offset, size } = framing;
      if (this.header.fieldAt(offset, size, shape) === undefined) {
        throw config(
          `the framing strips nothing, so the header must have a field of ${size} bytes at byte ` +
            `${offset} for the length; or let it strip the first ${offset + size} bytes`,
        );
      }
    }
    if (this.#varint && framing.kind === "varint" && this.header.width !== framing.offset) {
      throw config(
        `the header must be the ${framing.offset} bytes before the varint, and has ` +
          `${this.header.width ?? "no fixed number"}`,
      );
    }
  }

  /** The kind's place, counted from the frame's first byte. */
  #placeKind(): KindField | undefined {
    const field = this.header.kindField;
    const { framing } = this;
    if (field === undefined) return undefined;
    if (framing.kind === "lengthField") return { ...field, offset: field.offset + framing.strip };
    return framing.kind === "delimiter" || framing.kind === "custom" ||
        framing.kind === "varint" && !this.#varint
      ? undefined
      : field;
  }
}
