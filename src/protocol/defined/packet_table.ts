/**
 * All kinds of packets of a defined protocol, and how a frame is told to be one of them.
 *
 * @module
 */
import { frameWriter } from "../../codec/frame_writer.ts";
import type { PacketSpec, PacketSpecs, ProtocolSpec } from "./definition.ts";
import type { Shape } from "./fields/field.ts";
import { config, ShapeCodec } from "./fields/shape.ts";
import { HeaderCodec } from "./header.ts";
import { RESERVED_NAMES } from "./packet.ts";
import { PacketFraming } from "./packet_framing.ts";
import { PacketType, type ReplyMaker } from "./packet_type.ts";
import { sealOf } from "./seal.ts";

/** The side of a connection. */
export type Side = "client" | "server";

const SIDES: readonly Side[] = ["client", "server"];

/** The other side. */
export function other(side: Side): Side {
  return side === "client" ? "server" : "client";
}

const SMALL_KINDS = 256;

/** The packets that one side may send. */
export class SentPackets {
  readonly #byKind = new Map<number, PacketType>();
  /** The same for kinds of one byte: an array is quicker than a map. */
  readonly #bySmallKind: (PacketType | undefined)[] = new Array(SMALL_KINDS).fill(undefined);
  /** The one packet that it sends, where packets have no kind. */
  only: PacketType | undefined;

  /** The packet of a kind, as the scan read it. */
  ofKind(kind: number): PacketType | undefined {
    return kind >= 0 && kind < SMALL_KINDS ? this.#bySmallKind[kind] : this.#byKind.get(kind >>> 0);
  }

  /** Adds a packet under its kinds; those that are taken stay as they are when `shares` is true. */
  add(type: PacketType, shares = false): void {
    for (const kind of type.kinds) {
      const taken = this.ofKind(kind);
      if (taken !== undefined && shares) continue;
      if (taken !== undefined) {
        throw config(
          `${type.name} has kind ${kind}, which is ${taken.name}'s: ` +
            "only packets that come from different sides may have the same",
        );
      }
      this.#byKind.set(kind >>> 0, type);
      if (kind >= 0 && kind < SMALL_KINDS) this.#bySmallKind[kind] = type;
    }
  }
}

/** The packets of a protocol. */
export class PacketTable {
  /** How packets stand in frames. */
  readonly framing: PacketFraming;
  /** How the client's first packet does, where that is different, and which one it is. */
  readonly opening: { readonly framing: PacketFraming; readonly type: PacketType } | undefined;
  /** Whether packets have a kind at all. */
  readonly hasKind: boolean;
  /** Whether replies are found by a header field, and not by their order. */
  readonly correlated: boolean;
  /** The packets by the side that sends them. */
  readonly from: Readonly<Record<Side, SentPackets>> = {
    client: new SentPackets(),
    server: new SentPackets(),
  };
  /** The packet that asks for a sign of life, if there is one. */
  readonly heartbeat: PacketType | undefined;
  readonly #byName = new Map<string, PacketType>();
  #replyMaker: ReplyMaker | undefined;

  /**
   * Makes a protocol's packets ready.
   *
   * @throws FramewireError INVALID_CONFIG.
   */
  constructor(spec: ProtocolSpec<Shape, PacketSpecs>) {
    const shape: Shape = spec.header ?? {};
    this.framing = new PacketFraming(
      spec.framing,
      frameWriter(spec.framing),
      new HeaderCodec(shape, spec.kind, spec.correlate, spec.copy),
      shape,
      sealOf(spec),
    );
    this.hasKind = spec.kind !== undefined;
    this.correlated = spec.correlate !== undefined;
    for (const [name, packet] of Object.entries(spec.packets)) this.#add(spec, name, packet);
    this.#link(spec);
    this.heartbeat = spec.heartbeat === undefined ? undefined : this.#heartbeat(spec.heartbeat);
    const [first, second] = [...this.types].filter(({ opens }) => opens);
    if (second !== undefined) {
      throw config(
        `${first!.name} and ${second.name}: only one packet can be a connection's first`,
      );
    }
    if (first !== undefined && first.replies.length > 0 && this.correlated) {
      throw config(
        `${first.name} has no header, so no reply can be found by its ${spec.correlate}`,
      );
    }
    this.opening = first && { framing: first.framing, type: first };
  }

