/**
 * The entrance: what an accepted link has to pass before it becomes a connection.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import { DeadlineQueue } from "../connection/deadline_queue.ts";
import { FramewireError } from "../errors.ts";
import type { Address, Link } from "../link/link.ts";
import type { Refusal } from "../server/refusal.ts";
import type { GatesOptions } from "../options/gates.ts";
import { AccessList } from "./access.ts";
import { parseAddress } from "./address.ts";
import { CidrList } from "./cidr.ts";
import { ProxyLink } from "./proxy_link.ts";

/** What lies behind the entrance. */
export interface EntranceHost {
  /**
   * A link may become a connection.
   *
   * @param since When it was accepted, by the clock, where that is longer ago than now.
   */
  admitted(link: Link, since?: number): void;
  /** A link was stopped; it is closed. */
  refused(refusal: Omit<Refusal, "category">): void;
}

/** How long a proxy may take to send its header, in milliseconds; 0 is for ever. */
export interface HeaderLimits {
  readonly handshakeTimeoutMs: number;
}

/** The entrance of a server. */
export class Entrance {
  readonly #host: EntranceHost;
  #access: AccessList;
  readonly #trusted: CidrList | undefined;
  readonly #required: boolean;
  /** Links that wait for their header. */
  readonly #waiting: DeadlineQueue<ProxyLink>;
  #closed = false;

  /** @param limits How long a proxy may take to send its header; {@linkcode reconfigure} follows a change. */
  constructor(options: GatesOptions, clock: Clock, limits: HeaderLimits, host: EntranceHost) {
    this.#host = host;
    this.#waiting = new DeadlineQueue(
      clock,
      () => limits.handshakeTimeoutMs,
      (link) => {
        const within = `within ${limits.handshakeTimeoutMs} ms (handshakeTimeoutMs)`;
        const message = `no PROXY header came ${within}`;
        link.giveUp(new FramewireError("PROXY_HEADER_INVALID", message));
      },
    );
    this.#access = new AccessList(options.allow, options.deny);
    const { proxyProtocol } = options;
    this.#trusted = proxyProtocol && new CidrList(proxyProtocol.trusted);
    this.#required = proxyProtocol?.required ?? true;
  }

  /** Lets links in by other lists and limits from now on; connections that stand are left alone. */
  reconfigure({ allow, deny }: GatesOptions): void {
    this.#access = new AccessList(allow, deny);
    this.#waiting.changed();
  }

  /** A link was accepted. */
  take(link: Link): void {
    const { remote } = link;
    const address = parseAddress(remote.hostname);
    if (this.#trusted === undefined || address === undefined || !this.#trusted.has(address)) {
      this.#admit(link);
      return;
    }
    // `allow` names peers, not the proxies they come through; `deny` wins over everything.
    if (this.#access.denies(remote.hostname)) {
      this.#turnAway(link, "deny");
      return;
    }
    if (this.#closed) {
      link.abort();
      return;
    }
    const proxied = new ProxyLink(link, this.#required, {
      ready: (ready) => {
        this.#waiting.end(begun);
        this.#admit(ready, begun.at);
      },
      lost: (lost, { code, message }) => {
        this.#waiting.end(begun);
        if (this.#closed) return;
        const proxy: Address = lost.proxy;
        this.#host.refused({
          gate: "proxyProtocol",
          remote: proxy,
          code,
          message,
        });
      },
    });
    const begun = this.#waiting.begin(proxied);
  }

  /** The server shuts down: links that wait for their header are closed. */
  close(): void {
    this.#closed = true;
    const error = new FramewireError("CONNECTION_CLOSED", "the server is shutting down");
    for (const link of this.#waiting.close()) link.giveUp(error);
  }

  #admit(link: Link, since?: number): void {
    const gate = this.#access.stops(link.remote.hostname);
    if (gate === undefined) this.#host.admitted(link, since);
    else this.#turnAway(link, gate);
  }

  #turnAway(link: Link, gate: "allow" | "deny"): void {
    const { remote } = link;
    link.abort();
    const which = gate === "deny" ? "is on the list deny" : "is not on the list allow";
    const message = `a connection of ${remote.hostname} was closed: the address ${which}`;
    this.#host.refused({ gate, remote, message });
  }
}
