/**
 * Making one connection: looking up the host, racing its addresses, and the deadline for all of it.
 *
 * @module
 */
import { systemClock } from "../connection/clock.ts";
import { FramewireError } from "../errors.ts";
import { checkScheme, TCP_ALONE } from "../link/capabilities.ts";
import type { Link, Transport } from "../link/link.ts";
import type { ResolvedClientOptions } from "../options/client.ts";
import type { TlsClientOptions } from "../options/tls.ts";
import { addressesOf, type Lookup } from "./addresses.ts";
import { ATTEMPT_DELAY_MS, race } from "./happy_eyeballs.ts";
import type { Dial } from "./introduce.ts";
import { formatUrl, schemeOf, type Target } from "./url.ts";

/**
 * What makes connections, each within its deadline. A link that comes too late is closed.
 *
 * @param lookup How host names are looked up where the options say nothing. When it cannot tell, the
 * transport is given the name: it may know better, or can say what is wrong.
 */
export function dialer(lookup: Lookup | undefined): Dial {
  return (transport, target, options, signal) => dial(transport, target, options, signal, lookup);
}

async function dial(
  transport: Transport,
  target: Target,
  options: ResolvedClientOptions,
  signal: AbortSignal | undefined,
  usual: Lookup | undefined,
): Promise<Link> {
  const { connectTimeoutMs, lookup = usual } = options;
  const clock = options.clock ?? systemClock;
  signal?.throwIfAborted();
  checkScheme(transport.capabilities ?? TCP_ALONE, "connect", schemeOf(target));
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
    const { noDelay, keepAliveMs, webSocket } = options;
    const { secure: _, ...where } = target;
    const tls = tlsOf(target, options.tls);
    return await new Promise<Link>((resolve, reject) => {
      giveUp.signal.addEventListener("abort", () => reject(giveUp.signal.reason), { once: true });
      const attempt = (hostname: string, signal: AbortSignal) =>
        transport.connect({
          ...where,
          hostname,
          noDelay,
          keepAliveMs,
          ...(webSocket !== undefined && { webSocket }),
          ...tls,
          signal,
        });
      // A runtime's WebSocket takes the host name alone, and asks for its addresses by itself.
      const isNamed = target.unixPath === undefined && target.webSocketPath === undefined;
      const connecting = lookup === undefined || !isNamed
        ? attempt(target.hostname, giveUp.signal)
        : addressesOf(target.hostname, lookup, clock, giveUp.signal).catch((error) => {
          if (options.lookup !== undefined || giveUp.signal.aborted) throw error;
          return [target.hostname];
        }).then((addresses) =>
          race(addresses, attempt, {
            clock,
            delayMs: ATTEMPT_DELAY_MS,
            signal: giveUp.signal,
            close: (late) => late.abort(),
          })
        );
      connecting.then(
        (link) => giveUp.signal.aborted ? link.abort() : resolve(link),
        reject,
      );
    });
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", abort);
  }
}

/** The certificate is for the host of the URL, whichever of its addresses is connected to. */
function tlsOf({ secure, hostname }: Target, tls: TlsClientOptions = {}) {
  if (!secure) return {};
  return { tls: /^[\d.]+$|:/.test(hostname) ? tls : { serverName: hostname, ...tls } };
}
