/**
 * How a server's connections are brought to their end, and what became of each.
 *
 * The verbs: stop accepting (the server), tell the peers, let what was accepted be answered, close.
 *
 * @module
 */
import type { CloseReason, GoAwayNotice } from "../connection/connection.ts";
import type { Clock, Timer } from "../connection/clock.ts";
import type { ReadonlyRoster } from "../connection/roster.ts";
import { FramewireError } from "../errors.ts";
import type { Address } from "../link/link.ts";
import { describe } from "../protocol/protocol.ts";
import type { ShutdownOptions } from "./handle.ts";

/** A connection that ended with something unanswered. */
export interface CutConnection {
  /** Its number. */
  readonly id: number;
  /** The peer's address. */
  readonly remote: Address;
  /** Requests that were accepted and not answered. */
  readonly owed: number;
  /** Replies that were given and have not left, in bytes. */
  readonly unsentBytes: number;
}

/** What became of the connections that were open when a server began to shut down. */
export interface DrainResult {
  /** Connections that this side ended in order: all that was accepted on them is answered. */
  readonly completed: number;
  /** Connections that their peers ended before this side did, with nothing left unanswered. */
  readonly moved: number;
  /**
   * Connections that ended with replies unsent: cut at the deadline, or broken before it. Their
   * clients know of each such request that it was not acknowledged.
   */
  readonly cut: readonly CutConnection[];
}

/** How long a shutdown may take that does not say, in milliseconds. */
export const DEADLINE_MS = 10_000;

/** What a server says when it ends without being told why. */
export const SHUTTING_DOWN = "the server is shutting down";

/**
 * What the peers are told, by the options of a shutdown.
 *
 * @throws FramewireError INVALID_OPTION.
 */
export function noticeOf(options: ShutdownOptions): GoAwayNotice {
  const { deadlineMs = DEADLINE_MS, spreadMs = 0, reason = SHUTTING_DOWN } = options;
  const wrong = outOfRange("deadlineMs", deadlineMs, 2 ** 31 - 1) ??
    outOfRange("spreadMs", spreadMs, deadlineMs) ??
    (typeof reason === "string" ? undefined : `reason must be text and is ${describe(reason)}`);
  if (wrong !== undefined) throw new FramewireError("INVALID_OPTION", wrong);
  return { deadlineMs, spreadMs, reason };
}

function outOfRange(name: string, value: unknown, most: number): string | undefined {
  return typeof value === "number" && value >= 0 && value <= most
    ? undefined
    : `${name} must be a number from 0 to ${most} and is ${describe(value)}`;
}

/** A connection that is drained. */
export interface Drained {
  readonly id: number;
  readonly remote: Address;
  /** Requests that were accepted and not answered, once it is closed. */
  readonly owedAtEnd: number;
  /** Bytes that were to be sent and have not left, once it is closed. */
  readonly unsentAtEnd: number;
  goAway(notice: GoAwayNotice): void;
  finish(reason: CloseReason): void;
  abort(reason: CloseReason): void;
}

/** The draining of one server. */
export class Drain {
  readonly #clock: Clock;
  readonly #reason: CloseReason;
  readonly #connections: ReadonlyRoster<Drained>;
  /** Timers of connections whose turn has not come, and of the deadline. */
  readonly #timers = new Set<Timer>();
  #deadlineAt = Infinity;
  #completed = 0;
  #moved = 0;
  readonly #cut: CutConnection[] = [];

  /** @param connections Those that are open, while they are. */
  constructor(clock: Clock, reason: CloseReason, connections: ReadonlyRoster<Drained>) {
    this.#clock = clock;
    this.#reason = reason;
    this.#connections = connections;
  }

  /** What has become of the connections so far. */
  get result(): DrainResult {
    return { completed: this.#completed, moved: this.#moved, cut: this.#cut };
  }

  /** Tells all peers, and ends their connections spread over `spreadMs`. */
  begin(notice: GoAwayNotice): void {
    const { spreadMs } = notice;
    let turn = 0;
    const count = this.#connections.size;
    for (const conn of this.#connections) {
      conn.goAway(notice);
      if (spreadMs === 0) {
        conn.finish(this.#reason);
        continue;
      }
      const afterMs = Math.floor(spreadMs * turn++ / count);
      this.#after(afterMs, () => conn.finish(this.#reason));
    }
  }

  /** Cuts what is left after `deadlineMs`, unless an earlier deadline holds already. */
  deadline(deadlineMs: number): void {
    const at = this.#clock.now() + deadlineMs;
    if (at >= this.#deadlineAt) return;
    this.#deadlineAt = at;
    this.#after(deadlineMs, () => {
      for (const conn of this.#connections) conn.abort(this.#reason);
    });
  }

  /**
   * A connection is closed.
   *
   * @param reason How it ended.
   */
  left(conn: Drained, { code, error }: CloseReason): void {
    const { id, remote, owedAtEnd: owed, unsentAtEnd: unsentBytes } = conn;
    if (owed > 0 || unsentBytes > 0) this.#cut.push({ id, remote, owed, unsentBytes });
    else if (code === "PEER_ENDED" || error !== undefined) this.#moved++;
    else this.#completed++;
  }

  /** No connection is left. */
  end(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #after(ms: number, fn: () => void): void {
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      fn();
    });
    this.#timers.add(timer);
  }
}
