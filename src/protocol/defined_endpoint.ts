/**
 * Either side of a defined protocol on one connection: packets to handlers and replies back, calls
 * out and their replies in.
 *
 * @module
 */
import { ByteWriter } from "../codec/byte_writer.ts";
import type { Codec, FrameTable } from "../codec/codec.ts";
import { type CloseReason, type Connection, State } from "../connection/connection.ts";
import { FramewireError } from "../errors.ts";
import { BytesStore } from "./bytes_store.ts";
import { Correlator } from "./correlator.ts";
import { FieldProblem } from "./fields/field.ts";
import { isPromise } from "./is_promise.ts";
import type { DefinedPacket } from "./packet_type.ts";
import type { PacketType } from "./packet_type.ts";
import { other, type PacketTable, type Side } from "./packet_table.ts";
import { type ClientEndpoint, connectionLost, describe } from "./protocol.ts";
import { type KeptChunk, type ReplyLimits, ReplyOrder } from "./reply_order.ts";
import { ReplyPool } from "./reply_pool.ts";

/** A handler, whatever its packet. */
export type AnyHandler = (packet: never, conn: unknown) => unknown;

/** Fields to send. */
export type AnyFields = Readonly<Record<string, unknown>> | undefined;

/** What a side needs besides its connection. */
export interface DefinedSide {
  /** Which side this is. */
  readonly side: Side;
  /** What handlers are given beside the packet. */
  readonly conn: unknown;
  /** Bounds of what may be under way. */
  readonly limits: ReplyLimits;
  /** Requests were handed to handlers. */
  took(requests: number): void;
  /** A reply was put out. */
  replied(failed: boolean): void;
  /** A handler failed. */
  report(error: FramewireError): void;
  /** The last call that waited for its reply has been settled. */
  settled(): void;
  /** The connection is closed. */
  closed(reason: CloseReason): void;
}

/** How a protocol treats requests. */
export interface Rules {
  /** Whether replies leave in the order of their requests. */
  readonly ordered: boolean;
  /** What answers a request that failed. */
  readonly failure?: (
    request: string,
    error: unknown,
  ) => { readonly packet: string; readonly header?: unknown; readonly body?: unknown } | undefined;
}

/** Replies of one batch: encoded behind each other, sent in one piece. Batches do not nest. */
const replies = new ByteWriter(16 * 1024);
/** Packets sent by themselves, and replies that come later. */
const single = new ByteWriter(4 * 1024);
/** Over this the writers give their memory back. */
const KEPT_WRITER_BYTES = 1 << 20;

/** One connection's endpoint. */
export class DefinedEndpoint implements ClientEndpoint {
  readonly #connection: Connection;
  readonly #table: PacketTable;
  readonly #rules: Rules;
  readonly #side: DefinedSide;
  #handlers: Readonly<Record<string, AnyHandler | undefined>>;
  readonly #calls: Correlator;
  /** Requests whose handlers take their time; from the first such on. */
  #later: ReplyOrder | ReplyPool | undefined;
  #store: BytesStore | undefined;
  /** What is known of the requests in `#later`, by their number. */
  readonly #requests = new Map<number, Request>();
  /** The chunk of the batch under way, once a request keeps it. */
  #kept: KeptChunk | undefined;
  #refused: FramewireError | undefined;
  keepsChunk = false;

  /** One side of a protocol on a connection. */
  constructor(
    connection: Connection,
    table: PacketTable,
    rules: Rules,
    handlers: Readonly<Record<string, AnyHandler | undefined>>,
    side: DefinedSide,
  ) {
    this.#connection = connection;
    this.#table = table;
    this.#rules = rules;
    this.#handlers = handlers;
    this.#side = side;
    this.#calls = new Correlator(table.header, table.correlated);
  }

  /** {@inheritDoc Endpoint.owed} */
  get owed(): number {
    return this.#later === undefined ? 0 : this.#later.owed;
  }

  /** {@inheritDoc ClientEndpoint.pending} */
  get pending(): number {
    return this.#calls.pending;
  }

  /** {@inheritDoc ClientEndpoint.refuse} */
  refuse(error: FramewireError): void {
    this.#refused ??= error;
  }

  /** Adds handlers. */
  handle(handlers: Readonly<Record<string, AnyHandler | undefined>>): void {
    this.#handlers = { ...this.#handlers, ...handlers };
  }

