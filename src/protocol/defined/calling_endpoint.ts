/**
 * The client's side of a defined protocol that calls, and is told what is not answered: it answers no
 * requests of the server, and so has nothing of how replies are made and wait for one another.
 *
 * @module
 */
import { ByteWriter } from "../../codec/byte_writer.ts";
import type { Codec, FrameTable } from "../../codec/codec.ts";
import type { CloseReason, Connection } from "../../connection/connection.ts";
import { State } from "../../connection/state.ts";
import { FramewireError, thrownText } from "../../errors.ts";
import type { AnyFields } from "./answers.ts";
import type { CallOptions } from "../call_limits.ts";
import { Caller } from "./caller.ts";
import type { ClientEndpoint, ClientSide } from "../protocol.ts";
import { sendable } from "./sendable.ts";
import type { AnyHandler } from "./side.ts";
import type { SmallPacket, SmallPackets, SmallType } from "./small_packets.ts";

/** Where packets are encoded, one at a time. */
const writer: ByteWriter = /* @__PURE__ */ new ByteWriter(1024);
/** Over this it gives its memory back. */
const KEPT_WRITER_BYTES = 1 << 20;

/** One connection's endpoint. */
export class CallingEndpoint implements ClientEndpoint {
  readonly #connection: Connection;
  readonly #packets: SmallPackets;
  readonly #side: ClientSide;
  readonly #calls: Caller<SmallPacket>;
  /** Handlers by the name of what they handle. */
  readonly #handlers: Record<string, AnyHandler> = Object.create(null);
  /** Whether the packet that opens the connection is still to be sent. */
  #opens: boolean;
  #refused: FramewireError | undefined;
  #lost = false;
  readonly owed = 0;
  keepsChunk = false;

  /** The client's side on a connection. */
  constructor(connection: Connection, packets: SmallPackets, side: ClientSide) {
    this.#connection = connection;
    this.#packets = packets;
    this.#side = side;
    this.#calls = new Caller(connection, packets.keys, side.calls, () => side.settled());
    this.#opens = packets.opening !== undefined;
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
    for (const [name, handler] of Object.entries(handlers)) {
      if (handler !== undefined) this.#handlers[name] = handler;
    }
  }

  /** Sends a request; settles with its reply. */
  call(name: string, fields?: AnyFields, options?: CallOptions): Promise<SmallPacket> {
    return new Promise((resolve, reject) => {
      const type = this.#sendable(name, true);
      const put = (key: unknown) => {
        const place = this.#connection.outbound.position;
        this.#put(type, fields, key);
        return place;
      };
      const bytes = (key: unknown) => this.#encoded(type, fields, key).slice();
      this.#calls.call(type, { put, bytes }, options, resolve, reject);
    });
  }

  /** Sends a packet that is not answered. */
  send(name: string, fields?: AnyFields): void {
    this.#put(this.#sendable(name, false), fields, this.#calls.unansweredKey());
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, { words, count }: FrameTable): number {
    let i = 0;
    try {
      for (; i < count && this.#connection.state === State.OPEN; i++) {
        const { type, packet, key } = this.#packets.read(chunk, words, i);
        if (!type.isReply) {
          void this.#told(type, packet);
          continue;
        }
        const start = words[i * 4]!;
        const call = this.#calls.asked(key, type, chunk, start, start + words[i * 4 + 1]!);
        this.#calls.answered(call, type, packet);
      }
    } finally {
      this.#calls.drain();
    }
    return i;
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(reason: CloseReason): void {
    if (this.#lost) return;
    this.#lost = true;
    const later = this.#calls.lost(reason, true);
    this.#refused ??= later;
  }

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.finishing(reason);
    this.#side.closed(reason);
  }

  /** The server has sent something by itself. */
  async #told(type: SmallType, packet: SmallPacket): Promise<void> {
    try {
      if (type.replies.length > 0) {
        const message =
          `the server asks ${type.name}, and what defineClient makes answers nothing: ` +
          "take defineProtocol";
        throw new FramewireError("UNSUPPORTED", message);
      }
      await this.#handlers[type.name]?.(packet as never, undefined);
    } catch (cause) {
      const message = `the handler of ${type.name} failed: ${thrownText(cause)}`;
      this.#side.report(new FramewireError("HANDLER_FAILED", message, { cause }));
    }
  }

  #sendable(name: string, answered: boolean): SmallType {
    if (this.#refused !== undefined) throw this.#refused;
    return sendable(this.#packets, "client", this.#opens, name, answered);
  }

  /** A packet's bytes, until the next one is encoded. */
  #encoded(type: SmallType, fields: AnyFields, key: unknown): Uint8Array {
    writer.clear(KEPT_WRITER_BYTES);
    this.#packets.write(writer, type, fields, key);
    return writer.bytes.subarray(0, writer.at);
  }

  #put(type: SmallType, fields: AnyFields, key: unknown): void {
    this.#connection.outbound.append(this.#encoded(type, fields, key));
    if (type.opens) this.#opens = false;
    this.#connection.flushSoon();
  }
}
