/**
 * The server's side of the `submit` protocol with a plain peer: frames to handlers, results to
 * acknowledgements. A hello hands the connection over to a {@linkcode Greeter}.
 *
 * Sync handlers are answered by the batch: their results go into the codec's table, and one call
 * encodes all acknowledgements of a chunk. From the first handler on that returns a promise, replies
 * wait in a {@linkcode ReplyOrder} until those before them have left.
 *
 * @module
 */
import type { Codec, FrameTable } from "../../../codec/codec.ts";
import {
  type CloseReason,
  type Connection,
  type Endpoint,
  State,
} from "../../../connection/connection.ts";
import { giveBuffer } from "../../../connection/buffer_pool.ts";
import { FramewireError, thrownText } from "../../../errors.ts";
import { copyFrames, copyShort, viewsOf } from "../../batch_memory.ts";
import { isPromise } from "../../is_promise.ts";
import type { ServerSide } from "../../protocol.ts";
import { type KeptChunk, ReplyOrder } from "../../reply_order.ts";
import { Command, Result, SUBMIT_HEADER_BYTES } from "../commands.ts";
import { Greeter, isHello } from "./greeter.ts";
import type { SubmitConnection, SubmitHandler, SubmitHandlers } from "./handlers.ts";
import { follow, forget, openChunk, pointAt, SubmitPacket } from "./packet.ts";
import { isRefused } from "./refused.ts";
import { ACK_BYTES, AckStore } from "./replies.ts";
import { cutShort, StreamedSubmits } from "./streamed.ts";
import { wrongCommand } from "./wrong_command.ts";

/**
 * The packet that sync handlers are given, one after the other: batches do not nest. A handler that
 * takes its time keeps it, and the next one gets another.
 */
let spare = new SubmitPacket();

function openSpare(chunk: Uint8Array, pooled: Uint8Array | undefined): SubmitPacket {
  openChunk(spare, chunk, pooled && viewsOf(pooled));
  return spare;
}

/**
 * A handler that takes its time, and what is done when its promise settles. They are used again,
 * by all connections, the last one first: two closures and a packet made for each request took a
 * fifth of an async server's time, and a stock of them per connection did not stay in the cache.
 */
class Turn {
  packet: SubmitPacket = new SubmitPacket();
  endpoint: SubmitServerEndpoint | undefined;
  seq = 0;
  readonly resolved: () => void;
  readonly rejected: (error: unknown) => void;

  constructor() {
    this.resolved = () => this.endpoint!.settled(this, false, undefined);
    this.rejected = (error) => this.endpoint!.settled(this, true, error);
  }
}

const spareTurns: Turn[] = [];
/** A packet and two closures take 0.3 KB: what a burst has left behind is not kept for ever. */
const MOST_SPARE_TURNS = 4096;

/** One connection's endpoint. */
export class SubmitServerEndpoint implements Endpoint {
  readonly #connection: Connection;
  readonly #side: ServerSide;
  readonly #handlers: SubmitHandlers;
  readonly #submit: SubmitHandler;
  /** They exist from the first handler on that takes its time. */
  #order: ReplyOrder | undefined;
  #store: AckStore | undefined;
  /** Whether handlers of the last batch took their time: those of the next one probably will. */
  #takesTime = false;
  /** What takes long submits, where they are streamed. */
  readonly parts: StreamedSubmits | undefined;
  keepsChunk = false;

  constructor(connection: Connection, side: ServerSide, handlers: SubmitHandlers) {
    this.#connection = connection;
    this.#side = side;
    this.#handlers = handlers;
    this.#submit = handlers.submit;
    const { streamThresholdBytes } = side;
    this.parts = streamThresholdBytes > 0 ? this.#streams(streamThresholdBytes) : undefined;
  }

  /** {@inheritDoc Endpoint.owed} */
  get owed(): number {
    return this.#order === undefined ? 0 : this.#order.owed;
  }

