/**
 * What one side of a defined protocol puts out on one connection: replies by the batch, packets by
 * themselves, and those that wait for a slow peer.
 *
 * @module
 */
import { ByteWriter } from "../../codec/byte_writer.ts";
import type { Connection } from "../../connection/connection.ts";
import type { PushBytes } from "../../connection/push_bytes.ts";
import { type PushOutcome, PushQueue } from "../../connection/push_queue.ts";
import type { SlowConsumer } from "../../connection/slow_consumer.ts";
import type { AnyFields } from "./answers.ts";
import type { CallWriter } from "./caller.ts";
import type { PacketType } from "./packet_type.ts";
import { ReplyRun } from "./reply_run.ts";
import type { DefinedSide } from "./side.ts";

/** What one batch puts out, sent in one piece. Batches do not nest. */
const replies = /* @__PURE__ */ new ByteWriter(16_384);
/** Simple replies, which go into it together. */
export const run: ReplyRun = /* @__PURE__ */ new ReplyRun(replies);
/** Packets sent by themselves, and replies that come later. */
export const single: ByteWriter = /* @__PURE__ */ new ByteWriter(4096);
/** From so many bytes on a frame that waited, or that others are sent too, is not copied. */
const SHARED_BYTES = 16_384;
/** Over this the writers give their memory back. */
const KEPT_WRITER_BYTES = 1 << 20;

/** The way out of one connection. */
export class PacketOut {
  readonly #connection: Connection;
  readonly #side: DefinedSide;
  /** Whether a batch of this connection is under way: what is sent meanwhile goes with its replies. */
  inBatch = false;

  constructor(connection: Connection, side: DefinedSide) {
    this.#connection = connection;
    this.#side = side;
  }

  /** A batch begins. */
  begin(): void {
    replies.at = 0;
    this.inBatch = true;
  }

  /** A batch has ended: what it has left is put out. */
  end(): void {
    this.#putBatch();
    replies.clear(KEPT_WRITER_BYTES);
  }

  /** Whether what is sent needs no queue: most connections never have one. */
  get hasRoom(): boolean {
    const limits = this.#side.pushLimits;
    if (limits === undefined) return true;
    const { pushes, outbound } = this.#connection;
    if (pushes !== undefined && pushes.length > 0) return false;
    return outbound.queuedBytes + (this.inBatch ? replies.at : 0) < limits.writeLowWaterBytes;
  }

  /** Puts a packet out: within a batch behind the replies to the requests before it. */
  encode(type: PacketType, fields: AnyFields, value: unknown): void {
    if (this.inBatch) {
      type.encode(run.behind(), fields, value);
      return;
    }
    single.at = 0;
    type.encode(single, fields, value);
    this.#connection.outbound.append(single.bytes.subarray(0, single.at));
    single.clear(KEPT_WRITER_BYTES);
    this.#connection.flushSoon();
  }

  /** A packet's bytes, in memory of their own. */
  encoded(type: PacketType, fields: AnyFields, value: unknown): Uint8Array {
    single.at = 0;
    type.encode(single, fields, value);
    const bytes = single.bytes.slice(0, single.at);
    single.clear(KEPT_WRITER_BYTES);
    return bytes;
  }

  /**
   * What writes a request for the books of calls.
   *
   * @param written Called when it is put out.
   */
  caller(type: PacketType, fields: AnyFields, written: () => void): CallWriter {
    return {
      put: (key) => {
        // What a handler sends leaves with the replies of its batch: nobody knows where that is.
        const place = this.inBatch ? -1 : this.#connection.outbound.position;
        this.encode(type, fields, key);
        written();
        return place;
      },
      bytes: (key) => this.encoded(type, fields, key),
    };
  }

  /** Sends a frame that others are sent too, or queues it. */
  push(push: PushBytes, policy?: SlowConsumer): PushOutcome {
    if (!this.hasRoom) return this.offer(push, policy);
    if (this.inBatch) this.#putBatch(); // behind the replies to the requests before it
    this.#putShared(push.bytes);
    this.#connection.flushSoon();
    return "sent";
  }

  /** Queues a frame. */
  offer(push: PushBytes, policy: SlowConsumer | undefined): PushOutcome {
    if (this.inBatch) this.#putBatch();
    return this.#queue.offer(push, policy);
  }

  /** Settles when what waits is below the low mark. */
  drained(): Promise<void> {
    const limits = this.#side.pushLimits;
    const { pushes, outbound } = this.#connection;
    if (limits === undefined) return Promise.resolve();
    if (pushes === undefined && outbound.queuedBytes <= limits.writeLowWaterBytes) {
      return Promise.resolve();
    }
    return this.#queue.drained();
  }

  get #queue(): PushQueue {
    return this.#connection.pushes ??= new PushQueue(
      this.#connection,
      this.#side.pushLimits!,
      ({ bytes }) => this.#putShared(bytes),
      (episode) => this.#side.dropped(episode),
    );
  }

  #putShared(frame: Uint8Array): void {
    const { outbound } = this.#connection;
    if (frame.length < SHARED_BYTES) outbound.append(frame);
    else outbound.appendShared(frame);
  }

  /** Puts out what the batch under way has so far. */
  #putBatch(): void {
    run.end();
    if (replies.at === 0) return;
    this.#connection.outbound.append(replies.bytes.subarray(0, replies.at));
    replies.at = 0;
  }
}
