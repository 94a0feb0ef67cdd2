/**
 * Either side of a defined protocol on one connection: packets to handlers and replies back, calls
 * out and their replies in.
 *
 * @module
 */
import { ByteWriter } from "../../codec/byte_writer.ts";
import type { Codec, FrameTable } from "../../codec/codec.ts";
import type { Framing, KindField } from "../../codec/framing.ts";
import { type CloseReason, type Connection, State } from "../../connection/connection.ts";
import { PushBytes } from "../../connection/push_bytes.ts";
import { type PushLimits, type PushOutcome, PushQueue } from "../../connection/push_queue.ts";
import type { SlowConsumer } from "../../connection/slow_consumer.ts";
import { FramewireError } from "../../errors.ts";
import { Answers, type AnyFields, type Rules } from "./answers.ts";
import type { CallOptions } from "../call_limits.ts";
import { BytesStore } from "./bytes_store.ts";
import { Caller } from "./caller.ts";
import type { CallKey } from "./correlator.ts";
import type { AnyHandler, DefinedSide } from "./side.ts";
import { isPromise } from "../is_promise.ts";
import type { DefinedPacket } from "./packet.ts";
import { PacketFinder } from "./packet_finder.ts";
import type { PacketType } from "./packet_type.ts";
import { other, type PacketTable } from "./packet_table.ts";
import { type ClientEndpoint, describe } from "../protocol.ts";
import { type KeptChunk, ReplyOrder } from "../reply_order.ts";
import { ReplyPool } from "../reply_pool.ts";
import { type ReplyPlan, ReplyRun } from "./reply_run.ts";

/** A request that was taken: what its reply needs of it. */
interface Request {
  readonly type: PacketType;
  /** The chunk it came in, kept until it is answered. */
  readonly chunk: Uint8Array;
  /** Where its header begins in it. */
  readonly start: number;
}

/** What one batch puts out, sent in one piece. Batches do not nest. */
const replies = new ByteWriter(16 * 1024);
/** Simple replies, which go into it together. */
const run = new ReplyRun(replies);
/** Packets sent by themselves, and replies that come later. */
const single = new ByteWriter(4 * 1024);
/** From so many bytes on a frame that waited, or that others are sent too, is not copied. */
const SHARED_BYTES = 16 * 1024;
/** Over this the writers give their memory back. */
const KEPT_WRITER_BYTES = 1 << 20;

/** Waits for the reply to a heartbeat. */
function nobody(): void {}

/** One connection's endpoint. */
export class DefinedEndpoint implements ClientEndpoint {
  readonly #connection: Connection;
  readonly #table: PacketTable;
  readonly #ordered: boolean;
  readonly #side: DefinedSide;
  readonly #incoming: PacketFinder;
  readonly #answers: Answers;
  /** Handlers by the index of what they handle. */
  #handlers: readonly (AnyHandler | undefined)[];
  readonly #calls: Caller;
  /** Whether the packet that opens the connection is still to come, or to be sent. */
  #opens: boolean;
  /** Whether a batch of this endpoint is under way: what it sends meanwhile goes with the replies. */
  #inBatch = false;
  /** Requests whose handlers take their time; from the first such on. */
  #later: ReplyOrder | ReplyPool | undefined;
  #store: BytesStore | undefined;
  /** What is known of the requests in `#later`, by their number. */
  readonly #requests = new Map<number, Request>();
  /** The chunk of the batch under way, once a request keeps it. */
  #kept: KeptChunk | undefined;
  #refused: FramewireError | undefined;
  #lost = false;
  keepsChunk = false;

