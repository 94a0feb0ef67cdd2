/**
 * Either side of a defined protocol on one connection: packets to handlers and replies back, calls
 * out and their replies in.
 *
 * @module
 */
import type { Codec, FrameTable } from "../../codec/codec.ts";
import type { Framing, KindField } from "../../codec/framing.ts";
import { type CloseReason, type Connection, State } from "../../connection/connection.ts";
import { giveBuffer } from "../../connection/buffer_pool.ts";
import { PushBytes } from "../../connection/push_bytes.ts";
import type { PushOutcome } from "../../connection/push_queue.ts";
import type { SlowConsumer } from "../../connection/slow_consumer.ts";
import { FramewireError } from "../../errors.ts";
import { Answers, type AnyFields, type Rules } from "./answers.ts";
import type { CallOptions } from "../call_limits.ts";
import { Caller } from "./caller.ts";
import type { AnyHandler, DefinedSide } from "./side.ts";
import { copyShort, type PayloadViews, viewsOf } from "../batch_memory.ts";
import { isPromise } from "../is_promise.ts";
import type { DefinedPacket } from "./packet.ts";
import { PacketFinder } from "./packet_finder.ts";
import type { PacketType } from "./packet_type.ts";
import { other, type PacketTable } from "./packet_table.ts";
import type { ClientEndpoint } from "../protocol.ts";
import { sendable } from "./sendable.ts";
import { LaterReplies } from "./later_replies.ts";
import { PacketOut, run, single } from "./packet_out.ts";
import type { ReplyPlan } from "./reply_run.ts";

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
  readonly #calls: Caller<DefinedPacket>;
  /** Whether the packet that opens the connection is still to come, or to be sent. */
  #opens: boolean;
  readonly #out: PacketOut;
  /** Requests whose replies come later; from the first such on. */
  #later: LaterReplies | undefined;
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
    const { keys } = table.framing.header;
    this.#calls = new Caller(connection, keys, side.calls, () => side.settled());
    this.#out = new PacketOut(connection, side);
    this.#opens = table.opening !== undefined;
    this.#answers = new Answers(table, rules, {
      report: (error) => side.report(error),
      misleading: (reason) => connection.finish(reason),
    });
  }

  /** {@inheritDoc Endpoint.opening} */
  get opening(): { readonly framing: Framing; readonly kind?: KindField } | undefined {
    return this.#opens && this.#side.side === "server" ? this.#table.opening?.framing : undefined;
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
    this.#handlers = this.#table.handlers(handlers).map((one, i) => one ?? this.#handlers[i]);
  }

  /** Sends a request; settles with its reply. */
  call(name: string, fields?: AnyFields, options?: CallOptions): Promise<DefinedPacket> {
    return new Promise((resolve, reject) =>
      this.#call(this.#sendable(name, true), fields, options, resolve, reject)
    );
  }

  #call(
    type: PacketType,
    fields: AnyFields,
    options: CallOptions | undefined,
    resolve: (packet: DefinedPacket) => void,
    reject: (error: Error) => void,
  ): void {
    const writer = this.#out.caller(type, fields, () => this.#opens &&= !type.opens);
    this.#calls.call(type, writer, options, resolve, reject);
  }

  /** Sends a packet that is not answered; a server's waits where its peer is slow. */
  send(name: string, fields?: AnyFields, policy?: SlowConsumer): PushOutcome {
    const type = this.#sendable(name, false);
    const key = this.#calls.unansweredKey();
    if (this.#out.hasRoom) {
      this.#encode(type, fields, key);
      return "sent";
    }
    return this.#out.offer(new PushBytes(this.#out.encoded(type, fields, key), true), policy);
  }

  /** {@inheritDoc Endpoint.takesPushes} */
  get takesPushes(): boolean {
    return this.#side.pushLimits !== undefined && !this.#opens && this.#refused === undefined;
  }

  /** {@inheritDoc Endpoint.push} */
  push(push: PushBytes, policy?: SlowConsumer): PushOutcome {
    return this.#out.push(push, policy);
  }

  /** {@inheritDoc Endpoint.drained} */
  drained(): Promise<void> {
    return this.#out.drained();
  }

  /** {@inheritDoc Endpoint.heartbeat} */
  heartbeat(): boolean {
    const type = this.#table.heartbeat;
    if (type === undefined || this.#opens || type.from === other(this.#side.side)) return false;
    const nobody = (): void => {}; // waits for the reply
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
  batch(_codec: Codec, given: Uint8Array, table: FrameTable): number {
    const { words, count } = table;
    const incoming = this.#incoming;
    const copies = this.#side.side === "server" && this.#later === undefined && !this.#opens;
    const chunk = copies && incoming.isPlain ? copyShort(given, table) ?? given : given;
    const views = chunk === given ? undefined : viewsOf(chunk);
    this.#out.begin();
    let requests = 0;
    let i = 0;
    try {
      if (this.#opens && this.#side.side === "server") {
        requests++;
        this.#takeOpening(chunk, words);
        return 1; // the rest is framed otherwise
      }
      while (i < count && this.#connection.state === State.OPEN) {
        if (incoming.isPlain && this.owed === 0) {
          const first = i;
          i = this.#takePlain(chunk, words, i, count, views);
          requests += i - first;
          if (i > first) continue;
        }
        const type = incoming.find(words, i, chunk);
        if (type === undefined) {
          if (!this.#takeUnknown(chunk)) throw incoming.unknown(chunk);
        } else if (type.isReply) {
          const { chunk, header, body, end } = incoming;
          const key = this.#table.framing.header.keyOf(chunk, header, end);
          const call = this.#calls.asked(key, type, chunk, header, end);
          this.#calls.answered(call, type, type.copy(chunk, header, body, end));
        } else {
          if (this.#later !== undefined && this.#later.full) break;
          this.#request(type, incoming.chunk, incoming.header, incoming.body, incoming.end);
          requests++;
        }
        i++;
      }
    } finally {
      this.#out.inBatch = false;
      if (requests > 0) this.#side.took(requests);
      this.#answers.tell(this.#side);
      run.end();
      this.#calls.drain();
      this.#out.end();
      if (views !== undefined && this.#later === undefined) giveBuffer(chunk);
      if (this.#later?.release() && views === undefined) this.keepsChunk = true;
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
      const later = this.#laterReplies;
      later.put(later.accept(chunk), () => this.#answers.answer(single, answer, chunk, header));
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
  #takePlain(
    chunk: Uint8Array,
    words: Int32Array,
    first: number,
    count: number,
    views: PayloadViews | undefined,
  ): number {
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
        returned = handler(type.open(chunk, header, body, end, views, i) as never, conn);
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
      if (type.replies.length === 0) return;
      const error = type.lacksHandler;
      this.#answer(type, chunk, header, undefined, error !== undefined, error);
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
      this.#laterReplies.await(returned as PromiseLike<unknown>, { type, chunk, start: header });
    } else {
      this.#answer(type, chunk, header, returned, false, undefined);
    }
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
      const later = this.#laterReplies;
      later.settle(later.take({ type, chunk, start: header }), returned, failed, error);
    } else if (failed) {
      this.#answers.failed(run.behind(), type, chunk, header, error);
    } else if (type.replies.length > 0) {
      this.#answers.reply(run.behind(), type, chunk, header, returned);
    }
  }

  get #laterReplies(): LaterReplies {
    const answers = this.#answers;
    return this.#later ??= new LaterReplies(this.#connection, this.#side, answers, this.#ordered);
  }

  #sendable(name: string, answered: boolean): PacketType {
    if (this.#refused !== undefined) throw this.#refused;
    return sendable(this.#table, this.#side.side, this.#opens, name, answered);
  }

  #encode(type: PacketType, fields: AnyFields, value: unknown): void {
    this.#out.encode(type, fields, value);
    if (type.opens) this.#opens = false;
  }
}
