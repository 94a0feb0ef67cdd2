/**
 * One connection's life (its states: `state.ts`), on either side: bytes in from the link, through the
 * decoder, to the endpoint that speaks the protocol; bytes out through the one writer; the way it ends.
 *
 * @module
 */
import type { FrameConsumer } from "../codec/frame_consumer.ts";
import { ownLimit } from "../codec/frame_layout.ts";
import type { Framing, KindField } from "../codec/framing.ts";
import type { StreamDecoder } from "../codec/stream_decoder.ts";
import type { WatchedBatches } from "../observe/batches.ts";
import type { Link, LinkEnds, LinkReceiver } from "../link/link.ts";
import type { ConnectionConfig } from "./config.ts";
import { type CloseReason, failure, memoryLost, PEER_ENDED } from "./close_reason.ts";
import type { BatchGate, Endpoint, GoAwayNotice } from "./endpoint.ts";
import { Linger } from "./linger.ts";
import type { Holder, MemoryShare } from "./memory_share.ts";
import type { Outbound } from "./outbound.ts";
import { PlainOutbound } from "./plain_outbound.ts";
import type { PushQueue } from "./push_queue.ts";
import { State } from "./state.ts";

export { State } from "./state.ts";
export type { ConnectionConfig } from "./config.ts";
export type { CloseReason } from "./close_reason.ts";
export type { BatchGate, Endpoint, GoAwayNotice } from "./endpoint.ts";

const EMPTY = /* @__PURE__ */ new Uint8Array(0);

/** One connection. */
export class Connection implements LinkReceiver, Holder {
  readonly #link: Link;
  #config: ConnectionConfig;
  readonly #decoder: StreamDecoder;
  /** Who speaks the protocol on it now; {@linkcode become} puts another one in its place. */
  endpoint: Endpoint;
  #watched: WatchedBatches | undefined;
  /** What frames have to pass; undefined where all come through. */
  #gate: BatchGate | undefined;
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
  /** The memory that it holds, where that is counted. */
  readonly #memory: MemoryShare | undefined;
  /** Replies that were owed when it was closed. */
  owedAtEnd = 0;
  /** Bytes that had not left when it was closed. */
  unsentAtEnd = 0;
  /** How often reading has been paused. */
  pauses = 0;
  #inTurn = false;
  #flushing = false;
  #linger: Linger | undefined;

