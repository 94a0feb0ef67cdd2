/**
 * What a protocol is to the server and the client: a framing, and for each side an endpoint that
 * takes frames and gives replies.
 *
 * @module
 */
import type { Framing, KindField } from "../codec/framing.ts";
import type { CloseReason, Connection, Endpoint, GoAwayNotice } from "../connection/connection.ts";
import type { DropEpisode, PushLimits } from "../connection/push_queue.ts";
import type { IdField } from "../observe/flight.ts";
import { FramewireError, isFramewireError } from "../errors.ts";
import type { Address, TlsInfo } from "../link/link.ts";
import type { ResolvedClientOptions } from "../options/client.ts";
import type { ResolvedServerOptions } from "../options/server.ts";
import type { SessionFigures } from "../session/server_sessions.ts";
import type { Broadcast } from "./broadcast.ts";
import type { CallLimits } from "./call_limits.ts";
import type { SessionOf, SessionSetup } from "./client_session.ts";
import type { ReplyLimits } from "./reply_order.ts";
import type { UnsentCall } from "./unsent.ts";

/** One connection of a server at one moment. */
export interface ConnectionInfo {
  /** Its number. */
  readonly id: number;
  /** The peer's end. */
  readonly remote: Address;
  /** This end. */
  readonly local: Address;
  /** What carries it, for example `"tcp"`. */
  readonly transport: string;
  /** What TLS says of it and of the client's certificate; undefined where there is no TLS. */
  readonly tls: TlsInfo | undefined;
  /**
   * Where in its life it is: it takes requests while it is `"open"`, then owed replies leave, then the
   * peer's end is awaited.
   */
  readonly state: "open" | "finishing" | "lingering" | "closed";
  /** When it was accepted. */
  readonly since: Date;
  /** When bytes came last, as the sweep for deadlines has seen it: up to a second late. */
  readonly lastActivity: Date;
  /** Requests taken so far. */
  readonly requests: number;
  /** Requests taken and not answered yet. */
  readonly inFlight: number;
  /** Bytes received so far. */
  readonly bytesIn: number;
  /** Bytes sent so far. */
  readonly bytesOut: number;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
  /** Who the peer is, as `authenticate` said; undefined before that, and without it. */
  readonly principal: unknown;
  /** The features that were agreed on in the hello of the `submit` protocol. */
  readonly features: readonly string[];
  /** What the peer calls itself in its hello. */
  readonly agent: string | undefined;
  /** The name of its session; undefined without one. */
  readonly session: string | undefined;
}

/** What handlers and listeners see of one connection of a server. */
export interface ServerConnection {
  /** Number of the connection, counted from 1 over the server's life. */
  readonly id: number;
  /** The peer's end. */
  readonly remote: Address;
  /** This end. */
  readonly local: Address;
  /** What TLS says of it and of the client's certificate; undefined where there is no TLS. */
  readonly tls: TlsInfo | undefined;
  /** Whether it takes requests. */
  readonly open: boolean;
  /** Requests taken on it so far. */
  readonly requests: number;
  /** Bytes received on it so far. */
  readonly bytesIn: number;
  /** Bytes sent on it so far. */
  readonly bytesOut: number;
  /** Bytes that wait to be sent: a peer that does not read makes them grow. */
  readonly queuedBytes: number;
  /** Who the peer is, as `authenticate` said; undefined before that, and without it. */
  readonly principal: unknown;
  /** All that is known of it at this moment. */
  info(): ConnectionInfo;
  /**
   * Ends the connection in order: no more requests are taken, the replies owed leave, then it closes.
   *
   * @param reason What the `disconnect` event will say.
   */
  close(reason?: string): void;
}

/** What is known of a peer that has introduced itself. */
export interface IntroducedPeer {
  /** Who it is, as the server's authentication said. */
  readonly principal: unknown;
  /** What both sides agreed upon. */
  readonly features: ReadonlySet<string>;
  /** Its program, as it says. */
  readonly agent: string | undefined;
  /** The session that it carries, if it carries one. */
  readonly session?: { readonly id: string };
}

