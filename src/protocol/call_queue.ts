/**
 * Calls that wait for room in the window.
 *
 * @module
 */
import { Alarm } from "../connection/alarm.ts";
import { FramewireError } from "../errors.ts";
import { type CallLimits, type CallOptions, cancelled, deadlineExceeded } from "./call_limits.ts";
import { PrioritySet } from "./priority_set.ts";

/** A call that waits. */
interface Waiting {
  /** Puts it out; it is told how much of its time is left. */
  readonly send: (leftMs: number | undefined) => void;
  readonly reject: (error: Error) => void;
  /** When it is due, in milliseconds; Infinity when it never is. */
  readonly due: number;
  /** The timeout that was asked for, in milliseconds. */
  readonly timeoutMs: number;
  readonly forget: () => void;
}

/** The more important first, else first come, first sent. None has left a byte on the link. */
export class CallQueue {
  readonly #limits: CallLimits;
  readonly #waiting = new PrioritySet<Waiting>();
  readonly #alarm: Alarm;

  constructor(limits: CallLimits) {
    this.#limits = limits;
    this.#alarm = new Alarm(limits.clock, (now) => this.#endDue(now));
  }

  /** How many wait. */
  get length(): number {
    return this.#waiting.size;
  }

  /** A call waits, or fails with WINDOW_FULL when it may not. */
  wait(
    { timeoutMs = this.#limits.requestTimeoutMs, signal, priority }: CallOptions,
    send: (leftMs: number | undefined) => void,
    reject: (error: Error) => void,
  ): void {
    const { maxInFlight, maxQueued, overflow, clock } = this.#limits;
    if (overflow === "fail" || this.#waiting.size >= maxQueued) {
      const queued = overflow === "fail" ? "" : ` and ${maxQueued} wait for room (maxQueued)`;
      const message = `${maxInFlight} calls are under way (maxInFlight)${queued}`;
      reject(new FramewireError("WINDOW_FULL", message, { outcome: "not-sent" }));
      return;
    }
    const due = timeoutMs === 0 ? Infinity : clock.now() + timeoutMs;
    const abort = () => {
      this.#waiting.delete(waiting);
      reject(cancelled(signal!.reason, "not-sent"));
    };
    const forget = () => signal?.removeEventListener("abort", abort);
    const waiting: Waiting = { send, reject, due, timeoutMs, forget };
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.add(waiting, priority);
    this.#alarm.set(due);
  }

  /** Puts out what there is room for. */
  drain(full: () => boolean): void {
    for (let waiting; !full() && (waiting = this.#waiting.first()) !== undefined;) {
      this.#waiting.delete(waiting);
      waiting.forget();
      const { due } = waiting;
      waiting.send(due === Infinity ? undefined : Math.max(0, due - this.#limits.clock.now()));
    }
  }

  /** Fails all. */
  failAll(error: () => Error): void {
    this.#alarm.stop();
    const all = this.#waiting.takeAll();
    if (all.length === 0) return;
    const one = error();
    for (const { reject, forget } of all) {
      forget();
      reject(one);
    }
  }

  #endDue(now: number): void {
    let next = Infinity;
    for (const waiting of this.#waiting.all()) {
      if (waiting.due > now) {
        next = Math.min(next, waiting.due);
        continue;
      }
      this.#waiting.delete(waiting);
      waiting.forget();
      waiting.reject(deadlineExceeded(waiting.timeoutMs, "not-sent"));
    }
    this.#alarm.set(next);
  }
}
