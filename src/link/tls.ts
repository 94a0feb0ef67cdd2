/**
 * TLS by `node:tls`, on Node and on Deno alike.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import * as net from "node:net";
import * as tls from "node:tls";
import { FramewireError } from "../errors.ts";
import { AcceptQueue } from "./accept_queue.ts";
import type { TlsClientOptions, TlsIdentity, TlsServerOptions } from "../options/tls.ts";
import type {
  ConnectTarget,
  Link,
  Listener,
  ListenerEvents,
  ListenTarget,
  TlsInfo,
} from "./link.ts";
import { acceptError, connectError, formatAddress, linkError, listenError } from "./net_errors.ts";
import { SocketLink } from "./socket_link.ts";
import { handshakeError, isTlsFailure, tlsError } from "./tls_errors.ts";

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** `node:tls` has no "for ever": the longest that timers can wait. */
const FOREVER_MS = 2 ** 31 - 1;

/** A connection with TLS. */
class TlsLink extends SocketLink {
  readonly tls: TlsInfo;

  constructor(putsOff: boolean, socket: tls.TLSSocket) {
    super(putsOff);
    this.tls = infoOf(socket);
    // Not before: half open, Node would wait for more of a handshake whose peer has left.
    socket.allowHalfOpen = true;
  }

  override get transport(): string {
    return "tls";
  }

  /** A TLS socket cannot be told to always drain: each write has its own callback. */
  protected override transmit(socket: net.Socket, bytes: Uint8Array): boolean {
    socket.write(bytes, this.#sent);
    return false;
  }

  /** A TLS socket lives on after an alert, and tells of the peer's end next: the alert is the reason. */
  override failed(error: Error): void {
    super.failed(error);
    this.abort();
  }

  override drained(): void {}

  readonly #sent = (error?: Error | null): void => {
    if (!error) super.drained();
  };

  protected override explain(error: Error, where: string): Error {
    return isTlsFailure(error)
      ? tlsError(`the TLS connection to ${where} failed`, error)
      : linkError(error, where);
  }
}

/** Listens with TLS. */
export async function listenTls(
  target: ListenTarget,
  options: TlsServerOptions,
  events: ListenerEvents,
): Promise<Listener> {
  const { hostname, port, backlog, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = target;
  const queue = new AcceptQueue(events, backlog);
  let contexts = contextsOf(options);
  const asked = askedOf(options);
  const server = tls.createServer({
    ...contexts.main,
    noDelay: target.noDelay ?? true,
    keepAlive: (target.keepAliveMs ?? 0) > 0,
    keepAliveInitialDelay: target.keepAliveMs ?? 0,
    requestCert: asked !== "none",
    rejectUnauthorized: asked === "require",
    handshakeTimeout: handshakeTimeoutMs === 0 ? FOREVER_MS : handshakeTimeoutMs,
    ...(options.alpn !== undefined && { ALPNProtocols: [...options.alpn] }),
    SNICallback: (name, answer) => answer(null, contexts.of(name)),
  });
  /** Connections whose handshake is not over yet, by the peer's end. */
  const shaking = new Map<string, net.Socket>();
  const keyOf = (socket: net.Socket) => `${socket.remoteAddress} ${socket.remotePort}`;
  server.on("connection", (raw: net.Socket) => {
    const key = keyOf(raw);
    shaking.set(key, raw);
    raw.once("close", () => shaking.get(key) === raw && shaking.delete(key));
  });
  server.on("secureConnection", (socket) => {
    shaking.delete(keyOf(socket));
    // `rejectUnauthorized` has seen to this; it is not left to it alone.
    if (asked === "require" && !socket.authorized) {
      socket.on("error", () => {}).destroy();
      events.failed(handshakeError(socket.authorizationError, socket.remoteAddress));
      return;
    }
    queue.accepted(new TlsLink(true, socket).bind(socket));
  });
  /** Those that were reported: Deno tells of a timeout, and then of the end that follows from it. */
  const failed = new WeakSet<net.Socket>();
  server.on("tlsClientError", (error, socket) => {
    if (failed.has(socket)) return;
    failed.add(socket);
    const { authorizationError, remoteAddress, remotePort } = socket;
    events.failed(handshakeError(authorizationError ?? error, remoteAddress, remotePort));
    socket.on("error", () => {}).destroy();
  });
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error) => reject(listenError(error, hostname, port));
    server.once("error", refuse);
    server.listen({ host: hostname, port, backlog }, () => {
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
      for (const raw of shaking.values()) raw.destroy();
      await new Promise<void>((closed) => setImmediate(closed));
    },
    reloadTls: (next) => {
      if (askedOf(next) !== asked || String(next.alpn) !== String(options.alpn)) {
        throw new FramewireError(
          "INVALID_OPTION",
          "tls.clientCertificate and tls.alpn cannot change while the server runs: start it anew",
        );
      }
      const prepared = contextsOf(next);
      server.setSecureContext(prepared.main);
      contexts = prepared;
    },
  };
}

