/**
 * A network that misbehaves as told: a loopback TCP proxy whose connections are delayed, throttled,
 * cut, reset or swallowed, each by a script of its own.
 *
 * @module
 */

import * as net from "node:net";
import { type Clock, systemClock } from "../../src/connection/clock.ts";
import { FaultyPipe, type PipeFaults } from "./faulty_pipe.ts";
import { random as randomInts } from "./frames.ts";
import type { Teardown } from "./settings.ts";

/** What happens on one connection. */
export interface Faults {
  /** From the client to the server. */
  readonly up?: PipeFaults;
  /** From the server to the client. */
  readonly down?: PipeFaults;
  /** The client is reset as soon as it is accepted, and the server never hears of it. */
  readonly refused?: boolean;
}

/** What a proxy is made of. */
export interface FaultProxyOptions {
  /** The port of the server behind it, on 127.0.0.1. It may change: see {@linkcode FaultProxy.target}. */
  readonly target: number;
  /**
   * The faults of each connection.
   *
   * @param number Counts connections from 1.
   * @param random Whole numbers in `[0, below)`, the same ones for the same seed and number.
   */
  readonly script?: (number: number, random: (below: number) => number) => Faults;
  /** What random decisions come from. */
  readonly seed?: number;
  /** Where delays come from. */
  readonly clock?: Clock;
}

/** One connection through the proxy. */
export class ProxiedConnection {
  /** Counts connections from 1. */
  readonly number: number;
  /** From the client to the server. */
  readonly up: FaultyPipe;
  /** From the server to the client. */
  readonly down: FaultyPipe;
  readonly #client: net.Socket;
  readonly #server: net.Socket;
  #open = 2;

  constructor(
    number: number,
    client: net.Socket,
    server: net.Socket,
    pipes: { readonly up: FaultyPipe; readonly down: FaultyPipe },
    closed: () => void,
  ) {
    this.number = number;
    this.#client = client;
    this.#server = server;
    this.up = pipes.up;
    this.down = pipes.down;
    for (const [socket, onward] of [[client, this.up], [server, this.down]] as const) {
      socket.on("error", () => {
        // When one side breaks, the other is broken too, unless a fault keeps it in the dark.
        if (!onward.isDark) this.reset();
      });
      socket.on("close", () => {
        if (--this.#open === 0) closed();
      });
    }
  }

  /** Both sides get a reset. */
  reset(): void {
    this.up.close();
    this.down.close();
    reset(this.#client);
    reset(this.#server);
  }

  /** Both sides get the end of the stream; what is under way is lost. */
  cut(): void {
    this.up.close();
    this.down.close();
    this.#client.end();
    this.#server.end();
  }

  /** From now on bytes are taken and go nowhere, both ways; nobody is told. */
  blackHole(): void {
    this.up.blackHole();
    this.down.blackHole();
  }

  /** One side gets a reset; the other hears nothing, and what it sends goes nowhere. */
  halfOpen(gone: "client" | "server"): void {
    this.blackHole();
    reset(gone === "client" ? this.#client : this.#server);
  }

  destroy(): void {
    this.up.close();
    this.down.close();
    this.#client.destroy();
    this.#server.destroy();
  }
}

/** A listening proxy. */
export class FaultProxy {
  readonly #options: FaultProxyOptions;
  readonly #listener: net.Server;
  readonly #live = new Set<ProxiedConnection>();
  readonly #sockets = new Set<net.Socket>();
  /** Whether new connections are reset at once, as by a server that is down. */
  refusing = false;
  /** Whether new connections are accepted and never carry a byte. */
  swallowing = false;
  /** The port that new connections are carried to. */
  target: number;
  /** How many connections were accepted. */
  accepted = 0;

  constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.target = options.target;
    this.#listener = net.createServer(
      { allowHalfOpen: true, noDelay: true },
      (socket) => this.#accept(socket),
    );
  }

  /** Where it listens, on 127.0.0.1. */
  get port(): number {
    return (this.#listener.address() as net.AddressInfo).port;
  }

  /** The connections that stand, oldest first. */
  get connections(): readonly ProxiedConnection[] {
    return [...this.#live];
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#listener.listen(0, "127.0.0.1", resolve));
  }

  /** Stops listening and destroys all connections. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const connection of this.#live) connection.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(client: net.Socket): void {
    const number = ++this.accepted;
    const { script, seed = 1, clock = systemClock } = this.#options;
    const random = randomInts(seed * 65_537 + number);
    const faults = script?.(number, random) ?? {};
    this.#sockets.add(client);
    client.on("close", () => this.#sockets.delete(client));
    client.on("error", () => {});
    if (this.refusing || faults.refused) {
      reset(client);
      return;
    }
    if (this.swallowing) {
      client.resume();
      return;
    }
    const server = net.connect({
      port: this.target,
      host: "127.0.0.1",
      noDelay: true,
      allowHalfOpen: true,
    });
    this.#sockets.add(server);
    server.on("close", () => this.#sockets.delete(server));
    const pipe = (from: net.Socket, to: net.Socket, receiver: "client" | "server") =>
      new FaultyPipe(from, to, {
        receiver,
        faults: (receiver === "server" ? faults.up : faults.down) ?? {},
        clock,
        random,
        end: {
          reset: () => connection.reset(),
          cut: () => connection.cut(),
          halfOpen: () => connection.halfOpen(receiver),
        },
      });
    const connection: ProxiedConnection = new ProxiedConnection(
      number,
      client,
      server,
      { up: pipe(client, server, "server"), down: pipe(server, client, "client") },
      () => this.#live.delete(connection),
    );
    this.#live.add(connection);
  }
}

/** Starts a proxy that ends with its test. */
export async function faultProxy(t: Teardown, options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new FaultProxy(options);
  await proxy.listen();
  t.teardown(() => proxy.close());
  return proxy;
}

function reset(socket: net.Socket): void {
  // A reset behind a write under way becomes an end on some runtimes: let the write leave first.
  setImmediate(() => socket.resetAndDestroy());
}
