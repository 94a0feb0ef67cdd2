/**
 * A packet of a defined protocol, as handlers and callers see it: views of its bytes.
 *
 * @module
 */
import type { HeaderView } from "./header_view.ts";
import type { PacketType } from "./packet_type.ts";

const NOTHING = new Uint8Array(0);

/** Points a packet at its bytes; only the endpoint does. */
export let pointPacket: (
  packet: DefinedPacket,
  chunk: Uint8Array,
  start: number,
  body: number,
  end: number,
) => void;

/**
 * The value of a packet's body field number `index`. Where each field has its place, it is decoded
 * each time; else the first call decodes them all.
 */
let fieldOf: (packet: DefinedPacket, index: number) => unknown;

/** What every packet of a defined protocol can do; its fields are added by its type. */
export class DefinedPacket {
  readonly #type: PacketType;
  #chunk: Uint8Array = NOTHING;
  #start = 0;
  #body = 0;
  #end = 0;
  #values: readonly unknown[] | undefined;
  #header: HeaderView | undefined;

  static {
    pointPacket = (packet, chunk, start, body, end) => {
      packet.#chunk = chunk;
      packet.#start = start;
      packet.#body = body;
      packet.#end = end;
      packet.#values = undefined;
    };
    fieldOf = (packet, index) => {
      if (packet.#type.offsets !== undefined) {
        return packet.#type.readField(index, packet.#chunk, packet.#body, packet.#end);
      }
      packet.#values ??= packet.#type.readBody(
        packet.#chunk,
        packet.#body,
        packet.#end,
        packet.#start,
      );
      return packet.#values[index];
    };
  }

  /** A packet of a type, not yet pointed at any bytes. */
  constructor(type: PacketType) {
    this.#type = type;
  }

  /** The name of its type. */
  get packet(): string {
    return this.#type.name;
  }

  /** The fields of its header. */
  get header(): Readonly<Record<string, unknown>> {
    this.#header = this.#type.viewHeader(this.#chunk, this.#start, this.#end, this.#header);
    return this.#header as unknown as Readonly<Record<string, unknown>>;
  }

  /** All its fields in memory of its own. */
  toObject(): Record<string, unknown> {
    const frame = this.#chunk.slice(this.#start, this.#end);
    const body = this.#body - this.#start;
    return {
      packet: this.packet,
      header: this.#type.readHeader(frame, 0, frame.length),
      ...this.#type.shape.record(this.#type.readBody(frame, body, frame.length, 0)),
    };
  }

  /** What `JSON.stringify` and loggers show. */
  toJSON(): Record<string, unknown> {
    return this.toObject();
  }
}

/** A packet class has a getter for each of its fields. */
export interface PacketClass {
  /** A packet of a type, not yet pointed at any bytes. */
  new (type: PacketType): DefinedPacket;
}

/** Makes the class of the packets that have fields of these names. */
export function packetClass(names: readonly string[]): PacketClass {
  class Packet extends DefinedPacket {
    static {
      for (const [index, name] of names.entries()) {
        Object.defineProperty(this.prototype, name, {
          configurable: true,
          enumerable: true,
          get(this: Packet) {
            return fieldOf(this, index);
          },
        });
      }
    }
  }
  return Packet;
}

/** Names that a body's field cannot have: every packet has them already. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  "packet",
  "header",
  "toObject",
  "toJSON",
  "constructor",
]);
