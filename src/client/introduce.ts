/**
 * Connecting with a hello: until the server has answered it, or has turned out to know none.
 *
 * @module
 */
import { type Clock, systemClock } from "../connection/clock.ts";
import { FramewireError, isFramewireError } from "../errors.ts";
import type { Link, Transport } from "../link/link.ts";
import type { ResolvedClientOptions } from "../options/client.ts";
import type { Protocol } from "../protocol/protocol.ts";
import { ConnectedClient } from "./client.ts";
import { isPlain, remember } from "./plain_servers.ts";
import { formatUrl, type Target } from "./url.ts";
import { WHOLE } from "./whole.ts";

/** Makes a connection within its deadline. */
export type Dial = (
  transport: Transport,
  target: Target,
  options: ResolvedClientOptions,
  signal: AbortSignal | undefined,
) => Promise<Link>;

/** Connects, and says hello if that is asked for, all within one deadline. */
export async function introduce<Calls>(
  transport: Transport,
  target: Target,
  options: ResolvedClientOptions,
  signal: AbortSignal | undefined,
  protocol: Protocol<never, Calls>,
  dial: Dial,
): Promise<ConnectedClient<Calls>> {
  const clock = options.clock ?? systemClock;
  const since = clock.now();
  const left = () => Math.max(1, options.connectTimeoutMs - (clock.now() - since));
  const isAuto = options.hello === "auto";
  const plain = isAuto ? isPlain(transport, target, since) : undefined;
  const greets = plain === true ? { ...options, hello: "off" as const } : options;
  for (let closed = 0;;) {
    const within = closed === 0 ? greets : { ...greets, connectTimeoutMs: left() };
    const link = await dial(transport, target, within, signal);
    const client = new ConnectedClient(link, greets, protocol, WHOLE);
    if (client.ready === undefined) return client;
    try {
      await answered(client, clock, left(), target, options.connectTimeoutMs, signal);
      if (isAuto) remember(transport, target, client.endpoint().plain === true, clock.now());
      return client;
    } catch (error) {
      client.abort("the server has not taken the hello");
      if (!isAuto || !isFramewireError(error) || !KNOWS_NO_HELLO.includes(error.code)) throw error;
      // One that is known to answer has broken, and is not another server than it was.
      if (plain === false) throw error;
    }
    if (++closed === CLOSED_IS_PLAIN) break;
  }
  // It closes: a plain server would, that does not expect a body in a Conn.
  const again: ResolvedClientOptions = { ...options, hello: "off", connectTimeoutMs: left() };
  const link = await dial(transport, target, again, signal);
  const last = new ConnectedClient(link, again, protocol, WHOLE);
  remember(transport, target, true, clock.now());
  return last;
}

/** So many connections that end at the hello make a plain server: one may just have broken. */
const CLOSED_IS_PLAIN = 2;

/** How a plain server may end a connection on which a hello came. */
const KNOWS_NO_HELLO: readonly string[] = ["UNSUPPORTED", "CONNECTION_RESET", "CONNECTION_CLOSED"];

/** Waits until the server has answered the hello. */
function answered(
  client: ConnectedClient<unknown>,
  clock: Clock,
  ms: number,
  target: Target,
  connectTimeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal!.reason);
    const timer = clock.after(ms, () => {
      const message = `${formatUrl(target)} did not answer the hello within ` +
        `${connectTimeoutMs} ms (connectTimeoutMs)`;
      reject(new FramewireError("CONNECT_TIMEOUT", message));
    });
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    client.ready!.then(resolve, reject).finally(() => {
      timer.cancel();
      signal?.removeEventListener("abort", abort);
    });
  });
}
