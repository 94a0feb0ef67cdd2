/**
 * One connection's life, on either side: bytes in from the link, through the decoder, to the
 * endpoint that speaks the protocol; bytes out through the one writer; and the way it ends.
 *
 * ```
 *  state      event                          next state   what is done
 *  ---------  -----------------------------  -----------  --------------------------------------
 *  OPEN       peer's end, nothing held back  FINISHING    no more input; owed replies go on
 *  OPEN       malformed input, `finish`      FINISHING    the same
 *  OPEN       handshake, frame deadline      FINISHING    the same
 *  OPEN       idle timeout                   FINISHING    the same
 *  OPEN       maximum age                    FINISHING    the peer is told, then the same
 *  OPEN       no heartbeat                   CLOSED       the link is aborted
 *  OPEN       write stalled                  CLOSED       the link is aborted
 *  FINISHING  write stalled                  CLOSED       the link is aborted
 *  FINISHING  nothing owed, all written      LINGERING    this side's end is sent
 *  LINGERING  linger deadline or bytes       CLOSED       the link is aborted
 *  any        the link closed, `abort`       CLOSED       the endpoint is told, once
 * ```
 *
 * A server's sweep looks after the deadlines (`deadlines.ts`); only LINGERING has a timer of its own,
 * for the short time it lasts. What FINISHING waits for has its own deadlines: a handler's, and the
 * stalled write's.
 *
 * LINGERING is there for the peer's sake: closing a socket with unread input sends a reset, which
 * may destroy replies that the peer has not read yet. So input is read and thrown away until the
 * peer ends too, within a deadline and a number of bytes.
 *
 * @module
 */
import { type FrameConsumer, FrameDecoder } from "../codec/frame_decoder.ts";
import { ownLimit } from "../codec/frame_layout.ts";
import type { Framing, KindField } from "../codec/framing.ts";
import type { CodecChoice } from "../codec/lend.ts";
import { FramewireError, isFramewireError, thrownText } from "../errors.ts";
import { type BatchWatch, putOut, WatchedBatches } from "../observe/batches.ts";
import type { Address, Link, LinkReceiver, TlsInfo } from "../link/link.ts";
import { type Clock, systemClock, type Timer } from "./clock.ts";
import type { BudgetMember, MemoryBudget } from "./memory_budget.ts";
import { DelayedOutbound } from "./delayed_outbound.ts";
import { Outbound } from "./outbound.ts";
import type { PushQueue } from "./push_queue.ts";
import type { WriteMode } from "./write_mode.ts";

/** The states of a connection. */
export const State = { OPEN: 0, FINISHING: 1, LINGERING: 2, CLOSED: 3 } as const;
/** One of the states of {@linkcode State}. */
export type State = (typeof State)[keyof typeof State];

/** Why a connection ended, as its `disconnect` event tells it. */
export interface CloseReason {
  /**
   * `"PEER_ENDED"` or `"CLOSED"` (by this side) when it ended in order; else the code of the error
   * that ended it.
   */
  readonly code: string;
  /** The same in words. */
  readonly message: string;
  /** The error that ended it, if one did. */
  readonly error?: Error;
}

/** What a peer is told before its connection ends from this side. */
export interface GoAwayNotice {
  /** How long requests that were taken may still need, in milliseconds. */
  readonly deadlineMs: number;
  /** Over how long the peers should spread their coming back, in milliseconds. */
  readonly spreadMs: number;
  /** Why, for people. */
  readonly reason: string;
}

/** The side of a protocol that a connection carries. */
export interface Endpoint extends FrameConsumer {
  /** How the stream is framed at its beginning, where that is different; it calls `reframe`. */
  readonly opening?: { readonly framing: Framing; readonly kind?: KindField } | undefined;
  /** Replies that are still owed: the connection's own end waits until there are none. */
  readonly owed: number;
  /** Bytes of requests under way that it keeps; without it, none. */
  readonly keptBytes?: number;
  /** No more input is taken; replies that are owed may still be sent. Called once at the most. */
  finishing(reason: CloseReason): void;
  /**
   * Whether the peer has introduced itself, as far as the protocol asks for that: what the handshake
   * deadline waits for. Without it, the first frame is the introduction.
   */
  readonly established?: boolean;
  /**
   * Puts out a heartbeat, which the peer answers; false where the protocol has none, or where this
   * peer does not know it. Any input counts as the answer.
   */
  heartbeat?(): boolean;
  /** Puts out the notice that this side will soon end the connection, to peers that know it. */
  goAway?(notice: GoAwayNotice): void;
  /**
   * This side is too busy to take the connection: the peer is told in answer to the first thing that
   * it says, and then the endpoint finishes the connection. False where the protocol cannot say so.
   */
  busy?(retryAfterMs: number): boolean;
  /** The connection is closed. Called once. */
  closed(reason: CloseReason): void;
}

