/**
 * A connection's deadlines: what it may take how long over.
 *
 * Nothing is done for them when bytes come or go. One sweep looks at all connections of a server every
 * now and then (`sweep.ts`), and compares what it finds with what it found the last time: bytes that
 * have come, bytes that have left, the frame that has begun. So a deadline costs no timer, no look at
 * the clock and no instruction where frames are handled, and no memory but the numbers below.
 *
 * What happened between two sweeps is taken to have happened at the later one: no deadline is early.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { LifeOptions } from "../options/life.ts";
import { type Connection, State } from "./connection.ts";

/** The deadlines in force, in milliseconds, 0 for none. `server.reconfigure` changes them in place. */
export type Deadlines =
  & {
    -readonly [Name in keyof LifeOptions]-?: number;
  }
  & {
    /** What peers are told that requests may still take when their connection has become too old. */
    handlerTimeoutMs: number;
  };

/** By how much of it, at the most, a connection's own maximum age is shorter. */
const AGE_JITTER = 0.1;

const NO_FRAME = -1;
const NOT_ASKED = -1;
const NOTHING = -1;

/** What is under way on a connection, where anything was so far when it was looked at. */
class Progress {
  /** Where in the stream the frame begins that is incomplete, and since when it is. */
  frame = NO_FRAME;
  frameSince = 0;
  pauses = 0;
  /** How far writing had come, and since when. */
  written = NOTHING;
  writtenSince = 0;
}

/**
 * What is remembered of one connection between two sweeps. All times are whole milliseconds: other
 * numbers are objects of their own, and thousands of idle connections make garbage of them at each look.
 */
export class Watch {
  readonly #connection: Connection;
  /** When it was accepted. */
  readonly since: number;
  /** By how much of it its own maximum age is shorter, in thousandths of the most. */
  readonly #jitter: number;
  #established = false;
  #bytesIn = 0;
  /** Since when nothing has come. */
  quietSince: number;
  /** Since when nothing has come while nothing was owed. */
  #idleSince: number;
  /** When it was asked for a sign of life that has not come. */
  #askedAt = NOT_ASKED;
  #progress: Progress | undefined;

  /**
   * @param now The time.
   * @param since When it was accepted.
   * @param random A random number from 0 to 1.
   */
  constructor(connection: Connection, now: number, since: number, random: number) {
    this.#connection = connection;
    // Rounded so that no deadline is early.
    this.since = Math.ceil(since);
    this.quietSince = this.#idleSince = Math.ceil(now);
    this.#jitter = Math.floor(random * 1000);
  }

  /** Whether nothing has come since the last sweep, and nothing is owed: it may be sent away. */
  get idle(): boolean {
    const connection = this.#connection;
    return connection.state === State.OPEN && connection.bytesIn === this.#bytesIn &&
      connection.owed === 0 && connection.outbound.queuedBytes === 0;
  }

