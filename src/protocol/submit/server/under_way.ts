/**
 * Requests of one connection whose handlers take their time: their window, their deadlines, and who
 * may cancel them.
 *
 * @module
 */
import { type Clock, systemClock, type Timer } from "../../../connection/clock.ts";
import type { Connection } from "../../../connection/connection.ts";
import { FramewireError } from "../../../errors.ts";
import { BytesStore } from "../../defined/bytes_store.ts";
import type { ServerSide } from "../../protocol.ts";
import {
  type KeptChunk,
  MOST_LATE_AT_ONCE,
  type ReplyLimits,
  ReplyOrder,
} from "../../reply_order.ts";
import { ReplyPool } from "../../reply_pool.ts";
import { Command, idText } from "../commands.ts";
import { TIMEOUT_BYTES } from "./controls.ts";
import { FrameMemory, FrameOut } from "../frame_out.ts";
import { openChunk, pointAt } from "./packet.ts";
import { abortRequest, renew, RequestPacket } from "./request_packet.ts";

/** Who is told when a handler's promise has settled. */
export interface TurnEndpoint {
  settled(turn: Turn, failed: boolean, value: unknown): void;
}

/** A request and what is done when its handler settles. They are used again. */
export class Turn {
  readonly packet: RequestPacket = new RequestPacket();
  endpoint: TurnEndpoint | undefined;
  seq = 0;
  command: number = Command.SUBMIT;
  /** Where its frame is; a Request's begins four bytes later than it came, its id too. */
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;
  /** How long its frame was as it came. */
  wireBytes = 0;
  /** When its peer stops waiting, by the clock. */
  deadline: number = Infinity;
  /** When the server stops waiting. */
  handlerDeadline: number = Infinity;
  readonly resolved = (value: unknown): void => this.endpoint!.settled(this, false, value);
  readonly rejected = (error: unknown): void => this.endpoint!.settled(this, true, error);
}

/** Points a turn at its request. A Request's id is moved over its timeout, which was read. */
export function openTurn(
  turn: Turn,
  bytes: Uint8Array,
  offset: number,
  length: number,
  command: number,
  timeoutMs: number,
): void {
  turn.command = command;
  if (command === Command.REQUEST) {
    // A Request is a Submit behind its timeout, once its id stands there.
    bytes.copyWithin(offset + 9, offset + 5, offset + 13);
    offset += TIMEOUT_BYTES;
    length -= TIMEOUT_BYTES;
  }
  turn.bytes = bytes;
  turn.offset = offset;
  const { packet } = turn;
  renew(packet, timeoutMs);
  openChunk(packet, bytes);
  pointAt(packet, offset, length);
}

/** The requests under way on one connection, whose replies leave in the order that the server wants. */
export function underWay(
  connection: Connection,
  { limits, options }: ServerSide,
  onLate: (turn: Turn) => void,
): UnderWay {
  const bounds = untimed(limits);
  if (!options.ordered) {
    return new UnderWay(new ReplyPool(connection, bounds, () => {}), undefined, limits, onLate);
  }
  const store = new BytesStore();
  const order = new ReplyOrder(connection, store, bounds, () => {});
  return new UnderWay(order, store, limits, onLate);
}

/**
 * The same limits, as they are at each moment, without the handlers' deadline: that of requests is kept
 * beside the peer's.
 */
export function untimed(limits: ReplyLimits): ReplyLimits {
  return Object.create(limits, { handlerTimeoutMs: { value: 0 } }) as ReplyLimits;
}

/** Requests under way. */
export class UnderWay {
  readonly #order: ReplyOrder | ReplyPool;
  readonly #store: BytesStore | undefined;
  readonly #memory = new FrameMemory();
  readonly #clock: Clock;
  readonly #limits: ReplyLimits;
  readonly #onLate: (turn: Turn) => void;
  readonly #turns = new Map<number, Turn>();
  readonly #free: Turn[] = [];
  /** By id; from the first Cancel on. */
  #byId: Map<string, Turn> | undefined;
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #seal: FrameOut | undefined;
  closed = false;

  /**
   * @param order What bounds them.
   * @param store Where their replies wait, when they leave in order.
   * @param onLate Told of a request whose deadline has passed; it must settle it.
   */
  constructor(
    order: ReplyOrder | ReplyPool,
    store: BytesStore | undefined,
    limits: ReplyLimits,
    onLate: (turn: Turn) => void,
  ) {
    this.#order = order;
    this.#store = store;
    this.#limits = limits;
    this.#clock = limits.clock ?? systemClock;
    this.#onLate = onLate;
  }

  /** Whether replies leave in the order of their requests. */
  get ordered(): boolean {
    return this.#store !== undefined;
  }

  /** Replies that are owed. */
  get owed(): number {
    return this.#order.owed;
  }

  /** Memory that they keep, in bytes. */
  get keptBytes(): number {
    return this.#order.keptBytes;
  }

