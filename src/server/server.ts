/**
 * A server: its connections, its figures, its events and its end.
 *
 * @module
 */
import type { CloseReason, Connection, Endpoint } from "../connection/connection.ts";
import { type Clock, systemClock } from "../connection/clock.ts";
import { MemoryBudget } from "../connection/memory_budget.ts";
import { PushBytes } from "../connection/push_bytes.ts";
import type { DropEpisode } from "../connection/push_queue.ts";
import { Sweep } from "../connection/sweep.ts";
import { FramewireError, isFramewireError } from "../errors.ts";
import type { Address, Link, Listener, ListenerEvents } from "../link/link.ts";
import { Emitter } from "../observe/events.ts";
import { lowWaterBytes } from "../options/flow.ts";
import { guarded } from "../options/gates.ts";
import type { ResolvedServerOptions } from "../options/server.ts";
import {
  describe,
  type ServerConnection,
  type ServerSide,
  tooLarge,
} from "../protocol/protocol.ts";
import { SUBMIT_HEADER_BYTES } from "../protocol/submit/packet.ts";
import { shareBodies } from "../protocol/submit/push_out.ts";
import type { Framing, KindField } from "../codec/framing.ts";
import { AcceptedConnection, type Host } from "./accepted.ts";
import { Entrance } from "../gates/entrance.ts";
import type { Refusal } from "./refusal.ts";
import { ServerCounters, type ServerStats } from "./stats.ts";

/** Why and how a connection ended. */
export interface DisconnectInfo {
  /**
   * `"PEER_ENDED"`, `"CLOSED"` (by a handler), `"SHUTDOWN"`, or the code of the error that ended it.
   */
  readonly code: string;
  /** The same in words. */
  readonly message: string;
  /** Requests taken on it. */
  readonly requests: number;
  /** Bytes received on it. */
  readonly bytesIn: number;
  /** Bytes sent on it. */
  readonly bytesOut: number;
}

/** A server's events and what their listeners are given. */
export interface ServerEvents<Conn extends ServerConnection = ServerConnection> {
  /** It listens. Raised by `serve`, before it resolves. */
  readonly listening: readonly [address: Address];
  /** A connection was accepted. */
  readonly connect: readonly [conn: Conn];
  /** A connection is closed. */
  readonly disconnect: readonly [conn: Conn, info: DisconnectInfo];
  /** Something failed: a handler, a connection, or accepting (then without a connection). */
  readonly error: readonly [error: FramewireError, conn: Conn | undefined];
  /** A gate has stopped a connection or a request. */
  readonly refuse: readonly [refusal: Refusal];
  /** Pushes to a peer that is too slow begin to be dropped, or that is over: twice an episode. */
  readonly drop: readonly [conn: Conn, episode: DropEpisode];
  /** It is shut down: no connection is left. */
  readonly close: readonly [];
}

/** Listeners to a server's events, as the option `on` takes them. */
export type ServerListeners<Conn extends ServerConnection = ServerConnection> = {
  readonly [Name in keyof ServerEvents<Conn>]?: (...args: ServerEvents<Conn>[Name]) => void;
};

/** How a server is shut down. */
export interface ShutdownOptions {
  /**
   * How long accepted requests may take to finish, in milliseconds; then the connections are cut.
   *
   * @default {10000}
   */
  readonly deadlineMs?: number;
}

const SHUTDOWN_DEADLINE_MS = 10_000;
const PROXY_DEADLINE_MS = 10_000;

