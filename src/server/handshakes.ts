/**
 * Links whose TLS handshake is under way: how many there may be, and how long they may take.
 *
 * They are inside already as far as the limits of connections go: those were asked before.
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";
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
  readonly #clock: Clock;
  readonly #host: HandshakeHost;
  /** When each began; the first one first. */
  readonly #began = new Map<Link, number>();
  #timer: Timer | undefined;
  #closed = false;

  /** None is under way at first. */
  constructor(limits: HandshakeLimits, clock: Clock, host: HandshakeHost) {
    this.#limits = limits;
    this.#clock = clock;
    this.#host = host;
  }

  /** The links whose handshake is under way. */
  [Symbol.iterator](): Iterator<Link> {
    return this.#began.keys();
  }

  /** Begins the handshake of a link that has one. */
  take(link: Link): void {
    if (this.#closed) {
      link.abort();
      return;
    }
    // An honest handshake is over in a moment: the oldest ones are those that stall.
    while (this.#began.size >= this.#limits.maxHandshakes) this.#cutOldest();
    this.#began.set(link, this.#clock.now());
    this.#watch();
    link.handshake!((failure) => this.#over(link, failure));
  }

  /** The limits are others now. */
  changed(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watch();
  }

  /** The server ends: it waits for none. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const link of this.#began.keys()) link.abort();
    this.#began.clear();
  }

  #over(link: Link, failure: Error | undefined): void {
    const since = this.#began.get(link);
    if (since === undefined) return; // it was cut, and this is what followed
    this.#began.delete(link);
    if (failure === undefined) {
      this.#host.shaken(link, since);
    } else {
      this.#host.lost(link);
      this.#host.failed(failure);
    }
  }

  #lose(link: Link): void {
    this.#began.delete(link);
    link.abort();
    this.#host.lost(link);
  }

  #cutOldest(): void {
    const [link] = this.#began.keys();
    const { remote } = link!;
    this.#lose(link!);
    const message = `a TLS handshake with ${remote.hostname} was cut: ` +
      `there are ${this.#limits.maxHandshakes} under way (maxHandshakes)`;
    this.#host.refused({ gate: "maxHandshakes", remote, message });
  }

  /** All have the same deadline, so the first to begin is the first that is due. */
  #watch(): void {
    const { handshakeTimeoutMs } = this.#limits;
    const [oldest] = this.#began.values();
    if (this.#timer !== undefined || oldest === undefined || handshakeTimeoutMs === 0) return;
    const left = oldest + handshakeTimeoutMs - this.#clock.now();
    this.#timer = this.#clock.after(Math.max(0, left), () => {
      this.#timer = undefined;
      this.#cutLate();
      this.#watch();
    });
  }

  #cutLate(): void {
    const { handshakeTimeoutMs } = this.#limits;
    const now = this.#clock.now();
    for (const [link, began] of this.#began) {
      if (now - began < handshakeTimeoutMs) return;
      const { hostname, port } = link.remote;
      this.#lose(link);
      const message = `the TLS handshake with ${formatAddress(hostname, port)} was not over ` +
        `within ${handshakeTimeoutMs} ms (handshakeTimeoutMs)`;
      this.#host.failed(new FramewireError("HANDSHAKE_TIMEOUT", message));
    }
  }
}
