/**
 * One accepted connection: what handlers and listeners see of it, and what its endpoint reports to.
 *
 * @module
 */
import {
  type CloseReason,
  Connection,
  type ConnectionConfig,
  type GoAwayNotice,
  State,
} from "../connection/connection.ts";
import type { Endpoint } from "../connection/connection.ts";
import { PushBytes } from "../connection/push_bytes.ts";
import type { DropEpisode, PushLimits, PushOutcome } from "../connection/push_queue.ts";
import type { SlowConsumer } from "../connection/slow_consumer.ts";
import { Watch } from "../connection/deadlines.ts";
import type { FramewireError } from "../errors.ts";
import type { LiveRates } from "../gates/live_rates.ts";
import type { RateEvents } from "../gates/rate_gate.ts";
import type { Address, Link, TlsInfo } from "../link/link.ts";
import type { ResolvedServerOptions } from "../options/server.ts";
import type {
  ConnectionInfo,
  IntroducedPeer,
  RequestCounters,
  ServerConnection,
  ServerSide,
} from "../protocol/protocol.ts";
import type { Feature } from "../protocol/submit/commands.ts";
import type { SubmitConnection } from "../protocol/submit/server/handlers.ts";
import type { ServerSession } from "../protocol/submit/server/server_session.ts";
import type { ReplyLimits } from "../protocol/reply_order.ts";
import type { ServerSessions } from "../session/server_sessions.ts";

/** What a server gives each of its connections. */
export interface Host {
  readonly config: ConnectionConfig;
  /** What connections go by whose peer has not authenticated itself; undefined where none has to. */
  readonly configBeforeAuth: ConnectionConfig | undefined;
  readonly limits: ReplyLimits;
  readonly streamThresholdBytes: number;
  readonly pushLimits: PushLimits;
  readonly options: ResolvedServerOptions;
  readonly sessions: ServerSessions | undefined;
  readonly counters: RequestCounters;
  readonly makeEndpoint: (connection: Connection, side: ServerSide) => Endpoint;
  /** A gate has stopped a connection or a request on it. */
  refused(gate: string, message: string, conn: AcceptedConnection): void;
  /** The moment of a time of the server's clock. */
  dateOf(time: number): Date;
  /** The limits of what peers may send. */
  readonly rates: LiveRates;
  /** A gate begins to stop what comes on a connection. */
  limited(gate: string, message: string, conn: AcceptedConnection): void;
  /** A gate has refused requests. */
  refusedRequests(gate: string, count: number): void;
  /** Something worth an `error` event happened on a connection. */
  report(error: FramewireError, conn: AcceptedConnection): void;
  /** Pushes to a connection begin to be dropped, or that is over. */
  dropped(episode: DropEpisode, conn: AcceptedConnection): void;
  /** A connection is closed. */
  left(conn: AcceptedConnection, reason: CloseReason): void;
}

const NO_FEATURES: ReadonlySet<string> = new Set();
const encoder = new TextEncoder();

function pushBytes(payload: Uint8Array | string): PushBytes {
  return typeof payload === "string"
    ? new PushBytes(encoder.encode(payload), true)
    : new PushBytes(payload);
}
const STATE_NAMES = Object.keys(State).map((name) =>
  name.toLowerCase()
) as ConnectionInfo["state"][];

/** An accepted connection. */
export class AcceptedConnection implements SubmitConnection, ServerSide, RateEvents {
  readonly id: number;
  readonly #host: Host;
  readonly #connection: Connection;
  /** Who a handler has said that the peer is. */
  #principal: object | string | undefined;
  /** What its deadlines remember. */
  readonly watch: Watch;
  place = 0;
  evicted = false;
  requests = 0;
  #peer: IntroducedPeer | undefined;

  /**
   * @param now The time, by the clock.
   * @param since When it was accepted: before its TLS handshake, if it had one.
   */
  constructor(id: number, link: Link, host: Host, now: number, since: number = now) {
    this.id = id;
    this.#host = host;
    this.#connection = new Connection(
      link,
      host.configBeforeAuth ?? host.config,
      (connection) => host.makeEndpoint(connection, this),
    );
    if (host.rates.limiter !== undefined) this.limit();
    this.watch = new Watch(this.#connection, now, since, Math.random());
  }

