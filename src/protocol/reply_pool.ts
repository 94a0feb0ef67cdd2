/**
 * Replies that leave when they are ready, in whatever order that is.
 *
 * @module
 */
import { giveBuffer } from "../connection/buffer_pool.ts";
import { type Clock, systemClock, type Timer } from "../connection/clock.ts";
import { type KeptChunk, MOST_LATE_AT_ONCE, type ReplyLimits } from "./reply_order.ts";

/** What a pool needs of the connection that its replies leave on. */
export interface ReplyLine {
  /** Sends what is in the outbound queue, at the end of the turn. */
  flushSoon(): void;
  /** There is room for requests again. */
  resume(): void;
}

/** Requests under way whose replies need no order. */
export class ReplyPool {
  readonly #connection: ReplyLine;
  readonly #limits: ReplyLimits;
  readonly #clock: Clock;
  readonly #onTimeout: (seq: number) => void;
  /** By number, the oldest first: a map keeps its order. */
  readonly #pending = new Map<number, KeptChunk>();
  #next = 0;
  #bytes = 0;
  #closed = false;
  #timer: Timer | undefined;
  #resuming = false;

  /** @param onTimeout Called with a request's number when its handler took too long. */
  constructor(connection: ReplyLine, limits: ReplyLimits, onTimeout: (seq: number) => void) {
    this.#connection = connection;
    this.#limits = limits;
    this.#clock = limits.clock ?? systemClock;
    this.#onTimeout = onTimeout;
  }

  /** Replies that are owed. */
  get owed(): number {
    return this.#closed ? 0 : this.#pending.size;
  }

  /** Memory that the requests under way keep, in bytes: those of a closed connection too, as long as they are. */
  get keptBytes(): number {
    return this.#bytes;
  }

  /** Whether no more requests should be accepted for now. */
  get full(): boolean {
    return this.#pending.size >= this.#limits.maxInFlight ||
      this.#bytes >= this.#limits.maxInFlightBytes;
  }

  /** Whether it is worth going on where the window was full; see {@linkcode ReplyOrder}. */
  get #roomy(): boolean {
    const { maxInFlight, maxInFlightBytes } = this.#limits;
    return this.#pending.size <= maxInFlight - Math.max(1, maxInFlight >> 3) &&
      this.#bytes < maxInFlightBytes;
  }

  /**
   * Keeps a chunk while a batch takes requests from it; {@linkcode release} ends that.
   *
   * @param pooled Its memory, if that goes back to the pool when nobody reads from it any more.
   */
  keep(bytes: number, pooled?: Uint8Array): KeptChunk {
    this.#bytes += bytes;
    const { handlerTimeoutMs, times } = this.#limits;
    const since = handlerTimeoutMs > 0 || times !== undefined ? this.#clock.now() : 0;
    return { bytes, pooled, since, readers: 1, counted: true };
  }

  /** The batch has taken what it could; returns whether requests still read from the chunk. */
  release(chunk: KeptChunk): boolean {
    if (--chunk.readers > 0) return true;
    this.#bytes -= chunk.bytes;
    if (chunk.pooled !== undefined) giveBuffer(chunk.pooled);
    return false;
  }

  /** Accepts a request; its reply is owed until {@linkcode settle}. */
  accept(chunk: KeptChunk): number {
    const seq = this.#next++;
    chunk.readers++;
    this.#pending.set(seq, chunk);
    if (this.#timer === undefined && this.#limits.handlerTimeoutMs > 0) {
      this.#watch(this.#limits.handlerTimeoutMs);
    }
    return seq;
  }

  /** Whether a request still waits for its handler. */
  pending(seq: number): boolean {
    return !this.#closed && this.#pending.has(seq);
  }

  /** A pending request is answered before its handler is done, which may still read its memory. */
  forsake(seq: number): void {
    this.#pending.get(seq)!.pooled = undefined;
    this.settle(seq);
  }

  /** A pending request is answered: its reply is in the outbound queue. */
  settle(seq: number): void {
    const chunk = this.#pending.get(seq)!;
    this.#pending.delete(seq);
    this.release(chunk);
    this.#limits.times?.settled(chunk.since);
    this.#connection.flushSoon();
    if (this.#resuming) return;
    this.#resuming = true;
    queueMicrotask(() => {
      this.#resuming = false;
      if (this.#roomy) this.#connection.resume();
    });
  }

  /** The connection is closed: nothing is owed any more. What handlers read from is kept until they end. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** The handler of a request has ended that needs no reply: its deadline has passed, or the connection is closed. */
  dropped(seq: number): void {
    const chunk = this.#pending.get(seq);
    if (!this.#closed || chunk === undefined) return;
    this.#pending.delete(seq);
    this.release(chunk);
    this.#connection.flushSoon(); // it counts its memory
  }

  // One timer, and only while a handler is under way: it looks after the oldest.
  #watch(ms: number): void {
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = undefined;
      const limit = this.#limits.handlerTimeoutMs;
      const now = this.#clock.now();
      let left = MOST_LATE_AT_ONCE;
      for (const [seq, chunk] of this.#pending) {
        const age = now - chunk.since;
        if (age < limit || left-- === 0) {
          this.#watch(Math.max(1, Math.ceil(limit - age)));
          return;
        }
        chunk.pooled = undefined; // its handler may still read from it
        this.#onTimeout(seq);
      }
    });
  }
}
