/**
 * All sessions of a server: begun, resumed, committed, and forgotten when their time is over.
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";
import { FramewireError, thrownText } from "../errors.ts";
import { digest, equal, toHex } from "../gates/secrets.ts";
import { Session, type SessionLimits } from "./session.ts";
import type { SessionMemory } from "./session_memory.ts";
import type { SessionStore, StoredSession } from "./store.ts";

/** Bounds of a server's sessions. */
export interface SessionsLimits extends SessionLimits {
  /** How long a session without a connection is kept, in milliseconds. */
  readonly retentionMs: number;
  /** How many sessions there may be. */
  readonly maxSessions: number;
}

/** Who is told what becomes of sessions. */
export interface SessionsWatcher {
  /** The store has failed. */
  failed(error: FramewireError): void;
  /** A session is over: its time has passed, or it gave way to a new one. */
  expired(session: Session): void;
}

/** What a new session's client is told. */
export interface Begun {
  readonly session: Session;
  /** What the client must show to resume it: 64 hexadecimal digits. */
  readonly secret: string;
}

const ID_BYTES = 16;
const SECRET_BYTES = 32;
/** How often what is too old is looked for, as a part of the time it is kept. */
const SWEEPS = 4;

/** The sessions of one server. */
export class Sessions {
  readonly #store: SessionStore;
  readonly #limits: SessionsLimits;
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #watcher: SessionsWatcher;
  readonly #memory: SessionMemory | undefined;
  readonly #living = new Map<string, Session>();
  #changed: Session[] = [];
  #isDue = false;
  #isInTransaction = false;
  #sweep: Timer | undefined;

  /**
   * @param clock For the time between two looks at what is too old.
   * @param now The time of day in milliseconds since 1970: it has to mean the same to the next server.
   * @param memory Where what they keep is counted, if anywhere.
   */
  constructor(
    store: SessionStore,
    limits: SessionsLimits,
    clock: Clock,
    now: () => number,
    watcher: SessionsWatcher,
    memory?: SessionMemory,
  ) {
    this.#memory = memory;
    this.#store = store;
    this.#limits = limits;
    this.#clock = clock;
    this.#now = now;
    this.#watcher = watcher;
  }

  /** How many are in memory. */
  get size(): number {
    return this.#living.size;
  }

  /** Those in memory. */
  get living(): Iterable<Session> {
    return this.#living.values();
  }

  /** The time of day, in milliseconds since 1970. */
  now(): number {
    return this.#now();
  }

