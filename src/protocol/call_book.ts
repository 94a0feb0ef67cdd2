/**
 * The calls of one connection that wait for their answers: in the order they were sent, each with
 * its promise, its deadline, and the place of its first byte in the stream.
 *
 * A call costs four stores into arrays and nothing else. Calls with the usual timeout have no timer
 * and no deadline of their own: a sweep, sixteen times in that timeout, remembers how far the calls
 * had come, and gives up what was sent sixteen sweeps ago. So they end at most a sixteenth late and
 * never early. Calls with a timeout of their own share one timer for the earliest of them.
 *
 * @module
 */
import { Alarm } from "../connection/alarm.ts";
import type { Timer } from "../connection/clock.ts";
import type { FramewireError } from "../errors.ts";
import { Ages, SWEEPS } from "./ages.ts";
import { type CallLimits, type CallOptions, cancelled, deadlineExceeded } from "./call_limits.ts";
import type { Book, CallLine, MakeBook } from "./book.ts";
import { Silence } from "./silence.ts";
import type { LostCall } from "./unsent.ts";

const FIRST_SLOTS = 64;
/** The place of a call that certainly was not sent, and that of one sent on an earlier connection. */
export const UNSENT: number = Infinity;
const SENT_BEFORE = -1;
/** The due time of a call that has the usual timeout. */
const USUAL = 0;
/** Calls with timeouts of their own are looked at no more often than this, in milliseconds. */
const GRAIN_MS = 5;

type Resolve = (value: never) => void;
type Reject = (error: Error) => void;

/** What is called when the answer comes to a call that was given up. */
function nobody(): void {}

/** Calls under way. */
export class CallBook<T> implements Book<T> {
  readonly #limits: CallLimits;
  /** The connection; undefined while a session has none. */
  #line: CallLine | undefined;
  /** Called when the last call that waited is settled. */
  readonly #idle: () => void;
  /** Calls `[head, tail)`; those settled out of turn are undefined. */
  #resolves: (Resolve | undefined)[] = [];
  #rejects: (Reject | undefined)[] = [];
  /** The place of each call's first byte. */
  #places: Float64Array = new Float64Array(0);
  /** When each call is due that has a timeout of its own; from the first such on. */
  #dues: Float64Array | undefined;
  /** What the protocol notes of each call; from the first note on. */
  #notes: Float64Array | undefined;
  #head: number;
  #tail: number;
  #pending = 0;
  #givenUp = 0;
  /** How to stop listening to signals, from the first one on. */
  #signals: Map<number, () => void> | undefined;
  #sweep: Timer | undefined;
  readonly #ages = new Ages();
  /** Rings for calls with timeouts of their own; from the first such on. */
  #alarm: Alarm | undefined;
  readonly #silence: Silence;
  /** Called when a call is given up whose answer may still come. */
  readonly #gaveUp: ((number: number) => void) | undefined;

  /**
   * @param first The number of the first call.
   * @param gaveUp Told which call was given up: the peer may want to know.
   */
  constructor(
    limits: CallLimits,
    line: CallLine | undefined,
    idle: () => void,
    first = 0,
    gaveUp?: (number: number) => void,
  ) {
    this.#limits = limits;
    this.#line = line;
    this.#idle = idle;
    this.#silence = new Silence(limits);
    this.#gaveUp = gaveUp;
    this.#head = this.#tail = first;
  }

  /** Calls that wait for their answer. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether as many are under way as may be. */
  get full(): boolean {
    return this.#pending + this.#givenUp >= this.#limits.maxInFlight;
  }

  /** The number of the first call that is not settled, and that of the next one. */
  get head(): number {
    return this.#head;
  }
  get tail(): number {
    return this.#tail;
  }