/** Stands between the decoder and the endpoint, and lets frames through as it sees fit. */
export interface BatchGate extends FrameConsumer {
  /** Who takes what it lets through. */
  endpoint: FrameConsumer;
  /** The connection is closed. Called once. */
  closed(): void;
}

/** What a connection is told at its beginning. */
export interface ConnectionConfig {
  readonly framing: Framing;
  /** Where the kind of a frame stands; undefined where there is none. */
  readonly kind: KindField | undefined;
  readonly codec: CodecChoice;
  readonly maxFrameBytes: number;
  /** Input is not read while more than this waits to be written, in bytes. */
  readonly writeHighWaterBytes: number;
  /** Reading goes on when no more than this is left, in bytes. */
  readonly writeLowWaterBytes: number;
  /** How long a finished connection waits for the peer's end, in milliseconds. */
  readonly lingerMs: number;
  /**
   * Whether what is still to be written when it finishes is of use to the peer, however long that
   * takes to read it. If not, `lingerMs` is all the time there is.
   */
  readonly sendsAllBeforeEnd: boolean;
  readonly clock?: Clock;
  /** When what is put out is written; by default in batches. */
  readonly writeMode?: WriteMode;
  /** What the memory that the connection holds is counted against, and when it may not read. */
  readonly memory?: MemoryBudget;
  /** What is watched in its batches; undefined for nothing. */
  readonly batches?: BatchWatch | undefined;
}

/** How much input a lingering connection throws away before it gives up, in bytes. */
const LINGER_BYTES = 4 << 20;

const EMPTY = new Uint8Array(0);

/** One connection. */
export class Connection implements LinkReceiver, BudgetMember {
  readonly #link: Link;
  readonly #config: ConnectionConfig;
  readonly #decoder: FrameDecoder;
  #endpoint: Endpoint;
  #watched: WatchedBatches | undefined;
  /** What frames have to pass; undefined where all come through. */
  readonly #gate: BatchGate | undefined;
  /** What waits to be written. */
  readonly outbound: Outbound;
  /** Pushes in front of it, from the endpoint's first push on. */
  pushes: PushQueue | undefined;
  /** Bytes received. */
  bytesIn = 0;
  #state: State = State.OPEN;
  #reason: CloseReason | undefined;
  #peerEnded = false;
  /** Input that the endpoint had no room for; the link is paused while there is some. */
  #held: Uint8Array | undefined;
  #paused = false;
  /** Not read from for want of memory. */
  #starved = false;
  /** What of the memory it holds the budget knows. */
  #counted = 0;
  /** Memory that the link reads into, above the least, as the budget knows it. */
  #readBytes = 0;
  /** Replies that were owed when it was closed. */
  owedAtEnd = 0;
  /** Bytes that had not left when it was closed. */
  unsentAtEnd = 0;
  /** How often reading has been paused. */
  pauses = 0;
  #below: { readonly bytes: number; readonly resolve: () => void } | undefined;
  #inTurn = false;
  #flushing = false;
  #lingered = 0;
  #linger: Timer | undefined;

