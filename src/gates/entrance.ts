/**
 * The entrance: what an accepted link has to pass before it becomes a connection.
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";
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
  /** A link may become a connection. */
  admitted(link: Link): void;
  /** A link was stopped; it is closed. */
  refused(refusal: Omit<Refusal, "category">): void;
}

/** The entrance of a server. */
export class Entrance {
  readonly #host: EntranceHost;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  #access: AccessList;
  readonly #trusted: CidrList | undefined;
  readonly #required: boolean;
  /** Links that wait for their header, each with its deadline. */
  readonly #waiting = new Map<ProxyLink, Timer>();
  #closed = false;

  /** @param deadlineMs How long a proxy may take to send its header. */
  constructor(options: GatesOptions, clock: Clock, deadlineMs: number, host: EntranceHost) {
    this.#host = host;
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.#access = new AccessList(options.allow, options.deny);
    const { proxyProtocol } = options;
    this.#trusted = proxyProtocol && new CidrList(proxyProtocol.trusted);
    this.#required = proxyProtocol?.required ?? true;
  }

  /** Lets links in by other lists from now on; connections that stand are left alone. */
  reconfigure({ allow, deny }: GatesOptions): void {
    this.#access = new AccessList(allow, deny);
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
        this.#forget(ready);
        this.#admit(ready);
      },
      lost: (lost, { code, message }) => {
        this.#forget(lost);
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
    const deadlineMs = this.#deadlineMs;
    this.#waiting.set(
      proxied,
      this.#clock.after(deadlineMs, () => {
        const message = `no PROXY header came within ${deadlineMs} ms (handshakeTimeoutMs)`;
        proxied.giveUp(new FramewireError("PROXY_HEADER_INVALID", message));
      }),
    );
  }

  /** The server shuts down: links that wait for their header are closed. */
  close(): void {
    this.#closed = true;
    const error = new FramewireError("CONNECTION_CLOSED", "the server is shutting down");
    for (const link of [...this.#waiting.keys()]) link.giveUp(error);
  }

  #forget(link: ProxyLink): void {
    this.#waiting.get(link)?.cancel();
    this.#waiting.delete(link);
  }

  #admit(link: Link): void {
    const gate = this.#access.stops(link.remote.hostname);
    if (gate === undefined) this.#host.admitted(link);
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
