/**
 * A server: its connections, its figures, its events and its end.
 *
 * @module
 */
import { codecsOf } from "../codec/lend.ts";
import { delayedOutbound } from "../connection/delayed_outbound.ts";
import type { CloseReason, Connection, Endpoint, GoAwayNotice } from "../connection/connection.ts";
import { type Clock, systemClock } from "../connection/clock.ts";
import { beforeAuth, type ConnectionConfig } from "../connection/config.ts";
import { MemoryBudget } from "../connection/memory_budget.ts";
import type { DropEpisode } from "../connection/push_queue.ts";
import { Roster } from "../connection/roster.ts";
import { Sweep } from "../connection/sweep.ts";
import { ERROR_CODES, FramewireError, isFramewireError } from "../errors.ts";
import type { Address, Link, ListenerEvents } from "../link/link.ts";
import { watchBatches } from "../observe/batches.ts";
import { type EventOf, EventQueue, type EventStream } from "../observe/event_stream.ts";
import { Emitter } from "../observe/events.ts";
import { guarded } from "../options/gates.ts";
import type { ResolvedServerOptions, ServerOptions } from "../options/server.ts";
import {
  describe,
  type Protocol,
  type ServerConnection,
  type ServerSide,
} from "../protocol/protocol.ts";
import { AcceptedConnection, type Host } from "./accepted.ts";
import { Admission } from "./admission.ts";
import { Drain, type DrainResult, noticeOf, SHUTTING_DOWN } from "./drain.ts";
import { Handshakes } from "./handshakes.ts";
import type { ListenAddress, Listeners } from "./listeners.ts";
import { LiveSettings } from "./live_settings.ts";
import { TurnedAway } from "./turned_away.ts";
import { Entrance } from "../gates/entrance.ts";
import { ServerFigures, type ServerStats } from "./stats.ts";
import { LiveRates } from "../gates/live_rates.ts";
import { isGateRefusal } from "../gates/gate_refusal.ts";
import type { Server, ShutdownOptions } from "./handle.ts";
import { serverSessions } from "../session/server_sessions.ts";
import { categoryOf, isMalformed, type Refusal } from "./refusal.ts";
import { SERVER_EVENTS, type ServerEvents } from "./server_events.ts";

export type { PayloadBroadcast, Server, ShutdownOptions } from "./handle.ts";
export {
  type DisconnectInfo,
  SERVER_EVENTS,
  type ServerEvents,
  type ServerListeners,
} from "./server_events.ts";

function noEvent(name: unknown): FramewireError {
  const message = `there is no event ${describe(name)}; there are ${SERVER_EVENTS.join(", ")}`;
  return new FramewireError("INVALID_OPTION", message);
}

/** The server behind {@linkcode Server}. */
export class RunningServer implements Server<ServerConnection, unknown>, ListenerEvents {
  readonly #events = new Emitter<ServerEvents>();
  readonly #connections = new Roster<AcceptedConnection>();
  readonly #figures: ServerFigures;
  readonly #host: Host;
  readonly #eventQueue: number;
  readonly #clock: Clock;
  readonly #memory: MemoryBudget;
  /** What links have to pass; undefined where all come in. */
  #entrance: Entrance | undefined;
  readonly #sweep: Sweep;
  readonly finished: Promise<void>;
  #resolveFinished!: () => void;
  #listenerClosed = false;
  #ended = false;
  #listener: Listeners | undefined;
  #stopping: Promise<DrainResult> | undefined;
  #drain: Drain | undefined;
  /** Makes of a broadcast's arguments what is pushed. */
  readonly #prepare: Protocol<never, unknown>["broadcast"];
  readonly #admission: Admission;
  readonly #turnedAway: TurnedAway;
  readonly #handshakes: Handshakes;
  /** The options in force. */
  readonly #settings: LiveSettings;
  #removeSignal: (() => void) | undefined;

