/**
 * How a client that stays stands, and what is told of it.
 *
 * @module
 */
import type { Client } from "./client.ts";

/**
 * How a client stands: no connection yet, at least one, none any more, closed, by the program or
 * because no server takes it.
 */
export type ClientStatus = "connecting" | "up" | "down" | "closed";

/** What a status listener is told. */
export interface StatusEvent {
  /** How the client stands now. */
  readonly status: ClientStatus;
  /** The server whose connection came or went, `host:port`; undefined when the client was closed. */
  readonly server?: string;
  /** Why it went. */
  readonly error?: Error;
  /** When the next attempt is made, in milliseconds from now; undefined when none is made. */
  readonly retryInMs?: number;
}

/** A client that connects again by itself. */
export interface ReconnectingClient extends Client {
  /** How it stands. */
  readonly status: ClientStatus;
  /**
   * Calls back whenever a connection comes or goes.
   *
   * @returns A function that takes the listener away.
   */
  on(event: "status", listener: (event: StatusEvent) => void): () => void;
}
