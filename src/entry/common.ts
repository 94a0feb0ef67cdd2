/**
 * What every entry exports besides `serve` and `connect`.
 *
 * @module
 */
export type { Client, CloseOptions } from "../client/client.ts";
export type { Connect, ConnectOptions, Servers } from "../client/connect.ts";
export type { Lookup } from "../client/addresses.ts";
export type { BalancerName } from "../client/balancer/mod.ts";
export type { SessionClient, SessionInfo } from "../client/session_client.ts";
export type { ClientStatus, ReconnectingClient, StatusEvent } from "../client/status.ts";
export { type Resolver, staticResolver } from "../client/resolver.ts";
export type { Target } from "../client/url.ts";
export type { SessionClientOptions } from "../options/client_session.ts";
export type { LivenessOptions } from "../options/liveness.ts";
export type { FailoverOptions } from "../client/failover.ts";
export type { ReconnectOptions } from "../options/reconnect.ts";
export type { Begun, FrameConsumer, FrameParts } from "../codec/frame_consumer.ts";
export type { StreamDecoder } from "../codec/stream_decoder.ts";
export type { CodecChoice, Codecs, DecoderAids } from "../codec/lender.ts";
export type { FrameSkipper } from "../codec/frame_skipper.ts";
export type { Guess } from "../codec/guess.ts";
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
export type { Holder, MemoryShare } from "../connection/memory_share.ts";
export type { ConnectionConfig } from "../connection/config.ts";
export type { BatchWatch, WatchedBatches } from "../observe/batches.ts";
export type { HandlerTimes } from "../observe/handler_times.ts";
export type { BatchGate } from "../connection/endpoint.ts";
export type { UnsentCall } from "../protocol/unsent.ts";
export type { Clock, Timer } from "../connection/clock.ts";
export type { BudgetMember, MemoryBudget } from "../connection/memory_budget.ts";
export type { Outbound } from "../connection/outbound.ts";
export type { PlainConnection } from "../connection/plain_connection.ts";
export type { OutboundSegment, PlainOutbound } from "../connection/plain_outbound.ts";
export type { Book, CallLine, MakeBook } from "../protocol/book.ts";
export type { SilentLine } from "../protocol/silence.ts";
export type { LostCall } from "../protocol/unsent.ts";
export type { PushBytes } from "../connection/push_bytes.ts";
export type {
  DropEpisode,
  PushConnection,
  PushLimits,
  PushOutcome,
  PushQueue,
} from "../connection/push_queue.ts";
export {
  type Conflate,
  conflate,
  type Disconnect,
  disconnect,
  type SlowConsumer,
} from "../connection/slow_consumer.ts";
export type { CallLimits, CallOptions } from "../protocol/call_limits.ts";
export type {
  ProtocolSession,
  SessionOf,
  SessionSetup,
  SessionTicket,
} from "../protocol/client_session.ts";
export type { CallBoundOptions } from "../options/calls.ts";
export type { ReplyLimits } from "../protocol/reply_order.ts";
export type {
  CloseReason,
  Connection,
  Endpoint,
  GoAwayNotice,
  State,
} from "../connection/connection.ts";
export {
  ERROR_CODES,
  type ErrorCode,
  FramewireError,
  type FramewireErrorOptions,
  isFramewireError,
  type Outcome,
  type StreamErrorDetail,
} from "../errors.ts";
export type {
  Address,
  Carrier,
  ConnectTarget,
  Link,
  LinkEnds,
  LinkReceiver,
  Listener,
  ListenerEvents,
  ListenTarget,
  SocketOptions,
  TlsInfo,
  Transport,
} from "../link/link.ts";
export type { DelayedWrites, WriteMode } from "../connection/write_mode.ts";
export type {
  ClientOptions,
  ClientOptionWithoutDefault,
  ResolvedClientOptions,
} from "../options/client.ts";
export type { CommonOptions } from "../options/common.ts";
export type { FlowOptions } from "../options/flow.ts";
export type { GatesOptions, OptionalGates, ProxyProtocolOptions } from "../options/gates.ts";
export { anyOf, type Principal, tokens, users } from "../gates/credentials.ts";
export { hashPassword, hashToken } from "../gates/secrets.ts";
export type { ListenOptions } from "../options/listen.ts";
export type { WebSocketOptions } from "../options/web_socket.ts";
export type { Capabilities } from "../link/capabilities.ts";
export type { Scheme } from "../link/url.ts";
export type { ListenAddress } from "../server/listeners.ts";
export type { InsightOptions } from "../options/insight.ts";
export type { AdmissionOptions, OnMaxConnections } from "../options/admission.ts";
export type { LifeOptions } from "../options/life.ts";
export type { AcceptRate } from "../options/admission.ts";
export type { CutConnection, DrainResult } from "../server/drain.ts";
export type { RateLimits, RateOptions, RateServerOptions } from "../options/rate.ts";
export type {
  ResolvedServerOptions,
  ServerOptions,
  ServerOptionWithoutDefault,
} from "../options/server.ts";
export type { TlsClientOptions, TlsIdentity, TlsServerOptions } from "../options/tls.ts";
export type { Broadcast } from "../protocol/broadcast.ts";
export type {
  BroadcastOf,
  BuiltinProtocols,
  CallsOf,
  Chosen,
  ConnOf,
  HandlersOf,
  PacketOf,
  ProtocolChoice,
} from "../protocol/choice.ts";
export { echo } from "../protocol/echo/mod.ts";
export type { EchoCalls } from "../protocol/echo/client.ts";
export type { EchoHandlers, EchoPacket } from "../protocol/echo/server.ts";
export type {
  ClientEndpoint,
  ClientSide,
  IntroducedPeer,
  RequestCounters,
  ServerSide,
} from "../protocol/protocol.ts";
export * from "../protocol/mod.ts";
export { submit } from "../protocol/submit/mod.ts";
export type { SubmitOptions, SubmitSource } from "../protocol/submit/client/source.ts";
export type { GoAway, SubmitCalls } from "../protocol/submit/client/calls.ts";
export type { PushCalls } from "../protocol/submit/client/push_inbox.ts";
export type { SubmitPacket } from "../protocol/submit/server/packet.ts";
export { type RefusedOptions, RequestRefused } from "../protocol/submit/server/refused.ts";
export type { RequestPacket } from "../protocol/submit/server/request_packet.ts";
export type {
  RequestHandler,
  SubmitConnection,
  SubmitHandler,
  SubmitHandlers,
} from "../protocol/submit/server/handlers.ts";
export { memoryStore } from "../session/memory_store.ts";
export type { Answered as SessionAnswer } from "../session/dedup_window.ts";
export type { LoggedPush } from "../session/push_log.ts";
export type {
  SessionCounts,
  SessionEvent,
  SessionFigures,
  SessionStats,
} from "../session/server_sessions.ts";
export type { SessionChanges, SessionStore, StoredSession } from "../session/store.ts";
export type { SessionServerOptions, SessionsOptions } from "../options/sessions.ts";
export type { ServerSession } from "../protocol/submit/server/server_session.ts";
export type { Credentials, Hello, SessionAsk } from "../protocol/submit/hello.ts";
export { type Feature, FEATURES } from "../protocol/submit/commands.ts";
export type { Authenticate, SubmitClientOptions, SubmitServerOptions } from "../options/submit.ts";
export type { Serve, ServeOptions, ServerOf } from "../server/serve.ts";
export type {
  DisconnectInfo,
  PayloadBroadcast,
  Server,
  ServerEvents,
  ServerListeners,
  ShutdownOptions,
} from "../server/server.ts";
export type { Refusal, RefusalCategory } from "../server/refusal.ts";
export type { ServerRates, ServerStats } from "../server/stats.ts";
export { type FlightEntry, flightText, type IdField } from "../observe/flight.ts";
export type { GetLogger, Logger } from "../observe/logger.ts";
export type { EventOf, EventStream } from "../observe/event_stream.ts";
export type { Histogram, TimeSummary } from "../observe/histogram.ts";
export { deflate, type LevelOptions, zstd } from "./zlib.ts";