  /**
   * A connection on a link.
   *
   * @param link What carries it. Reading begins with {@linkcode start}.
   * @param config Framing and limits.
   * @param makeEndpoint Makes the endpoint that speaks the protocol on it.
   * @param makeGate Makes what frames have to pass before the endpoint is given them.
   */
  constructor(
    link: Link,
    config: ConnectionConfig,
    makeEndpoint: (connection: Connection) => Endpoint,
    makeGate?: (connection: Connection) => BatchGate,
  ) {
    this.#link = link;
    this.#config = config;
    const { writeMode = "batch" } = config;
    this.outbound = typeof writeMode === "string"
      ? new Outbound(link)
      : new DelayedOutbound(link, writeMode, config.clock ?? systemClock, () => this.flush());
    if (writeMode === "immediate") link.writeAtOnce?.();
    this.#endpoint = makeEndpoint(this);
    this.#gate = makeGate?.(this);
    if (this.#gate !== undefined) this.#gate.endpoint = this.#consumer(this.#endpoint);
    const { opening } = this.#endpoint;
    this.#decoder = new FrameDecoder(
      opening === undefined ? config.framing : opening.framing,
      opening === undefined ? config.kind : opening.kind,
      config.codec,
      opening === undefined
        ? config.maxFrameBytes
        : Math.min(config.maxFrameBytes, ownLimit(opening.framing)),
      this.#gate ?? this.#consumer(this.#endpoint),
    );
  }

  /** The peer's end. */
  get remote(): Address {
    return this.#link.remote;
  }

  /** This end. */
  get local(): Address {
    return this.#link.local;
  }

  /** What TLS says of it; undefined where there is none. */
  get tls(): TlsInfo | undefined {
    return this.#link.tls;
  }

  /** Where in its life it is. */
  get state(): State {
    return this.#state;
  }

  /** Requests taken whose replies have not been put out. */
  get owed(): number {
    return this.#endpoint.owed;
  }

  /** Whether it takes what comes: not while there is no room for it. */
  get reading(): boolean {
    return !this.#paused && this.#held === undefined;
  }

  /** Whether the peer has introduced itself, by what its protocol says or by a first frame. */
  get established(): boolean {
    return this.#endpoint.established ?? this.#decoder.frameOffset > 0;
  }

  /** Where in the stream the frame begins whose end has not come though it could; -1 for none. */
  get incompleteFrame(): number {
    return this.#decoder.inFrame && this.reading ? this.#decoder.frameOffset : -1;
  }

  /** Asks the peer for a sign of life; false where the protocol, or this peer, knows none. */
  heartbeat(): boolean {
    const asked = this.#state === State.OPEN && (this.#endpoint.heartbeat?.() ?? false);
    if (asked) this.flush();
    return asked;
  }

  /** Tells the peer that this side is too busy; false where its protocol cannot say so. */
  busy(retryAfterMs: number): boolean {
    const tells = this.#endpoint.busy?.(retryAfterMs) ?? false;
    if (tells) this.flush();
    return tells;
  }