/** A running server, as {@linkcode serve} returns it. */
export interface Server<Conn extends ServerConnection = ServerConnection> extends AsyncDisposable {
  /** Where it listens; the port is the real one. */
  readonly addr: Address;
  /** Settles when it is shut down, by whatever asked for it. */
  readonly finished: Promise<void>;
  /** Its figures now. */
  stats(): ServerStats;
  /**
   * Adds a listener to one of its {@linkcode ServerEvents}.
   *
   * @returns A function that removes it.
   */
  on<Name extends keyof ServerEvents<Conn>>(
    name: Name,
    listener: (...args: ServerEvents<Conn>[Name]) => void,
  ): () => void;
  /**
   * Pushes a payload to many connections. It is encoded once and its bytes are shared by all of them,
   * however many there are; none waits for another.
   *
   * @param payload Bytes, or text to be sent as UTF-8. Its memory is free at once.
   * @param filter Which connections; by default all. Those without the feature `push` are passed over.
   * @returns How many connections it was sent to or queued for.
   * @throws FramewireError FRAME_TOO_LARGE.
   *
   * @example
   * ```ts
   * import { serve } from "framewire";
   *
   * await using server = await serve({ port: 0 }, { submit() {} });
   * server.broadcast("back in five minutes", (conn) => conn.agent !== "robot/1.0");
   * ```
   */
  broadcast(payload: Uint8Array | string, filter?: (conn: Conn) => boolean): number;
  /**
   * Shuts down: accepts no more connections, takes no more requests, lets those it took be answered
   * and the answers leave, then closes. Calling it again waits for the same end; a call with an
   * earlier deadline brings it forward.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** The server behind {@linkcode Server}. */
export class RunningServer implements Server, ListenerEvents {
  readonly #events = new Emitter<ServerEvents>();
  readonly #counters = new ServerCounters();
  readonly #connections = new Set<AcceptedConnection>();
  readonly #host: Host;
  readonly #clock: Clock;
  readonly #memory: MemoryBudget;
  /** What links have to pass; undefined where all come in. */
  readonly #entrance: Entrance | undefined;
  readonly #sweep: Sweep;
  readonly finished: Promise<void>;
  #resolveFinished!: () => void;
  #listenerClosed = false;
  #ended = false;
  #listener: Listener | undefined;
  #stopping: Promise<void> | undefined;
  #removeSignal: (() => void) | undefined;

