/**
 * The calls that one side of a defined protocol makes: encoded, sent or kept until there is room,
 * and matched with their replies.
 *
 * @module
 */
import type { CloseReason, Connection } from "../../connection/connection.ts";
import { FramewireError } from "../../errors.ts";
import {
  type CallLimits,
  type CallOptions,
  cancelled,
  checkCallOptions,
  notSent,
} from "../call_limits.ts";
import { CallQueue } from "../call_queue.ts";
import { connectionLost } from "../protocol.ts";
import { unasked } from "./packet_errors.ts";
import type { Values } from "./fields/field_row.ts";
import {
  type Call,
  type CallKey,
  Correlator,
  type Keys,
  type MapKey,
  type Request,
} from "./correlator.ts";

/** What writes a call's packet. */
export interface CallWriter {
  /** Puts it out; returns the place of its first byte in the stream, -1 where nobody knows it. */
  put(key: CallKey): number;
  /** Its bytes, in memory of their own. */
  bytes(key: CallKey): Uint8Array;
}

/** The calls of one side of a connection. */
export class Caller<Reply extends { toObject(): Values }> {
  readonly #connection: Connection;
  readonly #limits: CallLimits;
  readonly #calls: Correlator<Reply>;
  /** Calls that wait for room; from the first such on. */
  #queue: CallQueue | undefined;

  /**
   * @param keys What replies name their requests by; undefined where they come in their order.
   * @param settled Called when the last call that waited is settled.
   */
  constructor(
    connection: Connection,
    keys: Keys | undefined,
    limits: CallLimits,
    settled: () => void,
  ) {
    this.#connection = connection;
    this.#limits = limits;
    this.#calls = new Correlator(
      keys,
      () =>
        limits.book(limits, connection, () => {
          if (this.pending === 0) settled();
        }),
    );
  }

  /** Calls that wait for their reply. */
  get pending(): number {
    return this.#calls.pending + (this.#queue?.length ?? 0);
  }

  /** The key of a packet that is not answered. */
  unansweredKey(): CallKey {
    return this.#calls.next();
  }

  /** Makes a call; throws when it cannot be made. */
  call(
    type: Request,
    writer: CallWriter,
    options: CallOptions | undefined,
    resolve: (packet: Reply) => void,
    reject: (error: Error) => void,
  ): void {
    if (options !== undefined) {
      checkCallOptions(options);
      if (options.signal?.aborted) throw cancelled(options.signal.reason, "not-sent");
    }
    const { book } = this.#calls;
    const key = this.#calls.next();
    const sent = (place: number, leftMs?: number) => {
      const number = book.add(place, resolve, reject);
      this.#calls.wait(key, { number, request: type });
      if (options !== undefined) book.limit(number, options, leftMs);
    };
    try {
      if (!book.full) return sent(writer.put(key));
      // It is encoded at once: the caller's fields may change while it waits.
      const bytes = writer.bytes(key);
      this.#calls.reserve(key, type);
      this.#queue ??= new CallQueue(this.#limits);
      this.#queue.wait(options ?? {}, (leftMs) => {
        const place = this.#connection.outbound.position;
        this.#connection.outbound.append(bytes);
        this.#connection.flushSoon();
        sent(place, leftMs);
      }, (error) => {
        this.#calls.release(key);
        reject(error);
      });
    } catch (error) {
      throw notSent(error);
    }
  }

  /**
   * The call that the packet in `chunk[from, end)`, which has this key, answers.
   *
   * @throws FramewireError UNEXPECTED_PACKET when it answers none.
   */
  asked(key: MapKey, type: Request, chunk: Uint8Array, from: number, end: number): Call {
    const call = this.#calls.take(key);
    if (call === undefined || call.number < 0) throw unasked(type.name, chunk, from, end);
    return call;
  }

  /** A call's reply came. */
  answered({ request, number }: Call, type: Request, reply: Reply): void {
    const { book } = this.#calls;
    if (request.replies.includes(type)) {
      book.resolve(number, reply);
      return;
    }
    const expected = request.replies.map((reply) => reply.name).join(" or ");
    book.reject(
      number,
      new FramewireError(
        "RESULT_FAILED",
        `${request.name} was answered by ${type.name}, expected ${expected}`,
        { reply: reply.toObject(), outcome: "answered" },
      ),
    );
  }

  /** Replies came: there may be room. */
  drain(): void {
    if (this.#queue !== undefined) this.#queue.drain(() => this.#calls.book.full);
  }

  /** The replies can no longer come. Returns what later calls fail with. */
  lost(reason: CloseReason, discards: boolean): FramewireError {
    const { pending } = this;
    const lost = (outcome: "not-sent" | "unknown") => connectionLost(reason, pending, outcome);
    // What has not left is of no use any more; so it can be said for certain that it did not.
    if (pending > 0 && discards) this.#connection.outbound.discard();
    this.#queue?.failAll(() => lost("not-sent"));
    this.#calls.failAll(lost);
    return lost("not-sent");
  }
}
