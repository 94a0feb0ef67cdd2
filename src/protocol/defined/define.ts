/**
 * Defining a protocol.
 *
 * @module
 */
import { ByteWriter } from "../../codec/byte_writer.ts";
import { FramewireError } from "../../errors.ts";
import type { Rules } from "./answers.ts";
import { callsOf } from "./define_client.ts";
import type { AnyHandler } from "./side.ts";
import type {
  AnyPacket,
  ClientCalls,
  FieldsArgument,
  PacketSpecs,
  ProtocolSpec,
  ServerHandlers,
} from "./definition.ts";
import type { Shape } from "./fields/field.ts";
import { PacketTable } from "./packet_table.ts";
import {
  FramePackets,
  type PacketDecoder,
  type PacketDecoderOptions,
  StreamPackets,
} from "./packet_decoder.ts";
import {
  checkHandlers,
  type ClientEndpoint,
  describe,
  LoadedLater,
  type Protocol,
} from "../protocol.ts";
import { sharedPush } from "../broadcast.ts";

/** A protocol made by {@linkcode defineProtocol}. */
export interface DefinedProtocol<H extends Shape, P extends PacketSpecs>
  extends Protocol<ServerHandlers<H, P>, ClientCalls<H, P>> {
  /** Its definition. */
  readonly spec: ProtocolSpec<H, P>;
  /**
   * Encodes a packet without a connection.
   *
   * @param packet Its name.
   * @param fields The fields of its body, and under `header` those of its header.
   * @returns A whole frame.
   * @throws FramewireError INVALID_FIELD, FRAME_TOO_LARGE, INVALID_OPTION.
   */
  encode<N extends keyof P & string>(packet: N, ...fields: FieldsArgument<H, P, N>): Uint8Array;
  /**
   * Decodes a packet without a connection.
   *
   * @param frame One whole frame. The packet is a view of it.
   * @param from The side that sent it; by default either one.
   * @throws FramewireError UNKNOWN_PACKET, TRUNCATED, FRAME_TOO_LARGE and others. What is wrong with
   * its body is thrown by its fields, when they are asked for.
   */
  decode(frame: Uint8Array, from?: "client" | "server"): AnyPacket<H, P>;
  /**
   * Makes a decoder of a stream of packets without a connection.
   *
   * @throws FramewireError INVALID_CONFIG, UNSUPPORTED.
   */
  decoder(options?: PacketDecoderOptions): PacketDecoder<AnyPacket<H, P>>;
}

/** Where single frames are encoded. */
const frame = /* @__PURE__ */ new ByteWriter(1024);
const KEPT_WRITER_BYTES = 1 << 20;

const later = /* @__PURE__ */ new LoadedLater(() => import("./endpoints.ts"));

/**
 * Defines a protocol: from its framing, its header and its packets follow its codec, a typed server
 * and a typed client.
 *
 * @param spec The definition.
 * @returns What `serve` and `connect` take as `protocol`.
 * @throws FramewireError INVALID_CONFIG when it contradicts itself.
 *
 * @example
 * ```ts
 * import { connect, cstring, defineProtocol, lengthField, serve, u16, u32 } from "framewire";
 *
 * const greeter = defineProtocol({
 *   name: "greeter",
 *   framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
 *   header: { length: u32, type: u16, sequence: u16 },
 *   kind: "type",
 *   correlate: "sequence",
 *   packets: {
 *     greet: { kind: 1, reply: "greeting", body: { name: cstring(32) } },
 *     greeting: { kind: 2, body: { text: cstring(64) } },
 *   },
 * });
 *
 * const server = await serve({ port: 0, protocol: greeter }, {
 *   greet: (packet) => ({ text: `hello, ${packet.name}` }),
 * });
 * const client = await connect(`tcp://127.0.0.1:${server.addr.port}`, { protocol: greeter });
 * const { text } = await client.call("greet", { name: "world" });
 * if (text !== "hello, world") throw new Error(text);
 * await client.close();
 * await server.shutdown();
 * ```
 */
export function defineProtocol<const H extends Shape, const P extends PacketSpecs>(
  spec: ProtocolSpec<H, P>,
): DefinedProtocol<H, P> {
  const table = new PacketTable(spec as unknown as ProtocolSpec<Shape, PacketSpecs>);
  const rules: Rules = {
    ordered: spec.ordered ?? spec.correlate === undefined,
    ...(spec.failure !== undefined &&
      { failure: spec.failure as unknown as NonNullable<Rules["failure"]> }),
    ...(spec.unknown !== undefined &&
      { unknown: spec.unknown as unknown as NonNullable<Rules["unknown"]> }),
  };
  const fromClient: string[] = [];
  for (const { name, isReply, from } of table.types) {
    if (!isReply && from !== "server") fromClient.push(name);
  }
  const frames = new FramePackets(table);
  type AnyHandlers = Readonly<Record<string, AnyHandler | undefined>>;
  return {
    name: spec.name,
    framing: spec.framing,
    ...(table.framing.kindField !== undefined && { kind: table.framing.kindField }),
    // An opening packet has another header: what stood in the id's place there would be its body.
    ...(table.opening === undefined && table.framing.idField !== undefined &&
      { id: table.framing.idField }),
    spec,
    encode: (name, ...fields) => encodeFrame(table, name, fields[0]),
    decode: (frame, from) => frames.decode(frame, from) as unknown as AnyPacket<H, P>,
    decoder(options = {}) {
      const opens = table.opening !== undefined && options.from === "client";
      const packets: unknown = new StreamPackets(table, options, opens);
      return packets as PacketDecoder<AnyPacket<H, P>>;
    },
    load: () => later.load(),
    server(handlers) {
      checkHandlers(spec.name, handlers, [], fromClient);
      const byIndex = table.handlers<AnyHandler>(handlers as unknown as AnyHandlers);
      return later.parts.server(table, rules, byIndex);
    },
    broadcast([name, fields, ...rest]) {
      const type = table.named(name as string);
      if (type === undefined || type.isReply || type.from === "client") {
        throw new FramewireError(
          "INVALID_OPTION",
          `the server sends no packet ${describe(name)} by itself`,
        );
      }
      if (type.replies.length > 0) {
        const message = `${type.name} is answered: use conn.call("${type.name}", …)`;
        throw new FramewireError("INVALID_OPTION", message);
      }
      return sharedPush(encodeFrame(table, type.name, fields), rest);
    },
    client(connection, side) {
      const made: unknown = later.parts.client(table, rules, connection, side);
      return made as ClientEndpoint & ClientCalls<H, P>;
    },
    calls: callsOf,
  };
}

function encodeFrame(table: PacketTable, name: string, fields: unknown): Uint8Array {
  const type = table.named(name);
  if (type === undefined) {
    throw new FramewireError("INVALID_OPTION", `the protocol has no packet ${describe(name)}`);
  }
  frame.at = 0;
  type.encode(frame, fields as Readonly<Record<string, unknown>> | undefined, undefined);
  const bytes = frame.bytes.slice(0, frame.at);
  frame.clear(KEPT_WRITER_BYTES);
  return bytes;
}
