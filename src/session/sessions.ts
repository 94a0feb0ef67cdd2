/**
 * All sessions of a server: begun, resumed, committed, and forgotten when their time is over.
 *
 * @module
 */
import type { Clock, Timer } from "../connection/clock.ts";
import { FramewireError, thrownText } from "../errors.ts";
import { digest, equal, toHex } from "../gates/secrets.ts";
import { Session, type SessionLimits } from "./session.ts";
import type { SessionStore } from "./store.ts";

/** Bounds of a server's sessions. */
export interface SessionsLimits extends SessionLimits {
  /** How long a session without a connection is kept, in milliseconds. */
  readonly retentionMs: number;
  /** How many sessions there may be. */
  readonly maxSessions: number;
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
  readonly #failed: (error: FramewireError) => void;
  readonly #living = new Map<string, Session>();
  #changed: Session[] = [];
  #isDue = false;
  #sweep: Timer | undefined;

  /**
   * @param clock For the time between two looks at what is too old.
   * @param now The time of day in milliseconds since 1970: it has to mean the same to the next server.
   * @param failed Told when the store has failed.
   */
  constructor(
    store: SessionStore,
    limits: SessionsLimits,
    clock: Clock,
    now: () => number,
    failed: (error: FramewireError) => void,
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#clock = clock;
    this.#now = now;
    this.#failed = failed;
  }

  /** How many are in memory. */
  get size(): number {
    return this.#living.size;
  }

  /**
   * Begins a session.
   *
   * @param owner The name of its principal; only the same one may resume it.
   * @returns undefined when there is no room for another one.
   */
  async begin(owner: string): Promise<Begun | undefined> {
    const secret = toHex(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
    const secretHash = await digest(secret);
    if (this.#living.size >= this.#limits.maxSessions && !this.#makeRoom()) return undefined;
    const stored = {
      id: toHex(crypto.getRandomValues(new Uint8Array(ID_BYTES))),
      secretHash,
      owner,
      usedAt: this.#now(),
      answers: [],
      pushes: [],
      lastPush: 0,
    };
    this.#store.create(stored);
    const session = this.#take(new Session(stored, this.#limits, this.#noteChange));
    return { session, secret };
  }

  /**
   * Finds a session to go on with.
   *
   * @returns undefined when it is not known any more, or not by this secret or this owner: which of
   * these, nobody is told.
   */
  async resume(id: string, secret: string, owner: string): Promise<Session | undefined> {
    const hash = await digest(secret);
    let session = this.#living.get(id);
    if (session === undefined) {
      const stored = this.#store.load(id);
      const oldest = this.#now() - this.#limits.retentionMs;
      if (stored !== undefined && stored.usedAt >= oldest) {
        session = new Session(stored, this.#limits, this.#noteChange);
      }
    }
    // The same work whether the session is known or not.
    const isRight = equal(session?.secretHash ?? new Uint8Array(hash.length), hash);
    if (session === undefined || !isRight || session.owner !== owner) return undefined;
    return this.#take(session);
  }

  /** Commits what has changed; what it lets go leaves with this. */
  commit(): void {
    this.#committing(() => this.#write());
  }

  /**
   * Runs sync handlers, and commits what they changed. If the store has transactions, what the handlers
   * themselves wrote to its database is part of the same one.
   */
  transaction(run: () => void): void {
    const store = this.#store;
    this.#committing(() => {
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
  }

  /** Ends all sessions' time in memory; what the store keeps is there for the next server. */
  close(): void {
    this.commit();
    this.#sweep?.cancel();
    this.#living.clear();
    this.#store.close();
  }

  #write(): void {
    if (this.#changed.length > 0) this.#store.commit(this.#changed.map(({ changes }) => changes));
  }

  #committing(write: () => void): void {
    let failure: FramewireError | undefined;
    try {
      write();
    } catch (cause) {
      const message = `the session store has failed: ${thrownText(cause)}`;
      failure = new FramewireError("SESSION_STORE_FAILED", message, { cause });
    }
    const sessions = this.#changed;
    this.#changed = [];
    if (failure === undefined) {
      for (const session of sessions) session.committed();
      return;
    }
    // Nothing of it may be acknowledged: the clients send it again, on their next connections.
    for (const session of sessions) this.#lose(session);
    this.#failed(failure);
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

  #take(session: Session): Session {
    this.#living.set(session.id, session);
    if (this.#sweep === undefined) this.#sweepLater();
    return session;
  }

  /** What was not committed is forgotten together with the rest: the store tells what is true. */
  #lose(session: Session): void {
    this.#living.delete(session.id);
    session.cut();
  }

  #sweepLater(): void {
    const every = Math.max(1, Math.ceil(this.#limits.retentionMs / SWEEPS));
    this.#sweep = this.#clock.after(every, () => {
      this.#sweep = undefined;
      this.#expire(this.#now() - this.#limits.retentionMs);
      if (this.#living.size > 0) this.#sweepLater();
    });
  }

  #expire(before: number): void {
    for (const [id, session] of this.#living) {
      if (!session.isCarried && session.usedAt < before) this.#living.delete(id);
    }
    try {
      this.#store.expire(before);
    } catch {
      // They are looked at again next time, and are not resumed in the meantime.
    }
  }

  /** The session that was unused for the longest time gives way to a new one. */
  #makeRoom(): boolean {
    let oldest: Session | undefined;
    for (const session of this.#living.values()) {
      if (!session.isCarried && (oldest === undefined || session.usedAt < oldest.usedAt)) {
        oldest = session;
      }
    }
    if (oldest === undefined) return false;
    this.#living.delete(oldest.id);
    this.#store.remove(oldest.id);
    return true;
  }
}
