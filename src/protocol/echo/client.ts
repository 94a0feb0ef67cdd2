/**
 * The client's side of the `echo` protocol: echoes matched by their order.
 *
 * @module
 */
import type { Codec, FrameTable } from "../../codec/codec.ts";
import { type CloseReason, type Connection, State } from "../../connection/connection.ts";
import { FramewireError } from "../../errors.ts";
import { ECHO_HEADER_BYTES, EchoType } from "./server.ts";
import { Fifo } from "../fifo.ts";
import { type ClientEndpoint, type ClientSide, connectionLost, tooLarge } from "../protocol.ts";

/** What a client of the `echo` protocol can call. */
export interface EchoCalls {
  /**
   * Sends data and waits for it to come back. Any number may be under way at once.
   *
   * @param data Bytes, or text to be sent as UTF-8. It is copied: its memory is free at once.
   * @returns The data the server sent back, in memory of its own.
   * @throws FramewireError CONNECTION_CLOSED (or what broke the link), FRAME_TOO_LARGE.
   */
  echo(data: Uint8Array | string): Promise<Uint8Array>;
}

interface Waiting {
  readonly resolve: (data: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

const encoder = new TextEncoder();
/** One connection's endpoint. */
export class EchoClientEndpoint implements ClientEndpoint, EchoCalls {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  readonly #waiting = new Fifo<Waiting>();
  #refused: FramewireError | undefined;
  readonly owed = 0;
  keepsChunk = false;

  constructor(connection: Connection, side: ClientSide) {
    this.#connection = connection;
    this.#side = side;
  }

  /** {@inheritDoc ClientEndpoint.pending} */
  get pending(): number {
    return this.#waiting.length;
  }

  /** {@inheritDoc EchoCalls.echo} */
  echo(data: Uint8Array | string): Promise<Uint8Array> {
    if (this.#refused !== undefined) return Promise.reject(this.#refused);
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const total = ECHO_HEADER_BYTES + bytes.length;
    if (total > this.#side.maxFrameBytes) {
      return Promise.reject(tooLarge(total, this.#side.maxFrameBytes));
    }
    const { outbound } = this.#connection;
    const out = outbound.reserve(total);
    const header = new DataView(out.buffer, out.byteOffset + outbound.at, ECHO_HEADER_BYTES);
    header.setUint32(0, EchoType.DATA_SEND);
    header.setUint32(4, bytes.length);
    out.set(bytes, outbound.at + ECHO_HEADER_BYTES);
    outbound.commit(total);
    this.#connection.flushSoon();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    if (this.#connection.state !== State.OPEN) return 0;
    const { words, count } = table;
    for (let i = 0; i < count; i++) {
      const offset = words[i * 4]!;
      const type = words[i * 4 + 2]! >>> 0;
      const waiting = type === EchoType.DATA_ECHO ? this.#waiting.shift() : undefined;
      if (waiting === undefined) {
        throw new FramewireError(
          type <= EchoType.DATA_ECHO ? "UNEXPECTED_PACKET" : "UNKNOWN_PACKET",
          `the server sent a frame of type ${type} while ${this.pending} echoes were awaited: ` +
            "expected 2 (DATA_ECHO), one for each DATA_SEND",
          { firstBytes: chunk.slice(offset, offset + Math.min(16, words[i * 4 + 1]!)) },
        );
      }
      waiting.resolve(chunk.slice(offset + ECHO_HEADER_BYTES, offset + words[i * 4 + 1]!));
    }
    if (this.pending === 0) this.#side.settled();
    return count;
  }

  /** {@inheritDoc ClientEndpoint.refuse} */
  refuse(error: FramewireError): void {
    this.#refused ??= error;
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(reason: CloseReason): void {
    const lost = connectionLost(reason, this.pending);
    this.#refused ??= lost;
    if (this.pending === 0) return;
    for (const waiting of this.#waiting.takeAll()) waiting.reject(lost);
    this.#side.settled();
  }

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.finishing(reason);
    this.#side.closed(reason);
  }
}