  /**
   * Looks what is due, and does it.
   *
   * @param now The time, in whole milliseconds: not later than it is.
   */
  look(now: number, deadlines: Deadlines): void {
    const { state } = this.#connection;
    if (state > State.FINISHING || this.#stalled(now, deadlines) || state !== State.OPEN) return;
    if (this.#unestablished(now, deadlines) || this.#dribbling(now, deadlines)) return;
    if (this.#silent(now, deadlines)) return;
    this.#tooOld(now, deadlines);
  }

  /** What is to be written does not leave. */
  #stalled(now: number, { writeStallMs }: Deadlines): boolean {
    const connection = this.#connection;
    const { outbound } = connection;
    const written = outbound.queuedBytes === 0 ? NOTHING : outbound.progress;
    if (this.#progress === undefined && written === NOTHING) return false;
    const progress = this.#progress ??= new Progress();
    if (written !== progress.written) {
      progress.written = written;
      progress.writtenSince = now;
    } else if (
      written !== NOTHING && writeStallMs > 0 && now - progress.writtenSince >= writeStallMs
    ) {
      cut(
        connection,
        "WRITE_STALLED",
        `the peer has read none of ${outbound.queuedBytes} bytes for ${writeStallMs} ms (writeStallMs)`,
      );
      return true;
    }
    return false;
  }

  /** The peer has not said who it is. */
  #unestablished(now: number, { handshakeTimeoutMs }: Deadlines): boolean {
    if (this.#established) return false;
    const connection = this.#connection;
    if (connection.established) {
      this.#established = true;
    } else if (handshakeTimeoutMs > 0 && now - this.since >= handshakeTimeoutMs) {
      const came = connection.bytesIn === 0 ? "sent nothing" : "not introduced itself";
      connection.fail(
        new FramewireError(
          "HANDSHAKE_TIMEOUT",
          `the peer has ${came} within ${handshakeTimeoutMs} ms (handshakeTimeoutMs)`,
        ),
      );
      return true;
    }
    return false;
  }

  /** A frame has begun and does not end. */
  #dribbling(now: number, { frameTimeoutMs }: Deadlines): boolean {
    const connection = this.#connection;
    const { incompleteFrame: frame, pauses } = connection;
    if (this.#progress === undefined && frame === NO_FRAME) return false;
    const progress = this.#progress ??= new Progress();
    if (frame !== progress.frame || pauses !== progress.pauses) {
      progress.frame = frame;
      progress.frameSince = now;
      progress.pauses = pauses;
    } else if (
      frame !== NO_FRAME && frameTimeoutMs > 0 && now - progress.frameSince >= frameTimeoutMs
    ) {
      connection.fail(
        new FramewireError(
          "FRAME_TIMEOUT",
          `a frame has not ended within ${frameTimeoutMs} ms of its first byte (frameTimeoutMs)`,
          { streamOffset: frame },
        ),
      );
      return true;
    }
    return false;
  }

  /** Nothing comes. */
  #silent(now: number, { heartbeatMs, idleTimeoutMs }: Deadlines): boolean {
    const connection = this.#connection;
    const { bytesIn } = connection;
    if (bytesIn !== this.#bytesIn || !connection.reading) {
      this.#bytesIn = bytesIn;
      this.quietSince = this.#idleSince = now;
      this.#askedAt = NOT_ASKED;
      return false;
    }
    if (this.#askedAt !== NOT_ASKED && heartbeatMs > 0) {
      // Whether it lives is known soon: until then it is not idle.
      if (now - this.#askedAt < heartbeatMs) return false;
      cut(
        connection,
        "HEARTBEAT_TIMEOUT",
        `the peer has not answered a heartbeat within ${heartbeatMs} ms (heartbeatMs)`,
      );
      return true;
    }
    if (connection.owed > 0 || connection.outbound.queuedBytes > 0) {
      this.#idleSince = now;
    } else if (idleTimeoutMs > 0 && now - this.#idleSince >= idleTimeoutMs) {
      connection.finish({
        code: "IDLE_TIMEOUT",
        message: `nothing came for ${idleTimeoutMs} ms (idleTimeoutMs), and nothing was owed`,
      });
      return true;
    }
    if (heartbeatMs > 0 && now - this.quietSince >= heartbeatMs && connection.heartbeat()) {
      this.#askedAt = now;
    }
    return false;
  }

  #tooOld(now: number, { maxAgeMs, handlerTimeoutMs }: Deadlines): void {
    if (maxAgeMs === 0 || now - this.since < maxAgeMs * (1 - AGE_JITTER * this.#jitter / 1000)) {
      return;
    }
    const message = `the connection has come to its age of ${maxAgeMs} ms (maxAgeMs)`;
    this.#connection.goAway({ deadlineMs: handlerTimeoutMs, spreadMs: 0, reason: message });
    this.#connection.finish({ code: "MAX_AGE", message });
  }
}

/** Ends a connection at once: its peer is not there to be told. */
function cut(
  connection: Connection,
  code: "WRITE_STALLED" | "HEARTBEAT_TIMEOUT",
  message: string,
): void {
  connection.abort({ code, message, error: new FramewireError(code, message) });
}