  /** Tells the peer, where it knows such a notice, that the connection will soon end. */
  goAway(notice: GoAwayNotice): void {
    if (this.#state === State.OPEN) this.#endpoint.goAway?.(notice);
  }

  /** What carries it, for example `"tcp"`. */
  get transport(): string {
    return this.#link.transport;
  }

  /** Changes how the stream is framed, from the first frame on that its endpoint has not taken. */
  reframe(framing: Framing, kind: KindField | undefined): void {
    this.#decoder.maxFrameBytes = this.#config.maxFrameBytes;
    this.#decoder.reframe(framing, kind);
  }

  /**
   * Another endpoint speaks from now on. Within a batch it is given the frames that the one before
   * has not taken, and the frames behind them may have the full length.
   */
  become(endpoint: Endpoint): void {
    endpoint.keepsChunk = this.#endpoint.keepsChunk;
    this.#endpoint = endpoint;
    const consumer = this.#consumer(endpoint);
    if (this.#gate === undefined) this.#decoder.consumer = consumer;
    else this.#gate.endpoint = consumer;
    this.reframe(this.#config.framing, this.#config.kind);
  }

  /** What gives frames to an endpoint: itself, or what watches its batches. */
  #consumer(endpoint: Endpoint): FrameConsumer {
    const { batches } = this.#config;
    if (batches === undefined) return endpoint;
    if (this.#watched === undefined) {
      this.#watched = new WatchedBatches(endpoint, this.outbound, batches);
    } else this.#watched.endpoint = endpoint;
    return this.#watched;
  }

  /** Begins to read. */
  start(): void {
    this.#config.memory?.join(this);
    this.#link.start(this);
  }

  /** {@inheritDoc LinkReceiver.data} */
  data(chunk: Uint8Array): boolean {
    this.bytesIn += chunk.length;
    if (this.#state !== State.OPEN) {
      this.#lingered += chunk.length;
      if (this.#lingered > LINGER_BYTES) this.#link.abort();
      return false;
    }
    return this.#take(chunk);
  }

  /** {@inheritDoc LinkReceiver.reserve} */
  reserve(bytes: number): boolean {
    const { memory } = this.#config;
    if (memory === undefined) return true;
    if (bytes > 0 && (this.#state === State.CLOSED || !memory.mayReadInto(bytes))) return false;
    this.#readBytes += bytes;
    memory.addReadBuffers(bytes);
    return true;
  }

  /** {@inheritDoc LinkReceiver.ended} */
  ended(): void {
    this.#peerEnded = true;
    if (this.#state === State.OPEN && this.#held === undefined) this.#inputEnded();
  }

  /** {@inheritDoc LinkReceiver.written} */
  written(): void {
    this.outbound.written();
    this.#afterTurn();
  }

  /** {@inheritDoc LinkReceiver.closed} */
  closed(cause: Error | undefined): void {
    if (this.#state === State.CLOSED) return;
    const orderly = this.#state === State.LINGERING || this.#reason?.code === "CLOSED";
    this.#state = State.CLOSED;
    this.owedAtEnd = this.#endpoint.owed;
    this.unsentAtEnd = this.outbound.queuedBytes;
    this.#linger?.cancel();
    this.#held = undefined;
    this.#decoder.close();
    const sent = putOut(this.outbound);
    this.outbound.close();
    this.#below?.resolve();
    this.pushes?.close();
    const { memory } = this.#config;
    if (memory !== undefined) {
      memory.leave(this);
      memory.add(-this.#counted);
      memory.addReadBuffers(-this.#readBytes);
      this.#counted = this.#readBytes = 0;
    }
    // The first error counts: a reset after malformed input is only its consequence.
    if (
      this.#reason === undefined ||
      (cause !== undefined && !orderly && this.#reason.error === undefined)
    ) {
      this.#reason = cause !== undefined
        ? failure(cause)
        : { code: "PEER_ENDED", message: "the peer ended the connection" };
    }
    this.#gate?.closed();
    const flight = this.#reason.error === undefined ? undefined : this.#watched?.flight(sent);
    if (flight !== undefined) Object.assign(this.#reason.error!, { flight });
    this.#endpoint.closed(this.#reason);
  }

  /**
   * Sends what the endpoint has put out, and looks whether the connection may read on or end.
   * Within a turn (while input is being handled) the end of the turn does it.
   */
  flush(): void {
    if (this.#inTurn || this.#state === State.CLOSED) return;
    this.outbound.flush();
    this.#afterTurn();
  }

  /** Flushes once the calls and settled promises of this turn are done, so that they share a write. */
  flushSoon(): void {
    if (this.#flushing) return;
    if (this.#config.writeMode === "immediate") {
      this.flush();
      return;
    }
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  /** Resolves when no more than `bytes` bytes wait to be written, or when it is closed. */
  whenQueuedBelow(bytes: number): Promise<void> {
    if (this.outbound.queuedBytes <= bytes || this.#state === State.CLOSED) {
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#below = { bytes, resolve });
  }

  /**
   * Ends the connection in order: takes no more input, lets the owed replies leave, then sends its
   * end. `reason` is what the `disconnect` event will say.
   */
  finish(reason: CloseReason): void {
    if (this.#state !== State.OPEN) return;
    this.#state = State.FINISHING;
    this.#reason = reason;
    this.#held = undefined;
    // Within a turn the endpoint may still read the decoder's buffer: the end of the turn closes it.
    if (!this.#inTurn) this.#decoder.close();
    this.#endpoint.finishing(reason);
    if (!this.#config.sendsAllBeforeEnd) this.#cutLater();
    this.flush();
  }

  /** Closes at once: what is owed or not yet written is lost. */
  abort(reason: CloseReason): void {
    if (this.#state === State.CLOSED) return;
    // What breaks an end that had begun in order says more than that.
    if (this.#reason?.error === undefined && reason.error !== undefined) this.#reason = reason;
    this.#reason ??= reason;
    this.#link.abort();
  }

  /** Input that came in a broken form: everything before it is answered, then the connection ends. */
  fail(error: unknown): void {
    this.finish(failure(error));
  }

  #take(chunk: Uint8Array): boolean {
    this.#endpoint.keepsChunk = false;
    this.#inTurn = true;
    let keeps: boolean;
    try {
      const taken = this.#decoder.push(chunk);
      keeps = this.#endpoint.keepsChunk;
      if (this.#state !== State.OPEN) {
        this.#decoder.close();
      } else if (taken < chunk.length || this.#decoder.stopped) {
        this.#held = taken < chunk.length ? chunk.subarray(taken) : EMPTY;
        keeps ||= taken < chunk.length;
      }
    } catch (error) {
      keeps = this.#endpoint.keepsChunk;
      this.fail(error); // unless a handler of this turn has ended it already
      this.#decoder.close();
    }
    this.#inTurn = false;
    this.outbound.flush();
    this.#afterTurn();
    return keeps;
  }

  /** Reads on, stops reading or ends, whichever is due. */
  #afterTurn(): void {
    const { pushes } = this;
    if (this.#below !== undefined && this.outbound.queuedBytes <= this.#below.bytes) {
      this.#below.resolve();
      this.#below = undefined;
    }
    if (pushes !== undefined) {
      // A link that takes everything at once makes room again and again.
      while (pushes.refill()) this.outbound.flush();
    }
    if (this.#config.memory !== undefined) this.#count(this.#config.memory);
    switch (this.#state) {
      case State.OPEN:
        this.#readOrPause();
        return;
      case State.FINISHING:
        if (this.#endpoint.owed > 0 || this.outbound.queuedBytes > 0) return;
        if (pushes !== undefined && pushes.length > 0) return;
        this.#state = State.LINGERING;
        if (this.#paused) {
          this.#paused = false;
          this.#link.resume();
        }
        this.#link.end();
        if (!this.#peerEnded) this.#cutLater();
    }
  }

  #readOrPause(): void {
    const queued = this.outbound.queuedBytes;
    const pause = this.#held !== undefined || this.#starved ||
      this.pushes?.pausesReading === true ||
      (this.#paused
        ? queued > this.#config.writeLowWaterBytes
        : queued > this.#config.writeHighWaterBytes);
    if (pause !== this.#paused) {
      this.#paused = pause;
      if (pause) {
        this.pauses++;
        this.#link.pause();
      } else this.#link.resume();
    }
  }

  /** {@inheritDoc BudgetMember.partialBytes} */
  get partialBytes(): number {
    return this.#decoder.waitingBytes;
  }

  /** {@inheritDoc BudgetMember.starve} */
  starve(starved: boolean): void {
    this.#starved = starved;
    if (this.#state === State.OPEN && !this.#inTurn) this.#readOrPause();
  }

  /** Tells the budget by how much the memory that it holds has changed. */
  #count(memory: MemoryBudget): void {
    const held = this.#state === State.CLOSED ? 0 : this.#decoder.heldBytes +
      this.outbound.queuedBytes + (this.#endpoint.keptBytes ?? 0) +
      (this.#held === undefined ? 0 : this.#held.length);
    const change = held - this.#counted;
    if (change === 0) return;
    this.#counted = held;
    memory.add(change);
  }

  #cutLater(): void {
    this.#linger?.cancel();
    const clock = this.#config.clock ?? systemClock;
    this.#linger = clock.after(this.#config.lingerMs, () => this.#link.abort());
  }

  /** The endpoint has room again: takes what was held back, then reads on. */
  resume(): void {
    const held = this.#held;
    if (held === undefined || this.#inTurn || this.#state !== State.OPEN) return;
    this.#held = undefined;
    this.#take(held);
    if (this.#held === undefined && this.#peerEnded && this.#state === State.OPEN) {
      this.#inputEnded();
    }
  }

  /** The stream has ended and every frame of it was taken. */
  #inputEnded(): void {
    try {
      this.#decoder.end();
    } catch (error) {
      this.fail(error);
      return;
    }
    this.finish({ code: "PEER_ENDED", message: "the peer ended the connection" });
  }
}

function failure(cause: unknown): CloseReason {
  const error = isFramewireError(cause)
    ? cause
    : new FramewireError("LINK_FAILED", thrownText(cause), { cause });
  return { code: error.code, message: error.message, error };
}
