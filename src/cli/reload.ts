/**
 * A server's options read again while it runs.
 *
 * @module
 */
import { SERVER_DEFAULTS, type ServerOptions } from "../options/server.ts";
import type { Server } from "../server/server.ts";

/** What came of reading the options again. */
export interface Reloaded {
  /** Options that have another value now. */
  readonly changed: readonly string[];
  /** Options whose new value needs a new start. */
  readonly kept: readonly string[];
}

/** Gives a running server the options that are different, as far as it takes them. */
export function reload(server: Server, before: ServerOptions, after: ServerOptions): Reloaded {
  const old = { ...SERVER_DEFAULTS, ...before } as Readonly<Record<string, unknown>>;
  const now = { ...SERVER_DEFAULTS, ...after } as Readonly<Record<string, unknown>>;
  const changed: string[] = [];
  const kept: string[] = [];
  for (const name of new Set([...Object.keys(old), ...Object.keys(now)])) {
    if (JSON.stringify(old[name]) === JSON.stringify(now[name])) continue;
    try {
      if (now[name] === undefined) throw new Error("no default to go back to");
      server.reconfigure({ [name]: now[name] });
      changed.push(name);
    } catch {
      kept.push(name); // it was checked already: what is refused is changing it
    }
  }
  return { changed, kept };
}
