/**
 * What a server tells of what happens to it and to its connections.
 *
 * @module
 */
import type { DropEpisode } from "../connection/push_queue.ts";
import type { FramewireError } from "../errors.ts";
import type { Address } from "../link/link.ts";
import type { ServerConnection } from "../protocol/protocol.ts";
import type { SessionEvent } from "../session/server_sessions.ts";
import type { Refusal } from "./refusal.ts";

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
  /** A session was begun, resumed, taken over or forgotten. */
  readonly session: readonly [event: SessionEvent];
  /** It is shut down: no connection is left. */
  readonly close: readonly [];
}

/** The names of all {@linkcode ServerEvents}. */
export const SERVER_EVENTS: readonly (keyof ServerEvents)[] = [
  "listening",
  "connect",
  "disconnect",
  "error",
  "refuse",
  "drop",
  "session",
  "close",
];

/** Listeners to a server's events, as the option `on` takes them. */
export type ServerListeners<Conn extends ServerConnection = ServerConnection> = {
  readonly [Name in keyof ServerEvents<Conn>]?: (...args: ServerEvents<Conn>[Name]) => void;
};