  constructor(
    protocol: Pick<Protocol<never, unknown>, "framing" | "kind" | "id" | "broadcast">,
    options: ResolvedServerOptions,
    makeEndpoint: (connection: Connection, side: ServerSide) => Endpoint,
  ) {
    const { framing, kind, id } = protocol;
    this.#prepare = protocol.broadcast?.bind(protocol);
    this.finished = new Promise((resolve) => this.#resolveFinished = resolve);
    this.#clock = options.clock ?? systemClock;
    this.#settings = new LiveSettings(options, framing);
    const { deadlines, limits, admission, flow, sizes } = this.#settings;
    this.#memory = new MemoryBudget(options.memoryBudgetBytes, sizes, limits);
    if (guarded(options)) this.#entrance = this.#makeEntrance();
    this.#sweep = new Sweep(this.#clock, deadlines, this.#connections);
    this.#figures = new ServerFigures(
      this.#clock,
      options.handlerTimes,
      this.#connections,
      this.#memory,
    );
    this.#eventQueue = options.eventQueue;
    const { counters, times } = this.#figures;
    const epoch = Date.now() - this.#clock.now();
    this.#figures.sessions = serverSessions(options, this.#clock, epoch, {
      failed: (error) => this.#report(error, undefined),
      changed: (event) => this.#events.has("session") && this.#events.emit("session", event),
    }, this.#memory);
    const config: ConnectionConfig = Object.assign(sizes, {
      framing,
      kind,
      codecs: codecsOf(options.codec),
      writeMode: options.writeMode,
      sendsAllBeforeEnd: true,
      clock: this.#clock,
      memory: this.#memory,
      outbound: delayedOutbound(options.writeMode, this.#clock),
      watch: times === undefined && !options.flightRecorder ? undefined : watchBatches({
        now: () => this.#clock.now(),
        times,
        records: options.flightRecorder,
        id,
      }),
    });
    this.#host = {
      config,
      configBeforeAuth: options.packetsBeforeAuth &&
        beforeAuth(config, options.maxFrameBytesBeforeAuth),
      limits: Object.assign(limits, { times }),
      streamThresholdBytes: options.streamThresholdBytes,
      pushLimits: Object.assign(flow, { clock: this.#clock, counters, memory: this.#memory }),
      counters,
      options: this.#settings.options,
      sessions: this.#figures.sessions,
      makeEndpoint,
      dateOf: (time) => new Date(epoch + time),
      refused: (gate, message, { id, remote }) => this.refused({ gate, message, remote, conn: id }),
      rates: new LiveRates(options, this.#clock),
      refusedRequests: (gate, count) => counters.refusal(gate, count),
      limited: (gate, message, { id, remote }) => this.#refuse({ gate, message, remote, conn: id }),
      report: (error, conn) => this.#report(error, conn),
      dropped: (episode, conn) => this.#dropped(episode, conn),
      left: (conn, reason) => this.#left(conn, reason),
    };
    this.#turnedAway = new TurnedAway(this.#host, this.#clock);
    this.#handshakes = new Handshakes(this.#settings.handshakes, this.#clock, {
      shaken: (link, since) => this.#enter(link, since),
      lost: (link) => this.#admission.left(link),
      failed: (error) => this.failed(error),
      refused: (refusal) => this.refused(refusal),
    });
    this.#admission = new Admission(admission, this.#clock, this.#connections, {
      admit: (link, since) => {
        if (link.handshake === undefined) this.#enter(link, since);
        else this.#handshakes.take(link);
      },
      entering: this.#handshakes,
      turnAway: (link, reason) => this.#turnedAway.take(link, reason),
      refused: (refusal) => this.refused(refusal),
      pause: () => this.#listener?.pause(),
      resume: () => this.#listener?.resume(),
    });
    this.#sweep.knowsIdle = admission.onMaxConnections === "evict-idle";
  }

  /** It listens: from now on it can be shut down. */
  listening(listener: Listeners, signal: AbortSignal | undefined): void {
    this.#listener = listener;
    for (const address of listener.addresses) this.#events.emit("listening", address);
    if (signal === undefined) return;
    const abort = () => void this.shutdown();
    signal.addEventListener("abort", abort, { once: true });
    this.#removeSignal = () => signal.removeEventListener("abort", abort);
    if (signal.aborted) abort();
  }

  get addr(): Address {
    return this.#listener!.address;
  }

  get addrs(): readonly ListenAddress[] {
    return this.#listener!.addresses;
  }

  stats(): ServerStats {
    return this.#figures.stats();
  }

  resetStats(): void {
    this.#figures.reset();
  }

  *connections(
    filter?: (conn: ServerConnection) => boolean,
  ): Generator<ServerConnection, undefined> {
    for (const conn of this.#connections) if (filter === undefined || filter(conn)) yield conn;
  }

  disconnect(filter: (conn: ServerConnection) => boolean, reason?: string): number {
    // All are chosen before the first is closed: a filter may count.
    const chosen = [...this.connections(filter)];
    for (const conn of chosen) conn.close(reason);
    return chosen.length;
  }

  on<Name extends keyof ServerEvents>(
    name: Name,
    listener: (...args: ServerEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  broadcast(...args: readonly unknown[]): number {
    const { maxFrameBytes, packetsBeforeAuth } = this.#host.options;
    if (this.#prepare === undefined) {
      throw new FramewireError("INVALID_OPTION", "this protocol has nothing to broadcast");
    }
    const { push, filter, policy } = this.#prepare(args, maxFrameBytes);
    let reached = 0;
    for (const conn of this.#connections) {
      if (!conn.takesPushes || (filter !== undefined && !filter(conn))) continue;
      if (packetsBeforeAuth !== undefined && conn.principal === undefined) continue;
      if (conn.push(push, policy) !== "dropped") reached++;
    }
    return reached;
  }

  events<Name extends keyof ServerEvents>(
    ...names: readonly Name[]
  ): EventStream<EventOf<ServerEvents, Name>> {
    const chosen: readonly (keyof ServerEvents)[] = names.length > 0 ? names : SERVER_EVENTS;
    const stop = chosen.map((name) => {
      if (!SERVER_EVENTS.includes(name)) throw noEvent(name);
      return this.on(name, (...args) => queue.push({ name, args } as never));
    });
    // Last, so that a `close` event is read before the end.
    stop.push(this.on("close", () => queue.end()));
    const queue = new EventQueue<EventOf<ServerEvents, Name>>(this.#eventQueue, () => {
      for (const remove of stop) remove();
    });
    if (this.#ended) queue.end();
    return queue;
  }

  shutdown(options: ShutdownOptions = {}): Promise<DrainResult> {
    let notice: GoAwayNotice;
    try {
      notice = noticeOf(options);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#drain === undefined) {
      const closeReason = { code: "SHUTDOWN", message: notice.reason };
      this.#drain = new Drain(this.#clock, closeReason, this.#connections);
      this.#stopping = this.#stop(this.#drain, notice);
    }
    if (!this.#ended) this.#drain.deadline(notice.deadlineMs);
    return this.#stopping!;
  }

  reconfigure(options: ServerOptions): void {
    this.#settings.change(options, () => this.#reloadTls(options));
    const { access, admission, flow } = this.#settings;
    if (this.#entrance !== undefined) this.#entrance.reconfigure(access);
    else if (guarded(access)) this.#entrance = this.#makeEntrance();
    if (this.#host.rates.change(this.#settings.options)) {
      // Not within the batch that a handler may have called this from.
      queueMicrotask(() => {
        for (const conn of this.#connections) conn.limit();
      });
    }
    this.#memory.changed(flow.memoryBudgetBytes);
    this.#sweep.knowsIdle = admission.onMaxConnections === "evict-idle";
    this.#sweep.restart();
    this.#admission.changed();
    this.#handshakes.changed();
  }

  #makeEntrance(): Entrance {
    const { options, handshakes } = this.#settings;
    return new Entrance(options, this.#clock, handshakes, {
      admitted: (link, since) => this.#admission.take(link, since),
      refused: (refusal) => this.refused(refusal),
    });
  }

  #reloadTls(options: ServerOptions): void {
    if (!Object.hasOwn(options, "tls")) return;
    this.#listener!.reloadTls(options.tls);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  // The listener's side.

  accepted(link: Link): void {
    if (this.#entrance === undefined) this.#admission.take(link);
    else this.#entrance.take(link);
  }

  #enter(link: Link, since?: number): void {
    this.#figures.begins();
    const id = ++this.#figures.counters.accepted;
    const conn = new AcceptedConnection(id, link, this.#host, this.#clock.now(), since);
    this.#connections.add(conn);
    this.#sweep.begin();
    if (this.#events.has("connect")) this.#events.emit("connect", conn);
    conn.start();
    // It was accepted while the listener was being closed.
    if (this.#stopping !== undefined) {
      conn.finish({ code: "SHUTDOWN", message: SHUTTING_DOWN });
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
  refused(refusal: Omit<Refusal, "category">): void {
    this.#figures.counters.refusal(refusal.gate);
    this.#refuse(refusal);
  }

  #refuse(refusal: Omit<Refusal, "category">): void {
    if (!this.#events.has("refuse")) return;
    this.#events.emit("refuse", { ...refusal, category: categoryOf(refusal.gate) });
  }

  #dropped(episode: DropEpisode, conn: AcceptedConnection): void {
    if (this.#events.has("drop")) this.#events.emit("drop", conn, episode);
  }

  #report(error: FramewireError, conn: ServerConnection | undefined): void {
    if (isGateRefusal(error.cause)) return; // no handler has failed
    this.#figures.counters.error(error.code);
    if (this.#events.has("error")) this.#events.emit("error", error, conn);
  }

  #left(conn: AcceptedConnection, reason: CloseReason): void {
    if (!this.#connections.delete(conn)) return;
    if (this.#connections.size === 0) this.#sweep.end();
    this.#figures.ended(conn);
    if (reason.error !== undefined) {
      this.#report(reason.error as FramewireError, conn);
      if (isMalformed(reason.code)) {
        const message = `a connection was closed: ${ERROR_CODES[reason.code]}`;
        const { id, remote } = conn;
        this.refused({ gate: "protocol", code: reason.code, message, remote, conn: id });
      }
    }
    if (this.#events.has("disconnect")) {
      const { requests, bytesIn, bytesOut } = conn;
      const { code, message } = reason;
      this.#events.emit("disconnect", conn, { code, message, requests, bytesIn, bytesOut });
    }
    this.#drain?.left(conn, reason);
    this.#admission.left(conn);
    this.#endIfEmpty();
  }

  /** Stop accepting, tell the connections, wait for the last one. */
  async #stop(drain: Drain, notice: GoAwayNotice): Promise<DrainResult> {
    this.#removeSignal?.();
    this.#entrance?.close();
    this.#admission.close();
    this.#handshakes.close();
    this.#turnedAway.close();
    const closing = this.#listener!.close();
    drain.begin(notice);
    await closing;
    this.#listenerClosed = true;
    this.#endIfEmpty();
    await this.finished;
    return drain.result;
  }

  #endIfEmpty(): void {
    if (!this.#listenerClosed || this.#connections.size > 0 || this.#ended) return;
    this.#ended = true;
    this.#figures.close();
    this.#figures.sessions?.close();
    this.#memory.close();
    this.#drain?.end();
    this.#resolveFinished();
    this.#events.emit("close");
  }
}
