/**
 * A store for sessions that need not outlive their server.
 *
 * @module
 */
import type { SessionStore } from "./store.ts";

/**
 * Keeps nothing: a server holds its living sessions itself, and that is all this one promises. Sessions
 * survive their connections, and end with the process.
 */
export function memoryStore(): SessionStore {
  return {
    create: () => {},
    load: () => undefined,
    commit: () => {},
    expire: () => 0,
    remove: () => {},
    close: () => {},
  };
}
