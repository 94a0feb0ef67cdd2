/**
 * The addresses of a host name, A and AAAA asked for at once.
 *
 * @module
 */
import type { Clock } from "../connection/clock.ts";
import { FramewireError } from "../errors.ts";
import { interleave } from "./happy_eyeballs.ts";

/**
 * Looks up a host name's addresses of one family, as the runtime or the operating system does it.
 * It resolves with an empty list where there are none, and rejects when it cannot tell.
 */
export type Lookup = (
  hostname: string,
  family: 4 | 6,
  signal: AbortSignal,
) => Promise<readonly string[]>;

interface Found {
  readonly family: 4 | 6;
  readonly found: readonly string[];
  readonly error: unknown;
}

/**
 * When one family has come, the other gets so much longer, in milliseconds (the Resolution Delay of
 * RFC 8305, section 3).
 */
const RESOLUTION_DELAY_MS = 50;

/** Whether it is an address already, with no need to look it up. */
export function isAddress(hostname: string): boolean {
  return hostname.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * The addresses to try, in the order of attempts.
 *
 * @throws FramewireError HOST_UNREACHABLE when neither family has any.
 */
export async function addressesOf(
  hostname: string,
  lookup: Lookup,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (isAddress(hostname)) return [hostname];
  const ask = (family: 4 | 6): Promise<Found> =>
    lookup(hostname, family, signal).then(
      (found) => ({ family, found, error: undefined }),
      (error: unknown) => ({ family, found: [], error }),
    );
  const [a, aaaa] = [ask(4), ask(6)];
  const first = await Promise.race([a, aaaa]);
  const other = first.family === 4 ? aaaa : a;
  // With one family in hand the other is not waited for much longer: a network may swallow it.
  const second = first.found.length === 0 ? await other : await within(other, clock);
  signal.throwIfAborted();
  const addresses = first.family === 6
    ? interleave(first.found, second?.found ?? [])
    : interleave(second?.found ?? [], first.found);
  if (addresses.length === 0) {
    const cause = first.error ?? second?.error;
    throw new FramewireError(
      "HOST_UNREACHABLE",
      `the host name ${JSON.stringify(hostname)} has no address that could be found`,
      cause === undefined ? {} : { cause },
    );
  }
  return addresses;
}

function within(other: Promise<Found>, clock: Clock): Promise<Found | undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(RESOLUTION_DELAY_MS, () => resolve(undefined));
    other.then((found) => {
      timer.cancel();
      resolve(found);
    });
  });
}
