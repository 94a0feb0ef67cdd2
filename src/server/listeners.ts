/**
 * All that one server listens at.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { AcceptQueue } from "../link/accept_queue.ts";
import { type Capabilities, checkScheme, TCP_ALONE } from "../link/capabilities.ts";
import type { Address, Listener, ListenerEvents, ListenTarget, Transport } from "../link/link.ts";
import { formatUrl, type ListenUrl, parseListenUrl, type Scheme, schemeOf } from "../link/url.ts";
import type { ResolvedServerOptions, ServerOptions } from "../options/server.ts";
import type { TlsServerOptions } from "../options/tls.ts";

/** An address that a server listens at. */
export interface ListenAddress extends Address {
  /** What `connect` takes to come here. */
  readonly url: string;
}

/** One address to listen at, and how. */
interface Place {
  readonly url: ListenUrl;
  readonly target: ListenTarget;
}

/**
 * Where a server is asked to listen.
 *
 * @param given The options as they were given.
 * @throws FramewireError INVALID_OPTION, UNSUPPORTED: what was asked for is done or refused, never left out.
 */
export function listenTargets(
  given: ServerOptions,
  options: ResolvedServerOptions,
  transport: Transport,
): readonly Place[] {
  const { hostname, port, listen, tls, proxyProtocol, reusePort } = options;
  if (listen !== undefined && given.port !== undefined) {
    throw invalid("port and listen do not go together: listen has the ports in its URLs");
  }
  const all: readonly (string | URL)[] = listen === undefined ? [] : [listen].flat();
  const urls = listen === undefined
    ? [{ hostname, port, secure: tls !== undefined }]
    : all.map((url) => parseListenUrl(url, hostname)!);
  const isSecure = urls.some(({ secure }) => secure);
  if (tls === undefined && isSecure) {
    throw invalid("tls:// and wss:// need the certificates of the option tls");
  }
  if (tls !== undefined && !isSecure) {
    throw invalid("tls is given, and no URL of listen begins with tls:// or wss://");
  }
  const capabilities = transport.capabilities ?? TCP_ALONE;
  return urls.map((url: ListenUrl) => {
    const scheme = schemeOf(url);
    checkScheme(capabilities, "listen", scheme);
    if (reusePort) checkReusePort(capabilities, scheme);
    if (proxyProtocol !== undefined && scheme !== "tcp") {
      throw new FramewireError(
        "UNSUPPORTED",
        `proxyProtocol does not go together with ${scheme}://: its header would come before what the ` +
          "runtime reads by itself. Let the proxy speak tcp:// to this server instead",
      );
    }
    return { url, target: targetOf(url, options) };
  });
}

function checkReusePort({ runtime, reusePort }: Capabilities, scheme: Scheme): void {
  if (reusePort && (scheme === "tcp" || scheme === "tls")) return;
  const what = reusePort ? `${scheme}://` : "it";
  throw new FramewireError(
    "UNSUPPORTED",
    `reusePort: ${runtime} cannot do ${what}; leave it out, and let a balancer spread the connections`,
  );
}

function targetOf(url: ListenUrl, options: ResolvedServerOptions): ListenTarget {
  const { backlog, noDelay, keepAliveMs, tls, webSocket, reusePort } = options;
  const { secure, ...where } = url;
  return {
    ...where,
    backlog,
    noDelay,
    keepAliveMs,
    ...(secure && { tls: tls! }),
    ...(reusePort && { reusePort }),
    ...(webSocket !== undefined && { webSocket }),
  };
}

/** Several listeners as one. */
export class Listeners {
  readonly #all: readonly Listener[];
  /** Holds back what comes before all of them listen. */
  readonly #early: AcceptQueue;
  readonly #places: readonly Place[];
  readonly #runtime: string;
  /** Where they listen. */
  readonly addresses: readonly ListenAddress[];

  private constructor(
    all: readonly Listener[],
    places: readonly Place[],
    early: AcceptQueue,
    { runtime }: Capabilities,
  ) {
    this.#all = all;
    this.#early = early;
    this.#places = places;
    this.#runtime = runtime;
    this.addresses = all.map(({ address: { hostname, port } }, i) => ({
      hostname,
      port,
      url: formatUrl(places[i]!.url, { hostname, port }),
    }));
  }

  /**
   * Listens everywhere, or nowhere: when one fails, the others end. What comes is handed on after the
   * first `resume`.
   */
  static async open(
    transport: Transport,
    places: readonly Place[],
    events: ListenerEvents,
  ): Promise<Listeners> {
    const queued = new AcceptQueue(
      events,
      places.reduce((sum, { target }) => sum + target.backlog, 0),
    );
    queued.pause();
    const all: Listener[] = [];
    try {
      for (const { target } of places) {
        all.push(
          await transport.listen(target, {
            accepted: (link) => queued.accepted(link),
            failed: (error) => events.failed(error),
          }),
        );
      }
    } catch (error) {
      queued.close();
      await Promise.all(all.map((listener) => listener.close()));
      throw error;
    }
    return new Listeners(all, places, queued, transport.capabilities ?? TCP_ALONE);
  }

  /** The first one's. */
  get address(): Address {
    return this.#all[0]!.address;
  }

  /** {@inheritDoc Listener.pause} */
  pause(): void {
    for (const listener of this.#all) listener.pause();
  }

  /** {@inheritDoc Listener.resume} */
  resume(): void {
    this.#early.resume();
    for (const listener of this.#all) listener.resume();
  }

  /** {@inheritDoc Listener.close} */
  async close(): Promise<void> {
    this.#early.close();
    await Promise.all(this.#all.map((listener) => listener.close()));
  }

  /** {@inheritDoc Listener.reloadTls} */
  reloadTls(tls: TlsServerOptions | undefined): void {
    if (tls === undefined || this.#places.every(({ target }) => target.tls === undefined)) {
      throw invalid("tls cannot be turned on or off while the server runs");
    }
    for (const [i, { target }] of this.#places.entries()) {
      if (target.tls === undefined || this.#all[i]!.reloadTls !== undefined) continue;
      throw new FramewireError(
        "UNSUPPORTED",
        `${this.#runtime} cannot change the certificates of ${
          formatUrl(this.#places[i]!.url)
        } while ` +
          "the server runs: start it anew, or let a proxy speak TLS",
      );
    }
    for (const listener of this.#all) listener.reloadTls?.(tls);
  }
}

function invalid(message: string): FramewireError {
  return new FramewireError("INVALID_OPTION", message);
}
