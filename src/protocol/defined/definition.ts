/**
 * The definition of a protocol: what a user writes, and the types that follow from it.
 *
 * @module
 */
import type { CallOptions } from "../call_limits.ts";
import type { Checksum, ChecksumName } from "../../codec/checksum.ts";
import type { Framing } from "../../codec/framing.ts";
import type { Decoded, Encodable, Shape } from "./fields/field.ts";
import type { CompressionSpec } from "./seal.ts";
import type { PushOutcome } from "../../connection/push_queue.ts";
import type { SlowConsumer } from "../../connection/slow_consumer.ts";
import type { ServerConnection } from "../protocol.ts";

/** One kind of packet. */
export interface PacketSpec {
  /**
   * The value of the header's kind field; left out where the protocol has none. Where it has several,
   * the first stands in packets whose header does not say otherwise. The client's packets and the
   * server's may have the same kind when `from` tells them apart.
   */
  readonly kind?: number | readonly number[];
  /** Values of header fields in packets of this kind, where they differ from those of others. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** The fields behind the header; none when left out. */
  readonly body?: Shape;
  /** The name of the packet that answers it, or the names of those that may; none: no answer. */
  readonly reply?: string | readonly string[];
  /**
   * Whether it may answer any request, as an error does: a call that it answers is rejected with
   * RESULT_FAILED, and its fields are the error's `reply`.
   */
  readonly answersAny?: boolean;
  /** The side that may send it; either one when left out. */
  readonly from?: "client" | "server";
  /**
   * The client's first packet on a connection, where that has a framing of its own, no header and no
   * kind. All packets after it are framed as the protocol says, and so is all that the server sends.
   */
  readonly opening?: Framing;
}

/** Packets by name. */
export type PacketSpecs = { readonly [name: string]: PacketSpec };

/** The definition of a protocol, as `defineProtocol` takes it. */
export interface ProtocolSpec<H extends Shape, P extends PacketSpecs> {
  /** Its name, for messages and logs. */
  readonly name: string;
  /** How its stream is cut into frames. */
  readonly framing: Framing;
  /**
   * The fields every packet begins with. With a `lengthField` framing that strips nothing, the
   * field where the length stands is filled in by the framing.
   */
  readonly header?: H;
  /** The header field that tells one kind of packet from the other. */
  readonly kind?: keyof H & string;
  /** The header field by which a reply names its request; without it replies come in order. */
  readonly correlate?: keyof H & string;
  /** Header fields, beside the one of `correlate`, that a reply takes over from its request. */
  readonly copy?: readonly (keyof H & string)[];
  /** A bit of the kind that every reply has and no request. */
  readonly replyBit?: number;
  /**
   * The packet that asks a silent peer for a sign of life: one that the server may send by itself and
   * that needs no field to be given. Whatever the peer sends next counts as the answer. Without it,
   * silent peers only have the idle timeout.
   */
  readonly heartbeat?: string;
  /** Its packets. */
  readonly packets: P & { readonly [N in keyof P]: { readonly header?: Partial<Encodable<H>> } };
  /**
   * Ends each frame in a checksum of everything before it: four bytes, big endian, counted in the
   * frame's length. A mismatch closes the connection.
   */
  readonly checksum?: ChecksumName | Checksum;
  /**
   * Compresses bodies: a body is sent as its raw length (u32, big endian) and the compressed bytes,
   * with a bit set in its kind, when that makes it shorter.
   */
  readonly compression?: CompressionSpec;
  /**
   * Whether replies leave in the order of their requests.
   *
   * @default {true} without `correlate`, false with it
   */
  readonly ordered?: boolean;
  /**
   * What answers a request whose handler failed or is missing: a packet's name, and its fields.
   * Without it such a request stays unanswered; where replies come in order, its connection is
   * closed, since the next reply would be taken for its own.
   */
  readonly failure?: (
    request: string,
    error: unknown,
    header: Decoded<H>,
  ) => FailureReply<H> | undefined;
  /**
   * What is done with a packet of a kind that is none of the protocol's: a packet that answers it, or
   * `"ignore"`. Without it, and when it returns undefined, the connection ends with UNKNOWN_PACKET.
   */
  readonly unknown?: (header: Decoded<H>) => FailureReply<H> | "ignore" | undefined;
}

