/**
 * The file in which `framewire serve` keeps sessions.
 *
 * @module
 */
import { type SqliteStore, sqliteStore } from "../entry/sqlite.ts";
import { isFramewireError } from "../errors.ts";
import { CommandError, oneLine } from "./failure.ts";

/**
 * Opens it.
 *
 * @throws CommandError It cannot be opened, or is no database; FramewireError UNSUPPORTED.
 */
export function openSessionStore(path: string): SqliteStore {
  try {
    return sqliteStore(path);
  } catch (error) {
    if (isFramewireError(error)) throw error;
    const why = oneLine((error as Error).message);
    throw new CommandError(`${path} cannot be opened as a database of sessions: ${why}`);
  }
}
