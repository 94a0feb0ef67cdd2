/**
 * Where sessions outlive their connections, and perhaps their server.
 *
 * @module
 */
import type { Answered } from "./dedup_window.ts";
import type { LoggedPush } from "./push_log.ts";

/** Everything a store keeps of one session. */
export interface StoredSession {
  /** The session's name: 32 hexadecimal digits. */
  readonly id: string;
  /** SHA-256 of its secret, 32 bytes. The secret itself is never given to a store. */
  readonly secretHash: Uint8Array;
  /** Who it belongs to: the name of the principal that began it; empty without authentication. */
  readonly owner: string;
  /** When it was last used, in milliseconds since 1970. */
  readonly usedAt: number;
  /** The answers that are remembered, oldest first. */
  readonly answers: readonly Answered[];
  /** The pushes that wait for their acknowledgement, oldest first. */
  readonly pushes: readonly LoggedPush[];
  /** The number of the last push that was ever made; it may be acknowledged and so be none of `pushes`. */
  readonly lastPush: number;
}

/** What has changed in one session since the last commit. */
export interface SessionChanges {
  /** The session. */
  readonly id: string;
  /** When it was used, in milliseconds since 1970. */
  readonly usedAt: number;
  /** Requests answered. */
  readonly answers: readonly Answered[];
  /** Pushes made. */
  readonly pushes: readonly LoggedPush[];
  /** Pushes up to this number are acknowledged; 0 when nothing changed in that. */
  readonly pushesDone: number;
  /** Answers up to this number need not be remembered any more, after a restart either; 0 for none. */
  readonly answersDone: number;
}

/**
 * A store of sessions. A server calls it from one place, one call at a time.
 *
 * - `commit` MUST be atomic: after a crash either all of the changes are there or none.
 * - `commit` MUST be durable when it returns, as far as the store promises to outlive the process: the
 *   acknowledgements of the requests in it leave only then.
 * - `load` MUST return what the last `commit` left, answers and pushes in the order of their numbers.
 * - `load` MUST NOT return a session that was removed.
 * - A store MUST NOT keep the arrays it is given without copying their bytes, unless it keeps them only
 *   until it returns.
 * - A store that fails MUST throw. The server then acknowledges nothing of what it had not committed, and ends
 *   the connections concerned: their clients send it again.
 */
export interface SessionStore {
  /** Keeps a new session. */
  create(session: StoredSession): void;
  /** What is kept of a session; undefined when it is not known. */
  load(id: string): StoredSession | undefined;
  /**
   * Runs handlers whose own writes, if they go to the same database, belong to the same transaction
   * as their answers. A store without transactions just calls it.
   */
  transaction?(run: () => void): void;
  /** Keeps changes of any number of sessions. */
  commit(changes: readonly SessionChanges[]): void;
  /** Forgets sessions that were last used before this time. Returns how many. */
  expire(before: number): number;
  /** Forgets one session. */
  remove(id: string): void;
  /** Closes what is open. A server does not: who has opened the store closes it, once the server is down. */
  close(): void;
}