  /**
   * Begins a session.
   *
   * @param owner The name of its principal; only the same one may resume it.
   * @returns undefined when there is no room for another one.
   * @throws FramewireError SESSION_STORE_FAILED.
   */
  async begin(owner: string): Promise<Begun | undefined> {
    const secret = toHex(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
    const secretHash = await digest(secret);
    if (!this.#makeRoom()) return undefined;
    const stored = {
      id: toHex(crypto.getRandomValues(new Uint8Array(ID_BYTES))),
      secretHash,
      owner,
      usedAt: this.#now(),
      answers: [],
      pushes: [],
      lastPush: 0,
    };
    this.#asked((store) => store.create(stored));
    return { session: this.#take(stored), secret };
  }

  /**
   * Finds a session to go on with.
   *
   * @returns undefined when it is not known any more, or not by this secret or this owner: which of
   * these, nobody is told.
   * @throws FramewireError SESSION_STORE_FAILED.
   */
  async resume(id: string, secret: string, owner: string): Promise<Session | undefined> {
    const hash = await digest(secret);
    const living = this.#living.get(id);
    const known = living ?? this.#load(id);
    // The same work whether the session is known or not.
    const isRight = equal(known?.secretHash ?? new Uint8Array(hash.length), hash);
    if (known === undefined || !isRight || known.owner !== owner) return undefined;
    if (living !== undefined) return living;
    return this.#makeRoom() ? this.#take(known as StoredSession) : undefined;
  }

  /** Commits what has changed; what it lets go leaves with this. */
  commit(): void {
    if (!this.#isInTransaction) this.#committing(() => this.#write());
  }

  /**
   * Runs sync handlers of a session, and commits what they changed. If the store has transactions, what
   * the handlers themselves wrote to its database is part of the same one. When the store fails, the
   * session is over.
   *
   * @param run Must not throw.
   */
  transaction(session: Session, run: () => void): void {
    if (this.#isInTransaction) return run(); // what is around it commits
    const store = this.#store;
    this.#isInTransaction = true;
    const failure = this.#committing(() => {
      if (store.transaction === undefined) {
        run();
        this.#write();
      } else {
        store.transaction(() => {
          run();
          this.#write();
        });
      }
    });
    if (failure !== undefined) this.#end(session, failure);
  }

  /**
   * The server ends: commits what there is, and ends all sessions' time in memory. What the store keeps is
   * there for the next server.
   */
  close(): void {
    this.commit();
    this.#sweep?.cancel();
    const cause = new FramewireError("CONNECTION_CLOSED", "the server was shut down");
    for (const session of [...this.#living.values()]) this.#end(session, cause);
  }

  #write(): void {
    if (this.#changed.length > 0) this.#store.commit(this.#changed.map(({ changes }) => changes));
  }

  #committing(write: () => void): FramewireError | undefined {
    let failure: FramewireError | undefined;
    try {
      write();
    } catch (cause) {
      failure = storeFailed(cause);
    }
    this.#isInTransaction = false;
    const sessions = this.#changed;
    this.#changed = [];
    if (failure === undefined) {
      for (const session of sessions) session.committed();
      return undefined;
    }
    // Nothing of it may be acknowledged: the clients send it again, on their next connections. What was
    // not committed is forgotten together with the rest: the store tells what is true.
    for (const session of sessions) this.#end(session, failure);
    this.#watcher.failed(failure);
    return failure;
  }

  readonly #noteChange = (session: Session): void => {
    this.#changed.push(session);
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.commit();
    });
  };

  #load(id: string): StoredSession | undefined {
    const stored = this.#asked((store) => store.load(id));
    const oldest = this.#now() - this.#limits.retentionMs;
    return stored !== undefined && stored.usedAt >= oldest ? stored : undefined;
  }

  #asked<T>(question: (store: SessionStore) => T): T {
    try {
      return question(this.#store);
    } catch (cause) {
      throw storeFailed(cause);
    }
  }

  #take(stored: StoredSession): Session {
    const session = new Session(stored, this.#limits, this.#noteChange, this.#memory);
    this.#living.set(session.id, session);
    if (this.#sweep === undefined) this.#sweepLater();
    return session;
  }

  #end(session: Session, cause: Error): void {
    this.#living.delete(session.id);
    session.end(cause);
  }

  #sweepLater(): void {
    const every = Math.max(1, Math.ceil(this.#limits.retentionMs / SWEEPS));
    this.#sweep = this.#clock.after(every, () => {
      this.#sweep = undefined;
      this.#expire();
      if (this.#living.size > 0) this.#sweepLater();
    });
  }

  #expire(): void {
    const now = this.#now();
    const before = now - this.#limits.retentionMs;
    for (const session of [...this.#living.values()]) {
      // The next server has to know that these were in use until now.
      if (session.isCarried) session.touch(now);
      else if (session.usedAt < before) this.#forget(session, "its time has passed");
    }
    this.commit();
    try {
      this.#store.expire(before);
    } catch {
      // They are looked at again next time, and are not resumed in the meantime.
    }
  }

  #forget(session: Session, why: string): void {
    this.#end(session, new FramewireError("CANCELLED", `the session is forgotten: ${why}`));
    this.#watcher.expired(session);
  }

  /** The session that was unused for the longest time gives way to another one. */
  #makeRoom(): boolean {
    if (this.#living.size < this.#limits.maxSessions) return true;
    let oldest: Session | undefined;
    for (const session of this.#living.values()) {
      if (!session.isCarried && (oldest === undefined || session.usedAt < oldest.usedAt)) {
        oldest = session;
      }
    }
    if (oldest === undefined) return false;
    const { id } = oldest;
    this.#forget(oldest, "it gave way to another one (maxSessions)");
    this.#asked((store) => store.remove(id));
    return true;
  }
}

function storeFailed(cause: unknown): FramewireError {
  const message = `the session store has failed: ${thrownText(cause)}`;
  return new FramewireError("SESSION_STORE_FAILED", message, { cause });
}
