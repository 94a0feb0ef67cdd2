/**
 * Choosing the server of a call.
 *
 * @module
 */

/** A server as balancers see it. */
export interface Candidate {
  /** What tells it from others, and stays the same while it comes and goes. */
  readonly key: string;
  /** Calls under way on it. */
  readonly pending: number;
  /** How long its answers take, an average that follows the last ones, in milliseconds. */
  readonly latencyMs: number;
  /** Its share beside others, over 0 and up to 1: a server that has just come back gets less. */
  readonly weight: number;
}

/** Chooses among servers. */
export interface Balancer {
  /**
   * Chooses one of the servers.
   *
   * @param servers Those that can be called; at least one. The same array as long as they are the same.
   * @param key What the call is about, where one key is to stay on one server.
   */
  pick<T extends Candidate>(servers: readonly T[], key?: string): T;
}

/** How much work a server has, in proportion to its share. */
export function load({ pending, weight }: Candidate): number {
  return (pending + 1) / weight;
}

/** The one of two with less work. */
export function lighter<T extends Candidate>(
  a: T,
  b: T,
  of: (server: T) => number = load,
): T {
  return of(b) < of(a) ? b : a;
}

/** Two different ones at random; the same one twice where there is no other. */
export function two<T>(servers: readonly T[], random: () => number): [T, T] {
  const { length } = servers;
  const first = Math.floor(random() * length);
  if (length === 1) return [servers[first]!, servers[first]!];
  const second = (first + 1 + Math.floor(random() * (length - 1))) % length;
  return [servers[first]!, servers[second]!];
}
