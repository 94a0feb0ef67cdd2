/**
 * Connections that are not let in: they are told so, where their protocol can say it, and closed.
 *
 * @module
 */
import type { CloseReason } from "../connection/connection.ts";
import type { Clock } from "../connection/clock.ts";
import { Roster } from "../connection/roster.ts";
import type { Link } from "../link/link.ts";
import { AcceptedConnection, type Host } from "./accepted.ts";
import { ServerCounters } from "./stats.ts";

/** How many may be in the middle of being told; those beyond are cut at once. */
const MOST = 64;
/** How long a peer may take to say something, so that it can be answered, in milliseconds. */
const TELL_MS = 1000;
/** When it may come again, in milliseconds. */
const RETRY_AFTER_MS = 1000;

/** The connections that are being turned away. */
export class TurnedAway {
  readonly #host: Host;
  readonly #clock: Clock;
  readonly #connections = new Roster<AcceptedConnection>();

  /** @param host What connections are given that are let in: these count nothing there. */
  constructor(host: Host, clock: Clock) {
    this.#clock = clock;
    this.#host = {
      ...host,
      counters: new ServerCounters(),
      report: () => {},
      dropped: () => {},
      left: (conn) => void this.#connections.delete(conn),
    };
  }

  /** Turns a link away. */
  take(link: Link, reason: CloseReason): void {
    // With TLS it could only be told after a handshake, and that is what it is not to cost.
    if (this.#connections.size >= MOST || link.handshake !== undefined) {
      link.abort();
      return;
    }
    const conn = new AcceptedConnection(0, link, this.#host, 0);
    this.#connections.add(conn);
    conn.start();
    if (conn.busy(RETRY_AFTER_MS)) this.#clock.after(TELL_MS, () => conn.abort(reason));
    else conn.finish(reason);
  }

  /** The server ends. */
  close(): void {
    const reason = { code: "SHUTDOWN", message: "the server is shutting down" };
    for (const conn of this.#connections) conn.abort(reason);
  }
}
