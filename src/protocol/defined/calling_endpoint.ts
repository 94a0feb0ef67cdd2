/**
 * The client's side of a defined protocol that calls, and is told what is not answered: it answers no
 * requests of the server, and so has nothing of how replies are made and wait for one another.
 *
 * @module
 */
import { ByteWriter } from "../../codec/byte_writer.ts";
import type { Codec, FrameTable } from "../../codec/codec.ts";
import { type CloseReason, type Connection, State } from "../../connection/connection.ts";
import { FramewireError, thrownText } from "../../errors.ts";
import type { AnyFields } from "./answers.ts";
import type { CallOptions } from "../call_limits.ts";
import { Caller } from "./caller.ts";
import type { ClientEndpoint, ClientSide } from "../protocol.ts";
import type { DefinedPacket } from "./packet.ts";
import { PacketFinder } from "./packet_finder.ts";
import type { PacketTable } from "./packet_table.ts";
import type { PacketType } from "./packet_type.ts";
import { sendable } from "./sendable.ts";
import type { AnyHandler } from "./side.ts";

/** Where packets are encoded, one at a time. */
const writer: ByteWriter = /* @__PURE__ */ new ByteWriter(1024);
/** Over this it gives its memory back. */
const KEPT_WRITER_BYTES = 1 << 20;

/** One connection's endpoint. */
export class CallingEndpoint implements ClientEndpoint {
  readonly #connection: Connection;
  readonly #table: PacketTable;
  readonly #side: ClientSide;
  readonly #incoming: PacketFinder;
  readonly #calls: Caller;
  /** Handlers by the index of what they handle. */
  #handlers: readonly (AnyHandler | undefined)[] = [];
  /** Whether the packet that opens the connection is still to be sent. */
  #opens: boolean;
  #refused: FramewireError | undefined;
  #lost = false;
  readonly owed = 0;
  keepsChunk = false;

  /** The client's side on a connection. */
  constructor(connection: Connection, table: PacketTable, side: ClientSide) {
    this.#connection = connection;
    this.#table = table;
    this.#side = side;
    this.#incoming = new PacketFinder(table, "server");
    this.#calls = new Caller(connection, table, side.calls, () => side.settled());
    this.#opens = table.opening !== undefined;
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
  batch(_codec: Codec, given: Uint8Array, { words, count }: FrameTable): number {
    const incoming = this.#incoming;
    let i = 0;
    try {
      for (; i < count && this.#connection.state === State.OPEN; i++) {
        const type = incoming.find(words, i, given);
        if (type === undefined) throw incoming.unknown(given);
        const { chunk, header, body, end } = incoming;
        if (type.isReply) this.#calls.answered(type, chunk, header, body, end);
        else void this.#told(type, type.copy(chunk, header, body, end));
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
  async #told(type: PacketType, packet: DefinedPacket): Promise<void> {
    try {
      if (type.replies.length > 0) {
        const message =
          `the server asks ${type.name}, and what defineClient makes answers nothing: ` +
          "take defineProtocol";
        throw new FramewireError("UNSUPPORTED", message);
      }
      await this.#handlers[type.index]?.(packet as never, undefined);
    } catch (cause) {
      const message = `the handler of ${type.name} failed: ${thrownText(cause)}`;
      this.#side.report(new FramewireError("HANDLER_FAILED", message, { cause }));
    }
  }

  #sendable(name: string, answered: boolean): PacketType {
    if (this.#refused !== undefined) throw this.#refused;
    return sendable(this.#table, "client", this.#opens, name, answered);
  }

  /** A packet's bytes, until the next one is encoded. */
  #encoded(type: PacketType, fields: AnyFields, key: unknown): Uint8Array {
    writer.clear(KEPT_WRITER_BYTES);
    writer.at = 0;
    type.encode(writer, fields, key);
    return writer.bytes.subarray(0, writer.at);
  }

  #put(type: PacketType, fields: AnyFields, key: unknown): void {
    this.#connection.outbound.append(this.#encoded(type, fields, key));
    if (type.opens) this.#opens = false;
    this.#connection.flushSoon();
  }
}