  /** Limits what the peer may send by what is in force now. Not within a turn. */
  limit(): void {
    this.#connection.gate = this.#host.rates.limiter?.gate(this.#connection, this);
  }

  /** Begins to read. */
  start(): void {
    this.#connection.start();
  }

  get remote(): Address {
    return this.#connection.ends.remote;
  }

  get local(): Address {
    return this.#connection.ends.local;
  }

  get tls(): TlsInfo | undefined {
    return this.#connection.ends.tls;
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

  get principal(): unknown {
    return this.#peer?.principal ?? this.#principal;
  }

  authenticated(principal: object | string): void {
    if (this.#principal === undefined && this.#host.configBeforeAuth !== undefined) {
      this.#connection.config = this.#host.config;
    }
    this.#principal = principal;
  }

  get features(): ReadonlySet<Feature> {
    return (this.#peer?.features ?? NO_FEATURES) as ReadonlySet<Feature>;
  }

  get agent(): string | undefined {
    return this.#peer?.agent;
  }

  get session(): ServerSession | undefined {
    return this.#peer?.session as ServerSession | undefined;
  }

  push(payload: Uint8Array | string | PushBytes, policy?: SlowConsumer): PushOutcome {
    if (!this.takesPushes) return "dropped";
    const push = payload instanceof PushBytes ? payload : pushBytes(payload);
    return this.#connection.endpoint.push!(push, policy);
  }

  /** Whether the peer can be sent what it has not asked for. */
  get takesPushes(): boolean {
    return this.open && this.#connection.endpoint.takesPushes === true;
  }

  drained(): Promise<void> {
    return this.#connection.endpoint.drained?.() ?? Promise.resolve();
  }

  /** Requests taken and not answered yet. */
  get inFlight(): number {
    return this.#connection.owed;
  }

  /** {@inheritDoc ServerConnection.info} */
  info(): ConnectionInfo {
    const connection = this.#connection;
    const {
      id,
      remote,
      local,
      requests,
      bytesIn,
      bytesOut,
      queuedBytes,
      inFlight,
      principal,
      features,
      agent,
      session,
    } = this;
    return {
      id,
      remote,
      local,
      transport: connection.ends.transport,
      tls: connection.ends.tls,
      state: STATE_NAMES[connection.state]!,
      since: this.#host.dateOf(this.watch.since),
      lastActivity: this.#host.dateOf(this.watch.quietSince),
      requests,
      inFlight,
      bytesIn,
      bytesOut,
      queuedBytes,
      principal,
      features: [...features],
      agent,
      session: session?.id,
    };
  }

  close(reason = "closed by this side"): void {
    this.finish({ code: "CLOSED", message: reason });
  }

  get owedAtEnd(): number {
    return this.#connection.owedAtEnd;
  }

  get unsentAtEnd(): number {
    return this.#connection.unsentAtEnd;
  }

  /** Tells the peer, where it knows such a notice, that the connection will soon end. */
  goAway(notice: GoAwayNotice): void {
    this.#connection.goAway(notice);
  }

  /** Tells the peer that this side is too busy; false where its protocol cannot say so. */
  busy(retryAfterMs: number): boolean {
    return this.#connection.busy(retryAfterMs);
  }

  /** Ends it in order, with a code. */
  finish(reason: CloseReason): void {
    this.#connection.finish(reason);
  }

  /** Cuts it. */
  abort(reason: CloseReason): void {
    this.#connection.abort(reason);
  }

  // What the gates tell.

  limited(message: string): void {
    this.#host.limited("rate", message, this);
  }

  refusedRequests(count: number): void {
    this.#host.refusedRequests("rate", count);
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

  get sessions(): ServerSessions | undefined {
    return this.#host.sessions;
  }

  get options(): ResolvedServerOptions {
    return this.#host.options;
  }

  introduced(peer: IntroducedPeer): void {
    this.#peer = peer;
  }

  refused(gate: string, message: string): void {
    this.#host.refused(gate, message, this);
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
