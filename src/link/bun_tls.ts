/**
 * TLS by Bun's sockets: an accepted one is plain until its handshake may begin, and is then upgraded with
 * the certificates of that moment. So there is a reload, which `Bun.listen` with `tls` has not.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import * as net from "node:net";
import * as tls from "node:tls";
import { FramewireError } from "../errors.ts";
import type { TlsClientOptions, TlsServerOptions } from "../options/tls.ts";
import { bun, BunLink, type BunSocket, configure, endsOf, HANDLERS } from "./bun_socket.ts";
import { listenTcp } from "./bun_tcp.ts";
import { checkAuthorities, checkIdentity } from "./certificates.ts";
import type {
  ConnectTarget,
  Link,
  Listener,
  ListenerEvents,
  ListenTarget,
  TlsInfo,
} from "./link.ts";
import { connectError, formatAddress, linkError } from "./net_errors.ts";
import { type Agreed, infoOf, nameOf, peerOf } from "./tls_info.ts";
import { handshakeError, isTlsFailure, tlsError } from "./tls_errors.ts";
import { serverContexts } from "./tls_contexts.ts";

/** A socket of Bun with TLS. */
interface BunTlsSocket extends BunSocket {
  readonly alpnProtocol: string | false | null;
  readonly authorized: boolean;
  getServername(): string | null | undefined;
  getTLSVersion(): string;
  getPeerCertificate(): tls.PeerCertificate;
}

/** A socket that can be given TLS. */
interface PlainSocket extends BunSocket {
  /** @returns The socket beneath, and the one that speaks TLS over it. */
  upgradeTLS(options: object): [raw: BunSocket, secure: BunTlsSocket];
}

/** The numbers of TLS's versions on the wire. */
const VERSION = { "1.2": 0x0303, "1.3": 0x0304 } as const;

/** A list of names as the extension ALPN has it (RFC 7301, 3.1). */
function alpnBytes(names: readonly string[]): Uint8Array {
  const encoder = new TextEncoder();
  return Uint8Array.from(names.flatMap((name) => {
    const bytes = encoder.encode(name);
    return [bytes.length, ...bytes];
  }));
}

/** Bun's name of every failure is EPROTO; OpenSSL's reason is the end of its message. */
function reasonOf(error: unknown): unknown {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: string };
  const reason = /SSL routines:[^:]*:(\w+)/.exec(message ?? "")?.[1];
  return code === "EPROTO" && reason !== undefined
    ? Object.assign(new Error(message, { cause: error }), { code: `ERR_SSL_${reason}` })
    : error;
}

function agreedOf(socket: BunTlsSocket): Agreed {
  return {
    authorized: socket.authorized,
    alpnProtocol: socket.alpnProtocol,
    servername: socket.getServername(),
    getProtocol: () => socket.getTLSVersion(),
    getPeerCertificate: () => socket.getPeerCertificate(),
  };
}

/** A connection with TLS, from before its handshake on. */
abstract class BunTlsLink extends BunLink {
  tls?: TlsInfo;
  /** Whether there is a socket with TLS over the first one: then it alone tells what happens. */
  isUpgraded = false;

  /** Begins the handshake. */
  protected upgrade(isServer: boolean, options: object): void {
    const early = this.takeEarly();
    this.isUpgraded = true;
    const [, secure] = (this.socket as PlainSocket).upgradeTLS({
      data: this,
      isServer,
      ...options,
      ...(early.length > 0 && { initialData: Buffer.concat(early) }),
    });
    this.socket = secure;
    secure.resume();
  }

  /** The handshake is over, or cannot be. */
  abstract over(failure: unknown): void;

  /** The handshake is over, as Bun reports it. */
  shaken(socket: BunTlsSocket, succeeded: boolean, refusal: unknown): void {
    if (this.isClosed) return;
    if (succeeded) {
      socket.pause();
      this.tls = infoOf(agreedOf(socket));
    }
    this.over(this.judge(socket, succeeded, refusal));
  }