/** Figures that endpoints count, shared by all connections of a server. */
export interface RequestCounters {
  /** Requests handed to handlers. */
  requests: number;
  /** Replies put out. */
  replies: number;
  /** Replies among them that say the request failed. */
  failures: number;
}

/** What a server gives the endpoint of each connection. */
export interface ServerSide {
  /** The connection as handlers see it. */
  readonly conn: ServerConnection;
  /** The server's figures. */
  readonly counters: RequestCounters;
  /** Counts the requests of this connection alone. */
  tookRequests(count: number): void;
  /** Bounds of what may be under way. */
  readonly limits: ReplyLimits;
  /** Frames longer than this are handed over as streams, where the protocol can; 0 for never. */
  readonly streamThresholdBytes: number;
  /** Bounds of the pushes that wait. */
  readonly pushLimits: PushLimits;
  /** Pushes begin to be dropped, or that is over: what the connection's `PushQueue` tells. */
  dropped(episode: DropEpisode): void;
  /** The server's sessions; undefined when it has none. */
  readonly sessions: SessionFigures | undefined;
  /** What the server was told. */
  readonly options: ResolvedServerOptions;
  /** The peer has introduced itself. */
  introduced(peer: IntroducedPeer): void;
  /** A gate has stopped the connection or a request on it. */
  refused(gate: string, message: string): void;
  /** A handler failed, or something else worth an `error` event happened. */
  report(error: FramewireError): void;
  /** The connection is closed. */
  closed(reason: CloseReason): void;
}

/** What a client gives the endpoint of its connection. */
export interface ClientSide {
  /** The connection's limit, for checks before sending, in bytes. */
  readonly maxFrameBytes: number;
  /** What bounds calls. */
  readonly calls: CallLimits;
  /** What the client was told. */
  readonly options: ResolvedClientOptions;
  /** A handler of what the server sends by itself failed. */
  report(error: FramewireError): void;
  /** The last call that waited for its answer has been settled. */
  settled(): void;
  /** The server has given notice that it ends the connection: new calls are refused. */
  goesAway(notice: GoAwayNotice): void;
  /** The connection is closed. */
  closed(reason: CloseReason): void;
  /** Makes calls elsewhere that were not sent when the connection was lost; without it they fail. */
  unsent?: ((call: UnsentCall) => void) | undefined;
}

/**
 * What a client needs of a protocol.
 *
 * @typeParam Calls What a client can call.
 */
export interface ClientProtocol<Calls> {
  /** Its name, for messages and logs. */
  readonly name: string;
  /** How its stream is cut into frames. */
  readonly framing: Framing;
  /** Where a frame says of which kind it is; without it every kind is 0. */
  readonly kind?: KindField;
  /**
   * Loads what its endpoints are made of; undefined when it is loaded. `serve` and `connect` wait for it before
   * they ask for the first endpoint, and so does a program that calls `server` or `client` by itself. Without it
   * there is nothing to load.
   */
  load?(): Promise<unknown> | undefined;
  /** Makes the endpoint of a client's connection. */
  client(connection: Connection, side: ClientSide): ClientEndpoint & Calls;
  /** What a client's user calls: each call goes to the endpoint of the moment. */
  calls(endpoint: () => Calls): Calls;
}

/**
 * A protocol, as `serve` and `connect` take it.
 *
 * @typeParam Handlers What a server's handlers look like.
 * @typeParam Calls What a client can call.
 */
export interface Protocol<Handlers, Calls> extends ClientProtocol<Calls> {
  /** Where each frame has its id, for the flight recorder; without it none is recorded. */
  readonly id?: IdField;
  /** Whether it has no way to answer that a request failed or was refused. */
  readonly neverFails?: boolean;
  /**
   * Checks the handlers once, then makes the endpoint of each connection of a server.
   *
   * @throws FramewireError INVALID_OPTION when a handler is missing or is no function.
   */
  server(handlers: Handlers): (connection: Connection, side: ServerSide) => Endpoint;
  /**
   * Makes of the arguments of `server.broadcast` what is pushed; without it nothing can be.
   *
   * @throws FramewireError FRAME_TOO_LARGE, and what is wrong with the arguments.
   */
  broadcast?(args: readonly unknown[], maxFrameBytes: number): Broadcast;
  /** Makes a client's session; without it the protocol has none. */
  session?(setup: SessionSetup): SessionOf<Calls>;
  /**
   * What a client's user can do besides, made of its calls: once for a client, whichever connections
   * it has.
   *
   * @param closed Settles when the client is closed.
   */
  besides?(calls: Calls, closed: Promise<unknown>): object;
}

