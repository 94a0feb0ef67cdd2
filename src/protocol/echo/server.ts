/**
 * The server's side of the `echo` protocol.
 *
 * @module
 */
import type { Codec, FrameTable } from "../../codec/codec.ts";
import {
  type CloseReason,
  type Connection,
  type Endpoint,
  State,
} from "../../connection/connection.ts";
import type { Outbound } from "../../connection/outbound.ts";
import { FramewireError, thrownText } from "../../errors.ts";
import { BytesStore } from "../defined/bytes_store.ts";
import { isPromise } from "../is_promise.ts";
import { ECHO_HEADER_BYTES, EchoType } from "./header.ts";
import type { ServerConnection, ServerSide } from "../protocol.ts";
import { ReplyOrder } from "../reply_order.ts";

/**
 * A DATA_SEND, as a handler sees it. `data` is valid until the handler returns, or, when it
 * returned a promise, until that settles.
 */
export class EchoPacket {
  readonly #frame: Uint8Array;

  /** A packet over its whole frame. */
  constructor(frame: Uint8Array) {
    this.#frame = frame;
  }

  /** What came and will be sent back: a view. */
  get data(): Uint8Array {
    return this.#frame.subarray(ECHO_HEADER_BYTES);
  }

  /** A packet of the same content in memory of its own. */
  copy(): EchoPacket {
    return new EchoPacket(this.#frame.slice());
  }
}

/** What a server of the `echo` protocol does besides echoing. */
export interface EchoHandlers {
  /**
   * Sees each packet before it is echoed; the echo waits for a returned promise. The protocol knows
   * no failure: when the handler throws or rejects, the data is echoed all the same.
   */
  readonly data?: (packet: EchoPacket, conn: ServerConnection) => unknown;
}

/** Appends the frames in `chunk[from, to)` as they are; the caller turns them into echoes. */
function echoRange(outbound: Outbound, chunk: Uint8Array, from: number, to: number): void {
  const out = outbound.reserve(to - from);
  const at = outbound.at;
  out.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), at);
  out[at + 3] = EchoType.DATA_ECHO;
  outbound.commit(to - from);
}

/** One connection's endpoint. */
export class EchoServerEndpoint implements Endpoint {
  readonly #connection: Connection;
  readonly #side: ServerSide;
  readonly #handler: EchoHandlers["data"];
  readonly #store = new BytesStore();
  readonly #order: ReplyOrder;
  keepsChunk = false;

  constructor(connection: Connection, side: ServerSide, handlers: EchoHandlers) {
    this.#connection = connection;
    this.#side = side;
    this.#handler = handlers.data;
    this.#order = new ReplyOrder(
      connection,
      this.#store,
      side.limits,
      (seq) => {
        const limit = `${side.limits.handlerTimeoutMs} ms (handlerTimeoutMs)`;
        const message = `a data handler has not settled within ${limit}; its data was echoed`;
        side.report(new FramewireError("HANDLER_TIMEOUT", message));
        this.#settle(seq);
      },
      true,
    );
  }

  /** {@inheritDoc Endpoint.owed} */
  get owed(): number {
    return this.#order.owed;
  }

  /** {@inheritDoc Endpoint.keptBytes} */
  get keptBytes(): number {
    return this.#order.keptBytes;
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    const { words, count } = table;
    let right = 0;
    while (right < count && words[right * 4 + 2] === EchoType.DATA_SEND) right++;
    const taken = this.#handler === undefined
      ? this.#echoAll(chunk, table, right)
      : this.#handleAll(this.#handler, chunk, table, right);
    this.#side.tookRequests(taken);
    if (taken === right && right < count && this.#connection.state === State.OPEN) {
      throw wrongType(chunk, words[right * 4]!, words[right * 4 + 1]!, words[right * 4 + 2]! >>> 0);
    }
    return taken;
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(): void {}

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.#order.close();
    this.#side.closed(reason);
  }

  /** Without a handler: neighbours go out in one copy, and then each gets its new type. */
  #echoAll(chunk: Uint8Array, { words }: FrameTable, count: number): number {
    if (count === 0 || this.#connection.state !== State.OPEN) return 0;
    const from = words[0]!;
    const to = words[(count - 1) * 4]! + words[(count - 1) * 4 + 1]!;
    const { outbound } = this.#connection;
    const out = outbound.reserve(to - from);
    const shift = outbound.at - from;
    echoRange(outbound, chunk, from, to);
    for (let i = 1; i < count; i++) out[words[i * 4]! + shift + 3] = EchoType.DATA_ECHO;
    this.#side.counters.replies += count;
    return count;
  }

  #handleAll(
    handler: NonNullable<EchoHandlers["data"]>,
    chunk: Uint8Array,
    { words }: FrameTable,
    count: number,
  ): number {
    const order = this.#order;
    const kept = order.keep(chunk.length);
    let taken = 0;
    while (taken < count && !order.full && this.#connection.state === State.OPEN) {
      const offset = words[taken * 4]!;
      const frame = chunk.subarray(offset, offset + words[taken * 4 + 1]!);
      taken++;
      let returned: unknown;
      try {
        returned = handler(new EchoPacket(frame), this.#side.conn);
      } catch (error) {
        this.#failed(error);
      }
      if (order.owed === 0 && !isPromise(returned)) {
        echoRange(this.#connection.outbound, frame, 0, frame.length);
        this.#side.counters.replies++;
        continue;
      }
      const seq = order.accept(kept);
      frame[3] = EchoType.DATA_ECHO; // the handler has only seen the data behind it
      this.#store.put(order.slot(seq), frame);
      if (isPromise(returned)) {
        Promise.resolve(returned).then(() => this.#settle(seq), (error) => {
          this.#failed(error);
          this.#settle(seq);
        });
      } else {
        this.#settle(seq);
      }
    }
    if (order.release(kept)) this.keepsChunk = true;
    return taken;
  }

  #settle(seq: number): void {
    if (!this.#order.pending(seq)) return this.#order.dropped(seq);
    this.#side.counters.replies++;
    this.#order.settle(seq);
  }

  #failed(cause: unknown): void {
    const what = thrownText(cause);
    this.#side.report(
      new FramewireError("HANDLER_FAILED", `a data handler failed: ${what}`, { cause }),
    );
  }
}

function wrongType(
  chunk: Uint8Array,
  offset: number,
  length: number,
  type: number,
): FramewireError {
  const reply = type === EchoType.DATA_ECHO;
  return new FramewireError(
    reply ? "UNEXPECTED_PACKET" : "UNKNOWN_PACKET",
    `type ${type} is ${
      reply ? "an echo, and a server takes data" : "none of the echo protocol"
    }: ` +
      "expected 1 (DATA_SEND)",
    { firstBytes: chunk.slice(offset, offset + Math.min(16, length)) },
  );
}
