/**
 * When a peer that answers nothing is taken for dead.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { CallLimits } from "./call_limits.ts";

/** A connection whose peer may have died. */
export interface SilentLine {
  /** Bytes received, to tell a slow peer from a silent one. */
  readonly bytesIn: number;
  /** Cuts it. */
  abort(
    reason: { readonly code: string; readonly message: string; readonly error?: Error },
  ): void;
}

/** However short its calls' timeouts, a peer is not dead before it has sent nothing for so long. */
const LEAST_SILENCE_MS = 1000;

/** Counts the calls that time out in a row while nothing comes. */
export class Silence {
  readonly #limits: CallLimits;
  #calls = 0;
  #since = 0;
  #bytesIn = -1;

  constructor(limits: CallLimits) {
    this.#limits = limits;
  }

  /** So many calls have timed out: a peer that has long sent nothing at all is dead, and is cut off. */
  timedOut(calls: number, line: SilentLine): void {
    if (calls === 0) return;
    const { bytesIn } = line;
    const { clock, deadAfterTimeouts } = this.#limits;
    if (bytesIn !== this.#bytesIn) {
      this.#bytesIn = bytesIn;
      this.#calls = 0;
      this.#since = clock.now();
      return;
    }
    this.#calls += calls;
    const silentMs = clock.now() - this.#since;
    if (this.#calls < deadAfterTimeouts || silentMs < LEAST_SILENCE_MS) return;
    const message = `${this.#calls} calls in a row were not answered in time, and nothing else ` +
      "came from the server: the connection is taken for dead";
    const error = new FramewireError("PEER_SILENT", message);
    line.abort({ code: error.code, message, error });
  }
}