  /** {@inheritDoc Endpoint.keptBytes} */
  get keptBytes(): number {
    return (this.#order === undefined ? 0 : this.#order.keptBytes) +
      (this.parts === undefined ? 0 : this.parts.waitingBytes);
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    const { words, count } = table;
    const results = codec.results;
    if (
      words[2] === Command.CONN && this.#side.conn.requests === 0 && isHello(words[2], words[1]!)
    ) {
      const greeter = new Greeter(this.#connection, this.#side, this.#handlers);
      this.#connection.become(greeter);
      return greeter.batch(codec, chunk, table);
    }
    let failures = 0;
    let taken = 0;
    let promise: PromiseLike<unknown> | undefined;
    let copy: Uint8Array | undefined;
    let wrong: FramewireError | undefined;
    if (this.owed === 0 && !this.#takesTime) {
      copy = copyShort(chunk, table);
      const packet = openSpare(copy ?? chunk, copy);
      while (taken < count && this.#connection.state === State.OPEN) {
        const at = taken * 4;
        const handler = this.#handler(words[at + 2]!, words[at + 1]!);
        if (handler === undefined) {
          wrong = wrongCommand(chunk, words[at]!, words[at + 1]!, words[at + 2]!);
          break;
        }
        if (handler === null) {
          results[taken++] = Result.OK;
          continue;
        }
        pointAt(packet, words[at]!, words[at + 1]!, taken);
        try {
          const returned = handler(packet, this.#side.conn as SubmitConnection);
          if (isPromise(returned)) {
            promise = returned;
            break;
          }
          results[taken++] = Result.OK;
        } catch (error) {
          results[taken++] = Result.FAILED;
          failures++;
          this.#failed(error, packet.id);
        }
      }
      if (copy !== undefined && promise === undefined) giveBuffer(copy);
      if (taken > 0) this.#acknowledge(codec, chunk, taken, failures);
    }
    if (promise !== undefined || (wrong === undefined && taken < count)) {
      const first = taken;
      const order = this.#begun;
      const last = Math.min(count, first + order.room);
      order.reserve(last - first);
      this.#store!.beginAll(codec, chunk, first, last, order.nextSlot);
      if (promise === undefined) {
        taken = this.#takeCopy(chunk, table, first, last);
      } else {
        const source = copy ?? chunk;
        const kept = order.keep(source.length, copy);
        taken = this.#takeInOrder(source, 0, table, first, last, kept, promise);
      }
      this.#side.tookRequests(taken - first);
      if (taken < count && !this.#begun.full && this.#connection.state === State.OPEN) {
        const at = taken * 4;
        // Else it was not taken for want of room, which there is again.
        if (this.#handler(words[at + 2]!, words[at + 1]!) === undefined) {
          wrong = wrongCommand(chunk, words[at]!, words[at + 1]!, words[at + 2]!);
        }
      }
    }
    if (wrong !== undefined) throw wrong;
    return taken;
  }

  /** {@inheritDoc Endpoint.busy} */
  busy(retryAfterMs: number): boolean {
    this.#connection.become(
      new Greeter(this.#connection, this.#side, this.#handlers, retryAfterMs),
    );
    return true;
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(reason: CloseReason): void {
    this.parts?.fail(cutShort(reason));
  }

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.parts?.fail(cutShort(reason));
    this.#order?.close();
    this.#side.closed(reason);
  }

  /** The handler of a command; null where there is nothing to call, undefined for a wrong command. */
  #handler(command: number, length: number): SubmitHandler | null | undefined {
    if (command === Command.SUBMIT) return this.#submit;
    if (command !== Command.CONN || length > SUBMIT_HEADER_BYTES) return undefined;
    return this.#handlers.conn ?? null;
  }

  #streams(overBytes: number): StreamedSubmits {
    return new StreamedSubmits(overBytes, Command.SUBMIT, {
      handle: (packet) => this.#submit(packet, this.#side.conn as SubmitConnection),
      accept: (head) => {
        const order = this.#begun;
        if (order.full || this.#connection.state !== State.OPEN) return undefined;
        const kept = order.keep(0);
        const seq = order.accept(kept);
        order.release(kept);
        this.#store!.begin(order.slot(seq), head, 0);
        this.#side.tookRequests(1);
        return seq;
      },
      touch: (seq) => this.#order!.touch(seq),
      settle: (seq, failed, error, id) => {
        if (failed) this.#failed(error, id);
        this.#settle(seq, failed ? Result.FAILED : Result.OK);
      },
      resume: () => this.#connection.resume(),
    });
  }

  /** Sends the replies of the first `count` frames in one piece. */
  #acknowledge(codec: Codec, chunk: Uint8Array, count: number, failures: number): void {
    const { outbound } = this.#connection;
    const { counters } = this.#side;
    const buffer = outbound.reserve(count * ACK_BYTES);
    outbound.commit(codec.encodeAcks(chunk, 0, count, buffer, outbound.at));
    counters.replies += count;
    counters.failures += failures;
    this.#side.tookRequests(count);
  }

  /**
   * Takes frames whose handlers are expected to take their time: from a copy of them in pooled
   * memory, so that the link goes on reading into its own. Handing the link's memory over instead
   * means new memory for every read: a third of an async server's throughput.
   */
  #takeCopy(chunk: Uint8Array, table: FrameTable, first: number, last: number): number {
    if (last === first) return first;
    const copy = copyFrames(chunk, table, first, last - 1);
    const from = table.words[first * 4]!;
    const kept = this.#begun.keep(copy.length, copy);
    return this.#takeInOrder(copy, from, table, first, last, kept, undefined);
  }

