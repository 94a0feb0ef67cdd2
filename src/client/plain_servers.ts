/**
 * Which servers have turned out to know no hello, so that the next client need not try; and which
 * ones know it, so that a connection that breaks is not taken for a server that does not.
 *
 * @module
 */
import type { Transport } from "../link/link.ts";
import { keyOf } from "./resolver.ts";
import type { Target } from "./url.ts";

/** How long a server is taken for a plain one: it may be replaced by one that is not. */
const REMEMBERED_MS = 600_000;
/** How many are remembered of one transport. */
const MOST = 1000;

interface Known {
  readonly plain: boolean;
  readonly atMs: number;
}

const servers = new WeakMap<Transport, Map<string, Known>>();

/** Whether a server is plain; undefined when that has not been seen not long before `now`. */
export function isPlain(transport: Transport, target: Target, now: number): boolean | undefined {
  const known = servers.get(transport)?.get(keyOf(target));
  return known !== undefined && now - known.atMs < REMEMBERED_MS ? known.plain : undefined;
}

/** It has turned out whether a server is plain. */
export function remember(
  transport: Transport,
  target: Target,
  plain: boolean,
  now: number,
): void {
  let known = servers.get(transport);
  if (known === undefined) servers.set(transport, known = new Map());
  const key = keyOf(target);
  known.delete(key); // the oldest is first
  known.set(key, { plain, atMs: now });
  for (const oldest of known.keys()) {
    if (known.size <= MOST) break;
    known.delete(oldest);
  }
}
