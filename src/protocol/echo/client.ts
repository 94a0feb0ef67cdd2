/**
 * The client's side of the `echo` protocol: echoes matched by their order.
 *
 * @module
 */
import { copyOf } from "../../codec/copy_of.ts";
import type { Codec, FrameTable } from "../../codec/codec.ts";
import type { CloseReason, Connection } from "../../connection/connection.ts";
import { State } from "../../connection/state.ts";
import { FramewireError } from "../../errors.ts";
import { ECHO_HEADER_BYTES, EchoType } from "./header.ts";
import { type CallOptions, cancelled, checkCallOptions } from "../call_limits.ts";
import { OpenCalls } from "../open_calls.ts";
import { type ClientEndpoint, type ClientSide, tooLarge } from "../protocol.ts";

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

const encoder = /* @__PURE__ */ new TextEncoder();
/** One connection's endpoint. */
export class EchoClientEndpoint implements ClientEndpoint, EchoCalls {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  readonly #calls: OpenCalls<Uint8Array>;
  readonly owed = 0;
  keepsChunk = false;

  constructor(connection: Connection, side: ClientSide) {
    this.#connection = connection;
    this.#side = side;
    this.#calls = new OpenCalls(connection, side);
  }

  /** {@inheritDoc ClientEndpoint.pending} */
  get pending(): number {
    return this.#calls.pending;
  }

  /** {@inheritDoc EchoCalls.echo} */
  echo(data: Uint8Array | string, options: CallOptions = {}): Promise<Uint8Array> {
    const { refused, book } = this.#calls;
    if (refused !== undefined) return Promise.reject(refused);
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const total = ECHO_HEADER_BYTES + bytes.length;
    if (total > this.#side.maxFrameBytes) {
      return Promise.reject(tooLarge(total, this.#side.maxFrameBytes));
    }
    return new Promise((resolve, reject) => {
      checkCallOptions(options);
      if (options.signal?.aborted) throw cancelled(options.signal.reason, "not-sent");
      const send = (bytes: Uint8Array, leftMs?: number) => {
        const number = book.add(this.#put(bytes, total), resolve, reject);
        book.limit(number, options, leftMs);
      };
      if (!book.full) return send(bytes);
      const kept = bytes === data ? copyOf(bytes) : bytes;
      this.#calls.wait(options, (leftMs) => send(kept, leftMs), reject);
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
    const { book } = this.#calls;
    for (let i = 0; i < count; i++) {
      const offset = words[i * 4]!;
      const type = words[i * 4 + 2]! >>> 0;
      const number = book.head;
      if (type !== EchoType.DATA_ECHO || !book.has(number)) {
        throw new FramewireError(
          type <= EchoType.DATA_ECHO ? "UNEXPECTED_PACKET" : "UNKNOWN_PACKET",
          `the server sent a frame of type ${type} while ${this.pending} echoes were awaited: ` +
            "expected 2 (DATA_ECHO), one for each DATA_SEND",
          { firstBytes: chunk.slice(offset, offset + Math.min(16, words[i * 4 + 1]!)) },
        );
      }
      book.resolve(
        number,
        chunk.slice(offset + ECHO_HEADER_BYTES, offset + words[i * 4 + 1]!),
      );
    }
    this.#calls.drain(() => book.full);
    return count;
  }

  /** {@inheritDoc ClientEndpoint.refuse} */
  refuse(error: FramewireError): void {
    this.#calls.refuse(error);
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(reason: CloseReason): void {
    this.#calls.finishing(reason);
  }

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.#calls.closed(reason);
  }
}