  /** Why the peer is refused; undefined when it is not. */
  protected abstract judge(socket: BunTlsSocket, succeeded: boolean, refusal: unknown): unknown;

  override peerEnded(): void {
    // A handshake is none without the peer.
    if (this.tls === undefined) this.closed(undefined);
    else super.peerEnded();
  }

  override closed(error: unknown): void {
    if (this.tls === undefined) this.over(reasonOf(error) ?? "ECONNRESET");
    else super.closed(error);
  }

  protected override explain(error: unknown, where: string): Error {
    const reason = reasonOf(error);
    return isTlsFailure(reason)
      ? tlsError(`the TLS connection to ${where} failed`, reason)
      : linkError(reason, where);
  }
}

/** The handlers of sockets with TLS. */
const TLS_HANDLERS = {
  ...HANDLERS,
  open: () => {},
  handshake(socket: BunTlsSocket, succeeded: boolean, refusal: unknown) {
    (socket.data as BunTlsLink).shaken(socket, succeeded, refusal);
  },
};

/** Whom a server's links do their handshakes with. */
interface Handshaker {
  /** What the next handshake is done with. */
  options(): object;
  readonly asked: string;
}

/** A link to a client: plain until its handshake begins. */
class AcceptedBunTlsLink extends BunTlsLink {
  readonly #handshaker: Handshaker;
  #done: ((failure: Error | undefined) => void) | undefined;
  #hungUp = false;

  constructor(socket: BunSocket, handshaker: Handshaker) {
    super(socket, true, endsOf(socket, "tls"));
    this.#handshaker = handshaker;
  }

