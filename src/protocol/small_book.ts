/**
 * The calls of one connection that wait for their answers, in little code: each has its deadline, and one
 * timer looks at the earliest.
 *
 * @module
 */
import { Alarm } from "../connection/alarm.ts";
import type { FramewireError } from "../errors.ts";
import type { Book, CallLine, MakeBook } from "./book.ts";
import { type CallLimits, type CallOptions, cancelled, deadlineExceeded } from "./call_limits.ts";
import { Silence } from "./silence.ts";

/** They are looked at no more often than this, in milliseconds. */
const GRAIN_MS = 5;

interface Call<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
  /** The place of its first byte. */
  readonly place: number;
  /** When it is due, in milliseconds. */
  due: number;
  /** The timeout that its error names; undefined for one of its own. */
  ms: number | undefined;
  /** Stops listening to its signal. */
  stop?: () => void;
}

/** Calls under way. */
class SmallBook<T> implements Book<T> {
  readonly #limits: CallLimits;
  readonly #line: CallLine;
  readonly #idle: () => void;
  readonly #silence: Silence;
  /** By number; undefined for those given up whose answers may still come. */
  readonly #calls = new Map<number, Call<T> | undefined>();
  #head: number;
  #next: number;
  readonly #alarm: Alarm;
  pending = 0;

  constructor(limits: CallLimits, line: CallLine, idle: () => void, first = 0) {
    this.#limits = limits;
    this.#line = line;
    this.#idle = idle;
    this.#silence = new Silence(limits);
    this.#head = this.#next = first;
    this.#alarm = new Alarm(limits.clock, (now) => this.#endDue(now));
  }

  get full(): boolean {
    return this.#calls.size >= this.#limits.maxInFlight;
  }

  get head(): number {
    // Not the first key of the map, which takes long to find behind many that were deleted.
    while (this.#head < this.#next && !this.#calls.has(this.#head)) this.#head++;
    return this.#head;
  }

  add(place: number, resolve: (value: T) => void, reject: (error: Error) => void): number {
    const { requestTimeoutMs: ms } = this.#limits;
    const call: Call<T> = { resolve, reject, place, due: Infinity, ms };
    this.#calls.set(this.#next, call);
    this.pending++;
    if (ms > 0) this.#endAfter(call, ms);
    return this.#next++;
  }

  limit(number: number, { timeoutMs, signal }: CallOptions, leftMs: number | undefined): void {
    const call = this.#calls.get(number)!;
    const ms = leftMs ?? timeoutMs;
    if (ms !== undefined) {
      call.ms = undefined;
      call.due = Infinity;
      if (timeoutMs !== 0) this.#endAfter(call, ms);
    }
    if (signal !== undefined) {
      const abort = () => this.#giveUp(number, call, cancelled(signal.reason, "unknown"));
      signal.addEventListener("abort", abort, { once: true });
      call.stop = () => signal.removeEventListener("abort", abort);
    }
  }

  has(number: number): boolean {
    return this.#calls.has(number);
  }

  resolve(number: number, value: T): void {
    this.#settled(number)?.resolve(value);
  }

  reject(number: number, error: Error): void {
    this.#settled(number)?.reject(error);
  }

  failAll(lost: (outcome: "not-sent" | "unknown") => FramewireError): void {
    const { handed } = this.#line.outbound;
    const errors: { "not-sent"?: FramewireError; unknown?: FramewireError } = {};
    for (const [number, call] of [...this.#calls]) {
      if (call === undefined) continue;
      const outcome = call.place >= handed ? "not-sent" : "unknown";
      this.reject(number, errors[outcome] ??= lost(outcome));
    }
    this.#calls.clear();
  }

  /** A call's answer came; returns it, unless it was given up. */
  #settled(number: number): Call<T> | undefined {
    const call = this.#calls.get(number);
    this.#calls.delete(number);
    if (call !== undefined) this.#left(call);
    return call;
  }

  /** Settles a call; its place stays taken until its answer comes. */
  #giveUp(number: number, call: Call<T>, error: FramewireError): void {
    this.#calls.set(number, undefined);
    this.#left(call);
    call.reject(error);
  }

  /** One call less waits. */
  #left({ stop }: Call<T>): void {
    stop?.();
    if (--this.pending > 0) return;
    this.#alarm.stop();
    this.#idle();
  }

  #endAfter(call: Call<T>, ms: number): void {
    call.due = this.#limits.clock.now() + ms;
    this.#alarm.set(call.due);
  }

  /** Gives up the calls that are due, and comes back for the next. */
  #endDue(now: number): void {
    let next = Infinity;
    let timedOut = 0;
    for (const [number, call] of this.#calls) {
      if (call === undefined) continue;
      if (call.due > now) {
        next = Math.min(next, call.due);
        continue;
      }
      timedOut++;
      this.#giveUp(number, call, deadlineExceeded(call.ms, "unknown"));
    }
    this.#silence.timedOut(timedOut, this.#line);
    if (this.pending > 0) this.#alarm.set(Math.max(next, now + GRAIN_MS));
  }
}

/** Makes one. Nobody is told of calls that are given up, and none is given back. */
export const smallBook: MakeBook = (limits, line, idle, first) =>
  new SmallBook(limits, line, idle, first);