/** Connects with TLS; resolves when the server's certificate is found good. */
export function connectTls(
  { hostname, port, signal, noDelay = true, keepAliveMs = 0 }: ConnectTarget,
  options: TlsClientOptions,
): Promise<Link> {
  return new Promise<Link>((resolve, reject) => {
    const { ca, cert, key, alpn, serverName } = options;
    checkAuthorities("tls.ca", ca);
    if (cert !== undefined && key !== undefined) checkIdentity("tls", { cert, key });
    const servername = serverName ?? (net.isIP(hostname) === 0 ? hostname : undefined);
    const socket = tls.connect({
      host: hostname,
      port,
      minVersion: versionOf(options),
      // Refused below: a socket that `node:tls` has destroyed does not show the certificate any more.
      rejectUnauthorized: false,
      ...(servername !== undefined && { servername }),
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert, key }),
      ...(alpn !== undefined && { ALPNProtocols: [...alpn] }),
    });
    const what = `cannot connect to ${formatAddress(hostname, port)} with TLS`;
    const abort = () => socket.destroy();
    const refuse = (error: Error) => {
      reject(
        isTlsFailure(error) || connected
          ? tlsError(what, error)
          : connectError(error, hostname, port),
      );
    };
    const hungUp = () => reject(tlsError(what, "ECONNRESET"));
    let connected = false;
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    socket.once("connect", () => connected = true);
    socket.on("error", refuse);
    socket.once("close", hungUp);
    socket.once("secureConnect", () => {
      signal?.removeEventListener("abort", abort);
      if (!socket.authorized) {
        const code = socket.authorizationError ?? "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
        reject(tlsError(nameOf(what, code, servername ?? hostname), code, peerOf(socket)));
        socket.destroy();
        return;
      }
      socket.off("error", refuse);
      socket.off("close", hungUp);
      socket.setNoDelay(noDelay);
      if (keepAliveMs > 0) socket.setKeepAlive(true, keepAliveMs);
      resolve(new TlsLink(false, socket).bind(socket));
    });
  });
}

/** Which certificate a client must show, by its default. */
function askedOf({ clientCa, clientCertificate }: TlsServerOptions): string {
  return clientCertificate ?? (clientCa === undefined ? "none" : "require");
}

/** The contexts of a server's certificates. */
function contextsOf(options: TlsServerOptions): {
  readonly main: tls.SecureContextOptions;
  of(name: string): tls.SecureContext | undefined;
} {
  checkAuthorities("tls.clientCa", options.clientCa);
  const prepare = (what: string, { cert, key }: TlsIdentity): tls.SecureContextOptions => {
    checkIdentity(what, { cert, key });
    const ca = options.clientCa;
    return { cert, key, minVersion: versionOf(options), ...(ca !== undefined && { ca }) };
  };
  const main = prepare("tls", options);
  const named = new Map<string, tls.SecureContext>();
  for (const [name, identity] of Object.entries(options.sni ?? {})) {
    const context = tls.createSecureContext(prepare(`tls.sni[${JSON.stringify(name)}]`, identity));
    named.set(name.toLowerCase(), context);
  }
  return {
    main,
    of(name) {
      const lower = name.toLowerCase();
      return named.get(lower) ?? named.get(lower.replace(/^[^.]+/, "*"));
    },
  };
}

function versionOf({ minVersion = "1.2" }: { readonly minVersion?: "1.2" | "1.3" }) {
  return `TLSv${minVersion}` as const;
}

/** @throws FramewireError INVALID_OPTION when they are none or no pair: Deno finds out much later. */
function checkIdentity(what: string, { cert, key }: TlsIdentity): void {
  const certificate = parse(`${what}.cert`, "a certificate", () => new X509Certificate(cert));
  const secret = parse(`${what}.key`, "a private key", () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(secret)) {
    throw new FramewireError("INVALID_OPTION", `${what}.key is not the key of ${what}.cert`);
  }
}

function checkAuthorities(what: string, pem: string | undefined): void {
  if (pem === undefined) return;
  const certificates = pem.match(/-----BEGIN [^]*?-----END [A-Z ]+-----/g) ?? [""];
  for (const one of certificates) parse(what, "certificates", () => new X509Certificate(one));
}

function parse<T>(what: string, wanted: string, read: () => T): T {
  try {
    return read();
  } catch {
    // Neither the text nor what the runtime says of it is shown: it may be a key.
    throw new FramewireError("INVALID_OPTION", `${what} must be ${wanted} as PEM text`);
  }
}

/** What the handshake has agreed on. */
function infoOf(socket: tls.TLSSocket): TlsInfo {
  const { alpnProtocol, servername } = socket as { alpnProtocol: unknown; servername?: unknown };
  const peer = peerOf(socket);
  return {
    version: socket.getProtocol() ?? "",
    authorized: peer !== undefined && socket.authorized,
    ...(typeof alpnProtocol === "string" && alpnProtocol !== "" && { alpn: alpnProtocol }),
    ...(typeof servername === "string" && servername !== "" && { serverName: servername }),
    ...(peer !== undefined && {
      subject: nameText(peer.subject),
      issuer: nameText(peer.issuer),
      fingerprint: peer.fingerprint256.replaceAll(":", "").toLowerCase(),
    }),
  };
}

/** The peer's certificate; undefined when it showed none. */
function peerOf(socket: tls.TLSSocket): tls.PeerCertificate | undefined {
  const peer = socket.getPeerCertificate() as tls.PeerCertificate | null;
  return peer?.fingerprint256 === undefined ? undefined : peer;
}

/** A distinguished name in one line: `"CN=client-7, O=Example"`. */
function nameText(name: tls.Certificate): string {
  return Object.entries(name).map(([type, value]) => `${type}=${value}`).join(", ");
}

function nameOf(what: string, code: unknown, name: string): string {
  return String(code) === "ERR_TLS_CERT_ALTNAME_INVALID" ? `${what} as ${name}` : what;
}