/** The client's side of a protocol on one connection. */
export interface ClientEndpoint extends Endpoint {
  /** Calls that wait for their answer. */
  readonly pending: number;
  /** Whether the server turned out to know no hello. */
  readonly plain?: boolean;
  /** Settles once calls can be made; without it, they can be at once. */
  readonly ready?: Promise<void>;
  /**
   * Whether a call made now, without options, is handed to {@linkcode ClientSide.unsent} if the
   * connection is lost before it has left: nothing need be kept to make it again.
   */
  readonly givesBack?: boolean;
  /** From now on new calls fail with this; those made still wait for their answer. */
  refuse(error: FramewireError): void;
}

/**
 * Modules of a protocol that are loaded when its first endpoint is about to be made: so that importing the
 * library loads none.
 */
export class LoadedLater<Parts> {
  readonly #import: () => Promise<Parts>;
  #parts: Parts | undefined;

  /** @param load Imports them. */
  constructor(load: () => Promise<Parts>) {
    this.#import = load;
  }

  /** {@linkcode ClientProtocol.load} */
  load(): Promise<unknown> | undefined {
    return this.#parts === undefined
      ? this.#import().then((parts) => this.#parts = parts)
      : undefined;
  }

  /**
   * What they export.
   *
   * @throws FramewireError INVALID_OPTION before they are loaded.
   */
  get parts(): Parts {
    if (this.#parts !== undefined) return this.#parts;
    const message = "the protocol is not loaded: await its load() before it makes an endpoint";
    throw new FramewireError("INVALID_OPTION", message);
  }
}

/** What the calls fail with that a closed connection leaves unanswered. */
export function connectionLost(
  reason: CloseReason,
  pending: number,
  outcome: "not-sent" | "unknown",
): FramewireError {
  const code = isFramewireError(reason.error) ? reason.error.code : "CONNECTION_CLOSED";
  return new FramewireError(
    code,
    `the connection is closed with ${pending} unanswered: ${reason.message}`,
    { outcome, ...(reason.error !== undefined && { cause: reason.error }) },
  );
}

/** What a call fails with whose frame the limit does not allow. */
export function tooLarge(bytes: number, limit: number): FramewireError {
  return new FramewireError(
    "FRAME_TOO_LARGE",
    `frame of ${bytes} bytes is over the limit of ${limit} (maxFrameBytes)`,
    { declaredBytes: bytes, limitBytes: limit, outcome: "not-sent" },
  );
}

/** Checks the handlers a server is given. */
export function checkHandlers(
  protocol: string,
  handlers: unknown,
  required: readonly string[],
  optional: readonly string[],
): void {
  const wanted = `the ${protocol} protocol takes handlers { ` +
    [...required, ...optional.map((name) => `${name}?`)].join(", ") + " }";
  if (typeof handlers !== "object" || handlers === null) {
    throw new FramewireError("INVALID_OPTION", `${wanted}; what came is ${describe(handlers)}`);
  }
  const given = handlers as Record<string, unknown>;
  for (const name of required) {
    if (given[name] === undefined) {
      throw new FramewireError("INVALID_OPTION", `${wanted}; ${name} is missing`);
    }
  }
  for (const [name, handler] of Object.entries(given)) {
    if (!required.includes(name) && !optional.includes(name)) {
      throw new FramewireError("INVALID_OPTION", `${wanted}; it knows no handler ${name}`);
    }
    if (handler !== undefined && typeof handler !== "function") {
      throw new FramewireError(
        "INVALID_OPTION",
        `${wanted}; ${name} must be a function and is ${describe(handler)}`,
      );
    }
  }
}

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? "an array" : "an object";
  }
  return typeof value === "function" ? "a function" : String(value);
}
