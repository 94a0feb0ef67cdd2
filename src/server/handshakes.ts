/**
 * Links whose TLS handshake is under way: how many there may be, and how long they may take.
 *
 * They are inside already as far as the limits of connections go: those were asked before.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import { type Begun, DeadlineQueue } from "../connection/deadline_queue.ts";
import { FramewireError } from "../errors.ts";
import type { Link } from "../link/link.ts";
import { formatAddress } from "../link/net_errors.ts";
import type { Refusal } from "./refusal.ts";

/** The limits in force. `server.reconfigure` changes them in place, and then calls `changed`. */
export interface HandshakeLimits {
  /** How many may be under way at once. */
  maxHandshakes: number;
  /** How long one may take, in milliseconds; 0 is for ever. */
  handshakeTimeoutMs: number;
}

/** What becomes of handshakes. */
export interface HandshakeHost {
  /**
   * One has succeeded.
   *
   * @param since When it began, by the clock.
   */
  shaken(link: Link, since: number): void;
  /** One is over without success, and its link is closed. */
  lost(link: Link): void;
  /** One went wrong. */
  failed(error: Error): void;
  /** One was cut, since there were too many. */
  refused(refusal: Omit<Refusal, "category">): void;
}

/** The handshakes under way. */
export class Handshakes {
  readonly #limits: HandshakeLimits;
  readonly #host: HandshakeHost;
  readonly #underWay: DeadlineQueue<Link>;
  #closed = false;

  /** None is under way at first. */
  constructor(limits: HandshakeLimits, clock: Clock, host: HandshakeHost) {
    this.#limits = limits;
    this.#host = host;
    this.#underWay = new DeadlineQueue(
      clock,
      () => limits.handshakeTimeoutMs,
      (link) => this.#cutLate(link),
    );
  }

  /** The links whose handshake is under way. */
  [Symbol.iterator](): Iterator<Link> {
    return this.#underWay[Symbol.iterator]();
  }

  /** Begins the handshake of a link that has one. */
  take(link: Link): void {
    if (this.#closed) {
      link.abort();
      return;
    }
    // An honest handshake is over in a moment: the oldest ones are those that stall.
    while (this.#underWay.size >= this.#limits.maxHandshakes) this.#cutOldest();
    const begun = this.#underWay.begin(link);
    link.handshake!((failure) => this.#over(begun, failure));
  }

  /** The limits are others now. */
  changed(): void {
    this.#underWay.changed();
  }

  /** The server ends: it waits for none. */
  close(): void {
    this.#closed = true;
    for (const link of this.#underWay.close()) link.abort();
  }

  #over(begun: Begun<Link>, failure: Error | undefined): void {
    if (!this.#underWay.end(begun)) return; // it was cut, and this is what followed
    const { what: link, at } = begun;
    if (failure === undefined) {
      this.#host.shaken(link, at);
    } else {
      this.#host.lost(link);
      this.#host.failed(failure);
    }
  }

  #lose(link: Link): void {
    link.abort();
    this.#host.lost(link);
  }

  #cutOldest(): void {
    const link = this.#underWay.endOldest()!;
    const { remote } = link;
    this.#lose(link);
    const message = `a TLS handshake with ${remote.hostname} was cut: ` +
      `there are ${this.#limits.maxHandshakes} under way (maxHandshakes)`;
    this.#host.refused({ gate: "maxHandshakes", remote, message });
  }

  #cutLate(link: Link): void {
    const { handshakeTimeoutMs } = this.#limits;
    const { hostname, port } = link.remote;
    this.#lose(link);
    const message = `the TLS handshake with ${formatAddress(hostname, port)} was not over ` +
      `within ${handshakeTimeoutMs} ms (handshakeTimeoutMs)`;
    this.#host.failed(new FramewireError("HANDSHAKE_TIMEOUT", message));
  }
}
