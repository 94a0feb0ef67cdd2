/**
 * Requests of a defined protocol whose replies come later: their handlers take their time, or those of
 * requests before them do and replies keep their order.
 *
 * @module
 */
import type { Connection } from "../../connection/connection.ts";
import { FramewireError } from "../../errors.ts";
import { type KeptChunk, ReplyOrder } from "../reply_order.ts";
import { ReplyPool } from "../reply_pool.ts";
import type { Answers } from "./answers.ts";
import { BytesStore } from "./bytes_store.ts";
import { single } from "./packet_out.ts";
import type { PacketType } from "./packet_type.ts";
import type { DefinedSide } from "./side.ts";

/** A request that was taken: what its reply needs of it. */
export interface TakenRequest {
  readonly type: PacketType;
  /** The chunk it came in, kept until it is answered. */
  readonly chunk: Uint8Array;
  /** Where its header begins in it. */
  readonly start: number;
}

/** Those of one connection. */
export class LaterReplies {
  readonly #connection: Connection;
  readonly #answers: Answers;
  readonly #side: DefinedSide;
  readonly #order: ReplyOrder | ReplyPool;
  /** Where replies wait for those before them. */
  readonly #store: BytesStore | undefined;
  /** What is known of the requests, by their number. */
  readonly #requests = new Map<number, TakenRequest>();
  /** The chunk of the batch under way, once a request keeps it. */
  #kept: KeptChunk | undefined;

  constructor(
    connection: Connection,
    side: DefinedSide,
    answers: Answers,
    ordered: boolean,
  ) {
    this.#connection = connection;
    this.#answers = answers;
    this.#side = side;
    const { limits } = side;
    const timedOut = (seq: number) => {
      const limit = `${limits.handlerTimeoutMs} ms (handlerTimeoutMs)`;
      const message = `the handler has not settled within ${limit}`;
      this.settle(seq, undefined, true, new FramewireError("HANDLER_TIMEOUT", message));
    };
    if (ordered) {
      this.#store = new BytesStore();
      this.#order = new ReplyOrder(connection, this.#store, limits, timedOut);
    } else {
      this.#order = new ReplyPool(connection, limits, timedOut);
    }
  }

  /** Replies that are owed. */
  get owed(): number {
    return this.#order.owed;
  }

  /** Memory that the requests keep, in bytes. */
  get keptBytes(): number {
    return this.#order.keptBytes;
  }

  /** Whether no more requests should be taken for now. */
  get full(): boolean {
    return this.#order.full;
  }

  /** Owes a reply to something in the chunk of the batch under way; returns its number. */
  accept(chunk: Uint8Array): number {
    this.#kept ??= this.#order.keep(chunk.length);
    return this.#order.accept(this.#kept);
  }

  /** Owes a reply to a request; returns its number. */
  take(request: TakenRequest): number {
    const seq = this.accept(request.chunk);
    this.#requests.set(seq, request);
    return seq;
  }

  /** Waits for a handler. */
  await(promise: PromiseLike<unknown>, request: TakenRequest): void {
    const seq = this.take(request);
    const settled = promise instanceof Promise ? promise : Promise.resolve(promise);
    settled.then(
      (value) => this.settle(seq, value, false, undefined),
      (error) => this.settle(seq, undefined, true, error),
    );
  }

  /** A handler is done. */
  settle(seq: number, returned: unknown, failed: boolean, error: unknown): void {
    if (!this.#order.pending(seq)) return this.#order.dropped(seq);
    const { type, chunk, start } = this.#requests.get(seq)!;
    this.#requests.delete(seq);
    this.put(seq, () => {
      if (failed) this.#answers.failed(single, type, chunk, start, error);
      else if (type.replies.length > 0) this.#answers.reply(single, type, chunk, start, returned);
    });
  }

  /** Puts out a reply, which `write` writes to the single writer. */
  put(seq: number, write: () => void): void {
    single.at = 0;
    write();
    this.#answers.tell(this.#side);
    if (single.at > 0) {
      if (this.#store === undefined) {
        this.#connection.outbound.append(single.bytes.subarray(0, single.at));
      } else {
        const slot = (this.#order as ReplyOrder).slot(seq);
        this.#store.put(slot, single.bytes.slice(0, single.at));
      }
    }
    this.#order.settle(seq);
  }

  /** The batch has ended; returns whether requests still read from its chunk. */
  release(): boolean {
    const kept = this.#kept;
    if (kept === undefined) return false;
    this.#kept = undefined;
    return this.#order.release(kept);
  }

  /** The connection is closed. */
  close(): void {
    this.#order.close();
    this.#requests.clear();
  }
}