  /**
   * A connection on a link.
   *
   * @param link What carries it. Reading begins with {@linkcode start}.
   * @param makeEndpoint Makes the endpoint that speaks the protocol on it.
   */
  constructor(
    link: Link,
    config: ConnectionConfig,
    makeEndpoint: (connection: Connection) => Endpoint,
  ) {
    this.#link = link;
    this.#config = config;
    this.#memory = config.memory?.share(this);
    // The small client's endpoints need no more than a plain one has.
    const made = config.outbound?.(link, () => this.flush()) ?? new PlainOutbound(link);
    this.outbound = made as Outbound;
    this.endpoint = makeEndpoint(this);
    const { opening } = this.endpoint;
    const { framing, kind } = opening ?? config;
    this.#decoder = config.codecs.decoder(
      framing,
      kind,
      opening ? Math.min(config.maxFrameBytes, ownLimit(framing)) : config.maxFrameBytes,
      this.#consumer(this.endpoint),
    );
  }

  /** What carries it, and between whom. */
  get ends(): LinkEnds {
    return this.#link;
  }

  /** Where in its life it is. */
  get state(): State {
    return this.#state;
  }

  /** Requests taken whose replies have not been put out. */
  get owed(): number {
    return this.endpoint.owed;
  }

  /** Whether it takes what comes: not while there is no room for it. */
  get reading(): boolean {
    return !this.#paused && this.#held === undefined;
  }

  /** Whether the peer has introduced itself, by what its protocol says or by a first frame. */
  get established(): boolean {
    return this.endpoint.established ?? this.#decoder.frameOffset > 0;
  }

  /** Where in the stream the frame begins whose end has not come though it could; -1 for none. */
  get incompleteFrame(): number {
    return this.#decoder.inFrame && this.reading ? this.#decoder.frameOffset : -1;
  }

  /** Asks the peer for a sign of life; false where the protocol, or this peer, knows none. */
  heartbeat(): boolean {
    const asked = this.#state === State.OPEN && (this.endpoint.heartbeat?.() ?? false);
    if (asked) this.flush();
    return asked;
  }

  /** Tells the peer that this side is too busy; false where its protocol cannot say so. */
  busy(retryAfterMs: number): boolean {
    const tells = this.endpoint.busy?.(retryAfterMs) ?? false;
    if (tells) this.flush();
    return tells;
  }

  /** Tells the peer, where it knows such a notice, that the connection will soon end. */
  goAway(notice: GoAwayNotice): void {
    if (this.#state === State.OPEN) this.endpoint.goAway?.(notice);
  }

  /** Goes by another configuration, from the next frame on. */
  set config(config: ConnectionConfig) {
    this.#config = config;
    // Else the endpoint will reframe the stream, and set the limit.
    if (this.endpoint.opening === undefined) this.#decoder.maxFrameBytes = config.maxFrameBytes;
  }

  /** Changes how the stream is framed, from the first frame on that its endpoint has not taken. */
  reframe(framing: Framing, kind: KindField | undefined): void {
    this.#decoder.maxFrameBytes = this.#config.maxFrameBytes;
    this.#decoder.reframe!(framing, kind); // the small client's cannot, and nothing asks it to
  }

  /**
   * Another endpoint speaks from now on. Within a batch it is given the frames that the one before
   * has not taken, and the frames behind them may have the full length.
   */
  become(endpoint: Endpoint): void {
    endpoint.keepsChunk = this.endpoint.keepsChunk;
    this.endpoint = endpoint;
    this.#join();
    this.reframe(this.#config.framing, this.#config.kind);
  }

  /** Sets what frames have to pass from now on, if anything. Not within a turn. */
  set gate(gate: BatchGate | undefined) {
    this.#gate?.closed();
    this.#gate = gate;
    this.#join();
    this.resume(); // what the gate before has held back
  }

  #join(): void {
    const consumer = this.#consumer(this.endpoint);
    if (this.#gate !== undefined) this.#gate.endpoint = consumer;
    this.#decoder.consumer = this.#gate ?? consumer;
  }

  /** What gives frames to an endpoint: itself, or what watches its batches. */
  #consumer(endpoint: Endpoint): FrameConsumer {
    const { watch } = this.#config;
    if (watch === undefined) return endpoint;
    const watched = this.#watched ??= watch(endpoint, this.outbound);
    watched.endpoint = endpoint;
    return watched;
  }

  /** Begins to read. */
  start(): void {
    this.#memory?.join();
    this.#link.start(this);
  }

  /** {@inheritDoc LinkReceiver.data} */
  data(chunk: Uint8Array): boolean {
    this.bytesIn += chunk.length;
    if (this.#state === State.OPEN) return this.#take(chunk);
    this.#lingers.took(chunk.length);
    return false;
  }

  /** {@inheritDoc LinkReceiver.reserve} */
  reserve(bytes: number): boolean {
    return this.#memory === undefined || this.#memory.readInto(bytes);
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
    this.owedAtEnd = this.endpoint.owed;
    this.unsentAtEnd = this.outbound.queuedBytes;
    this.#linger?.close();
    this.#held = undefined;
    this.#decoder.close();
    // The first error counts: a reset after malformed input is only its consequence.
    const isFirst = cause !== undefined && !orderly && this.#reason?.error === undefined;
    if (this.#reason === undefined || isFirst) this.#reason = cause ? failure(cause) : PEER_ENDED;
    this.#gate?.closed();
    if (this.#reason.error !== undefined) this.#watched?.attach(this.#reason.error);
    this.endpoint.lost?.();
    this.outbound.close();
    this.pushes?.close();
    this.#memory?.leave();
    this.endpoint.closed(this.#reason);
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
    if (this.#config.writeMode === "immediate") return this.flush();
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.flush();
    });
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
    this.endpoint.finishing(reason);
    if (!this.#config.sendsAllBeforeEnd) this.#lingers.cutLater();
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

  #take(chunk: Uint8Array, length: number = chunk.length): boolean {
    this.endpoint.keepsChunk = false;
    this.#inTurn = true;
    let keeps: boolean;
    try {
      const taken = this.#decoder.push(chunk);
      keeps = this.endpoint.keepsChunk;
      if (this.#state !== State.OPEN) this.#decoder.close();
      else if (taken < chunk.length || this.#decoder.stopped) {
        this.#held = taken < chunk.length ? chunk.subarray(taken) : EMPTY;
        keeps ||= taken < chunk.length;
      }
    } catch (error) {
      keeps = this.endpoint.keepsChunk;
      if (chunk.length === length) this.fail(error); // unless a handler has ended it already
      this.#decoder.close();
    }
    this.#inTurn = false;
    if (chunk.length < length) this.abort(memoryLost()); // nothing of this turn may leave
    this.outbound.flush();
    this.#afterTurn();
    return keeps;
  }

  /** Reads on, stops reading or ends, whichever is due. */
  #afterTurn(): void {
    const { pushes } = this;
    if (pushes !== undefined) {
      // A link that takes everything at once makes room again and again.
      while (pushes.refill()) this.outbound.flush();
    }
    if (this.#memory !== undefined) this.#count(this.#memory);
    switch (this.#state) {
      case State.OPEN:
        this.#readOrPause();
        return;
      case State.FINISHING:
        if (this.endpoint.owed > 0 || this.outbound.queuedBytes > 0) return;
        if (pushes !== undefined && pushes.length > 0) return;
        this.#state = State.LINGERING;
        if (this.#paused) {
          this.#paused = false;
          this.#link.resume();
        }
        this.#link.end();
        if (!this.#peerEnded) this.#lingers.cutLater();
    }
  }

  #readOrPause(): void {
    const queued = this.outbound.queuedBytes;
    const pause = this.#held !== undefined || this.#starved ||
      this.pushes?.pausesReading === true ||
      (this.#paused
        ? queued > this.#config.writeLowWaterBytes
        : queued > this.#config.writeHighWaterBytes);
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (!pause) return this.#link.resume();
    this.pauses++;
    this.#link.pause();
  }

  /** {@inheritDoc Holder.partialBytes} */
  get partialBytes(): number {
    return this.#decoder.waitingBytes;
  }

  /** {@inheritDoc Holder.starve} */
  starve(starved: boolean): void {
    this.#starved = starved;
    if (this.#state === State.OPEN && !this.#inTurn) this.#readOrPause();
  }

  /** Tells the budget by how much the memory that it holds has changed. */
  #count(memory: MemoryShare): void {
    memory.holds(
      this.#decoder.heldBytes + this.outbound.queuedBytes + (this.endpoint.keptBytes ?? 0) +
        (this.#held === undefined ? 0 : this.#held.length),
    );
  }

  get #lingers(): Linger {
    return this.#linger ??= new Linger(this.#link, this.#config);
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
      return this.fail(error);
    }
    this.finish(PEER_ENDED);
  }
}
