/**
 * Whether a client's server is still there: a link that was silent is asked for a sign of life, and
 * one that gives none is cut, so that its calls are settled and go elsewhere.
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";
import type { CloseReason } from "../connection/connection.ts";
import type { Outbound } from "../connection/outbound.ts";
import { FramewireError } from "../errors.ts";

/** What is asked of a connection. */
export interface PulseLine {
  /** Bytes received: any of them is a sign of life. */
  readonly bytesIn: number;
  /** Whether it takes what comes: while it does not, nothing can come. */
  readonly reading: boolean;
  /** What it has to send. */
  readonly outbound: Pick<Outbound, "laneOpen" | "laneEmpty" | "progress">;
  /** Asks for a sign of life; false where the protocol, or this peer, knows none. */
  heartbeat(): boolean;
  /** Cuts it. */
  abort(reason: CloseReason): void;
}

/** How often it is asked. */
export interface PulseOptions {
  /** A link that was silent for this long is asked, in milliseconds. */
  readonly heartbeatMs: number;
  /** It has this long to answer, in milliseconds. */
  readonly probeTimeoutMs: number;
}

/** A link is looked at so often in `heartbeatMs`. */
const LOOKS = 4;
/** A timer that is later than this says nothing of the peer, in milliseconds. */
const LATE_MS = 100;

/**
 * Looks after one connection. Bytes that come cost nothing: every quarter of `heartbeatMs` it looks
 * whether some have, and after three quarters without it asks, so that silence lasts `heartbeatMs`
 * at the most, of which the first quarter may have gone unnoticed.
 */
export class Pulse {
  readonly #line: PulseLine;
  readonly #clock: Clock;
  readonly #options: PulseOptions;
  #timer: Timer | undefined;
  #bytesIn = 0;
  #progress = 0;
  #quiet = 0;

  constructor(line: PulseLine, clock: Clock, options: PulseOptions) {
    this.#line = line;
    this.#clock = clock;
    this.#options = options;
  }

  /** Begins. */
  start(): void {
    this.#bytesIn = this.#line.bytesIn;
    this.#quiet = 0;
    this.#later();
  }

  /** Ends. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #later(): void {
    this.#timer = this.#clock.after(this.#options.heartbeatMs / LOOKS, () => this.#look());
  }

  /** Whether there was a sign of life since the last look. */
  get #lives(): boolean {
    const { bytesIn, reading, outbound } = this.#line;
    const { laneOpen, laneEmpty, progress } = outbound;
    // A heartbeat would wait behind the frame that is sent in parts. It is not called for while that
    // gets on, or its source has given nothing to send.
    const sends = laneOpen && (progress !== this.#progress || laneEmpty);
    const lives = bytesIn !== this.#bytesIn || !reading || sends;
    this.#bytesIn = bytesIn;
    this.#progress = progress;
    return lives;
  }

  #look(): void {
    if (this.#lives) this.#quiet = 0;
    else if (++this.#quiet >= LOOKS - 1) return this.#ask();
    this.#later();
  }

  #ask(): void {
    const { heartbeatMs, probeTimeoutMs } = this.#options;
    // One that cannot be asked now is asked for nothing: not every protocol knows how.
    if (!this.#line.heartbeat()) return;
    this.#await(heartbeatMs, probeTimeoutMs);
  }

  #await(heartbeatMs: number, probeTimeoutMs: number): void {
    const due = this.#clock.now() + probeTimeoutMs;
    this.#timer = this.#clock.after(probeTimeoutMs, () => {
      if (this.#lives) return this.start();
      // This side stood still (a machine that slept, a long turn), and has not looked what came meanwhile.
      if (this.#clock.now() - due > LATE_MS) return this.#await(heartbeatMs, probeTimeoutMs);
      const message = `the server was silent for ${heartbeatMs} ms (heartbeatMs) and has not ` +
        `answered a heartbeat within ${probeTimeoutMs} ms (probeTimeoutMs)`;
      const error = new FramewireError("HEARTBEAT_TIMEOUT", message);
      this.#line.abort({ code: error.code, message, error });
    });
  }
}
