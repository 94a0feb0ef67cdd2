/**
 * A client's session: what of its calls and pushes outlives a connection, and how it goes on with the
 * next one.
 *
 * @module
 */
import { FramewireError } from "../../../errors.ts";
import type { CallLimits, CallOptions } from "../../call_limits.ts";
import type { ProtocolSession, SessionTicket } from "../../client_session.ts";
import type { GoAway, SubmitCalls } from "./calls.ts";
import { Command, type Feature, LAST_ID, TAKEN_OVER_REASON } from "../commands.ts";
import type { SessionAsk, SessionGiven } from "../hello.ts";
import { lacks, noStreams } from "./lacks.ts";
import { PushIn } from "./push_in.ts";
import { type SessionBounds, SessionCalls, type SessionCarrier } from "./session_calls.ts";
import type { SubmitSource } from "./source.ts";

/** What a session needs of the connection that carries it. */
export interface SessionEndpoint extends Pick<SubmitCalls, "ping"> {
  /** The last call that waited for its answer has been settled. */
  settled(): void;
}

/** What a client's session is told. */
export interface ClientSessionConfig {
  readonly limits: CallLimits;
  readonly bounds: SessionBounds;
  /** How long calls wait for a connection that is lost, in milliseconds. */
  readonly maxAgeMs: number;
  /** The session to go on with; without it, a new one. */
  readonly ticket: SessionTicket | undefined;
  /** Told when a handler of pushes has failed. */
  report(error: FramewireError): void;
  /** Another connection has taken the session over: this client is at its end. */
  takenOver(error: FramewireError): void;
}

/** One session, over any number of connections. */
export class ClientSession implements ProtocolSession, SubmitCalls {
  readonly #config: ClientSessionConfig;
  readonly calls: SessionCalls;
  pushes: PushIn;
  #given: { readonly id: string; readonly secret: string } | undefined;
  #resumed = false;
  #lost = 0;
  /** The last push that the server was told is handled, in the hello that is under way. */
  #told = 0;
  #features: ReadonlySet<Feature> = new Set();
  #endpoint: SessionEndpoint | undefined;
  /** The connection whose end the server has announced. */
  #left: SessionEndpoint | undefined;
  #aging: { cancel(): void } | undefined;
  #onGoAway: ((notice: GoAway) => void) | undefined;

