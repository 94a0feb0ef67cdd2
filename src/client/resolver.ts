/**
 * Where the servers are: a fixed list, or whatever an implementation of {@linkcode Resolver} finds.
 *
 * @module
 */
import { formatUrl, type Target } from "../link/url.ts";
import { FramewireError } from "../errors.ts";

/**
 * Finds the servers that calls may go to.
 *
 * An implementation MUST give the whole list each time, and MUST NOT give an empty one while it knows
 * a server that may live: it rejects instead, and the last list stands. It MUST settle once the signal
 * has aborted, which it does after `connectTimeoutMs`, and MUST NOT call `changed` from within `watch`,
 * nor after it was told to stop. It MAY give a server twice, which counts once. It SHOULD give what it
 * finds at the time it is asked, and not what it found before.
 *
 * Who asks MUST take a list as it is: connections to servers that are on it no more take no new calls
 * and end when those under way are answered. It MAY ask at any time, and MUST NOT ask again before it
 * was answered or the signal has aborted.
 *
 * @example
 * ```ts
 * import { connect, type Resolver, serve } from "framewire";
 *
 * await using server = await serve({ port: 0 }, { submit() {} });
 * const resolver: Resolver = {
 *   resolve: () => Promise.resolve([{ hostname: "127.0.0.1", port: server.addr.port }]),
 * };
 * await using client = await connect(resolver);
 * await client.submit("hello");
 * ```
 */
export interface Resolver {
  /** The servers of now, all of them. It rejects when it cannot tell, and has `connectTimeoutMs` for it. */
  resolve(signal: AbortSignal): Promise<readonly Target[]>;
  /**
   * Calls back with the whole list whenever it has changed, until what it returns is called. Without
   * it the list is asked for again when servers fail, a second after at the earliest.
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
  return { resolve: () => Promise.resolve(list), watch: () => () => {} };
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
