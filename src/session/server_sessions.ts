/**
 * What a server does with the sessions that its peers ask for: whose they are, how many there were, and
 * what its program is told of them.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import type { MemoryBudget } from "../connection/memory_budget.ts";
import { FramewireError } from "../errors.ts";
import {
  type ResolvedSessions,
  resolveSessions,
  type SessionServerOptions,
} from "../options/sessions.ts";
import type { ServerConnection, ServerSide } from "../protocol/protocol.ts";
import type { SessionAsk } from "../protocol/submit/hello.ts";
import type { Session } from "./session.ts";
import { SessionMemory } from "./session_memory.ts";
import { Sessions } from "./sessions.ts";

/** What became of a session. */
export interface SessionEvent {
  /**
   * `"begun"`; `"resumed"` by a new connection; `"taken-over"` by a new connection while another one
   * carried it, which is closed; `"expired"`: it is forgotten, for its time or for want of room.
   */
  readonly change: "begun" | "resumed" | "taken-over" | "expired";
  /** The session's name. It is no secret. */
  readonly id: string;
  /** The name of the principal that it belongs to; empty without authentication. */
  readonly owner: string;
  /** The connection that carries it now; undefined when none does. */
  readonly conn: ServerConnection | undefined;
}

/** Totals of a server's sessions. */
export interface SessionCounts {
  /** Sessions begun. */
  begun: number;
  /** How often one was resumed, taken over included. */
  resumed: number;
  /** How often one was taken over from a connection that still carried it. */
  takenOver: number;
  /** How often a session was asked for that is not known, or not to this client. */
  missed: number;
  /** Sessions that were forgotten, for their time or for want of room. */
  expired: number;
  /** Requests that came again and were answered without their handler. */
  repeats: number;
  /** Pushes that were sent again. */
  replayed: number;
}

/** A server's sessions at one moment. */
export interface SessionStats extends Readonly<SessionCounts> {
  /** Sessions in memory. */
  readonly open: number;
  /** Those of them that a connection carries. */
  readonly carried: number;
  /** Bytes of answers and pushes that they keep. */
  readonly bytes: number;
}

/** What anybody may ask of a server's sessions. */
export interface SessionFigures {
  /** The figures now. */
  stats(): SessionStats;
}

/** A session that a peer is given. */
export interface Opened {
  readonly session: Session;
  /** What the client must show to resume it. */
  readonly secret: string;
  readonly resumed: boolean;
  /** The number of the last push that the client has. */
  readonly lastPush: number;
}

/** Who is told. */
export interface ServerSessionsWatcher {
  /** The store has failed. */
  failed(error: FramewireError): void;
  /** Something became of a session. */
  changed(event: SessionEvent): void;
}

/**
 * The sessions that a server's options ask for; undefined when they ask for none.
 *
 * @param epoch When the clock stood at 0, in milliseconds since 1970.
 * @param budget What they keep is counted against.
 * @throws FramewireError INVALID_OPTION.
 */
export function serverSessions(
  { sessions, maxInFlight }: SessionServerOptions & { readonly maxInFlight: number },
  clock: Clock,
  epoch: number,
  watcher: ServerSessionsWatcher,
  budget: MemoryBudget,
): ServerSessions | undefined {
  if (sessions === undefined) return undefined;
  const options = resolveSessions(sessions, maxInFlight);
  const memory = new SessionMemory(budget);
  return new ServerSessions(options, clock, () => epoch + clock.now(), watcher, memory);
}

/** The sessions of the server that a connection is of; undefined when it has none. */
export function sessionsOf({ sessions }: ServerSide): ServerSessions | undefined {
  return sessions as ServerSessions | undefined;
}

/** The sessions of a server. */
export class ServerSessions implements SessionFigures {
  readonly figures: SessionCounts = {
    begun: 0,
    resumed: 0,
    takenOver: 0,
    missed: 0,
    expired: 0,
    repeats: 0,
    replayed: 0,
  };
  readonly #sessions: Sessions;
  readonly #ownerOf: (principal: unknown) => string;
  readonly #watcher: ServerSessionsWatcher;

  /** @param now The time of day in milliseconds since 1970. */
  constructor(
    options: ResolvedSessions,
    clock: Clock,
    now: () => number,
    watcher: ServerSessionsWatcher,
    memory: SessionMemory,
  ) {
    this.#ownerOf = options.owner;
    this.#watcher = watcher;
    this.#sessions = new Sessions(options.store, options, clock, now, {
      failed: (error) => watcher.failed(error),
      expired: ({ id, owner }) => {
        this.figures.expired++;
        watcher.changed({ change: "expired", id, owner, conn: undefined });
      },
    }, memory);
  }

  /** The time of day, in milliseconds since 1970. */
  now(): number {
    return this.#sessions.now();
  }

  /** {@inheritDoc Sessions.transaction} */
  transaction(session: Session, run: () => void): void {
    this.#sessions.transaction(session, run);
  }

  /** The figures now. */
  stats(): SessionStats {
    let carried = 0;
    let bytes = 0;
    for (const session of this.#sessions.living) {
      if (session.isCarried) carried++;
      bytes += session.bytes;
    }
    return { ...this.figures, open: this.#sessions.size, carried, bytes };
  }

  /**
   * Finds or begins the session that a peer asks for. When the one that it wants to go on with is not to
   * be had, it is given a new one.
   *
   * @returns undefined when there is no room for another one.
   * @throws FramewireError SESSION_STORE_FAILED, INVALID_OPTION when it is not clear who the peer is.
   */
  async open(ask: SessionAsk, principal: unknown): Promise<Opened | undefined> {
    const owner = principal === undefined ? "" : this.#nameOf(principal);
    const { id, secret, lastPush: lastId = "0" } = ask;
    if (id !== undefined && secret !== undefined) {
      const session = await this.#sessions.resume(id, secret, owner);
      const lastPush = session?.pushOf(Number(lastId));
      if (session !== undefined && lastPush !== undefined) {
        return { session, secret, resumed: true, lastPush };
      }
      this.figures.missed++;
    }
    const begun = await this.#sessions.begin(owner);
    return begun && { ...begun, resumed: false, lastPush: 0 };
  }

  /**
   * A connection carries a session from now on.
   *
   * @param from Whether another one did until now.
   */
  carried({ session, resumed }: Opened, from: boolean, conn: ServerConnection): void {
    const { id, owner } = session;
    if (!resumed) this.figures.begun++;
    else this.figures.resumed++;
    if (from) this.figures.takenOver++;
    const change = !resumed ? "begun" : from ? "taken-over" : "resumed";
    this.#watcher.changed({ change, id, owner, conn });
  }

  /** The server is closed. */
  close(): void {
    this.#sessions.close();
  }

  #nameOf(principal: unknown): string {
    const name: unknown = this.#ownerOf(principal);
    if (typeof name === "string" && name !== "") return name;
    throw new FramewireError(
      "INVALID_OPTION",
      "a session belongs to a principal, and what authenticate has returned has no name: let it be a " +
        "text, or an object with a name, or say whose it is by the option sessions.owner",
    );
  }
}
