/**
 * A packet of a defined protocol, as handlers and callers see it: views of its bytes.
 *
 * @module
 */
import type { PayloadViews } from "../batch_memory.ts";
import type { ShapeCodec } from "./fields/shape.ts";
import type { HeaderView } from "./header_view.ts";
import type { PacketType } from "./packet_type.ts";
import { quickGetter } from "./quick_getters.ts";

/**
 * Where a packet is, and what of it has been decoded.
 *
 * It is an object of its own, and the only private member of a packet and of its header: the engines
 * make each such member by a call, which took half of the time of making a packet.
 */
export interface Place {
  /** Its type. */
  readonly type: PacketType;
  /** The memory. */
  chunk: Uint8Array;
  /** Where its header begins. */
  start: number;
  /** Where its body begins. */
  body: number;
  /** Where it ends. */
  end: number;
  /** The fields of its body, once they are decoded. */
  values: readonly unknown[] | undefined;
  /** Its header, once it was asked for. */
  header: HeaderView | undefined;
  /** The views of the memory, where they are kept, and the packet's number there. */
  views: PayloadViews | undefined;
  index: number;
}

/** A packet class has a getter for each of its fields. */
export interface PacketClass {
  /** The packet at a place. */
  new (place: Place): DefinedPacket;
}

/** What every packet of a defined protocol can do; its fields are added by its type. */
export class DefinedPacket {
  readonly #place: Place;

  /**
   * Makes the class of the packets that have a body of this shape. Where each field has its place,
   * it is decoded each time that it is asked for. Else the first one that is asked for decodes them all.
   */
  static classOf(shape: ShapeCodec): PacketClass {
    const placeOf = (packet: DefinedPacket) => packet.#place;
    class Packet extends DefinedPacket {}
    for (const [index, name] of shape.names.entries()) {
      const get = shape.isFlat
        ? flatGetter(shape, index, placeOf)
        : function (this: DefinedPacket) {
          const place = this.#place;
          return (place.values ?? decode(place))[index];
        };
      Object.defineProperty(Packet.prototype, name, {
        configurable: true,
        enumerable: true,
        get,
      });
    }
    return Packet;
  }

  /** The packet at a place. */
  constructor(place: Place) {
    this.#place = place;
  }

  /** The name of its type. */
  get packet(): string {
    return this.#place.type.name;
  }

  /** The fields of its header. */
  get header(): Readonly<Record<string, unknown>> {
    const place = this.#place;
    place.header ??= place.type.framing.header.view(place);
    return place.header as unknown as Readonly<Record<string, unknown>>;
  }

  /** All its fields in memory of its own. */
  toObject(): Record<string, unknown> {
    const { type, chunk, start, body, end } = this.#place;
    const frame = chunk.slice(start, end);
    return {
      packet: type.name,
      header: type.readHeader(frame, 0, frame.length),
      ...type.shape.record(type.readBody(frame, body - start, frame.length, 0)),
    };
  }

  /** What `JSON.stringify` and loggers show. */
  toJSON(): Record<string, unknown> {
    return this.toObject();
  }
}

function flatGetter(
  shape: ShapeCodec,
  index: number,
  placeOf: (packet: DefinedPacket) => Place,
): (this: DefinedPacket) => unknown {
  const read = ({ type, chunk, body, end }: Place) => type.readField(index, chunk, body, end);
  const name = shape.names[index]!;
  const spot = { inHeader: false, offset: shape.offsetOf(name)!, bodyBytes: shape.width };
  return quickGetter(shape.inlineOf(name), spot, placeOf, read) ?? function () {
    return read(placeOf(this));
  };
}

function decode(place: Place): readonly unknown[] {
  const { type, chunk, start, body, end } = place;
  return place.values = type.readBody(chunk, body, end, start);
}

/** Names that a body's field cannot have: every packet has them already. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  "packet",
  "header",
  "toObject",
  "toJSON",
  "constructor",
]);