  constructor(
    { framing, kind }: { readonly framing: Framing; readonly kind?: KindField },
    options: ResolvedServerOptions,
    makeEndpoint: (connection: Connection, side: ServerSide) => Endpoint,
  ) {
    this.finished = new Promise((resolve) => this.#resolveFinished = resolve);
    this.#clock = options.clock ?? systemClock;
    this.#memory = new MemoryBudget(options.memoryBudgetBytes);
    if (guarded(options)) {
      this.#entrance = new Entrance(options, this.#clock, PROXY_DEADLINE_MS, {
        admitted: (link) => this.#admitted(link),
        refused: (refusal) => this.refused(refusal),
      });
    }
    const writeLowWaterBytes = lowWaterBytes(options);
    const { handshakeTimeoutMs, idleTimeoutMs, heartbeatMs } = options;
    const { frameTimeoutMs, writeStallMs, maxAgeMs, handlerTimeoutMs } = options;
    this.#sweep = new Sweep(
      this.#clock,
      {
        handshakeTimeoutMs,
        idleTimeoutMs,
        heartbeatMs,
        frameTimeoutMs,
        writeStallMs,
        maxAgeMs,
        handlerTimeoutMs,
      },
      this.#connections,
    );
    this.#host = {
      config: {
        framing,
        kind,
        codec: options.codec,
        maxFrameBytes: options.maxFrameBytes,
        writeHighWaterBytes: options.writeHighWaterBytes,
        writeLowWaterBytes,
        lingerMs: options.lingerMs,
        sendsAllBeforeEnd: true,
        clock: this.#clock,
        memory: this.#memory,
      },
      limits: {
        maxInFlight: options.maxInFlight,
        maxInFlightBytes: options.maxInFlightBytes,
        handlerTimeoutMs: options.handlerTimeoutMs,
        clock: this.#clock,
      },
      streamThresholdBytes: options.streamThresholdBytes,
      pushLimits: {
        pushQueueBytes: options.pushQueueBytes,
        writeLowWaterBytes,
        slowConsumer: options.slowConsumer,
        clock: this.#clock,
        counters: this.#counters,
        memory: this.#memory,
      },
      counters: this.#counters,
      options,
      makeEndpoint,
      refused: (gate, message, { id, remote }) =>
        this.refused({ gate, category: "authentication", message, remote, conn: id }),
      report: (error, conn) => this.#report(error, conn),
      dropped: (episode, conn) => this.#dropped(episode, conn),
      left: (conn, reason) => this.#left(conn, reason),
    };
  }

  /** It listens: from now on it can be shut down. */
  listening(listener: Listener, signal: AbortSignal | undefined): void {
    this.#listener = listener;
    this.#events.emit("listening", listener.address);
    if (signal === undefined) return;
    const abort = () => void this.shutdown();
    signal.addEventListener("abort", abort, { once: true });
    this.#removeSignal = () => signal.removeEventListener("abort", abort);
    if (signal.aborted) abort();
  }

  get addr(): Address {
    return this.#listener!.address;
  }

  stats(): ServerStats {
    const counters = this.#counters;
    let { bytesIn, bytesOut } = counters;
    for (const conn of this.#connections) {
      bytesIn += conn.bytesIn;
      bytesOut += conn.bytesOut;
    }
    return {
      connections: { open: this.#connections.size, accepted: counters.accepted },
      requests: counters.requests,
      replies: counters.replies,
      failures: counters.failures,
      bytesIn,
      bytesOut,
      drops: counters.drops,
      memory: {
        used: this.#memory.used,
        budget: this.#memory.limit,
        paused: this.#memory.paused,
      },
      errors: Object.fromEntries(counters.errors),
      refusals: Object.fromEntries(counters.refusals),
    };
  }

  on<Name extends keyof ServerEvents>(
    name: Name,
    listener: (...args: ServerEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  broadcast(
    payload: Uint8Array | string,
    filter?: (conn: ServerConnection) => boolean,
  ): number {
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload.slice();
    const { maxFrameBytes } = this.#host.options;
    const total = SUBMIT_HEADER_BYTES + bytes.length;
    if (total > maxFrameBytes) throw tooLarge(total, maxFrameBytes);
    const shared = new PushBytes(bytes, true);
    shareBodies(shared);
    let reached = 0;
    for (const conn of this.#connections) {
      if (!conn.features.has("push") || (filter !== undefined && !filter(conn))) continue;
      if (conn.push(shared) !== "dropped") reached++;
    }
    return reached;
  }

  shutdown(options: ShutdownOptions = {}): Promise<void> {
    const deadlineMs = options.deadlineMs ?? SHUTDOWN_DEADLINE_MS;
    if (typeof deadlineMs !== "number" || !(deadlineMs >= 0 && deadlineMs < 2 ** 31)) {
      const message = `deadlineMs must be a number from 0 to 2147483647 and is ${
        describe(deadlineMs)
      }`;
      return Promise.reject(new FramewireError("INVALID_OPTION", message));
    }
    const reason = { code: "SHUTDOWN", message: "the server is shutting down" };
    const timer = this.#clock.after(deadlineMs, () => {
      for (const conn of this.#connections) conn.abort(reason);
    });
    void this.finished.then(() => timer.cancel());
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  // The listener's side.

  accepted(link: Link): void {
    if (this.#entrance === undefined) this.#admitted(link);
    else this.#entrance.take(link);
  }

  #admitted(link: Link): void {
    const id = ++this.#counters.accepted;
    const conn = new AcceptedConnection(id, link, this.#host, this.#clock.now());
    this.#connections.add(conn);
    this.#sweep.begin();
    if (this.#events.has("connect")) this.#events.emit("connect", conn);
    conn.start();
    // It was accepted while the listener was being closed.
    if (this.#stopping !== undefined) {
      conn.finish({ code: "SHUTDOWN", message: "the server is shutting down" });
    }
  }

  failed(error: Error): void {
    this.#report(
      isFramewireError(error)
        ? error
        : new FramewireError("ACCEPT_FAILED", error.message, { cause: error }),
      undefined,
    );
  }

  /** A gate has stopped something: counts it and raises the event. */
  refused(refusal: Refusal): void {
    this.#counters.refusal(refusal.gate);
    if (this.#events.has("refuse")) this.#events.emit("refuse", refusal);
  }

  #dropped(episode: DropEpisode, conn: AcceptedConnection): void {
    if (this.#events.has("drop")) this.#events.emit("drop", conn, episode);
  }

  #report(error: FramewireError, conn: ServerConnection | undefined): void {
    this.#counters.error(error.code);
    if (this.#events.has("error")) this.#events.emit("error", error, conn);
  }

  #left(conn: AcceptedConnection, reason: CloseReason): void {
    if (!this.#connections.delete(conn)) return;
    if (this.#connections.size === 0) this.#sweep.end();
    this.#counters.bytesIn += conn.bytesIn;
    this.#counters.bytesOut += conn.bytesOut;
    if (reason.error !== undefined) this.#report(reason.error as FramewireError, conn);
    if (this.#events.has("disconnect")) {
      const { requests, bytesIn, bytesOut } = conn;
      const { code, message } = reason;
      this.#events.emit("disconnect", conn, { code, message, requests, bytesIn, bytesOut });
    }
    this.#endIfEmpty();
  }

  /** Stop accepting, tell the connections, wait for the last one. */
  async #stop(reason: CloseReason): Promise<void> {
    this.#removeSignal?.();
    this.#entrance?.close();
    const closing = this.#listener!.close();
    for (const conn of this.#connections) conn.finish(reason);
    await closing;
    this.#listenerClosed = true;
    this.#endIfEmpty();
    await this.finished;
  }

  #endIfEmpty(): void {
    if (!this.#listenerClosed || this.#connections.size > 0 || this.#ended) return;
    this.#ended = true;
    this.#resolveFinished();
    this.#events.emit("close");
  }
}
