/**
 * Making one connection: looking up the host, racing its addresses, and the deadline for all of it.
 *
 * @module
 */
import { systemClock } from "../connection/clock.ts";
import { checkScheme, TCP_ALONE } from "../link/capabilities.ts";
import type { Link, Transport } from "../link/link.ts";
import type { ResolvedClientOptions } from "../options/client.ts";
import type { TlsClientOptions } from "../options/tls.ts";
import { addressesOf, type Lookup } from "./addresses.ts";
import { ATTEMPT_DELAY_MS, race } from "./happy_eyeballs.ts";
import type { Dial } from "./introduce.ts";
import { schemeOf, type Target } from "./url.ts";
import { connectWithin } from "./within.ts";

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
  const { lookup = usual } = options;
  const clock = options.clock ?? systemClock;
  signal?.throwIfAborted();
  checkScheme(transport.capabilities ?? TCP_ALONE, "connect", schemeOf(target));
  const { noDelay, keepAliveMs, webSocket } = options;
  const { secure: _, ...where } = target;
  const tls = tlsOf(target, options.tls);
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
  return await connectWithin(target, options, signal, (giveUp) => {
    // A runtime's WebSocket takes the host name alone, and asks for its addresses by itself.
    const isNamed = target.unixPath === undefined && target.webSocketPath === undefined;
    if (lookup === undefined || !isNamed) return attempt(target.hostname, giveUp);
    return addressesOf(target.hostname, lookup, clock, giveUp).catch((error) => {
      if (options.lookup !== undefined || giveUp.aborted) throw error;
      return [target.hostname];
    }).then((addresses) =>
      race(addresses, attempt, {
        clock,
        delayMs: ATTEMPT_DELAY_MS,
        signal: giveUp,
        close: (late) => late.abort(),
      })
    );
  });
}

/** The certificate is for the host of the URL, whichever of its addresses is connected to. */
function tlsOf({ secure, hostname }: Target, tls: TlsClientOptions = {}) {
  if (!secure) return {};
  return { tls: /^[\d.]+$|:/.test(hostname) ? tls : { serverName: hostname, ...tls } };
}