  constructor(config: ClientSessionConfig) {
    this.#config = config;
    const { limits, bounds, ticket } = config;
    this.calls = new SessionCalls(limits, bounds, () => this.#endpoint?.settled());
    this.pushes = new PushIn((error) => config.report(error));
    if (ticket === undefined) return;
    this.#given = { id: ticket.id, secret: ticket.secret };
    this.pushes.goOn(Number(ticket.lastPush ?? 0));
  }

  /** {@inheritDoc ProtocolSession.pending} */
  get pending(): number {
    return this.calls.pending;
  }

  /** {@inheritDoc ProtocolSession.ticket} */
  get ticket(): SessionTicket | undefined {
    return this.#given && { ...this.#given, lastPush: this.#lastPush };
  }

  /** {@inheritDoc ProtocolSession.resumed} */
  get resumed(): boolean {
    return this.#resumed;
  }

  /** {@inheritDoc ProtocolSession.lost} */
  get lost(): number {
    return this.#lost;
  }

  /** {@inheritDoc ProtocolSession.refuse} */
  refuse(error: FramewireError): void {
    this.calls.refuse(error);
  }

  /** {@inheritDoc ProtocolSession.end} */
  end(lost: (outcome: "not-sent" | "unknown") => FramewireError): void {
    this.#aging?.cancel();
    this.calls.refuse(lost("not-sent"));
    this.calls.fail(lost);
  }

  // What its connections do.

  /** What the hello asks for. */
  ask(): SessionAsk {
    this.#told = this.pushes.handled;
    return { ...this.ticket };
  }

  /** The server has sent its welcome: this connection carries the session from now on. */
  attach(endpoint: SessionEndpoint, given: SessionGiven, carrier: SessionCarrier): void {
    this.#aging?.cancel();
    this.#aging = undefined;
    const earlier = this.#endpoint;
    if (earlier !== undefined) this.calls.detach(); // the server has moved the session over
    this.#endpoint = endpoint;
    earlier?.settled();
    this.#features = carrier.features;
    const before = this.#given;
    this.#given = { id: given.id, secret: given.secret };
    this.#resumed = given.resumed;
    if (given.resumed) this.#goOn(given);
    else if (before !== undefined) this.#beginAnew(given);
    this.pushes.attach(carrier.connection, carrier.out, this.#told);
    this.calls.attach(carrier);
  }

  /** Whether it is this connection that carries the session. */
  carriedBy(endpoint: SessionEndpoint): boolean {
    return this.#endpoint === endpoint;
  }

  /** A connection is lost. */
  detach(endpoint: SessionEndpoint): void {
    if (this.#endpoint !== endpoint) return;
    this.#endpoint = undefined;
    this.calls.detach();
    this.pushes.detach();
    const { limits: { clock }, maxAgeMs } = this.#config;
    this.#aging = clock.after(maxAgeMs, () => {
      const message =
        `no connection came for ${maxAgeMs} ms (sessionMaxAgeMs) to send the call again`;
      this.calls.fail((outcome) => new FramewireError("CONNECTION_CLOSED", message, { outcome }));
    });
  }

  /** The server ends a connection soon, or has given its session to another one. */
  wentAway(endpoint: SessionEndpoint, notice: GoAway): void {
    if (this.#endpoint !== endpoint) return;
    if (notice.reason !== TAKEN_OVER_REASON) {
      this.#left = endpoint;
      this.calls.pause();
      this.#onGoAway?.(notice);
      return;
    }
    // The connection that is made in the place of one that ends takes the session over from it.
    if (this.#left === endpoint) return;
    const message = "another connection has taken over the session of this client, which is closed";
    this.#config.takenOver(new FramewireError("SESSION_TAKEN_OVER", message));
  }

  // What the client's user calls.

  /** {@inheritDoc SubmitCalls.submit} */
  submit(payload: Uint8Array | string | SubmitSource, options?: CallOptions): Promise<void> {
    if (typeof payload !== "string" && !(payload instanceof Uint8Array)) {
      return Promise.reject(noStreams());
    }
    return this.calls.call(Command.SUBMIT, payload, options) as Promise<void>;
  }

  /** {@inheritDoc SubmitCalls.request} */
  request(payload: Uint8Array | string, options?: CallOptions): Promise<Uint8Array> {
    if (!this.#features.has("request")) return Promise.reject(lacks("request"));
    return this.calls.call(Command.REQUEST, payload, options) as Promise<Uint8Array>;
  }

  /** {@inheritDoc SubmitCalls.ping} */
  ping(options?: CallOptions): Promise<number> {
    if (this.#endpoint !== undefined) return this.#endpoint.ping(options);
    const error = new FramewireError(
      "CONNECTION_CLOSED",
      "there is no connection to the server now",
      {
        outcome: "not-sent",
      },
    );
    return Promise.reject(error);
  }

  /** {@inheritDoc SubmitCalls.onPush} */
  onPush(handler: (payload: Uint8Array) => unknown): void {
    this.pushes.handle(handler);
  }

  /** {@inheritDoc SubmitCalls.onGoAway} */
  onGoAway(listener: (notice: GoAway) => void): void {
    this.#onGoAway = listener;
  }

  /** {@inheritDoc SubmitCalls.features} */
  features(): ReadonlySet<Feature> {
    return this.#features;
  }

  get #lastPush(): string {
    const { handled } = this.pushes;
    return String(handled === 0 ? 0 : (handled - 1) % LAST_ID + 1).padStart(8, "0");
  }

  #goOn({ lastId }: SessionGiven): void {
    this.pushes.goesOn();
    const last = Number(lastId);
    const ahead = ((last - this.calls.newestId) % LAST_ID + LAST_ID) % LAST_ID;
    if (this.calls.newestId > 0 && (ahead === 0 || ahead > LAST_ID / 2)) return;
    // The ids that were to come next are taken: by a program that had the session before.
    const message = "another client has used the session in the meantime";
    this.calls.restart(new FramewireError("SESSION_LOST", message, { outcome: "unknown" }), last);
  }

  #beginAnew({ lastId }: SessionGiven): void {
    this.#lost++;
    const message = "the server knows the session no more, and has begun another one";
    const lost = new FramewireError("SESSION_LOST", message, { outcome: "unknown" });
    this.calls.restart(lost, Number(lastId));
    const { handler } = this.pushes;
    this.pushes = new PushIn((error) => this.#config.report(error));
    this.#told = 0;
    if (handler !== undefined) this.pushes.handle(handler);
  }
}
