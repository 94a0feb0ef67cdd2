/**
 * A network in which nothing happens by itself: a simulator says which bytes arrive when, which
 * connections break, and who hears of it.
 *
 * @module
 */

import { FramewireError } from "../../src/errors.ts";
import type { Address, Link, LinkReceiver, Listener, Transport } from "../../src/link/link.ts";

/** One end of a connection. */
class SimLink implements Link {
  readonly transport = "memory";
  readonly local: Address;
  readonly remote: Address;
  peer!: SimLink;
  receiver: LinkReceiver | undefined;
  /** What is on its way to this end, in the order in which it was sent. */
  inbox: Uint8Array[] = [];
  /** The other end has ended, behind what is in the inbox. */
  ends = false;
  /** This end has ended; the other's end has arrived. */
  hasEnded = false;
  peerEnded = false;
  paused = false;
  closed = false;

  constructor(local: Address, remote: Address) {
    this.local = local;
    this.remote = remote;
  }

  start(receiver: LinkReceiver): void {
    this.receiver = receiver;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  write(bytes: Uint8Array): boolean {
    if (!this.closed) this.peer.inbox.push(bytes.slice());
    return true;
  }
  end(): void {
    if (this.closed || this.hasEnded) return;
    this.hasEnded = true;
    this.peer.ends = true;
    if (this.peerEnded) this.close(undefined);
  }
  abort(): void {
    this.close(undefined);
  }

  /** Closes this end. What was sent before is on its way still; then the other end is reset. */
  close(cause: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.inbox = [];
    const { receiver } = this;
    queueMicrotask(() => receiver?.closed(cause));
  }

  /** Whether something can arrive at this end. */
  get hasNews(): boolean {
    if (this.closed || this.receiver === undefined) return false;
    if (this.peer.closed && this.inbox.length === 0) return true;
    return !this.paused && (this.inbox.length > 0 || (this.ends && !this.peerEnded));
  }

  /** Lets the next thing arrive: up to so many bytes, or the end, or a reset. */
  arrive(bytes: number): void {
    const first = this.inbox[0];
    if (first === undefined) {
      if (this.ends && !this.peerEnded) {
        this.peerEnded = true;
        this.receiver!.ended();
        if (this.hasEnded) this.close(undefined);
      } else if (this.peer.closed) {
        this.close(new FramewireError("CONNECTION_RESET", "the simulated peer is gone"));
      }
      return;
    }
    const piece = first.slice(0, bytes);
    if (piece.length === first.length) this.inbox.shift();
    else this.inbox[0] = first.subarray(piece.length);
    if (!this.receiver!.data(piece)) piece.fill(0xa5);
  }
}

/** The network. */
export class SimNetwork implements Transport {
  readonly #listeners = new Map<number, (link: Link) => void>();
  readonly #links: SimLink[] = [];
  #nextPort = 50_000;

  listen: Transport["listen"] = ({ hostname, port }, events) => {
    const listener: Listener = {
      address: { hostname, port },
      pause() {},
      resume() {},
      close: () => {
        this.#listeners.delete(port);
        return Promise.resolve();
      },
    };
    this.#listeners.set(port, (link) => events.accepted(link));
    return Promise.resolve(listener);
  };

  connect: Transport["connect"] = ({ hostname, port }) => {
    const accept = this.#listeners.get(port);
    if (accept === undefined) {
      return Promise.reject(new FramewireError("CONNECTION_REFUSED", "nothing listens"));
    }
    const there = { hostname, port };
    const here = { hostname: "sim", port: this.#nextPort++ };
    const [client, server] = [new SimLink(here, there), new SimLink(there, here)];
    client.peer = server;
    server.peer = client;
    this.#links.push(client, server);
    accept(server);
    return Promise.resolve(client);
  };

  /** The ends at which something can arrive. */
  get news(): readonly { arrive(bytes: number): void }[] {
    this.#forget();
    return this.#links.filter((link) => link.hasNews);
  }

  /** Ends that are open. */
  get open(): readonly { break(side: "both" | "this"): void }[] {
    this.#forget();
    return this.#links.filter(({ closed }) => !closed).map((link) => ({
      break: (side) => {
        const cause = () => new FramewireError("CONNECTION_RESET", "cut by the simulator");
        if (side === "both") {
          link.peer.inbox = [];
          link.peer.close(cause());
        }
        link.close(cause());
      },
    }));
  }

  /** The machine behind a port is gone, and whatever was on its way to or from it. */
  crash(port: number): void {
    this.#listeners.delete(port);
    for (const link of this.#links) {
      if (link.local.port !== port) continue;
      link.closed = true; // its program hears nothing any more
      link.inbox = [];
      link.peer.inbox = [];
      link.receiver = undefined;
    }
  }

  #forget(): void {
    for (let i = this.#links.length - 1; i >= 0; i--) {
      if (this.#links[i]!.closed && this.#links[i]!.peer.closed) this.#links.splice(i, 1);
    }
  }
}