  /**
   * Takes frames `[first, last)` whose replies must wait; but for their results they are in the store.
   *
   * @param chunk Where the frames are: each `shift` bytes before the place that the table says.
   * @param promise What the first one's handler has returned, if it was called already.
   */
  #takeInOrder(
    chunk: Uint8Array,
    shift: number,
    table: FrameTable,
    first: number,
    last: number,
    kept: KeptChunk,
    promise: PromiseLike<unknown> | undefined,
  ): number {
    const { words } = table;
    const order = this.#begun;
    let packet = openSpare(chunk, kept.pooled);
    let taken = first;
    while (taken < last) {
      const at = taken * 4;
      const offset = words[at]! - shift;
      if (promise === undefined && this.#connection.state !== State.OPEN) break;
      const handler = this.#handler(words[at + 2]!, words[at + 1]!);
      if (handler === undefined) break;
      const seq = order.accept(kept);
      taken++;
      if (promise !== undefined) {
        packet = this.#await(promise, seq, packet);
        promise = undefined;
        continue;
      }
      if (handler === null) {
        this.#settle(seq, Result.OK);
        continue;
      }
      pointAt(packet, offset, words[at + 1]!, taken - first);
      try {
        const returned = handler(packet, this.#side.conn as SubmitConnection);
        if (isPromise(returned)) {
          packet = this.#await(returned, seq, packet);
        } else {
          this.#settle(seq, Result.OK);
        }
      } catch (error) {
        this.#failed(error, packet.id);
        this.#settle(seq, Result.FAILED);
      }
    }
    const waits = order.release(kept);
    this.#takesTime = waits;
    if (waits && kept.pooled === undefined) this.keepsChunk = true;
    return taken;
  }

  /** Waits for a handler, which keeps its packet; returns the packet for the next one. */
  #await(promise: PromiseLike<unknown>, seq: number, packet: SubmitPacket): SubmitPacket {
    const turn = spareTurns.pop() ?? new Turn();
    turn.endpoint = this;
    spare = turn.packet;
    follow(spare, packet);
    turn.packet = packet;
    turn.seq = seq;
    // Only a native promise is sure to settle once, later and without throwing.
    const settled = promise instanceof Promise ? promise : Promise.resolve(promise);
    settled.then(turn.resolved, turn.rejected);
    return spare;
  }

  /** A handler's promise has settled. */
  settled(turn: Turn, failed: boolean, error: unknown): void {
    if (failed) this.#failed(error, turn.packet.id);
    turn.endpoint = undefined;
    forget(turn.packet);
    if (spareTurns.length < MOST_SPARE_TURNS) spareTurns.push(turn);
    this.#settle(turn.seq, failed ? Result.FAILED : Result.OK);
  }

  #settle(seq: number, result: number): void {
    const order = this.#order!;
    if (!order.pending(seq)) return order.dropped(seq);
    this.#store!.finish(order.slot(seq), result);
    this.#side.counters.replies++;
    if (result !== Result.OK) this.#side.counters.failures++;
    order.settle(seq);
  }

  get #begun(): ReplyOrder {
    if (this.#order === undefined) {
      this.#store = new AckStore();
      this.#order = new ReplyOrder(
        this.#connection,
        this.#store,
        this.#side.limits,
        (seq) => this.#timedOut(seq),
      );
    }
    return this.#order;
  }

  #timedOut(seq: number): void {
    const error = new FramewireError(
      "HANDLER_TIMEOUT",
      `a handler has not settled within ${this.#side.limits.handlerTimeoutMs} ms ` +
        `(handlerTimeoutMs); its request was answered with result ${Result.FAILED}`,
    );
    this.#side.report(error);
    this.parts?.abandon(seq, error);
    this.#settle(seq, Result.FAILED);
  }

  #failed(cause: unknown, id: string): void {
    if (isRefused(cause)) return; // meant as the answer, of which a plain peer is told no more
    this.#side.report(
      new FramewireError(
        "HANDLER_FAILED",
        `the handler of request ${id} failed: ${thrownText(cause)}`,
        { cause },
      ),
    );
  }
}