/** The answer to a request that failed or is unknown. */
export interface FailureReply<H extends Shape> {
  /** The packet to answer with, for example the request's own reply. */
  readonly packet: string;
  /** Header fields that differ from their defaults. */
  readonly header?: Partial<Encodable<H>>;
  /** Its body's fields. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** The body of a packet of a definition. */
export type BodyOf<P extends PacketSpecs, N extends keyof P> = P[N] extends
  { readonly body: infer B extends Shape } ? B : Record<never, never>;

/** The names of the packets that may answer one. */
export type ReplyNames<P extends PacketSpecs, N extends keyof P> = P[N] extends
  { readonly reply: infer R }
  ? (R extends string ? R : R extends readonly (infer E extends string)[] ? E : never) & keyof P
  : never;

/** The names of all packets that answer others. */
export type AllReplies<P extends PacketSpecs> = {
  [N in keyof P]: ReplyNames<P, N> | (P[N] extends { readonly answersAny: true } ? N : never);
}[keyof P];

/** Packets that one side may send by itself. */
export type SentBy<P extends PacketSpecs, Side extends "client" | "server"> = {
  [N in keyof P]: N extends AllReplies<P> ? never
    : P[N] extends { readonly from: infer F } ? F extends Side ? N : never
    : N;
}[keyof P];

/** Those of them that are answered. */
export type Answered<P extends PacketSpecs, N extends keyof P> = {
  [M in N]: [ReplyNames<P, M>] extends [never] ? never : M;
}[N];

/**
 * A packet as a handler sees it: the fields of its body, and its header. Decoded on first access.
 *
 * It and its views (bytes fields) are valid until the handler returns, or, when it returned a
 * promise, until that settles.
 */
export type Packet<H extends Shape, P extends PacketSpecs, N extends keyof P> =
  & Decoded<BodyOf<P, N>>
  & PacketBase<P[N] extends { readonly opening: Framing } ? Record<never, never> : H, N>;

/** Any packet of a protocol; `packet` tells which. */
export type AnyPacket<H extends Shape, P extends PacketSpecs> = {
  [N in keyof P]: Packet<H, P, N>;
}[keyof P];

/** What every packet of a defined protocol has. */
export interface PacketBase<H extends Shape, N> {
  /** Its name in the definition. */
  readonly packet: N;
  /** The fields of its header. */
  readonly header: Decoded<H>;
  /** Everything as a plain object in memory of its own, valid for ever. */
  toObject(): Readonly<Record<string, unknown>>;
}

/** The fields of a packet to send, and those of its header that differ from their defaults. */
export type Outgoing<H extends Shape, P extends PacketSpecs, N extends keyof P> =
  & Encodable<BodyOf<P, N>>
  & { readonly header?: Partial<Encodable<H>> };

/** What a handler returns for a packet that is answered. */
export type Reply<H extends Shape, P extends PacketSpecs, N extends keyof P> =
  ReplyNames<P, N> extends infer R extends keyof P
    ? IsUnion<R> extends true ? { [M in R]: { readonly packet: M } & Outgoing<H, P, M> }[R]
    : Record<never, never> extends Outgoing<H, P, R> ? Outgoing<H, P, R> | void
    : Outgoing<H, P, R>
    : never;

/** Whether a type is a union. */
export type IsUnion<T, U = T> = T extends unknown ? [U] extends [T] ? false : true : never;

/** What a handler may return: the reply, or a promise of it. */
export type HandlerResult<H extends Shape, P extends PacketSpecs, N extends keyof P> =
  [ReplyNames<P, N>] extends [never] ? unknown : Reply<H, P, N> | PromiseLike<Reply<H, P, N>>;

/**
 * The handlers of one side: by packet, what to do with it. What a handler returns is the reply.
 * A request whose reply has no required field is answered by itself when it has no handler.
 */
export type Handlers<
  H extends Shape,
  P extends PacketSpecs,
  Peer extends "client" | "server",
  Conn,
> = {
  readonly [N in SentBy<P, Peer>]?: (
    packet: Packet<H, P, N>,
    conn: Conn,
  ) => HandlerResult<H, P, N>;
};

/** What a call resolves to. */
export type CallResult<H extends Shape, P extends PacketSpecs, N extends keyof P> = {
  [R in ReplyNames<P, N>]: Packet<H, P, R>;
}[ReplyNames<P, N>];

/** The argument of a call: may be left out when no field must be given. */
export type FieldsArgument<H extends Shape, P extends PacketSpecs, N extends keyof P> =
  Record<never, never> extends Outgoing<H, P, N> ? [fields?: Outgoing<H, P, N>]
    : [fields: Outgoing<H, P, N>];

/** The arguments of a call behind the packet's name: its fields, and what it is told. */
export type CallArguments<H extends Shape, P extends PacketSpecs, N extends keyof P> =
  Record<never, never> extends Outgoing<H, P, N>
    ? [fields?: Outgoing<H, P, N> | undefined, options?: CallOptions]
    : [fields: Outgoing<H, P, N>, options?: CallOptions];

/** The names of the packets that one side may send by itself and that are not answered. */
export type Unanswered<P extends PacketSpecs, Side extends "client" | "server"> =
  & Exclude<SentBy<P, Side>, Answered<P, SentBy<P, Side>>>
  & string;

/** The arguments of a server's `send` behind the packet's name. */
export type SendArguments<H extends Shape, P extends PacketSpecs, N extends keyof P> =
  Record<never, never> extends Outgoing<H, P, N>
    ? [fields?: Outgoing<H, P, N> | undefined, policy?: SlowConsumer]
    : [fields: Outgoing<H, P, N>, policy?: SlowConsumer];

/** The arguments of a broadcast behind the packet's name. */
export type BroadcastArguments<H extends Shape, P extends PacketSpecs, N extends keyof P> =
  Record<never, never> extends Outgoing<H, P, N> ? [
      fields?: Outgoing<H, P, N> | undefined,
      filter?: ((conn: DefinedConnection<H, P>) => boolean) | undefined,
      policy?: SlowConsumer,
    ]
    : [
      fields: Outgoing<H, P, N>,
      filter?: ((conn: DefinedConnection<H, P>) => boolean) | undefined,
      policy?: SlowConsumer,
    ];

/**
 * Sends a packet that is not answered to many connections. It is encoded once and its bytes are shared
 * by all of them; none waits for another. The field that `correlate` names is as in a packet that is
 * encoded without a connection: what its kind says, or else nothing.
 *
 * @param packet Its name.
 * @param rest Its fields; which connections, by default all; and what is done about those that are too
 * slow, by default the server's `slowConsumer`. Connections whose peer has not sent the packet that
 * opens them are passed over, and those that are not authenticated where `packetsBeforeAuth` is set.
 * @returns How many connections it was sent to or queued for.
 * @throws FramewireError INVALID_FIELD, FRAME_TOO_LARGE, INVALID_OPTION.
 */
export type DefinedBroadcast<H extends Shape, P extends PacketSpecs> = <
  N extends Unanswered<P, "server">,
>(packet: N, ...rest: BroadcastArguments<H, P, N>) => number;

/** What one side can call. */
export interface Calls<
  H extends Shape,
  P extends PacketSpecs,
  Side extends "client" | "server",
> {
  /**
   * Sends a request and waits for its reply. Any number may be under way at once.
   *
   * @returns The reply, in memory of its own.
   * @throws FramewireError INVALID_FIELD, FRAME_TOO_LARGE, DEADLINE_EXCEEDED, CANCELLED, WINDOW_FULL,
   * CONNECTION_CLOSED (or what broke it). Its `outcome` says what is known of the call.
   */
  call<N extends Answered<P, SentBy<P, Side>> & string>(
    packet: N,
    ...rest: CallArguments<H, P, N>
  ): Promise<CallResult<H, P, N>>;
}

/** What a server can send on a connection. */
export interface ServerCalls<H extends Shape, P extends PacketSpecs> extends Calls<H, P, "server"> {
  /**
   * Sends a packet that is not answered. While the peer is too slow in taking what was sent before, it
   * waits (`pushQueueBytes`), and replies and calls made meanwhile leave before it; those that wait
   * leave in their order.
   *
   * @param packet Its name.
   * @param rest Its fields, and what is done when there is no room to wait: by default the server's
   * `slowConsumer`. A key's function is given the whole frame.
   * @returns What became of it. Nothing else tells of a packet that was dropped: where none may be
   * lost, await {@linkcode drained}, or name the policy `disconnect(0)`.
   * @throws FramewireError INVALID_FIELD, FRAME_TOO_LARGE, CONNECTION_CLOSED.
   */
  send<N extends Unanswered<P, "server">>(
    packet: N,
    ...rest: SendArguments<H, P, N>
  ): PushOutcome;
  /**
   * Resolves when no packet waits and no more than `writeLowWaterBytes` is to be written; at once, if
   * that is so now. Rejects with CONNECTION_CLOSED when the connection is closed meanwhile.
   */
  drained(): Promise<void>;
}

/** How a handler says who its peer is. */
export interface Authenticated {
  /**
   * The peer has authenticated itself: from now on all handlers are called (`packetsBeforeAuth`).
   *
   * @param principal Who it is; it becomes `conn.principal`.
   */
  authenticated(principal: object | string): void;
}

/** The connection as a server's handlers see it: the server can send on it too. */
export type DefinedConnection<H extends Shape, P extends PacketSpecs> =
  & ServerConnection
  & Authenticated
  & ServerCalls<H, P>;

/** What a server of a defined protocol does with its packets. */
export type ServerHandlers<H extends Shape, P extends PacketSpecs> = Handlers<
  H,
  P,
  "client",
  DefinedConnection<H, P>
>;

/** What a client of a defined protocol can call, and how it takes what the server sends. */
export interface ClientCalls<H extends Shape, P extends PacketSpecs> extends Calls<H, P, "client"> {
  /**
   * Sends a packet that is not answered.
   *
   * @throws FramewireError INVALID_FIELD, FRAME_TOO_LARGE, CONNECTION_CLOSED.
   */
  send<N extends Unanswered<P, "client">>(packet: N, ...fields: FieldsArgument<H, P, N>): void;
  /**
   * Sets the handlers of packets that the server sends by itself.
   *
   * @param handlers By packet, what to do with it; they are added to those set before.
   */
  handle(handlers: Handlers<H, P, "server", unknown>): void;
}
