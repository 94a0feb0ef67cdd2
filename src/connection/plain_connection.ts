/**
 * One connection's life (its states: `state.ts`), on either side: bytes in from the link, through the
 * decoder, to the endpoint that speaks the protocol; bytes out through the one writer; the way it ends.
 *
 * @module
 */
import type { StreamDecoder } from "../codec/stream_decoder.ts";
import type { Link, LinkEnds, LinkReceiver } from "../link/link.ts";
import type { ConnectionConfig } from "./config.ts";
import { type CloseReason, failure, memoryLost, PEER_ENDED } from "./close_reason.ts";
import type { Endpoint } from "./endpoint.ts";
import { Linger } from "./linger.ts";
import type { Outbound } from "./outbound.ts";
import { PlainOutbound } from "./plain_outbound.ts";
import { State } from "./state.ts";

const EMPTY = /* @__PURE__ */ new Uint8Array(0);

/** One connection: what a small client needs of it; `Connection` has the rest. */
export class PlainConnection implements LinkReceiver {
  readonly #link: Link;
  /** What it goes by. */
  protected settings: ConnectionConfig;
  /** What cuts its stream into frames. */
  protected readonly decoder: StreamDecoder;
  /** Who speaks the protocol on it now. */
  endpoint: Endpoint;
  /** What waits to be written. */
  readonly outbound: Outbound;
  /** Bytes received. */
  bytesIn = 0;
  #state: State = State.OPEN;
  #reason: CloseReason | undefined;
  #peerEnded = false;
  /** Input that the endpoint had no room for; the link is paused while there is some. */
  protected held: Uint8Array | undefined;
  /** Whether the link is paused. */
  protected paused = false;
  /** While input is being handled. */
  protected inTurn = false;
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
    makeEndpoint: (connection: PlainConnection) => Endpoint,
  ) {
    this.#link = link;
    this.settings = config;
    // The small client's endpoints need no more than a plain one has.
    const made = config.outbound?.(link, () => this.flush()) ?? new PlainOutbound(link);
    this.outbound = made as Outbound;
    this.endpoint = makeEndpoint(this);
    const { framing, kind, maxFrameBytes } = config;
    this.decoder = config.codecs.decoder(framing, kind, maxFrameBytes, this.endpoint);
  }

  /** What carries it, and between whom. */
  get ends(): LinkEnds {
    return this.#link;
  }

  /** Where in its life it is. */
  get state(): State {
    return this.#state;
  }

  /** Begins to read. */
  start(): void {
    this.#link.start(this);
  }

  /** {@inheritDoc LinkReceiver.data} */
  data(chunk: Uint8Array): boolean {
    this.bytesIn += chunk.length;
    if (this.#state === State.OPEN) return this.#take(chunk);
    this.#lingers.took(chunk.length);
    return false;
  }

  /** {@inheritDoc LinkReceiver.ended} */
  ended(): void {
    this.#peerEnded = true;
    if (this.#state === State.OPEN && this.held === undefined) this.#inputEnded();
  }

  /** {@inheritDoc LinkReceiver.written} */
  written(): void {
    this.outbound.written();
    this.afterTurn();
  }

  /** {@inheritDoc LinkReceiver.closed} */
  closed(cause: Error | undefined): void {
    if (this.#state === State.CLOSED) return;
    const orderly = this.#state === State.LINGERING || this.#reason?.code === "CLOSED";
    this.#state = State.CLOSED;
    this.#linger?.close();
    this.decoder.close();
    // The first error counts: a reset after malformed input is only its consequence.
    const isFirst = cause !== undefined && !orderly && this.#reason?.error === undefined;
    if (this.#reason === undefined || isFirst) this.#reason = cause ? failure(cause) : PEER_ENDED;
    this.ending(this.#reason);
    this.held = undefined;
    this.endpoint.lost?.();
    this.outbound.close();
    this.release();
    this.endpoint.closed(this.#reason);
  }

  /** It is closed for a reason; what has not left is about to be forgotten. */
  protected ending(_reason: CloseReason): void {}

  /** It is forgotten. */
  protected release(): void {}

  /**
   * Sends what the endpoint has put out, and looks whether the connection may read on or end.
   * Within a turn (while input is being handled) the end of the turn does it.
   */
  flush(): void {
    if (this.inTurn || this.#state === State.CLOSED) return;
    this.outbound.flush();
    this.afterTurn();
  }

  /** Flushes once the calls and settled promises of this turn are done, so that they share a write. */
  flushSoon(): void {
    if (this.#flushing) return;
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
    this.held = undefined;
    // Within a turn the endpoint may still read the decoder's buffer: the end of the turn closes it.
    if (!this.inTurn) this.decoder.close();
    this.endpoint.finishing(reason);
    if (!this.settings.sendsAllBeforeEnd) this.#lingers.cutLater();
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
    this.inTurn = true;
    let keeps: boolean;
    try {
      const taken = this.decoder.push(chunk);
      keeps = this.endpoint.keepsChunk;
      if (this.#state !== State.OPEN) this.decoder.close();
      else if (taken < chunk.length || this.decoder.stopped) {
        this.held = taken < chunk.length ? chunk.subarray(taken) : EMPTY;
        keeps ||= taken < chunk.length;
      }
    } catch (error) {
      keeps = this.endpoint.keepsChunk;
      if (chunk.length === length) this.fail(error); // unless a handler has ended it already
      this.decoder.close();
    }
    this.inTurn = false;
    if (chunk.length < length) this.abort(memoryLost()); // nothing of this turn may leave
    this.outbound.flush();
    this.afterTurn();
    return keeps;
  }

  /** Reads on, stops reading or ends, whichever is due. */
  protected afterTurn(): void {
    if (this.#state === State.OPEN) return this.readOrPause();
    if (this.#state !== State.FINISHING || !this.isDone) return;
    this.#state = State.LINGERING;
    if (this.paused) {
      this.paused = false;
      this.#link.resume();
    }
    this.#link.end();
    if (!this.#peerEnded) this.#lingers.cutLater();
  }

  /** Whether all that is owed to the peer has left. */
  protected get isDone(): boolean {
    return this.endpoint.owed === 0 && this.outbound.queuedBytes === 0;
  }

  /** Reads on, or stops reading. */
  protected readOrPause(): void {
    const pause = this.mustPause;
    if (pause === this.paused) return;
    this.paused = pause;
    if (pause) this.#link.pause();
    else this.#link.resume();
  }

  /** Whether nothing may be read for now. */
  protected get mustPause(): boolean {
    const { writeLowWaterBytes, writeHighWaterBytes } = this.settings;
    return this.held !== undefined ||
      this.outbound.queuedBytes > (this.paused ? writeLowWaterBytes : writeHighWaterBytes);
  }

  get #lingers(): Linger {
    return this.#linger ??= new Linger(this.#link, this.settings);
  }

  /** The endpoint has room again: takes what was held back, then reads on. */
  resume(): void {
    const held = this.held;
    if (held === undefined || this.inTurn || this.#state !== State.OPEN) return;
    this.held = undefined;
    this.#take(held);
    if (this.held === undefined && this.#peerEnded && this.#state === State.OPEN) {
      this.#inputEnded();
    }
  }

  /** The stream has ended and every frame of it was taken. */
  #inputEnded(): void {
    try {
      this.decoder.end();
    } catch (error) {
      return this.fail(error);
    }
    this.finish(PEER_ENDED);
  }
}