  /** Whether no more requests should be taken for now. */
  get full(): boolean {
    return this.#order.full;
  }

  /** Keeps the memory of requests while they are taken; {@linkcode release} ends that. */
  keep(bytes: number, pooled?: Uint8Array): KeptChunk {
    return this.#order.keep(bytes, pooled);
  }

  /** Returns whether requests still read from it. */
  release(kept: KeptChunk): boolean {
    return this.#order.release(kept);
  }

  /** A request's handler takes its time. */
  accept(turn: Turn, kept: KeptChunk, timeoutMs: number): void {
    turn.seq = this.#order.accept(kept);
    this.#turns.set(turn.seq, turn);
    this.#byId?.set(idText(turn.bytes, turn.offset + 5), turn);
    const { handlerTimeoutMs } = this.#limits;
    turn.deadline = turn.handlerDeadline = Infinity;
    if (timeoutMs === 0 && handlerTimeoutMs === 0) return;
    const now = this.#clock.now();
    if (timeoutMs > 0) turn.deadline = now + timeoutMs;
    if (handlerTimeoutMs > 0) turn.handlerDeadline = now + handlerTimeoutMs;
    this.#watch(Math.min(turn.deadline, turn.handlerDeadline), now);
  }

  /** More of a request has come: the deadline of its handler begins anew. */
  touch(turn: Turn): void {
    if (turn.handlerDeadline === Infinity) return;
    turn.handlerDeadline = this.#clock.now() + this.#limits.handlerTimeoutMs;
  }

  /** Whether a request still waits for its answer. */
  pending(turn: Turn): boolean {
    return this.#turns.get(turn.seq) === turn;
  }

  /** Where the reply of a request is to be written before it is settled. */
  outFor(_turn: Turn, out: FrameOut): FrameOut {
    if (this.#store === undefined) return out;
    return this.#seal ??= out.into(this.#memory);
  }

  /**
   * The reply of a request was written.
   *
   * @param forsaken Whether its handler is still at it.
   */
  settle(turn: Turn, forsaken: boolean): void {
    const order = this.#order;
    if (this.#store !== undefined) {
      this.#store.put((order as ReplyOrder).slot(turn.seq), this.#memory.take());
    }
    this.#turns.delete(turn.seq);
    this.#forget(turn);
    if (forsaken) order.forsake(turn.seq);
    else order.settle(turn.seq);
    if (forsaken) {
      abortRequest(turn.packet, new FramewireError("DEADLINE_EXCEEDED", "its deadline has passed"));
    }
  }

  /** The peer cancels the request with the id at `bytes[at]`: if it is under way, its signal aborts. */
  cancel(bytes: Uint8Array, at: number): void {
    if (this.#byId === undefined) {
      this.#byId = new Map();
      for (const turn of this.#turns.values()) {
        this.#byId.set(idText(turn.bytes, turn.offset + 5), turn);
      }
    }
    const turn = this.#byId.get(idText(bytes, at));
    if (turn === undefined) return; // answered already
    abortRequest(
      turn.packet,
      new FramewireError("CANCELLED", "the peer has cancelled the request"),
    );
  }

  /** A turn for the next request. */
  freeTurn(): Turn {
    return this.#free.pop() ?? new Turn();
  }

  /** A turn whose handler is done. */
  free(turn: Turn): void {
    if (this.closed) this.#order.dropped(turn.seq);
    turn.bytes = NONE;
    this.#free.push(turn);
  }

  /** The connection is closed: nothing is owed any more, and the handlers are told. */
  close(reason: FramewireError): void {
    this.closed = true;
    this.#timer?.cancel();
    this.#order.close();
    const turns = [...this.#turns.values()];
    this.#turns.clear();
    this.#byId = undefined;
    for (const turn of turns) abortRequest(turn.packet, reason);
  }

  #forget(turn: Turn): void {
    if (this.#byId === undefined) return;
    const id = idText(turn.bytes, turn.offset + 5);
    if (this.#byId.get(id) === turn) this.#byId.delete(id);
  }

  // One timer for all: most requests have the same deadline, and it moves only once that has passed.
  #watch(deadline: number, now: number): void {
    if (deadline >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = deadline;
    this.#timer = this.#clock.after(
      Math.min(Math.max(1, Math.ceil(deadline - now)), LONGEST_TIMER_MS),
      () => this.#look(),
    );
  }

  #look(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.#clock.now();
    let next = Infinity;
    const late: Turn[] = [];
    for (const turn of this.#turns.values()) {
      const deadline = Math.min(turn.deadline, turn.handlerDeadline);
      if (deadline <= now && late.length < MOST_LATE_AT_ONCE) late.push(turn);
      else if (deadline < next) next = deadline;
    }
    for (const turn of late) if (this.pending(turn)) this.#onLate(turn);
    if (next < Infinity && !this.closed) this.#watch(next, now);
  }
}

const NONE = /* @__PURE__ */ new Uint8Array(0);
const LONGEST_TIMER_MS = 2 ** 31 - 1;
