/**
 * The client's side of the `echo` protocol: echoes matched by their order.
 *
 * @module
 */
import type { Codec, FrameTable } from "../../codec/codec.ts";
import { type CloseReason, type Connection, State } from "../../connection/connection.ts";
import { FramewireError } from "../../errors.ts";
import { ECHO_HEADER_BYTES, EchoType } from "./server.ts";
import { CallBook } from "../call_book.ts";
import { type CallOptions, cancelled, checkCallOptions } from "../call_limits.ts";
import { CallQueue } from "../call_queue.ts";
import { type ClientEndpoint, type ClientSide, connectionLost, tooLarge } from "../protocol.ts";

/** What a client of the `echo` protocol can call. */
export interface EchoCalls {
  /**
   * Sends data and waits for it to come back. Any number may be under way at once.
   *
   * @param data Bytes, or text to be sent as UTF-8. It is copied: its memory is free at once.
   * @returns The data the server sent back, in memory of its own.
   * @throws FramewireError DEADLINE_EXCEEDED, CANCELLED, WINDOW_FULL, FRAME_TOO_LARGE,
   * CONNECTION_CLOSED (or what broke the link). Its `outcome` says what is known of the call.
   */
  echo(data: Uint8Array | string, options?: CallOptions): Promise<Uint8Array>;
}

const encoder = new TextEncoder();
/** One connection's endpoint. */
export class EchoClientEndpoint implements ClientEndpoint, EchoCalls {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  readonly #calls: CallBook<Uint8Array>;
  /** Calls that wait for room; from the first such on. */
  #queue: CallQueue | undefined;
  #refused: FramewireError | undefined;
  #lost = false;
  readonly owed = 0;
  keepsChunk = false;

  constructor(connection: Connection, side: ClientSide) {
    this.#connection = connection;
    this.#side = side;
    this.#calls = new CallBook(side.calls, connection, () => {
      if (this.pending === 0) side.settled();
    });
  }

  /** {@inheritDoc ClientEndpoint.pending} */
  get pending(): number {
    return this.#calls.pending + (this.#queue?.length ?? 0);
  }

  /** {@inheritDoc EchoCalls.echo} */
  echo(data: Uint8Array | string, options: CallOptions = {}): Promise<Uint8Array> {
    if (this.#refused !== undefined) return Promise.reject(this.#refused);
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const total = ECHO_HEADER_BYTES + bytes.length;
    if (total > this.#side.maxFrameBytes) {
      return Promise.reject(tooLarge(total, this.#side.maxFrameBytes));
    }
    return new Promise((resolve, reject) => {
      checkCallOptions(options);
      if (options.signal?.aborted) throw cancelled(options.signal.reason, "not-sent");
      const send = (bytes: Uint8Array, leftMs?: number) => {
        const number = this.#calls.add(this.#put(bytes, total), resolve, reject);
        this.#calls.limit(number, options, leftMs);
      };
      if (!this.#calls.full) return send(bytes);
      this.#queue ??= new CallQueue(this.#side.calls);
      const kept = bytes === data ? bytes.slice() : bytes;
      this.#queue.wait(options, (leftMs) => send(kept, leftMs), reject);
    });
  }

  /** Puts a frame out; returns its place in the stream. */
  #put(bytes: Uint8Array, total: number): number {
    const { outbound } = this.#connection;
    const out = outbound.reserve(total);
    const header = new DataView(out.buffer, out.byteOffset + outbound.at, ECHO_HEADER_BYTES);
    header.setUint32(0, EchoType.DATA_SEND);
    header.setUint32(4, bytes.length);
    out.set(bytes, outbound.at + ECHO_HEADER_BYTES);
    const place = outbound.position;
    outbound.commit(total);
    this.#connection.flushSoon();
    return place;
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    if (this.#connection.state !== State.OPEN) return 0;
    const { words, count } = table;
    for (let i = 0; i < count; i++) {
      const offset = words[i * 4]!;
      const type = words[i * 4 + 2]! >>> 0;
      const number = this.#calls.head;
      if (type !== EchoType.DATA_ECHO || !this.#calls.has(number)) {
        throw new FramewireError(
          type <= EchoType.DATA_ECHO ? "UNEXPECTED_PACKET" : "UNKNOWN_PACKET",
          `the server sent a frame of type ${type} while ${this.pending} echoes were awaited: ` +
            "expected 2 (DATA_ECHO), one for each DATA_SEND",
          { firstBytes: chunk.slice(offset, offset + Math.min(16, words[i * 4 + 1]!)) },
        );
      }
      this.#calls.resolve(
        number,
        chunk.slice(offset + ECHO_HEADER_BYTES, offset + words[i * 4 + 1]!),
      );
    }
    if (this.#queue !== undefined) this.#queue.drain(() => this.#calls.full);
    return count;
  }

  /** {@inheritDoc ClientEndpoint.refuse} */
  refuse(error: FramewireError): void {
    this.#refused ??= error;
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(reason: CloseReason): void {
    if (this.#lost) return;
    this.#lost = true;
    const { pending } = this;
    const lost = (outcome: "not-sent" | "unknown") => connectionLost(reason, pending, outcome);
    this.#refused ??= lost("not-sent");
    // What has not left is of no use any more; so it can be said for certain that it did not.
    if (pending > 0) this.#connection.outbound.discard();
    this.#queue?.failAll(() => lost("not-sent"));
    this.#calls.failAll(lost);
  }

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.finishing(reason);
    this.#side.closed(reason);
  }
}
