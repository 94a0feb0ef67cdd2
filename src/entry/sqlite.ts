/**
 * A store of sessions in an SQLite database, by the `node:sqlite` of Node (22.13 or newer), Deno (2.2 or
 * newer) and Bun (1.4 or newer): what it has committed outlives the server, kill -9 included.
 *
 * ```ts
 * import { sqliteStore } from "framewire/sqlite";
 *
 * const store = sqliteStore(":memory:");
 * store.close();
 * ```
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { SessionChanges, SessionStore, StoredSession } from "../session/store.ts";
import { runtimeName } from "./runtime_name.ts";

export type { Answered } from "../session/dedup_window.ts";
export type { LoggedPush } from "../session/push_log.ts";
export type { SessionChanges, SessionStore, StoredSession } from "../session/store.ts";

/** What of `node:sqlite` is used. */
interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

interface Statement {
  run(...values: readonly SqlValue[]): { readonly changes: number | bigint };
  get(...values: readonly SqlValue[]): Readonly<Record<string, SqlValue>> | undefined;
  all(...values: readonly SqlValue[]): Readonly<Record<string, SqlValue>>[];
}

type SqlValue = string | number | null | Uint8Array;

/** How {@linkcode sqliteStore} keeps its promise. */
export interface SqliteStoreOptions {
  /**
   * What a commit outlives: a crash of the program (`"process"`, `synchronous = NORMAL`), or also one of
   * the machine (`"machine"`, `synchronous = FULL`: a flush of the disk per commit).
   *
   * @default {"process"}
   */
  readonly survives?: "process" | "machine";
}

