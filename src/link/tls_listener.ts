/**
 * Listens with TLS. A link is handed over before its handshake begins: who may not come in, and when
 * it has taken too long, is not decided here.
 *
 * @module
 */
import * as net from "node:net";
import * as tls from "node:tls";
import type { TlsServerOptions } from "../options/tls.ts";
import { AcceptQueue } from "./accept_queue.ts";
import type { Address, Listener, ListenerEvents, ListenTarget } from "./link.ts";
import { acceptError, listenError } from "./net_errors.ts";
import { TlsLink } from "./tls.ts";
import { serverContexts } from "./tls_contexts.ts";
import { handshakeError } from "./tls_errors.ts";

/** The server has a deadline of its own, and `node:tls` has no "for ever": the longest for timers. */
const FOREVER_MS = 2 ** 31 - 1;

/** Whom a server's links do their handshakes with. */
interface Handshaker {
  begin(raw: net.Socket, link: AcceptedTlsLink): void;
}

/** A link to a client: plain until its handshake begins. */
class AcceptedTlsLink extends TlsLink {
  readonly #raw: net.Socket;
  readonly #client: Address;
  readonly #handshaker: Handshaker;
  #done: ((failure: Error | undefined) => void) | undefined;

  constructor(raw: net.Socket, handshaker: Handshaker) {
    super(true);
    this.#raw = raw.on("error", () => {});
    this.#client = { hostname: raw.remoteAddress ?? "", port: raw.remotePort ?? 0 };
    this.#handshaker = handshaker;
  }

  override get remote(): Address {
    return this.#client;
  }

  handshake(done: (failure: Error | undefined) => void): void {
    this.#done = done;
    this.#handshaker.begin(this.#raw, this);
  }

  /** The handshake is over; whatever else comes of it is not told. */
  over(failure?: Error): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(failure);
  }

  override abort(): void {
    if (this.tls === undefined) this.#raw.destroy();
    else super.abort();
  }
}

/** Listens with TLS. */
export async function listenTls(
  target: ListenTarget,
  options: TlsServerOptions,
  events: ListenerEvents,
): Promise<Listener> {
  const { hostname, port, backlog, reusePort = false } = target;
  const queue = new AcceptQueue(events, backlog);
  const contexts = serverContexts(options);
  const { asked } = contexts;
  // It listens nowhere: links are given to it whose handshake may begin.
  const secure = tls.createServer({
    ...contexts.options,
    handshakeTimeout: FOREVER_MS,
    ...(options.alpn !== undefined && { ALPNProtocols: [...options.alpn] }),
  });
  const links = new WeakMap<net.Socket, AcceptedTlsLink>();
  /** Not public, but on both runtimes what is there for an end that is closed and has no address. */
  const linkOf = (socket: tls.TLSSocket) =>
    links.get((socket as unknown as { readonly _parent: net.Socket })._parent);
  secure.on("secureConnection", (socket) => {
    const link = linkOf(socket)!;
    // `rejectUnauthorized` has seen to this; it is not left to it alone.
    if (asked === "require" && !socket.authorized) {
      socket.on("error", () => {}).destroy();
      link.over(handshakeError(socket.authorizationError, link.remote));
      return;
    }
    link.secured(socket).over();
  });
  secure.on("tlsClientError", (error, socket) => {
    const link = linkOf(socket)!;
    socket.on("error", () => {}).destroy();
    link.over(handshakeError(socket.authorizationError ?? error, link.remote));
  });
  const handshaker: Handshaker = {
    begin(raw, link) {
      links.set(raw, link);
      const hungUp = () => {
        // Why it was closed is told before, if it is known.
        setImmediate(() => link.over(handshakeError("ECONNRESET", link.remote)));
      };
      // A closed socket has no handle for TLS, and may have told so before anyone listened.
      if (raw.destroyed) hungUp();
      else secure.emit("connection", raw.once("close", hungUp));
    },
  };
  const keepAliveMs = target.keepAliveMs ?? 0;
  const server = net.createServer({
    pauseOnConnect: true,
    noDelay: target.noDelay ?? true,
    keepAlive: keepAliveMs > 0,
    keepAliveInitialDelay: keepAliveMs,
  }, (raw) => queue.accepted(new AcceptedTlsLink(raw, handshaker)));
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error) => reject(listenError(error, hostname, port));
    server.once("error", refuse);
    server.listen({ host: hostname, port, backlog, ...(reusePort && { reusePort }) }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
  server.on("error", (error) => events.failed(acceptError(error)));
  const bound = server.address() as net.AddressInfo;
  return {
    address: { hostname: bound.address, port: bound.port },
    pause: () => queue.pause(),
    resume: () => queue.resume(),
    close: async () => {
      queue.close();
      // Its callback waits for the accepted connections too, which live on.
      server.close();
      await new Promise<void>((closed) => setImmediate(closed));
    },
    reloadTls: (next) => contexts.reload(next, (main) => secure.setSecureContext(main)),
  };
}