  /** One side of a protocol on a connection. */
  constructor(
    connection: Connection,
    table: PacketTable,
    rules: Rules,
    handlers: readonly (AnyHandler | undefined)[],
    side: DefinedSide,
  ) {
    this.#connection = connection;
    this.#table = table;
    this.#ordered = rules.ordered;
    this.#handlers = handlers;
    this.#side = side;
    this.#incoming = new PacketFinder(table, other(side.side));
    this.#calls = new Caller(connection, table, side.calls, () => side.settled());
    this.#opens = table.opening !== undefined;
    this.#answers = new Answers(table, rules, {
      report: (error) => side.report(error),
      unanswered: (type) => this.#unanswered(type),
    });
  }

  /** {@inheritDoc Endpoint.opening} */
  get opening(): { readonly framing: Framing; readonly kind?: KindField } | undefined {
    return this.#side.side === "server" ? this.#table.opening?.framing : undefined;
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
    const added = this.#table.handlers(handlers);
    this.#handlers = added.map((handler, index) => handler ?? this.#handlers[index]);
  }

  /** Sends a request; settles with its reply. */
  call(name: string, fields?: AnyFields, options?: CallOptions): Promise<DefinedPacket> {
    return new Promise((resolve, reject) => {
      const type = this.#requested(name);
      this.#call(type, fields, options, resolve, reject);
    });
  }

  #call(
    type: PacketType,
    fields: AnyFields,
    options: CallOptions | undefined,
    resolve: (packet: DefinedPacket) => void,
    reject: (error: Error) => void,
  ): void {
    const writer = {
      put: (key: CallKey) => {
        // What a handler sends leaves with the replies of its batch: nobody knows where that is.
        const place = this.#inBatch ? -1 : this.#connection.outbound.position;
        this.#encode(type, fields, key);
        return place;
      },
      bytes: (key: CallKey) => this.#encoded(type, fields, key),
    };
    this.#calls.call(type, writer, options, resolve, reject);
  }

  /** Sends a packet that is not answered; a server's waits where its peer is slow. */
  send(name: string, fields?: AnyFields, policy?: SlowConsumer): PushOutcome {
    const type = this.#sendable(name);
    if (type.replies.length > 0) {
      throw new FramewireError("INVALID_OPTION", `${name} is answered: use call("${name}", …)`);
    }
    const { pushLimits } = this.#side;
    const key = this.#calls.unansweredKey();
    if (pushLimits === undefined || this.#hasRoom(pushLimits)) {
      this.#encode(type, fields, key);
      return "sent";
    }
    return this.#offer(new PushBytes(this.#encoded(type, fields, key), true), pushLimits, policy);
  }

  /** {@inheritDoc Endpoint.takesPushes} */
  get takesPushes(): boolean {
    return this.#side.pushLimits !== undefined && !this.#opens && this.#refused === undefined;
  }

  /** {@inheritDoc Endpoint.push} */
  push(push: PushBytes, policy?: SlowConsumer): PushOutcome {
    const limits = this.#side.pushLimits!;
    if (!this.#hasRoom(limits)) return this.#offer(push, limits, policy);
    if (this.#inBatch) this.#putBatch(); // behind the replies to the requests before it
    this.#putShared(push.bytes);
    this.#connection.flushSoon();
    return "sent";
  }

  /** {@inheritDoc Endpoint.drained} */
  drained(): Promise<void> {
    const limits = this.#side.pushLimits;
    const { pushes, outbound } = this.#connection;
    if (limits === undefined) return Promise.resolve();
    if (pushes === undefined && outbound.queuedBytes <= limits.writeLowWaterBytes) {
      return Promise.resolve();
    }
    return this.#queue(limits).drained();
  }

  /** Whether what is sent needs no queue: most connections never have one. */
  #hasRoom({ writeLowWaterBytes }: PushLimits): boolean {
    const { pushes, outbound } = this.#connection;
    if (pushes !== undefined && pushes.length > 0) return false;
    return outbound.queuedBytes + (this.#inBatch ? replies.at : 0) < writeLowWaterBytes;
  }

  #offer(push: PushBytes, limits: PushLimits, policy: SlowConsumer | undefined): PushOutcome {
    if (this.#inBatch) this.#putBatch();
    return this.#queue(limits).offer(push, policy);
  }

  #queue(limits: PushLimits): PushQueue {
    return this.#connection.pushes ??= new PushQueue(
      this.#connection,
      limits,
      ({ bytes }) => this.#putShared(bytes),
      (episode) => this.#side.dropped(episode),
    );
  }

  #putShared(frame: Uint8Array): void {
    const { outbound } = this.#connection;
    if (frame.length < SHARED_BYTES) outbound.append(frame);
    else outbound.appendShared(frame);
  }

  /** Puts out what the batch under way has so far. */
  #putBatch(): void {
    run.end();
    if (replies.at === 0) return;
    this.#connection.outbound.append(replies.bytes.subarray(0, replies.at));
    replies.at = 0;
  }

  /** {@inheritDoc Endpoint.heartbeat} */
  heartbeat(): boolean {
    const type = this.#table.heartbeat;
    if (type === undefined || this.#opens || type.from === other(this.#side.side)) return false;
    try {
      if (type.replies.length > 0) this.#call(type, undefined, undefined, nobody, nobody);
      else this.#encode(type, undefined, this.#calls.unansweredKey());
    } catch {
      return false; // so many calls wait that the protocol can tell no more apart
    }
    return true;
  }

  /** {@inheritDoc FrameConsumer.skipped} */
  skipped(error: FramewireError): void {
    this.#side.report(error);
  }

  /** {@inheritDoc Endpoint.keptBytes} */
  get keptBytes(): number {
    return this.#later === undefined ? 0 : this.#later.keptBytes;
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    const { words, count } = table;
    const incoming = this.#incoming;
    replies.at = 0;
    this.#inBatch = true;
    let requests = 0;
    let i = 0;
    try {
      if (this.#opens && this.#side.side === "server") {
        requests++;
        this.#takeOpening(chunk, words);
        return 1; // the rest is framed otherwise
      }
      const connection = this.#connection;
      while (i < count && connection.state === State.OPEN) {
        if (incoming.isPlain && this.owed === 0) {
          const first = i;
          i = this.#takePlain(chunk, words, i, count);
          requests += i - first;
          if (i > first) continue;
        }
        const type = incoming.find(words, i, chunk);
        if (type === undefined) {
          if (!this.#takeUnknown(chunk)) throw incoming.unknown(chunk);
          i++;
          continue;
        }
        if (type.isReply) {
          const { chunk, header, body, end } = incoming;
          this.#calls.answered(type, chunk, header, body, end);
          i++;
          continue;
        }
        if (this.#later !== undefined && this.#later.full) break;
        this.#request(type, incoming.chunk, incoming.header, incoming.body, incoming.end);
        requests++;
        i++;
      }
    } finally {
      this.#inBatch = false;
      if (requests > 0) this.#side.took(requests);
      this.#count();
      run.end();
      this.#calls.drain();
      this.#putBatch();
      replies.clear(KEPT_WRITER_BYTES);
      if (this.#kept !== undefined) {
        if (this.#later!.release(this.#kept)) this.keepsChunk = true;
        this.#kept = undefined;
      }
    }
    return i;
  }

  /** {@inheritDoc ClientEndpoint.finishing} */
  finishing(reason: CloseReason): void {
    if (this.#lost) return;
    this.#lost = true;
    const later = this.#calls.lost(reason, this.#side.side === "client");
    this.#refused ??= later;
  }

  /** {@inheritDoc ClientEndpoint.closed} */
  closed(reason: CloseReason): void {
    this.finishing(reason);
    this.#later?.close();
    this.#requests.clear();
    this.#side.closed(reason);
  }

  /** Takes the packet that opens the connection; from the next one on frames are the usual ones. */
  #takeOpening(chunk: Uint8Array, words: Int32Array): void {
    const { framing, kindField } = this.#table.framing;
    const incoming = this.#incoming;
    incoming.findOpening(words, chunk);
    this.#opens = false;
    this.#connection.reframe(framing, kindField);
    const { header, body, end } = incoming;
    this.#request(this.#table.opening!.type, chunk, header, body, end);
  }

  /** Answers or ignores a packet of an unknown kind, if the protocol says so. */
  #takeUnknown(chunk: Uint8Array): boolean {
    const { header, end, kind } = this.#incoming;
    if (this.#table.from[this.#side.side].ofKind(kind) !== undefined) return false;
    const answer = this.#answers.unknown(chunk, header, end);
    if (answer === undefined) return false;
    if (answer === "ignore") return true;
    if (this.#ordered && this.owed > 0) {
      this.#put(this.#accept(chunk), () => this.#answers.answer(single, answer, chunk, header));
    } else {
      this.#answers.answer(run.behind(), answer, chunk, header);
    }
    return true;
  }

  /**
   * Takes frames from number `first` on for as long as they are requests as usual: whole, with a
   * handler that returns at once a reply that fits into a run. What is the same for all of a kind is
   * looked up when the kind changes, and not for each request.
   *
   * @returns The frame behind them.
   */
  #takePlain(chunk: Uint8Array, words: Int32Array, first: number, count: number): number {
    const connection = this.#connection;
    const incoming = this.#incoming;
    const { headerBytes } = incoming;
    const { conn } = this.#side;
    let kind = 0;
    let type: PacketType | undefined;
    let handler: AnyHandler | undefined;
    let plan: ReplyPlan | null = null;
    let replied = 0;
    let i = first;
    for (; i < count && connection.state === State.OPEN; i++) {
      const at = i * 4;
      if (type === undefined || words[at + 2] !== kind) {
        kind = words[at + 2]!;
        type = incoming.requestOf(kind);
        if (type === undefined) break;
        handler = this.#handlers[type.index];
        plan = type.replyPlan;
      }
      const strip = words[at + 3]!;
      const header = words[at]! + (strip & 0xffff);
      const body = header + headerBytes;
      const end = words[at]! + words[at + 1]! - (strip >>> 16);
      if (handler === undefined || end < body) break;
      let returned: unknown;
      try {
        returned = handler(type.open(chunk, header, body, end) as never, conn);
        if (plan !== null && run.take(plan, returned, chunk, header)) {
          replied++;
          continue;
        }
      } catch (thrown) {
        this.#answer(type, chunk, header, undefined, true, thrown);
        continue;
      }
      this.#returned(type, chunk, header, returned);
      if (this.owed > 0) {
        i++;
        break;
      }
    }
    this.#answers.replied += replied;
    return i;
  }

  // Short, and what is seldom elsewhere: then the compilers put what it calls in line.
  #request(
    type: PacketType,
    chunk: Uint8Array,
    header: number,
    body: number,
    end: number,
  ): void {
    const handler = this.#handlers[type.index];
    if (handler === undefined) {
      this.#unhandled(type, chunk, header);
      return;
    }
    const packet = type.open(chunk, header, body, end);
    let returned: unknown;
    try {
      returned = handler(packet as never, this.#side.conn);
    } catch (thrown) {
      this.#answer(type, chunk, header, undefined, true, thrown);
      return;
    }
    this.#returned(type, chunk, header, returned);
  }

  /** A handler has returned what is no simple reply. */
  #returned(type: PacketType, chunk: Uint8Array, header: number, returned: unknown): void {
    let waits: boolean;
    try {
      waits = isPromise(returned);
    } catch (thrown) {
      this.#answer(type, chunk, header, undefined, true, thrown);
      return;
    }
    if (waits) {
      type.keepSpare();
      this.#await(returned as PromiseLike<unknown>, { type, chunk, start: header });
    } else {
      this.#answer(type, chunk, header, returned, false, undefined);
    }
  }

  #unhandled(type: PacketType, chunk: Uint8Array, header: number): void {
    const { replies } = type;
    if (replies.length === 0) return;
    const needsHandler = replies.length > 1 || !replies[0]!.sendsItself;
    const error = needsHandler
      ? new FramewireError("NO_HANDLER", `there is no handler for ${type.name}`)
      : undefined;
    this.#answer(type, chunk, header, undefined, needsHandler, error);
  }

  /** Answers a request whose handler is done, at once or behind others. */
  #answer(
    type: PacketType,
    chunk: Uint8Array,
    header: number,
    returned: unknown,
    failed: boolean,
    error: unknown,
  ): void {
    if (this.#ordered && this.owed > 0) {
      // Its reply waits behind others.
      const seq = this.#accept(chunk);
      this.#requests.set(seq, { type, chunk, start: header });
      this.#settle(seq, returned, failed, error);
    } else if (failed) {
      this.#answers.failed(run.behind(), type, chunk, header, error);
    } else if (type.replies.length > 0) {
      this.#answers.reply(run.behind(), type, chunk, header, returned);
    }
  }

  #unanswered(type: PacketType): void {
    if (this.#table.correlated) return;
    // The next reply would be taken for this one's.
    this.#connection.finish({
      code: "HANDLER_FAILED",
      message: `a ${type.name} could not be answered, and replies come in order`,
    });
  }

  #accept(chunk: Uint8Array): number {
    const later = this.#later ??= this.#begin();
    this.#kept ??= later.keep(chunk.length);
    return later.accept(this.#kept);
  }

  #await(promise: PromiseLike<unknown>, request: Request): void {
    const seq = this.#accept(request.chunk);
    this.#requests.set(seq, request);
    const settled = promise instanceof Promise ? promise : Promise.resolve(promise);
    settled.then(
      (value) => this.#settle(seq, value, false, undefined),
      (error) => this.#settle(seq, undefined, true, error),
    );
  }

  #settle(seq: number, returned: unknown, failed: boolean, error: unknown): void {
    if (!this.#later!.pending(seq)) return; // its deadline has passed, or the connection is closed
    const { type, chunk, start } = this.#requests.get(seq)!;
    this.#requests.delete(seq);
    this.#put(seq, () => {
      if (failed) this.#answers.failed(single, type, chunk, start, error);
      else if (type.replies.length > 0) this.#answers.reply(single, type, chunk, start, returned);
    });
  }

  /** Puts out the reply to a request that has waited. */
  #put(seq: number, write: () => void): void {
    const later = this.#later!;
    single.at = 0;
    write();
    this.#count();
    if (single.at > 0) {
      if (this.#store === undefined) {
        this.#connection.outbound.append(single.bytes.subarray(0, single.at));
      } else {
        this.#store.put((later as ReplyOrder).slot(seq), single.bytes.slice(0, single.at));
      }
    }
    later.settle(seq);
  }

  /** Tells its side what was answered. */
  #count(): void {
    const answers = this.#answers;
    if (answers.replied === 0) return;
    this.#side.replied(answers.replied, answers.failures);
    answers.replied = answers.failures = 0;
  }

  #begin(): ReplyOrder | ReplyPool {
    const { limits } = this.#side;
    const timedOut = (seq: number) => {
      const limit = `${limits.handlerTimeoutMs} ms (handlerTimeoutMs)`;
      const message = `the handler has not settled within ${limit}`;
      this.#settle(seq, undefined, true, new FramewireError("HANDLER_TIMEOUT", message));
    };
    if (!this.#ordered) return new ReplyPool(this.#connection, limits, timedOut);
    this.#store = new BytesStore();
    return new ReplyOrder(this.#connection, this.#store, limits, timedOut);
  }

  /** The packet of a call. */
  #requested(name: string): PacketType {
    const type = this.#sendable(name);
    if (type.replies.length > 0) return type;
    throw new FramewireError("INVALID_OPTION", `${name} has no reply: use send("${name}", …)`);
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
    if (this.#side.side === "client" && type.opens !== this.#opens) {
      const first = this.#table.opening!.type.name;
      const order = type.opens ? "was sent already" : "comes first";
      throw new FramewireError("INVALID_OPTION", `${name} cannot be sent now: ${first} ${order}`);
    }
    return type;
  }

  /** A packet's bytes, in memory of their own. */
  #encoded(type: PacketType, fields: AnyFields, value: unknown): Uint8Array {
    single.at = 0;
    type.encode(single, fields, value);
    const bytes = single.bytes.slice(0, single.at);
    single.clear(KEPT_WRITER_BYTES);
    return bytes;
  }

  #encode(type: PacketType, fields: AnyFields, value: unknown): void {
    if (this.#inBatch) {
      // Behind the replies to the requests before it.
      type.encode(run.behind(), fields, value);
    } else {
      single.at = 0;
      type.encode(single, fields, value);
      this.#connection.outbound.append(single.bytes.subarray(0, single.at));
      single.clear(KEPT_WRITER_BYTES);
      this.#connection.flushSoon();
    }
    if (type.opens) this.#opens = false;
  }
}
