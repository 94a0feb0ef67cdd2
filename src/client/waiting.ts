/**
 * Calls that wait for a connection: each until there is one, its time is over, its caller gives it
 * up, or the client ends.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import { FramewireError } from "../errors.ts";
import { type CallOptions, cancelled, deadlineExceeded } from "../protocol/call_limits.ts";
import { PrioritySet } from "../protocol/priority_set.ts";

/** A call that waits. */
interface Waiting {
  /** Goes on, if it can. */
  wake(): void;
  /** Never goes on. */
  fail(error: Error): void;
}

/** The calls that wait, those of a higher priority first. */
export class WaitingCalls {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #waiting = new PrioritySet<Waiting>();

  /** @param most How many may wait. */
  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * A call waits.
   *
   * @param go Makes the call, if it can now; undefined when it cannot.
   * @param timeoutMs What its caller asked for, to be told.
   */
  wait<T>(
    options: CallOptions,
    timeoutMs: number,
    dueMs: number,
    go: () => Promise<T> | undefined,
  ): Promise<T> {
    const { signal, priority } = options;
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled(signal.reason, "not-sent"));
      if (this.#waiting.size >= this.#most) {
        const message = `${this.#most} calls wait for a connection (maxQueued)`;
        return reject(new FramewireError("WINDOW_FULL", message, { outcome: "not-sent" }));
      }
      const settle = () => {
        timer?.cancel();
        this.#waiting.delete(waiting);
        signal?.removeEventListener("abort", abort);
      };
      const fail = (error: Error) => {
        settle();
        reject(error);
      };
      const abort = () => fail(cancelled(signal!.reason, "not-sent"));
      const timer = dueMs === Infinity ? undefined : this.#clock.after(
        Math.max(0, dueMs - this.#clock.now()),
        () => fail(deadlineExceeded(timeoutMs, "not-sent")),
      );
      const wake = () => {
        const made = go();
        if (made === undefined) return;
        settle();
        resolve(made);
      };
      const waiting: Waiting = { wake, fail };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.add(waiting, priority);
    });
  }

  /** A connection stands. */
  wake(): void {
    // A call that cannot go on waits again, in its old place.
    for (const { wake } of this.#waiting.all()) wake();
  }

  /** No connection will ever stand. */
  failAll(error: Error): void {
    for (const { fail } of this.#waiting.all()) fail(error);
  }
}