/** A {@linkcode SessionStore} with its database. */
export interface SqliteStore extends SessionStore {
  /**
   * The database, a `DatabaseSync` of `node:sqlite`. What a sync handler writes to it is part of the
   * transaction that keeps its answer: both are there after a crash, or neither. It is one transaction for
   * all requests that came together, so a handler must not begin one itself; `SAVEPOINT` may be used. What a
   * handler that returns a promise writes is not part of it: after a crash it may be done again. A handler
   * that throws is answered with a failure, and what it wrote before stays.
   */
  readonly database: unknown;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS framewire_session (
  id TEXT PRIMARY KEY, secret_hash BLOB NOT NULL, owner TEXT NOT NULL, used_at REAL NOT NULL,
  last_push INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS framewire_answer (
  session TEXT NOT NULL, seq INTEGER NOT NULL, result INTEGER NOT NULL, payload BLOB,
  PRIMARY KEY (session, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS framewire_push (
  session TEXT NOT NULL, seq INTEGER NOT NULL, payload BLOB NOT NULL,
  PRIMARY KEY (session, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS framewire_session_used ON framewire_session (used_at);
`;

/** How long another process may hold the database before a call fails, in milliseconds. */
const BUSY_MS = 5000;

/**
 * Opens a store in a database file, which is made if there is none. One server at a time may use it.
 *
 * @param path The file; `":memory:"` for a database that ends with the process.
 * @throws FramewireError UNSUPPORTED where the runtime has no `node:sqlite`.
 */
export function sqliteStore(
  path: string,
  { survives = "process" }: SqliteStoreOptions = {},
): SqliteStore {
  const database = open(path);
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = WAL;`);
  database.exec(`PRAGMA synchronous = ${survives === "machine" ? "FULL" : "NORMAL"};`);
  database.exec(SCHEMA);
  return new Store(database);
}

/** The runtime's SQLite; not imported, so that older runtimes can import this module. */
function open(path: string): Database {
  const { process } = globalThis as {
    process?: { getBuiltinModule?(name: string): unknown };
  };
  const sqlite = process?.getBuiltinModule?.("node:sqlite") as
    | { readonly DatabaseSync: new (path: string) => Database }
    | undefined;
  if (sqlite === undefined) throw missing();
  try {
    return new sqlite.DatabaseSync(path);
  } catch (error) {
    // workerd has the module, and nothing in it.
    throw /illegal constructor/i.test(String(error)) ? missing() : error;
  }
}

function missing(): FramewireError {
  return new FramewireError(
    "UNSUPPORTED",
    `${runtimeName()} has no node:sqlite: it takes Node 22.13 or newer, Deno or Bun; ` +
      "memoryStore() keeps sessions as long as the server runs",
  );
}

class Store implements SqliteStore {
  readonly database: Database;
  readonly #create: Statement;
  readonly #session: Statement;
  readonly #answers: Statement;
  readonly #pushes: Statement;
  readonly #addAnswer: Statement;
  readonly #addPush: Statement;
  readonly #use: Statement;
  readonly #dropAnswers: Statement;
  readonly #dropPushes: Statement;
  #isInTransaction = false;

  constructor(database: Database) {
    this.database = database;
    this.#create = database.prepare("INSERT INTO framewire_session VALUES (?, ?, ?, ?, ?)");
    this.#session = database.prepare("SELECT * FROM framewire_session WHERE id = ?");
    this.#answers = database.prepare(
      "SELECT seq, result, payload FROM framewire_answer WHERE session = ? ORDER BY seq",
    );
    this.#pushes = database.prepare(
      "SELECT seq, payload FROM framewire_push WHERE session = ? ORDER BY seq",
    );
    this.#addAnswer = database.prepare("INSERT INTO framewire_answer VALUES (?, ?, ?, ?)");
    this.#addPush = database.prepare("INSERT INTO framewire_push VALUES (?, ?, ?)");
    this.#use = database.prepare(
      "UPDATE framewire_session SET used_at = ?, last_push = max(last_push, ?) WHERE id = ?",
    );
    this.#dropAnswers = database.prepare(
      "DELETE FROM framewire_answer WHERE session = ? AND seq <= ?",
    );
    this.#dropPushes = database.prepare(
      "DELETE FROM framewire_push WHERE session = ? AND seq <= ?",
    );
  }

  create({ id, secretHash, owner, usedAt, lastPush }: StoredSession): void {
    this.#create.run(id, secretHash, owner, usedAt, lastPush);
  }

  load(id: string): StoredSession | undefined {
    const row = this.#session.get(id);
    if (row === undefined) return undefined;
    return {
      id,
      secretHash: row["secret_hash"] as Uint8Array,
      owner: row["owner"] as string,
      usedAt: row["used_at"] as number,
      lastPush: row["last_push"] as number,
      answers: this.#answers.all(id).map(({ seq, result, payload }) => ({
        seq: seq as number,
        result: result as number,
        payload: payload === null ? undefined : payload as Uint8Array,
      })),
      pushes: this.#pushes.all(id).map(({ seq, payload }) => ({
        seq: seq as number,
        payload: payload as Uint8Array,
      })),
    };
  }

  transaction(run: () => void): void {
    this.database.exec("BEGIN IMMEDIATE");
    this.#isInTransaction = true;
    try {
      run();
      this.database.exec("COMMIT");
    } catch (error) {
      this.database.exec("ROLLBACK");
      throw error;
    } finally {
      this.#isInTransaction = false;
    }
  }

  commit(changes: readonly SessionChanges[]): void {
    if (this.#isInTransaction) {
      for (const change of changes) this.#keep(change);
    } else {
      this.transaction(() => {
        for (const change of changes) this.#keep(change);
      });
    }
  }

  expire(before: number): number {
    const old = "SELECT id FROM framewire_session WHERE used_at < ?";
    let count = 0;
    this.transaction(() => {
      for (const table of ["answer", "push"]) {
        this.database.prepare(`DELETE FROM framewire_${table} WHERE session IN (${old})`).run(
          before,
        );
      }
      const gone = this.database.prepare("DELETE FROM framewire_session WHERE used_at < ?").run(
        before,
      );
      count = Number(gone.changes);
    });
    return count;
  }

  remove(id: string): void {
    this.transaction(() => {
      for (const [table, key] of [["answer", "session"], ["push", "session"], ["session", "id"]]) {
        this.database.prepare(`DELETE FROM framewire_${table} WHERE ${key} = ?`).run(id);
      }
    });
  }

  close(): void {
    this.database.close();
  }

  #keep({ id, usedAt, answers, pushes, pushesDone, answersDone }: SessionChanges): void {
    for (const { seq, result, payload } of answers) {
      this.#addAnswer.run(id, seq, result, payload ?? null);
    }
    for (const { seq, payload } of pushes) this.#addPush.run(id, seq, payload);
    this.#use.run(usedAt, pushes.at(-1)?.seq ?? 0, id);
    if (answersDone > 0) this.#dropAnswers.run(id, answersDone);
    if (pushesDone > 0) this.#dropPushes.run(id, pushesDone);
  }
}