  handshake(done: (failure: Error | undefined) => void): void {
    this.#done = done;
    if (this.isClosed || this.#hungUp) {
      this.over("ECONNRESET");
      return;
    }
    this.upgrade(true, this.#handshaker.options());
  }

  protected judge(socket: BunTlsSocket, succeeded: boolean, refusal: unknown): unknown {
    const reason = reasonOf(refusal) ?? undefined;
    if (!succeeded) return reason ?? "ECONNRESET";
    if (this.#handshaker.asked !== "require" || socket.authorized) return undefined;
    return reason ?? "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
  }

  over(failure: unknown): void {
    const done = this.#done;
    if (failure !== undefined) this.#hungUp = true;
    this.#done = undefined;
    if (failure !== undefined) this.abort();
    if (done === undefined) return;
    // Never from within the call that began it.
    queueMicrotask(() =>
      done(failure === undefined ? undefined : handshakeError(failure, this.remote))
    );
  }
}

/** The handlers of sockets without TLS yet: one with TLS over it still tells what it carries, in cipher. */
const RAW_HANDLERS = {
  data({ data: link }: { readonly data: BunTlsLink }, chunk: Uint8Array) {
    if (!link.isUpgraded) link.data(chunk);
  },
  drain() {},
  end({ data: link }: { readonly data: BunTlsLink }) {
    if (!link.isUpgraded) link.peerEnded();
  },
  close({ data: link }: { readonly data?: BunTlsLink }, error?: unknown) {
    if (link?.isUpgraded === false) link.closed(error);
  },
  error({ data: link }: { readonly data?: BunTlsLink }, error: unknown) {
    if (link?.isUpgraded === false) link.closed(error);
  },
};

/** Listens with TLS. A link is handed over before its handshake begins. */
export function listenTls(
  target: ListenTarget,
  options: TlsServerOptions,
  events: ListenerEvents,
): Listener {
  const contexts = serverContexts(options);
  const { asked } = contexts;
  const contextOf = (main: tls.SecureContextOptions) =>
    tls.createSecureContext({
      ...main,
      requestCert: asked !== "none",
    } as tls.SecureContextOptions).context;
  let context = contextOf(contexts.options);
  const handshaker: Handshaker = {
    asked,
    options: () => ({
      tls: {
        secureContext: context,
        requestCert: asked !== "none",
        rejectUnauthorized: asked === "require",
        ...(options.alpn !== undefined && { ALPNProtocols: alpnBytes(options.alpn) }),
      },
      socket: {
        ...TLS_HANDLERS,
        serverName: (_data: unknown, name: string) => contexts.of(name)?.context,
      },
    }),
  };
  const listener = listenTcp(
    target,
    events,
    RAW_HANDLERS,
    (socket) => new AcceptedBunTlsLink(socket, handshaker),
  );
  return {
    ...listener,
    reloadTls: (next) => contexts.reload(next, (main) => context = contextOf(main)),
  };
}

/** A link to a server: plain until it is connected. */
class DialedBunTlsLink extends BunTlsLink {
  readonly #judge: (socket: BunTlsSocket, refusal: unknown) => unknown;
  #settle: ((failure: unknown) => void) | undefined;

  constructor(
    socket: BunSocket,
    judge: (socket: BunTlsSocket, refusal: unknown) => unknown,
    settle: (failure: unknown) => void,
  ) {
    super(socket, false, endsOf(socket, "tls"));
    this.#judge = judge;
    this.#settle = settle;
  }

  protected judge(socket: BunTlsSocket, _succeeded: boolean, refusal: unknown): unknown {
    return this.#judge(socket, reasonOf(refusal));
  }

  /** Begins the handshake. */
  dial(options: object): void {
    this.upgrade(false, { tls: options, socket: TLS_HANDLERS });
  }

  over(failure: unknown): void {
    const settle = this.#settle;
    this.#settle = undefined;
    if (settle === undefined) return;
    settle(failure);
    if (failure !== undefined) this.abort();
  }
}

/** Connects with TLS; resolves when the server's certificate is found good. */
export async function connectTls(target: ConnectTarget, options: TlsClientOptions): Promise<Link> {
  const { hostname, port, signal } = target;
  const { ca, cert, key, alpn, serverName, minVersion = "1.2" } = options;
  checkAuthorities("tls.ca", ca);
  if (cert !== undefined && key !== undefined) checkIdentity("tls", { cert, key });
  // An address is no name (RFC 6066, 3): Bun sends it as one, unless it is told another.
  const servername = serverName ?? (net.isIP(hostname) === 0 ? hostname : undefined);
  const what = `cannot connect to ${formatAddress(hostname, port)} with TLS`;
  const judge = (socket: BunTlsSocket, refusal: unknown) => {
    const certificate = peerOf(agreedOf(socket));
    const cause = refusal ??
      (certificate === undefined
        ? "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
        : tls.checkServerIdentity(servername ?? hostname, certificate));
    if (cause === undefined) return undefined;
    const { code = cause } = cause as { readonly code?: unknown };
    return tlsError(nameOf(what, code, servername ?? hostname), cause, certificate);
  };
  let link!: DialedBunTlsLink;
  let secured!: (failure: unknown) => void;
  const handshake = new Promise<unknown>((resolve) => secured = resolve);
  try {
    await bun().connect({
      hostname,
      port,
      allowHalfOpen: true,
      socket: {
        ...RAW_HANDLERS,
        open(socket: BunSocket) {
          configure(socket, target);
          socket.data = link = new DialedBunTlsLink(socket, judge, secured);
        },
      },
    });
  } catch (error) {
    throw connectError(error, hostname, port);
  }
  const abort = () => link.abort();
  signal?.addEventListener("abort", abort, { once: true });
  // Bun cannot give up connecting: what comes too late is closed.
  if (signal?.aborted) abort();
  else {
    link.dial({
      minVersion: VERSION[minVersion],
      rejectUnauthorized: false, // refused by `judge`, which says more
      serverName: servername ?? "",
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert, key }),
      ...(alpn !== undefined && { ALPNProtocols: alpnBytes(alpn) }),
    });
  }
  const failure = await handshake;
  signal?.removeEventListener("abort", abort);
  if (failure === undefined) return link;
  throw failure instanceof FramewireError ? failure : tlsError(what, failure);
}