  /**
   * A call was put out whose first byte is at `place`. Calls are numbered one after the other.
   *
   * @returns Its number.
   */
  add(place: number, resolve: (value: T) => void, reject: Reject): number {
    const number = this.#tail;
    if (number - this.#head === this.#resolves.length) this.#grow();
    const slot = number & (this.#resolves.length - 1);
    this.#resolves[slot] = resolve as Resolve;
    this.#rejects[slot] = reject;
    this.#places[slot] = place;
    if (this.#dues !== undefined) this.#dues[slot] = USUAL;
    this.#tail = number + 1;
    this.#pending++;
    if (this.#sweep === undefined) this.#beginSweeps();
    return number;
  }

  /** Notes a number with a call. */
  note(number: number, value: number): void {
    this.#notes ??= new Float64Array(this.#resolves.length);
    this.#notes[number & (this.#notes.length - 1)] = value;
  }

  /** What was noted with a call; of no meaning when nothing was. */
  noteOf(number: number): number {
    return this.#notes === undefined ? NaN : this.#notes[number & (this.#notes.length - 1)]!;
  }

  /** A call has options of its own. `leftMs` is what its wait for room has left of its timeout. */
  limit(number: number, { timeoutMs, signal }: CallOptions, leftMs: number | undefined): void {
    const ms = leftMs ?? timeoutMs;
    if (ms !== undefined) {
      this.#dues ??= new Float64Array(this.#resolves.length);
      const due = timeoutMs === 0 ? Infinity : this.#limits.clock.now() + ms;
      this.#dues[number & (this.#resolves.length - 1)] = due;
      this.#wakeAt(due);
    }
    if (signal !== undefined) {
      const abort = () => this.#giveUp(number, (outcome) => cancelled(signal.reason, outcome));
      signal.addEventListener("abort", abort, { once: true });
      this.#signals ??= new Map();
      this.#signals.set(number, () => signal.removeEventListener("abort", abort));
    }
  }

  /** Whether a call is under way or was given up, and its answer has not come. */
  has(number: number): boolean {
    return number >= this.#head && number < this.#tail &&
      this.#rejects[number & (this.#rejects.length - 1)] !== undefined;
  }

  /** The answer of a call came that {@linkcode has} says is there. */
  resolve(number: number, value: T): void {
    const resolve = this.#resolves[number & (this.#resolves.length - 1)]!;
    this.#settled(number);
    resolve(value as never);
  }

  /** An answer came that says no. */
  reject(number: number, error: Error): void {
    const reject = this.#rejects[number & (this.#rejects.length - 1)]!;
    this.#settled(number);
    reject(error);
  }

  /**
   * The answers can no longer come.
   *
   * @param lost Makes the error; it is called once for each outcome there is.
   * @param takes Asked for each call that was not sent whether somebody else settles it.
   */
  failAll(
    lost: (outcome: "not-sent" | "unknown") => FramewireError,
    takes?: (call: LostCall) => boolean,
  ): void {
    this.#sweep?.cancel();
    this.#alarm?.stop();
    this.#sweep = undefined;
    const handed = this.#line === undefined ? 0 : this.#line.outbound.handed;
    const [resolves, rejects, places] = [this.#resolves, this.#rejects, this.#places];
    const [head, tail, pending] = [this.#head, this.#tail, this.#pending];
    this.#resolves = [];
    this.#rejects = [];
    this.#head = this.#tail;
    this.#pending = this.#givenUp = 0;
    for (const stop of this.#signals?.values() ?? []) stop();
    this.#signals = undefined;
    const errors: { "not-sent"?: FramewireError; unknown?: FramewireError } = {};
    for (let number = head; number < tail; number++) {
      const slot = number & (resolves.length - 1);
      const [place, resolve, reject] = [places[slot]!, resolves[slot], rejects[slot]];
      if (reject === undefined) continue;
      const outcome = place >= handed ? "not-sent" : "unknown";
      const error = errors[outcome] ??= lost(outcome);
      if (takes !== undefined && outcome === "not-sent" && resolve !== nobody) {
        const ageMs = this.#ageOf(number);
        if (takes({ number, place, ageMs, error, resolve: resolve as never, reject })) continue;
      }
      reject(error);
    }
    if (pending > 0) this.#idle();
  }

  /** How old a call with the usual timeout is at the least, by the sweeps that came after it. */
  #ageOf(number: number): number {
    return this.#ages.of(number) * this.#limits.requestTimeoutMs / SWEEPS;
  }

  // Of a session, whose calls outlive their connection.

  /** Another connection carries the calls, or, if undefined, none does for now. */
  carriedBy(line: CallLine | undefined): void {
    if (this.#line !== undefined) this.#leave(this.#line.outbound.handed);
    this.#line = line;
  }

  /** What was not handed to the connection that is lost was not sent; the rest may have arrived. */
  #leave(handed: number): void {
    const mask = this.#resolves.length - 1;
    for (let number = this.#head; number < this.#tail; number++) {
      const slot = number & mask;
      if (this.#rejects[slot] === undefined) continue;
      if (this.#rejects[slot] === nobody) this.#settled(number);
      else this.#places[slot] = this.#places[slot]! >= handed ? UNSENT : SENT_BEFORE;
    }
  }

  /** Whether a call's caller still waits. */
  waits(number: number): boolean {
    return this.has(number) && this.#rejects[number & (this.#rejects.length - 1)] !== nobody;
  }

  /** Whether a call certainly was not sent. */
  isUnsent(number: number): boolean {
    return this.#places[number & (this.#places.length - 1)] === UNSENT;
  }

  /** A call that waits is put out, its first byte at `place`: what was sent before stays so. */
  sent(number: number, place: number): void {
    const slot = number & (this.#places.length - 1);
    if (this.#places[slot] === UNSENT) this.#places[slot] = place;
  }

  /** A call that waits was not taken by the peer, by what that has said. */
  unsent(number: number): void {
    this.#places[number & (this.#places.length - 1)] = UNSENT;
  }

  /** About how much of its time a call has left, in milliseconds; 0 for no limit. */
  leftMs(number: number): number {
    const { requestTimeoutMs, clock } = this.#limits;
    const due = this.#dues === undefined ? USUAL : this.#dues[number & (this.#dues.length - 1)]!;
    if (due === Infinity) return 0;
    if (due !== USUAL) return Math.max(1, due - clock.now());
    if (requestTimeoutMs === 0) return 0;
    return Math.max(1, requestTimeoutMs - this.#ageOf(number));
  }

  #settled(number: number): void {
    const slot = number & (this.#resolves.length - 1);
    const wasGivenUp = this.#resolves[slot] === nobody;
    this.#resolves[slot] = this.#rejects[slot] = undefined;
    if (number === this.#head) {
      const mask = this.#rejects.length - 1;
      let head = number + 1;
      while (head < this.#tail && this.#rejects[head & mask] === undefined) head++;
      this.#head = head;
    }
    if (this.#signals !== undefined) this.#forgetSignal(number);
    if (wasGivenUp) this.#givenUp--;
    else if (--this.#pending === 0) this.#idle();
  }

  #forgetSignal(number: number): void {
    this.#signals!.get(number)?.();
    this.#signals!.delete(number);
  }

  /** Settles a call; its place stays taken until its answer comes. */
  #giveUp(number: number, error: (outcome: "not-sent" | "unknown") => FramewireError): void {
    const slot = number & (this.#resolves.length - 1);
    const reject = this.#rejects[slot]!;
    const outcome = this.#places[slot] === UNSENT ? "not-sent" : "unknown";
    this.#gaveUp?.(number);
    if (outcome === "not-sent" || this.#line === undefined) { // no answer can come
      this.#settled(number);
      reject(error(outcome));
      return;
    }
    this.letGo(number, error(outcome));
  }

  /** Tells a call's caller that it fails; its place stays taken until its answer comes. */
  letGo(number: number, error: FramewireError): void {
    const slot = number & (this.#resolves.length - 1);
    const reject = this.#rejects[slot]!;
    this.#resolves[slot] = this.#rejects[slot] = nobody;
    this.#givenUp++;
    if (this.#signals !== undefined) this.#forgetSignal(number);
    reject(error);
    if (--this.#pending === 0) this.#idle();
  }

  #beginSweeps(): void {
    const { clock, requestTimeoutMs } = this.#limits;
    if (requestTimeoutMs === 0) return;
    this.#ages.begin(this.#tail);
    const again = () => {
      this.#sweep = undefined;
      this.#sweepOnce();
      if (this.#pending > 0) this.#sweep = clock.after(grain, again);
    };
    const grain = requestTimeoutMs / SWEEPS;
    this.#sweep = clock.after(grain, again);
  }

  #sweepOnce(): void {
    const ms = this.#limits.requestTimeoutMs;
    const overdue = this.#ages.sweep(this.#tail);
    const mask = this.#resolves.length - 1;
    let timedOut = 0;
    for (let number = this.#head; number < overdue; number++) {
      const resolve = this.#resolves[number & mask];
      if (resolve === undefined || resolve === nobody) continue;
      if (this.#dues !== undefined && this.#dues[number & mask] !== USUAL) continue;
      this.#giveUp(number, (outcome) => deadlineExceeded(ms, outcome));
      timedOut++;
    }
    if (this.#line !== undefined) this.#silence.timedOut(timedOut, this.#line);
  }

  #wakeAt(due: number): void {
    this.#alarm ??= new Alarm(this.#limits.clock, (now) => this.#endDue(now));
    this.#alarm.set(due);
  }

  /** Gives up the calls with timeouts of their own that are due, and comes back for the next. */
  #endDue(now: number): void {
    const mask = this.#resolves.length - 1;
    let next = Infinity;
    let timedOut = 0;
    for (let number = this.#head; number < this.#tail; number++) {
      const due = this.#dues![number & mask]!;
      const resolve = this.#resolves[number & mask];
      if (due === USUAL || resolve === undefined || resolve === nobody) continue;
      if (due > now) {
        next = Math.min(next, due);
        continue;
      }
      this.#giveUp(number, (outcome) => deadlineExceeded(undefined, outcome));
      timedOut++;
    }
    if (this.#line !== undefined) this.#silence.timedOut(timedOut, this.#line);
    this.#wakeAt(Math.max(next, now + GRAIN_MS));
  }

  #grow(): void {
    const old = this.#resolves.length;
    const length = Math.max(FIRST_SLOTS, old * 2);
    const resolves: (Resolve | undefined)[] = new Array(length).fill(undefined);
    const rejects: (Reject | undefined)[] = new Array(length).fill(undefined);
    const places = new Float64Array(length);
    const dues = this.#dues === undefined ? undefined : new Float64Array(length);
    const notes = this.#notes === undefined ? undefined : new Float64Array(length);
    for (let number = this.#head; number < this.#tail; number++) {
      const [from, to] = [number & (old - 1), number & (length - 1)];
      resolves[to] = this.#resolves[from];
      rejects[to] = this.#rejects[from];
      places[to] = this.#places[from]!;
      if (dues !== undefined) dues[to] = this.#dues![from]!;
      if (notes !== undefined) notes[to] = this.#notes![from]!;
    }
    this.#resolves = resolves;
    this.#rejects = rejects;
    this.#places = places;
    this.#dues = dues;
    this.#notes = notes;
  }
}

/** Makes one. */
export const callBook: MakeBook = (limits, line, idle, first, gaveUp) =>
  new CallBook(limits, line, idle, first, gaveUp);