  /** All packets. */
  get types(): Iterable<PacketType> {
    return this.#byName.values();
  }

  /** The packet of a name. */
  named(name: string): PacketType | undefined {
    return this.#byName.get(name);
  }

  /** Handlers by the index of the packet that they take: an array is quicker than names. */
  handlers<Handler>(
    byName: Readonly<Record<string, Handler | undefined>>,
  ): (Handler | undefined)[] {
    return Array.from(this.types, ({ name }) => byName[name]);
  }

  /** Lets replies be made by what those who answer bring along. */
  replyBy(maker: ReplyMaker): void {
    if (maker === this.#replyMaker) return;
    this.#replyMaker = maker;
    for (const type of this.types) type.replyMaker = maker;
  }

  /** The packets of both sides: the client's where both have one of a kind. */
  fromEither(): SentPackets {
    const all = new SentPackets();
    for (const side of SIDES) {
      for (const type of this.types) if ((type.from ?? side) === side) all.add(type, true);
      all.only ??= this.from[side].only;
    }
    return all;
  }

  #add(spec: ProtocolSpec<Shape, PacketSpecs>, name: string, packet: PacketSpec): void {
    const { kind, body = {}, opening } = packet;
    for (const field of Object.keys(body)) {
      if (RESERVED_NAMES.has(field)) {
        throw config(`${name}.${field}: every packet has a member of this name already; rename it`);
      }
    }
    const framing = opening === undefined ? this.framing : new PacketFraming(
      opening,
      frameWriter(opening),
      new HeaderCodec({}, undefined, undefined),
      {},
    );
    if (opening !== undefined) checkOpening(name, packet);
    else if ((kind !== undefined) !== this.hasKind) {
      throw config(
        this.hasKind
          ? `${name} has no kind, and the header's ${spec.kind} tells packets apart by it`
          : `${name} has kind ${kind}, and no header field is named as the protocol's kind`,
      );
    }
    const index = this.#byName.size;
    const type = new PacketType(
      name,
      index,
      packet,
      new ShapeCodec(body, name),
      framing,
    );
    this.#byName.set(name, type);
    if (opening !== undefined) return;
    for (const side of SIDES) if ((type.from ?? side) === side) this.from[side].add(type);
  }

  #heartbeat(name: string): PacketType {
    const type = this.#byName.get(name);
    if (type === undefined) throw config(`the heartbeat ${name} is no packet`);
    const wrong = type.isReply
      ? "it answers others"
      : type.opens || type.from === "client"
      ? "only a client may send it"
      : type.sendsItself
      ? undefined
      : "it has fields that must be given";
    if (wrong !== undefined) throw config(`${name} cannot be the heartbeat: ${wrong}`);
    return type;
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
    for (const type of this.types) {
      if (bit !== 0 && !type.opens) {
        const has = type.kinds.every((kind) => (kind & bit) !== 0);
        if ((type.isReply || type.answersAny) && !has) {
          throw config(`${type.name} answers others, and its kind lacks the replyBit`);
        }
        // A packet with the bit that nothing names as its reply answers any request.
        if (has && !type.isReply) type.answersAny = true;
      }
      if (type.answersAny) type.isReply = true;
    }
    if (!this.hasKind) this.#findOnly();
  }

  /** Without a kind, each side may send one packet only. */
  #findOnly(): void {
    for (const side of SIDES) {
      const types = [...this.types].filter(({ from, opens }) => !opens && (from ?? side) === side);
      if (types.length > 1) {
        throw config(
          `the ${side} may send ${types.map(({ name }) => name).join(" and ")}, and packets ` +
            "without a kind cannot be told apart: say which side each is from, or name the kind's field",
        );
      }
      this.from[side].only = types[0];
    }
  }
}

function checkOpening(name: string, { kind, header, from, answersAny }: PacketSpec): void {
  const wrong = kind !== undefined
    ? "a kind"
    : header !== undefined
    ? "a header"
    : from === "server"
    ? "the server as its sender"
    : answersAny
    ? "requests that it answers"
    : undefined;
  if (wrong === undefined) return;
  throw config(`${name} is the client's first packet, framed by itself: it cannot have ${wrong}`);
}
