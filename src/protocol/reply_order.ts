/**
 * Replies of handlers that take their time, in the order of their requests.
 *
 * A reply that is ready waits until every reply before it has left. The replies themselves are
 * kept by a {@linkcode ReplyStore}; this file knows their order, their number and their age.
 *
 * @module
 */
import { type Clock, systemClock, type Timer } from "../connection/clock.ts";
import { giveBuffer } from "../connection/buffer_pool.ts";
import type { Connection } from "../connection/connection.ts";
import type { Outbound } from "../connection/outbound.ts";

/** Where the replies of one connection wait, in numbered slots. */
export interface ReplyStore {
  /** Makes room: slot `i` of `from` moves to slot `i & (to - 1)` for the sequence numbers in use. */
  grow(from: number, to: number, head: number, tail: number): void;
  /** Appends the replies of sequence numbers `[first, last)`, all settled, to what will be sent. */
  send(outbound: Outbound, first: number, last: number): void;
}

/** A chunk that handlers still read from; see {@linkcode ReplyOrder.keep}. */
export interface KeptChunk {
  /** How much memory it keeps, in bytes. */
  readonly bytes: number;
  /** The memory, when it goes back to the pool after the last reader. */
  pooled: Uint8Array | undefined;
  /** When it came, by the clock; 0 when handlers have no deadline and are not timed. */
  since: number;
  /** Who reads from it: requests that are not answered yet, and the batch that takes them. */
  readers: number;
  /** Whether it counts against the limit: from the first request on that is accepted from it. */
  counted: boolean;
}

/** Bounds of what may be under way on one connection. */
export interface ReplyLimits {
  /** Requests accepted and not answered. */
  readonly maxInFlight: number;
  /** Bytes of the chunks those requests arrived in. */
  readonly maxInFlightBytes: number;
  /** How long a handler's promise may take, in milliseconds; 0 for any time. */
  readonly handlerTimeoutMs: number;
  /** Where time comes from; by default the system's clock. */
  readonly clock?: Clock;
  /** Told when a request came whose handler has settled now; undefined where nobody wants to know. */
  readonly times?: { settled(since: number): void } | undefined;
}

/**
 * How many requests of one connection are given up in a turn: each costs 5 µs, most of it the error that
 * tells of it, and the deadlines of many thousands may pass in the same moment. The others wait a turn.
 */
export const MOST_LATE_AT_ONCE = 16;

const NONE = /* @__PURE__ */ new Uint8Array(0);
const FIRST_SLOTS = 16;
const PENDING = 0;
const SETTLED = 1;

/** Keeps the order of replies on one connection. */
export class ReplyOrder {
  readonly #connection: Connection;
  readonly #store: ReplyStore;
  readonly #limits: ReplyLimits;
  readonly #clock: Clock;
  readonly #onTimeout: (seq: number) => void;
  readonly #sendsFromChunks: boolean;
  #states = NONE;
  #chunks: (KeptChunk | undefined)[] = [];
  /** Sequence numbers: `[head, tail)` are accepted and their replies have not left. */
  #head = 0;
  #tail = 0;
  #bytes = 0;
  #flushing = false;
  #timer: Timer | undefined;
  #closed = false;

  /**
   * @param onTimeout Called with a request's number when its handler took too long; it must settle it.
   * @param sendsFromChunks Whether replies stand in the chunks of their requests until they leave.
   */
  constructor(
    connection: Connection,
    store: ReplyStore,
    limits: ReplyLimits,
    onTimeout: (seq: number) => void,
    sendsFromChunks = false,
  ) {
    this.#sendsFromChunks = sendsFromChunks;
    this.#connection = connection;
    this.#store = store;
    this.#limits = limits;
    this.#clock = limits.clock ?? systemClock;
    this.#onTimeout = onTimeout;
  }

  /** Replies that have not left. */
  get owed(): number {
    return this.#closed ? 0 : this.#tail - this.#head;
  }

  /** Memory that the requests under way keep, in bytes: those of a closed connection too, as long as they are. */
  get keptBytes(): number {
    return this.#bytes;
  }

  /** Whether no more requests should be accepted for now. */
  get full(): boolean {
    return this.#tail - this.#head >= this.#limits.maxInFlight ||
      this.#bytes >= this.#limits.maxInFlightBytes;
  }

  /** How many more requests may be accepted before {@linkcode full}, as far as their number goes. */
  get room(): number {
    return this.full ? 0 : this.#limits.maxInFlight - (this.#tail - this.#head);
  }

