/**
 * A connection with all that servers and whole clients do with one: gates, pushes, a share of the memory
 * budget, heartbeats, and other endpoints and framings in place of the first ones.
 *
 * @module
 */
import { ownLimit } from "../codec/frame_layout.ts";
import type { FrameConsumer } from "../codec/frame_consumer.ts";
import type { Framing, KindField } from "../codec/framing.ts";
import type { WatchedBatches } from "../observe/batches.ts";
import type { Link } from "../link/link.ts";
import type { ConnectionConfig } from "./config.ts";
import type { CloseReason } from "./close_reason.ts";
import type { BatchGate, Endpoint, GoAwayNotice } from "./endpoint.ts";
import type { Holder, MemoryShare } from "./memory_share.ts";
import { PlainConnection } from "./plain_connection.ts";
import type { PushQueue } from "./push_queue.ts";
import { State } from "./state.ts";

export { State } from "./state.ts";
export type { ConnectionConfig } from "./config.ts";
export type { CloseReason } from "./close_reason.ts";
export type { BatchGate, Endpoint, GoAwayNotice } from "./endpoint.ts";

/**
 * One connection. What its turns look at is not private: an endpoint may flush while it is being made,
 * before there are private members.
 */
export class Connection extends PlainConnection implements Holder {
  #watched: WatchedBatches | undefined;
  /** What frames have to pass; undefined where all come through. */
  #gate: BatchGate | undefined;
  /** Pushes in front of what waits to be written, from the endpoint's first push on. */
  pushes: PushQueue | undefined;
  /** Not read from for want of memory. */
  protected starved = false;
  /** The memory that it holds, where that is counted. */
  protected readonly memory: MemoryShare | undefined;
  /** Replies that were owed when it was closed. */
  owedAtEnd = 0;
  /** Bytes that had not left when it was closed. */
  unsentAtEnd = 0;
  /** How often reading has been paused. */
  pauses = 0;

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
    super(link, config, makeEndpoint as (connection: PlainConnection) => Endpoint);
    this.memory = config.memory?.share(this);
    if (config.watch !== undefined) this.#join();
    const { opening } = this.endpoint;
    if (opening === undefined) return;
    this.decoder.reframe!(opening.framing, opening.kind);
    this.decoder.maxFrameBytes = Math.min(config.maxFrameBytes, ownLimit(opening.framing));
  }

  /** Requests taken whose replies have not been put out. */
  get owed(): number {
    return this.endpoint.owed;
  }

  /** Whether it takes what comes: not while there is no room for it. */
  get reading(): boolean {
    return !this.paused && this.held === undefined;
  }

  /** Whether the peer has introduced itself, by what its protocol says or by a first frame. */
  get established(): boolean {
    return this.endpoint.established ?? this.decoder.frameOffset > 0;
  }

  /** Where in the stream the frame begins whose end has not come though it could; -1 for none. */
  get incompleteFrame(): number {
    return this.decoder.inFrame && this.reading ? this.decoder.frameOffset : -1;
  }

  /** Asks the peer for a sign of life; false where the protocol, or this peer, knows none. */
  heartbeat(): boolean {
    const asked = this.state === State.OPEN && (this.endpoint.heartbeat?.() ?? false);
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
    if (this.state === State.OPEN) this.endpoint.goAway?.(notice);
  }

  /** Goes by another configuration, from the next frame on. */
  set config(config: ConnectionConfig) {
    this.settings = config;
    // Else the endpoint will reframe the stream, and set the limit.
    if (this.endpoint.opening === undefined) this.decoder.maxFrameBytes = config.maxFrameBytes;
  }

  /** Changes how the stream is framed, from the first frame on that its endpoint has not taken. */
  reframe(framing: Framing, kind: KindField | undefined): void {
    this.decoder.maxFrameBytes = this.settings.maxFrameBytes;
    this.decoder.reframe!(framing, kind); // the small client's cannot, and nothing asks it to
  }

  /**
   * Another endpoint speaks from now on. Within a batch it is given the frames that the one before
   * has not taken, and the frames behind them may have the full length.
   */
  become(endpoint: Endpoint): void {
    endpoint.keepsChunk = this.endpoint.keepsChunk;
    this.endpoint = endpoint;
    this.#join();
    this.reframe(this.settings.framing, this.settings.kind);
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
    this.decoder.consumer = this.#gate ?? consumer;
  }

  /** What gives frames to an endpoint: itself, or what watches its batches. */
  #consumer(endpoint: Endpoint): FrameConsumer {
    const { watch } = this.settings;
    if (watch === undefined) return endpoint;
    const watched = this.#watched ??= watch(endpoint, this.outbound);
    watched.endpoint = endpoint;
    return watched;
  }

  /** Begins to read. */
  override start(): void {
    this.memory?.join();
    super.start();
  }

  /** {@inheritDoc LinkReceiver.reserve} */
  reserve(bytes: number): boolean {
    return this.memory === undefined || this.memory.readInto(bytes);
  }

  /** {@inheritDoc PlainConnection.flushSoon} */
  override flushSoon(): void {
    if (this.settings.writeMode === "immediate") this.flush();
    else super.flushSoon();
  }

  /** {@inheritDoc PlainConnection.ending} */
  protected override ending(reason: CloseReason): void {
    this.owedAtEnd = this.endpoint.owed;
    this.unsentAtEnd = this.outbound.queuedBytes;
    this.#gate?.closed();
    if (reason.error !== undefined) this.#watched?.attach(reason.error);
  }

  /** {@inheritDoc PlainConnection.release} */
  protected override release(): void {
    this.pushes?.close();
    this.memory?.leave();
  }

  /** {@inheritDoc PlainConnection.closed} */
  override closed(cause: Error | undefined): void {
    super.closed(cause);
    this.flush();
  }

  /** {@inheritDoc PlainConnection.flush} */
  override flush(): void {
    if (this.state !== State.CLOSED) super.flush();
    else if (this.memory !== undefined) this.#count(this.memory); // handlers may not have ended
  }

  /** {@inheritDoc PlainConnection.afterTurn} */
  protected override afterTurn(): void {
    const { pushes } = this;
    if (pushes !== undefined) {
      // A link that takes everything at once makes room again and again.
      while (pushes.refill()) this.outbound.flush();
    }
    if (this.memory !== undefined) this.#count(this.memory);
    super.afterTurn();
  }

  /** {@inheritDoc PlainConnection.isDone} */
  protected override get isDone(): boolean {
    return super.isDone && (this.pushes === undefined || this.pushes.length === 0);
  }

  /** {@inheritDoc PlainConnection.readOrPause} */
  protected override readOrPause(): void {
    const { paused } = this;
    super.readOrPause();
    if (this.paused && !paused) this.pauses++;
  }

  /** {@inheritDoc PlainConnection.mustPause} */
  protected override get mustPause(): boolean {
    return this.starved || this.pushes?.pausesReading === true || super.mustPause;
  }

  /** {@inheritDoc Holder.partialBytes} */
  get partialBytes(): number {
    return this.decoder.waitingBytes;
  }

  /** {@inheritDoc Holder.owes} */
  get owes(): boolean {
    return !this.isDone;
  }

  /** {@inheritDoc Holder.starve} */
  starve(starved: boolean): void {
    this.starved = starved;
    if (this.state === State.OPEN && !this.inTurn) this.readOrPause();
  }

  /** Tells the budget by how much the memory that it holds has changed. */
  #count(memory: MemoryShare): void {
    memory.holds(
      this.decoder.heldBytes + this.outbound.queuedBytes + (this.endpoint.keptBytes ?? 0) +
        (this.held === undefined ? 0 : this.held.length),
    );
  }
}
