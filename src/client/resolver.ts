/**
 * Where the servers are: a fixed list, or whatever an implementation of {@linkcode Resolver} finds.
 *
 * @module
 */
import { formatUrl, type Target } from "./url.ts";
import { FramewireError } from "../errors.ts";

/**
 * Finds the servers that calls may go to.
 *
 * An implementation MUST give each server once, MUST NOT give an empty list while it knows one that
 * may live (it rejects instead, and the last list stands), and MUST settle when the signal aborts.
 * It may be asked again at any time, and then SHOULD give what it finds at that time.
 */
export interface Resolver {
  /** The servers of now. */
  resolve(signal: AbortSignal): Promise<readonly Target[]>;
  /**
   * Calls back whenever the list has changed, until what it returns is called. Without it the list
   * is asked for again when servers fail.
   */
  watch?(changed: (servers: readonly Target[]) => void): () => void;
}

/** A list that never changes. */
export function staticResolver(servers: readonly Target[]): Resolver {
  const list = unique(servers);
  if (list.length === 0) {
    throw new FramewireError(
      "INVALID_OPTION",
      "the list of servers is empty: expected one or more",
    );
  }
  return { resolve: () => Promise.resolve(list) };
}

/** Each server once, in the order of the first time. */
export function unique(servers: readonly Target[]): readonly Target[] {
  const seen = new Map<string, Target>();
  for (const server of servers) {
    const key = keyOf(server);
    if (!seen.has(key)) seen.set(key, server);
  }
  return [...seen.values()];
}

/** What tells servers apart: `host:port`, an IPv6 address in brackets; the URL where it is more than that. */
export function keyOf(target: Target): string {
  const { hostname, port, unixPath, webSocketPath } = target;
  if (unixPath !== undefined || webSocketPath !== undefined) return formatUrl(target);
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
