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
import { handshakeTurn } from "./handshake_turn.ts";
import { acceptError, listenError } from "./net_errors.ts";
import { TlsLink } from "./tls.ts";
import { serverContexts } from "./tls_contexts.ts";
import { handshakeError } from "./tls_errors.ts";

/**
 * The server has a deadline of its own. `node:tls` takes 0 for two minutes, and sets a timer unless the
 * number is negative: on Deno that of a handshake that failed goes on, and keeps 60 KB each until then.
 */
const NO_TIMEOUT_MS = -1;

/** Whom a server's links do their handshakes with. */
interface Handshaker {
  begin(raw: net.Socket, link: AcceptedTlsLink): void;
}

/** What a socket of `node:tls` on Deno consists of besides; not public. */
interface NativeHalf {
  /** Sets the object that it holds and calls. */
  setHandle?(handle: object): void;
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
    if (done === undefined) return;
    this.#done = undefined;
    handshakeTurn.over(failure === undefined);
    done(failure);
  }

  override abort(): void {
    if (this.tls === undefined) this.#raw.destroy();
    else super.abort();
  }
}

/**
 * Frees what the runtime holds of a handshake that failed. Deno keeps the native half of one that went
 * wrong within its ClientHello, where certificates are chosen by name, and that its socket, for ever.
 */
function freeNative(socket: tls.TLSSocket): void {
  const own = socket as unknown as { readonly [name: symbol]: NativeHalf | null | undefined };
  const half = Object.getOwnPropertySymbols(own).find(({ description }) => description === "res");
  if (half !== undefined) own[half]?.setHandle?.({});
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
  const links = new WeakMap<net.Socket, AcceptedTlsLink>();
  /** Not public, but on both runtimes what is there for an end that is closed and has no address. */
  const linkOf = (socket: tls.TLSSocket) =>
    links.get((socket as unknown as { readonly _parent: net.Socket })._parent);
  const secured = (socket: tls.TLSSocket) => {
    const link = linkOf(socket)!;
    // `rejectUnauthorized` has seen to this; it is not left to it alone.
    if (asked === "require" && !socket.authorized) {
      socket.on("error", () => {}).destroy();
      link.over(handshakeError(socket.authorizationError, link.remote));
      return;
    }
    link.secured(socket).over();
  };
  const failed = (error: Error, socket: tls.TLSSocket) => {
    const link = linkOf(socket)!;
    socket.on("error", () => {}).destroy();
    freeNative(socket);
    link.over(handshakeError(socket.authorizationError ?? error, link.remote));
  };
  /** It listens nowhere: links are given to it whose handshake may begin. */
  const secureServer = ({ sni = {} }: TlsServerOptions, main: tls.SecureContextOptions) => {
    const { requestCert, rejectUnauthorized, SNICallback } = contexts.options;
    return tls.createServer({
      ...main,
      requestCert,
      rejectUnauthorized,
      // Deno reads a ClientHello twice if there is one.
      SNICallback: Object.keys(sni).length > 0 ? SNICallback : undefined,
      handshakeTimeout: NO_TIMEOUT_MS,
      ...(options.alpn !== undefined && { ALPNProtocols: [...options.alpn] }),
    }).on("secureConnection", secured).on("tlsClientError", failed);
  };
  let secure = secureServer(options, contexts.options);
  const handshaker: Handshaker = {
    begin(raw, link) {
      links.set(raw, link);
      const hungUp = () => {
        // Why it was closed is told before, if it is known.
        setImmediate(() => link.over(handshakeError("ECONNRESET", link.remote)));
      };
      // A closed socket has no handle for TLS, and may have told so before anyone listened.
      if (raw.destroyed) return hungUp();
      raw.once("close", hungUp);
      handshakeTurn.begin(() => {
        if (!raw.destroyed) secure.emit("connection", raw);
      });
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
    reloadTls: (next) => contexts.reload(next, (main) => secure = secureServer(next, main)),
  };
}
