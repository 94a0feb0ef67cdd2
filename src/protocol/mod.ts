/**
 * What protocols are defined with: framings, fields, `defineProtocol` and `defineClient`. Names no runtime and opens
 * nothing, so that one file can define a protocol for servers and browsers alike.
 *
 * @example A packet to bytes and back
 * ```ts
 * import { cstring, defineProtocol, lengthField, u16, u32 } from "framewire/protocol";
 *
 * const greeter = defineProtocol({
 *   name: "greeter",
 *   framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
 *   header: { length: u32, type: u16 },
 *   kind: "type",
 *   packets: { greet: { kind: 1, body: { name: cstring(32) } } },
 * });
 * const frame = greeter.encode("greet", { name: "world" });
 * console.log(frame.length, greeter.decode(frame).name);
 * ```
 *
 * @module
 */
export * from "../codec/framing.ts";
export { type DefinedProtocol, defineProtocol } from "./defined/define.ts";
export { defineClient } from "./defined/define_client.ts";
export type {
  AllReplies,
  Answered,
  AnyPacket,
  Authenticated,
  BodyOf,
  BroadcastArguments,
  CallArguments,
  CallResult,
  Calls,
  ClientCalls,
  DefinedBroadcast,
  DefinedConnection,
  FailureReply,
  FieldsArgument,
  HandlerResult,
  Handlers,
  IsUnion,
  Outgoing,
  Packet,
  PacketBase,
  PacketSpec,
  PacketSpecs,
  ProtocolSpec,
  Reply,
  ReplyNames,
  SendArguments,
  SentBy,
  ServerCalls,
  ServerHandlers,
  Unanswered,
} from "./defined/definition.ts";
export * from "./defined/fields/mod.ts";
export type { CompressionSpec } from "./defined/seal.ts";
export type { Checksum, ChecksumName } from "../codec/checksum.ts";
export type { Compression } from "../codec/compression.ts";
export { type FrameFeatures, openSubmitFrame, sealSubmitFrame } from "./submit/seal.ts";
export type { PacketDecoder, PacketDecoderOptions } from "./defined/packet_decoder.ts";
export type { ClientProtocol, ConnectionInfo, Protocol, ServerConnection } from "./protocol.ts";
