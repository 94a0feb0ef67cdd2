/**
 * What a session is to a client, whatever the protocol.
 *
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import type { FramewireError } from "../errors.ts";
import type { CallLimits } from "./call_limits.ts";
import type { ClientEndpoint, ClientSide } from "./protocol.ts";

/** What a program needs to go on with a session, this one or another. Who has it, has the session. */
export interface SessionTicket {
  /** The session's name: no secret. */
  readonly id: string;
  /** What the server gave for going on with it: as good as a password. */
  readonly secret: string;
  /** The id of the last push that is handled: eight digits. */
  readonly lastPush?: string;
}

/** What a session is made of. */
export interface SessionSetup {
  /** What bounds calls. */
  readonly limits: CallLimits;
  /** The longest frame, in bytes. */
  readonly maxFrameBytes: number;
  /** Bytes of unanswered calls that are kept. */
  readonly bufferBytes: number;
  /** How long calls wait for a connection, in milliseconds. */
  readonly maxAgeMs: number;
  /** How far the newest call may be from the oldest unanswered one. */
  readonly window: number;
  /** The session to go on with; without it, a new one. */
  readonly ticket: SessionTicket | undefined;
  /** A handler of what the server sends by itself failed. */
  report(error: FramewireError): void;
  /** Another connection has taken the session over. */
  takenOver(error: FramewireError): void;
}

/** A client's session, over any number of connections. */
export interface ProtocolSession {
  /** Calls that wait for their answer. */
  readonly pending: number;
  /** What is needed to go on with it; undefined until the server has given it. */
  readonly ticket: SessionTicket | undefined;
  /** Whether the last connection went on with it; false when it began it. */
  readonly resumed: boolean;
  /** How often the server did not know the session any more and began another one. */
  readonly lost: number;
  /** From now on new calls fail with this. */
  refuse(error: FramewireError): void;
  /** No connection comes any more: all calls fail. */
  end(lost: (outcome: "not-sent" | "unknown") => FramewireError): void;
}

/** A session with the calls that its user makes, and the endpoints of its connections. */
export interface SessionOf<Calls> {
  /** The session itself. */
  readonly session: ProtocolSession;
  /** What the user calls, whichever connection there is. */
  readonly calls: Calls;
  /** Makes the endpoint of one connection after the other. */
  client(connection: Connection, side: ClientSide): ClientEndpoint & Calls;
}