  /** Sends a request; settles with its reply. */
  call(name: string, fields?: AnyFields): Promise<DefinedPacket> {
    return new Promise((resolve, reject) => {
      const type = this.#sendable(name);
      if (type.replies.length === 0) {
        throw new FramewireError("INVALID_OPTION", `${name} has no reply: use send("${name}", …)`);
      }
      const key = this.#calls.next();
      this.#encode(type, fields, key);
      this.#calls.wait(key, { resolve, reject, request: type });
    });
  }

  /** Sends a packet that is not answered. */
  send(name: string, fields?: AnyFields): void {
    const type = this.#sendable(name);
    if (type.replies.length > 0) {
      throw new FramewireError("INVALID_OPTION", `${name} is answered: use call("${name}", …)`);
    }
    this.#encode(type, fields, this.#calls.correlated ? this.#calls.next() : undefined);
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    const { words, count } = table;
    const packets = this.#table;
    replies.at = 0;
    let requests = 0;
    let i = 0;
    try {
      for (; i < count && this.#connection.state === State.OPEN; i++) {
        const offset = words[i * 4]!;
        const strip = words[i * 4 + 3]!;
        const lead = strip & 0xffff;
        const end = offset + words[i * 4 + 1]! - (strip >>> 16);
        const header = packets.headerAt(offset, lead);
        const type = this.#typeOf(words[i * 4 + 2]!, chunk, header, end);
        if (type === undefined) throw this.#unknown(words[i * 4 + 2]!, chunk, offset, header, end);
        const body = packets.bodyAt(chunk, offset, lead, header, end);
        if (body > end) throw tooShort(type, chunk, offset, end);
        if (type.isReply) {
          this.#answered(type, chunk, header, body, end);
          continue;
        }
        if (type.from === this.#side.side) throw this.#misdirected(type, chunk, offset, end);
        if (this.#later !== undefined && this.#later.full) break;
        this.#request(type, chunk, header, body, end);
        requests++;
      }
    } catch (problem) {
      throw problem instanceof FieldProblem
        ? new FramewireError(problem.code, `header.${problem.path} ${problem.message}`, {
          cause: problem,
        })
        : problem;
    } finally {
      if (requests > 0) this.#side.took(requests);
      if (replies.at > 0) {
        this.#connection.outbound.append(replies.bytes.subarray(0, replies.at));
        replies.clear(KEPT_WRITER_BYTES);
      }
      if (this.#kept !== undefined) {
        if (this.#later!.release(this.#kept)) this.keepsChunk = true;
        this.#kept = undefined;
      }
    }
    return i;
  }

  /** {@inheritDoc ClientEndpoint.finishing} */
  finishing(reason: CloseReason): void {
    const lost = connectionLost(reason, this.pending);
    this.#refused ??= lost;
    if (this.#calls.failAll(lost)) this.#side.settled();
  }

  /** {@inheritDoc ClientEndpoint.closed} */
  closed(reason: CloseReason): void {
    this.finishing(reason);
    this.#later?.close();
    this.#requests.clear();
    this.#side.closed(reason);
  }

  #typeOf(kind: number, chunk: Uint8Array, header: number, end: number): PacketType | undefined {
    const table = this.#table;
    if (table.kindField !== undefined) return table.ofKind(kind);
    return table.hasKind
      ? table.ofKind(table.header.kindOf(chunk, header, end))
      : table.onlyOf(other(this.#side.side));
  }

  #request(
    type: PacketType,
    chunk: Uint8Array,
    header: number,
    body: number,
    end: number,
  ): void {
    const handler = this.#handlers[type.name];
    let returned: unknown;
    let error: unknown;
    let failed = false;
    if (handler === undefined) {
      if (type.replies.length === 0) return;
      if (type.replies.length > 1 || !type.replies[0]!.sendsItself) {
        failed = true;
        error = new FramewireError("NO_HANDLER", `there is no handler for ${type.name}`);
      }
    } else {
      const packet = type.open(chunk, header, body, end);
      try {
        returned = handler(packet as never, this.#side.conn);
      } catch (thrown) {
        failed = true;
        error = thrown;
      }
      if (isPromise(returned)) {
        type.keepSpare();
        this.#await(returned, { type, chunk, start: header });
        return;
      }
    }
    if (this.#rules.ordered && this.owed > 0) {
      // Its reply waits behind others.
      const seq = this.#accept({ type, chunk, start: header });
      this.#settle(seq, returned, failed, error);
    } else if (failed) {
      this.#failed(replies, type, chunk, header, error);
    } else if (type.replies.length > 0) {
      this.#reply(replies, type, chunk, header, returned);
    }
  }

  /** Encodes the reply to a request, or, when that fails, what answers failed requests. */
  #reply(
    writer: ByteWriter,
    type: PacketType,
    chunk: Uint8Array,
    start: number,
    returned: unknown,
  ): void {
    try {
      let reply = type.replies[0]!;
      if (type.replies.length > 1) {
        const name = (returned as { readonly packet?: unknown } | null | undefined)?.packet;
        const named = type.replies.find((candidate) => candidate.name === name);
        if (named === undefined) {
          throw new FramewireError(
            "INVALID_FIELD",
            `the handler of ${type.name} must return an object whose packet is one of ` +
              `${type.replies.map((one) => one.name).join(", ")}; it is ${describe(name)}`,
          );
        }
        reply = named;
      }
      if (returned !== undefined && (typeof returned !== "object" || returned === null)) {
        throw new FramewireError(
          "INVALID_FIELD",
          `the handler of ${type.name} must return the fields of ${reply.name} and returned ` +
            describe(returned),
        );
      }
      reply.encode(writer, returned as AnyFields, undefined, chunk, start);
      this.#side.replied(false);
    } catch (error) {
      this.#failed(writer, type, chunk, start, error);
    }
  }

  /** A request failed: reports it, and answers it if the protocol knows how. */
  #failed(
    writer: ByteWriter,
    type: PacketType,
    chunk: Uint8Array,
    start: number,
    cause: unknown,
  ): void {
    const what = cause instanceof Error ? cause.message : String(cause);
    this.#side.report(
      new FramewireError("HANDLER_FAILED", `the handler of ${type.name} failed: ${what}`, {
        cause,
      }),
    );
    if (type.replies.length === 0) return;
    try {
      const failure = this.#rules.failure?.(type.name, cause);
      if (failure !== undefined) {
        const reply = this.#table.named(failure.packet);
        if (reply === undefined) {
          throw new FramewireError("INVALID_OPTION", `failure names ${failure.packet}: no packet`);
        }
        const header = failure.header === undefined ? {} : { header: failure.header };
        const fields = { ...(failure.body as AnyFields), ...header };
        reply.encode(writer, fields, undefined, chunk, start);
        this.#side.replied(true);
        return;
      }
    } catch (error) {
      this.#side.report(
        new FramewireError("HANDLER_FAILED", `the failure reply of ${type.name} failed: ${error}`, {
          cause: error,
        }),
      );
    }
    if (!this.#table.correlated) {
      // The next reply would be taken for this one's.
      this.#connection.finish({
        code: "HANDLER_FAILED",
        message: `a ${type.name} could not be answered, and replies come in order`,
      });
    }
  }

  #accept(request: Request): number {
    const later = this.#later ??= this.#begin();
    this.#kept ??= later.keep(request.chunk.length);
    const seq = later.accept(this.#kept);
    this.#requests.set(seq, request);
    return seq;
  }

  #await(promise: PromiseLike<unknown>, request: Request): void {
    const seq = this.#accept(request);
    const settled = promise instanceof Promise ? promise : Promise.resolve(promise);
    settled.then(
      (value) => this.#settle(seq, value, false, undefined),
      (error) => this.#settle(seq, undefined, true, error),
    );
  }

  #settle(seq: number, returned: unknown, failed: boolean, error: unknown): void {
    const later = this.#later!;
    if (!later.pending(seq)) return; // its deadline has passed, or the connection is closed
    const { type, chunk, start } = this.#requests.get(seq)!;
    this.#requests.delete(seq);
    single.at = 0;
    if (failed) this.#failed(single, type, chunk, start, error);
    else if (type.replies.length > 0) this.#reply(single, type, chunk, start, returned);
    if (single.at > 0) {
      if (this.#store === undefined) {
        this.#connection.outbound.append(single.bytes.subarray(0, single.at));
      } else {
        this.#store.put((later as ReplyOrder).slot(seq), single.bytes.slice(0, single.at));
      }
    }
    later.settle(seq);
  }

  #begin(): ReplyOrder | ReplyPool {
    const { limits } = this.#side;
    const timedOut = (seq: number) => {
      const limit = `${limits.handlerTimeoutMs} ms (handlerTimeoutMs)`;
      const message = `the handler has not settled within ${limit}`;
      this.#settle(seq, undefined, true, new FramewireError("HANDLER_TIMEOUT", message));
    };
    if (!this.#rules.ordered) return new ReplyPool(this.#connection, limits, timedOut);
    this.#store = new BytesStore();
    return new ReplyOrder(this.#connection, this.#store, limits, timedOut);
  }

  /** A reply came. */
  #answered(
    type: PacketType,
    chunk: Uint8Array,
    header: number,
    body: number,
    end: number,
  ): void {
    const call = this.#calls.take(chunk, header, end);
    if (call === undefined) {
      throw new FramewireError(
        "UNEXPECTED_PACKET",
        `a ${type.name} came that answers no pending request`,
        { firstBytes: chunk.slice(header, Math.min(end, header + 16)) },
      );
    }
    const { request } = call;
    if (request.replies.includes(type)) call.resolve(type.copy(chunk, header, body, end));
    else {
      call.reject(
        new FramewireError(
          "RESULT_FAILED",
          `${request.name} was answered by ${type.name}, expected ` +
            request.replies.map((reply) => reply.name).join(" or "),
          { reply: type.copy(chunk, header, body, end).toObject() },
        ),
      );
    }
    if (this.#calls.pending === 0) this.#side.settled();
  }

  #sendable(name: string): PacketType {
    if (this.#refused !== undefined) throw this.#refused;
    const type = this.#table.named(name);
    if (type === undefined || type.isReply || type.from === other(this.#side.side)) {
      throw new FramewireError(
        "INVALID_OPTION",
        `the ${this.#side.side} sends no packet ${describe(name)} by itself`,
      );
    }
    return type;
  }

  #encode(type: PacketType, fields: AnyFields, value: unknown): void {
    single.at = 0;
    type.encode(single, fields, value);
    this.#connection.outbound.append(single.bytes.subarray(0, single.at));
    single.clear(KEPT_WRITER_BYTES);
    this.#connection.flushSoon();
  }

  #unknown(
    kind: number,
    chunk: Uint8Array,
    offset: number,
    header: number,
    end: number,
  ): FramewireError {
    const table = this.#table;
    const came = table.kindField !== undefined
      ? kind >>> 0
      : table.hasKind
      ? table.header.kindOf(chunk, header, end)
      : undefined;
    const known = [...table.types].map(({ name, kind }) => `${name} (${kind})`);
    const shown = known.length > 6 ? `one of ${known.length} kinds` : known.join(", ");
    return new FramewireError(
      "UNKNOWN_PACKET",
      came === undefined
        ? `the ${other(this.#side.side)} sends nothing in this protocol, and a frame came`
        : `a packet of kind ${came} (0x${came.toString(16)}) came: expected ${shown}`,
      { firstBytes: chunk.slice(offset, Math.min(end, offset + 16)) },
    );
  }

  #misdirected(
    type: PacketType,
    chunk: Uint8Array,
    offset: number,
    end: number,
  ): FramewireError {
    return new FramewireError(
      "UNEXPECTED_PACKET",
      `a ${type.name} came, which only the ${this.#side.side} sends`,
      { firstBytes: chunk.slice(offset, Math.min(end, offset + 16)) },
    );
  }
}

function tooShort(
  type: PacketType,
  chunk: Uint8Array,
  offset: number,
  end: number,
): FramewireError {
  return new FramewireError(
    "BODY_TOO_SHORT",
    `a ${type.name} of ${end - offset} bytes is shorter than its header`,
    { firstBytes: chunk.slice(offset, Math.min(end, offset + 16)) },
  );
}

/** A request that was taken: what its reply needs of it. */
interface Request {
  readonly type: PacketType;
  /** The chunk it came in, kept until it is answered. */
  readonly chunk: Uint8Array;
  /** Where its header begins in it. */
  readonly start: number;
}
