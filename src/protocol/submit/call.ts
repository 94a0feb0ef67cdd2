/**
 * A call of a client that has said hello: from the caller to its one answer.
 *
 * @module
 */
import type { Clock, Timer } from "../../connection/clock.ts";

/** One call. */
export class Call {
  readonly command: number;
  /** What is to be sent; empty once it was. */
  payload: Uint8Array;
  /** Its id; 0 until it is sent. */
  id = 0;
  /** How long its frame was. */
  wireBytes = 0;
  /** How long the caller waits, in milliseconds; 0 for ever. */
  timeoutMs = 0;
  /** Whether the caller has its answer, or has given up. */
  settled = false;
  readonly #resolve: (payload: Uint8Array) => void;
  readonly #reject: (error: Error) => void;
  #deadline = Infinity;
  #timer: Timer | undefined;
  #unlisten: (() => void) | undefined;

  constructor(
    command: number,
    payload: Uint8Array,
    resolve: (payload: Uint8Array) => void,
    reject: (error: Error) => void,
  ) {
    this.command = command;
    this.payload = payload;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Calls `late` unless it is settled by then. */
  timeOutAfter(ms: number, clock: Clock, late: () => void): void {
    this.timeoutMs = ms;
    this.#deadline = clock.now() + ms;
    this.#timer = clock.after(ms, late);
  }

  /** Calls `aborted` when the signal does, unless it is settled by then. */
  abortWith(signal: AbortSignal, aborted: () => void): void {
    signal.addEventListener("abort", aborted, { once: true });
    this.#unlisten = () => signal.removeEventListener("abort", aborted);
  }

  /** How long the caller still waits, as a Request says it: 0 for ever. */
  remainingMs(clock: Clock): number {
    if (this.#deadline === Infinity) return 0;
    return Math.max(1, Math.ceil(this.#deadline - clock.now()));
  }

  /** Tells the caller; false when it was told before. */
  settle(error: Error | undefined, payload: Uint8Array): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.#timer?.cancel();
    this.#unlisten?.();
    if (error === undefined) this.#resolve(payload);
    else this.#reject(error);
    return true;
  }
}