  /**
   * Whether it is worth going on where the window was full: an eighth of it is free. What was held
   * back is scanned anew each time, so that going on for one request at a time would be costly.
   */
  get #roomy(): boolean {
    const { maxInFlight, maxInFlightBytes } = this.#limits;
    return this.#tail - this.#head <= maxInFlight - Math.max(1, maxInFlight >> 3) &&
      this.#bytes < maxInFlightBytes;
  }

  /** Makes slots for so many requests more. */
  reserve(count: number): void {
    while (this.#tail - this.#head + count > this.#states.length) this.#grow(this.#states.length);
  }

  /** The slot of the request that is accepted next; there may be none before {@linkcode reserve}. */
  get nextSlot(): number {
    return this.slot(this.#tail);
  }

  /** The slot of a sequence number. */
  slot(seq: number): number {
    return seq & (this.#states.length - 1);
  }

  /**
   * Keeps a chunk while a batch takes requests from it; {@linkcode release} ends that.
   *
   * @param pooled Its memory, if that goes back to the pool when nobody reads from it any more.
   */
  keep(bytes: number, pooled?: Uint8Array): KeptChunk {
    // One look at the clock per batch: per request it would cost a third of a sync handler's time.
    const { handlerTimeoutMs, times } = this.#limits;
    const since = handlerTimeoutMs > 0 || times !== undefined ? this.#clock.now() : 0;
    return { bytes, pooled, since, readers: 1, counted: false };
  }

  /**
   * The batch has taken what it could from the chunk.
   *
   * @returns Whether requests still read from it.
   */
  release(chunk: KeptChunk): boolean {
    if (--chunk.readers > 0) return true;
    if (chunk.counted) this.#bytes -= chunk.bytes;
    if (chunk.pooled !== undefined) giveBuffer(chunk.pooled);
    return false;
  }

  /** Accepts a request; its reply is owed until {@linkcode settle}. */
  accept(chunk: KeptChunk): number {
    const seq = this.#tail;
    const slots = this.#states.length;
    if (seq - this.#head === slots) this.#grow(slots);
    this.#tail = seq + 1;
    chunk.readers++;
    if (!chunk.counted) {
      chunk.counted = true;
      this.#bytes += chunk.bytes;
    }
    const slot = this.slot(seq);
    this.#states[slot] = PENDING;
    this.#chunks[slot] = chunk;
    if (this.#timer === undefined && this.#limits.handlerTimeoutMs > 0) {
      this.#watch(this.#limits.handlerTimeoutMs);
    }
    return seq;
  }

  /** More of a pending request has come: the deadline of its handler begins anew. */
  touch(seq: number): void {
    if (this.#limits.handlerTimeoutMs > 0 && this.pending(seq)) {
      this.#chunks[this.slot(seq)]!.since = this.#clock.now();
    }
  }

  /** Whether a request still waits for its handler. */
  pending(seq: number): boolean {
    return !this.#closed && seq >= this.#head && this.#states[this.slot(seq)] === PENDING;
  }

  /** A pending request is answered before its handler is done, which may still read its memory. */
  forsake(seq: number): void {
    this.#chunks[this.slot(seq)]!.pooled = undefined;
    this.settle(seq);
  }

  /** The reply of a pending request is in the store; it leaves once those before it have. */
  settle(seq: number): void {
    const slot = this.slot(seq);
    this.#states[slot] = SETTLED;
    this.#limits.times?.settled(this.#chunks[slot]!.since);
    if (!this.#sendsFromChunks) this.#letGo(slot);
    this.#flushSoon();
  }

  /** The connection is closed: nothing is owed any more. What handlers read from is kept until they end. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (let seq = this.#head; seq < this.#tail; seq++) {
      const slot = this.slot(seq);
      if (this.#states[slot] === SETTLED && this.#chunks[slot] !== undefined) this.#letGo(slot);
    }
  }

  /** The handler of a request has ended that needs no reply: its deadline has passed, or the connection is closed. */
  dropped(seq: number): void {
    const slot = this.slot(seq);
    if (!this.#closed || seq < this.#head || this.#states[slot] !== PENDING) return;
    this.#states[slot] = SETTLED;
    this.#letGo(slot);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(this.#flush);
  }

  // Runs as a microtask, after the settled promises of this turn: their replies share one write.
  readonly #flush = (): void => {
    this.#flushing = false;
    if (this.#closed) return this.#connection.flush(); // it counts its memory
    const first = this.#head;
    let seq = first;
    while (seq < this.#tail && this.#states[this.slot(seq)] === SETTLED) seq++;
    if (seq > first) {
      this.#store.send(this.#connection.outbound, first, seq);
      if (this.#sendsFromChunks) {
        for (let sent = first; sent < seq; sent++) this.#letGo(this.slot(sent));
      }
      this.#head = seq;
      this.#connection.flush();
    }
    if (this.#roomy) this.#connection.resume();
  };

  /** The request in a slot reads from its chunk no more. */
  #letGo(slot: number): void {
    this.release(this.#chunks[slot]!);
    this.#chunks[slot] = undefined;
  }

  #grow(slots: number): void {
    const more = slots === 0 ? FIRST_SLOTS : slots * 2;
    const states = new Uint8Array(more);
    const chunks = new Array<KeptChunk | undefined>(more).fill(undefined);
    for (let seq = this.#head; seq < this.#tail; seq++) {
      states[seq & (more - 1)] = this.#states[seq & (slots - 1)]!;
      chunks[seq & (more - 1)] = this.#chunks[seq & (slots - 1)];
    }
    this.#store.grow(slots, more, this.#head, this.#tail);
    this.#states = states;
    this.#chunks = chunks;
  }

  // One timer per connection, and only while a handler is under way: it looks after the oldest.
  #watch(ms: number): void {
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = undefined;
      const limit = this.#limits.handlerTimeoutMs;
      const now = this.#clock.now();
      let next = Infinity;
      let left = MOST_LATE_AT_ONCE;
      for (let seq = this.#head; seq < this.#tail; seq++) {
        const slot = this.slot(seq);
        if (this.#states[slot] !== PENDING) continue;
        const age = now - this.#chunks[slot]!.since;
        if (age >= limit) {
          if (left-- === 0) return this.#watch(1);
          this.#chunks[slot]!.pooled = undefined; // its handler may still read from it
          this.#onTimeout(seq);
        } else {
          next = Math.min(next, limit - age);
        }
      }
      if (next < Infinity) this.#watch(Math.max(1, Math.ceil(next)));
    });
  }
}
