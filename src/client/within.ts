/**
 * The deadline of a connection attempt.
 *
 * @module
 */
import { type Clock, systemClock } from "../connection/clock.ts";
import { FramewireError } from "../errors.ts";
import type { Link } from "../link/link.ts";
import { formatUrl, type Target } from "../link/url.ts";

/** How long an attempt may take. */
export interface AttemptOptions {
  /** Its time, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Where time comes from; by default the system's clock. */
  readonly clock?: Clock;
}

/**
 * Makes a connection within its deadline. A link that comes too late is closed.
 *
 * @param connect Makes it; it should give up when its signal aborts.
 * @returns The link. Rejects with what `connect` did, `CONNECT_TIMEOUT`, or the reason of `signal`.
 */
export async function connectWithin(
  target: Target,
  { connectTimeoutMs, clock = systemClock }: AttemptOptions,
  signal: AbortSignal | undefined,
  connect: (signal: AbortSignal) => Promise<Link>,
): Promise<Link> {
  signal?.throwIfAborted();
  const giveUp = new AbortController();
  const abort = () => giveUp.abort(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const timer = clock.after(connectTimeoutMs, () => {
    giveUp.abort(
      new FramewireError(
        "CONNECT_TIMEOUT",
        `${formatUrl(target)} did not answer within ${connectTimeoutMs} ms (connectTimeoutMs)`,
      ),
    );
  });
  try {
    return await new Promise<Link>((resolve, reject) => {
      giveUp.signal.addEventListener("abort", () => reject(giveUp.signal.reason), { once: true });
      connect(giveUp.signal).then(
        (link) => giveUp.signal.aborted ? link.abort() : resolve(link),
        reject,
      );
    });
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", abort);
  }
}
