/**
 * Which servers have turned out to know no hello, so that the next client need not try.
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

const servers = new WeakMap<Transport, Map<string, number>>();

/** Whether a server has turned out to be plain not long before `now`. */
export function isPlain(transport: Transport, target: Target, now: number): boolean {
  const since = servers.get(transport)?.get(keyOf(target));
  return since !== undefined && now - since < REMEMBERED_MS;
}

/** A server is plain. */
export function remember(transport: Transport, target: Target, now: number): void {
  let known = servers.get(transport);
  if (known === undefined) servers.set(transport, known = new Map());
  const key = keyOf(target);
  known.delete(key); // the oldest is first
  known.set(key, now);
  for (const oldest of known.keys()) {
    if (known.size <= MOST) break;
    known.delete(oldest);
  }
}
