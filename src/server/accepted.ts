/**
 * One accepted connection: what handlers and listeners see of it, and what its endpoint reports to.
 *
 * @module
 */
import {
  type CloseReason,
  Connection,
  type ConnectionConfig,
  State,
} from "../connection/connection.ts";
import type { Endpoint } from "../connection/connection.ts";
import type { DropEpisode, PushLimits } from "../connection/push_queue.ts";
import { Watch } from "../connection/deadlines.ts";
import type { FramewireError } from "../errors.ts";
import type { Address, Link } from "../link/link.ts";
import type { RequestCounters, ServerConnection, ServerSide } from "../protocol/protocol.ts";
import type { ReplyLimits } from "../protocol/reply_order.ts";

/** What a server gives each of its connections. */
export interface Host {
  readonly config: ConnectionConfig;
  readonly limits: ReplyLimits;
  readonly streamThresholdBytes: number;
  readonly pushLimits: PushLimits;
  readonly counters: RequestCounters;
  readonly makeEndpoint: (connection: Connection, side: ServerSide) => Endpoint;
  /** Something worth an `error` event happened on a connection. */
  report(error: FramewireError, conn: AcceptedConnection): void;
  /** Pushes to a connection begin to be dropped, or that is over. */
  dropped(episode: DropEpisode, conn: AcceptedConnection): void;
  /** A connection is closed. */
  left(conn: AcceptedConnection, reason: CloseReason): void;
}

/** An accepted connection. */
export class AcceptedConnection implements ServerConnection, ServerSide {
  readonly id: number;
  readonly #host: Host;
  readonly #connection: Connection;
  /** What its deadlines remember. */
  readonly watch: Watch;
  requests = 0;

  /** @param now When it was accepted, by the clock. */
  constructor(id: number, link: Link, host: Host, now: number) {
    this.id = id;
    this.#host = host;
    this.#connection = new Connection(
      link,
      host.config,
      (connection) => host.makeEndpoint(connection, this),
    );
    this.watch = new Watch(this.#connection, now, Math.random());
  }

  /** Begins to read. */
  start(): void {
    this.#connection.start();
  }

  get remote(): Address {
    return this.#connection.remote;
  }

  get local(): Address {
    return this.#connection.local;
  }

  get open(): boolean {
    return this.#connection.state === State.OPEN;
  }

  get bytesIn(): number {
    return this.#connection.bytesIn;
  }

  get bytesOut(): number {
    return this.#connection.outbound.bytesOut;
  }

  get queuedBytes(): number {
    return this.#connection.outbound.queuedBytes;
  }

  close(reason = "closed by this side"): void {
    this.finish({ code: "CLOSED", message: reason });
  }

  /** Ends it in order, with a code. */
  finish(reason: CloseReason): void {
    this.#connection.finish(reason);
  }

  /** Cuts it. */
  abort(reason: CloseReason): void {
    this.#connection.abort(reason);
  }

  // What the endpoint sees.

  get conn(): ServerConnection {
    return this;
  }

  get counters(): RequestCounters {
    return this.#host.counters;
  }

  get limits(): ReplyLimits {
    return this.#host.limits;
  }

  get streamThresholdBytes(): number {
    return this.#host.streamThresholdBytes;
  }

  get pushLimits(): PushLimits {
    return this.#host.pushLimits;
  }

  dropped(episode: DropEpisode): void {
    this.#host.dropped(episode, this);
  }

  tookRequests(count: number): void {
    this.requests += count;
    this.#host.counters.requests += count;
  }

  report(error: FramewireError): void {
    this.#host.report(error, this);
  }

  closed(reason: CloseReason): void {
    this.#host.left(this, reason);
  }
}
