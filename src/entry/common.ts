/**
 * What every entry exports besides `serve` and `connect`.
 *
 * @module
 */
export type { Client, CloseOptions } from "../client/client.ts";
export type { Connect, ConnectOptions } from "../client/connect.ts";
export type { FrameConsumer } from "../codec/frame_decoder.ts";
export type { CodecChoice } from "../codec/lend.ts";
export { type Checksum, type ChecksumName, checksumOf, crc32, crc32c } from "../codec/checksum.ts";
export {
  type Compression,
  compressionFrom,
  type CompressionFunctions,
  lz4,
} from "../codec/compression.ts";
export { createCodec } from "../codec/create.ts";
export { ByteWriter } from "../codec/byte_writer.ts";
export { createDecoder, type Decoder, type DecoderOptions } from "../codec/decoder.ts";
export { createEncoder, type Encoder, type EncoderOptions } from "../codec/encoder.ts";
export { decoderStream, encoderStream } from "../codec/streams.ts";
export type { Codec, FrameTable, Scanner, ScanStatus } from "../codec/codec.ts";
export type { Clock, Timer } from "../connection/clock.ts";
export type { Outbound } from "../connection/outbound.ts";
export type { ReplyLimits } from "../protocol/reply_order.ts";
export type { CloseReason, Connection, Endpoint, State } from "../connection/connection.ts";
export {
  ERROR_CODES,
  type ErrorCode,
  FramewireError,
  type FramewireErrorOptions,
  isFramewireError,
  type StreamErrorDetail,
} from "../errors.ts";
export type {
  Address,
  ConnectTarget,
  Link,
  LinkReceiver,
  Listener,
  ListenerEvents,
  ListenTarget,
  Transport,
} from "../link/link.ts";
export type { ClientOptions, CommonOptions, ServerOptions } from "../options.ts";
export type {
  BuiltinProtocols,
  CallsOf,
  Chosen,
  ConnOf,
  HandlersOf,
  ProtocolChoice,
} from "../protocol/choice.ts";
export { echo } from "../protocol/echo.ts";
export type { EchoCalls } from "../protocol/echo_client.ts";
export type { EchoHandlers, EchoPacket } from "../protocol/echo_server.ts";
export type {
  ClientEndpoint,
  ClientSide,
  RequestCounters,
  ServerSide,
} from "../protocol/protocol.ts";
export * from "../protocol/mod.ts";
export { submit } from "../protocol/submit.ts";
export type { SubmitCalls } from "../protocol/submit_client.ts";
export type { SubmitPacket } from "../protocol/submit_packet.ts";
export type { SubmitHandler, SubmitHandlers } from "../protocol/submit_server.ts";
export type { Serve, ServeOptions } from "../server/serve.ts";
export type {
  DisconnectInfo,
  Server,
  ServerEvents,
  ServerListeners,
  ShutdownOptions,
} from "../server/server.ts";
export type { ServerStats } from "../server/stats.ts";
export { deflate, type LevelOptions, zstd } from "./zlib.ts";
