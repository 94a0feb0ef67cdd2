/**
 * TLS by `node:tls`, on Node and on Deno alike.
 *
 * @module
 */
import * as net from "node:net";
import * as tls from "node:tls";
import type { TlsClientOptions } from "../options/tls.ts";
import { checkAuthorities, checkIdentity, versionOf } from "./certificates.ts";
import type { ConnectTarget, Link, TlsInfo } from "./link.ts";
import { connectError, formatAddress, linkError } from "./net_errors.ts";
import { SocketLink } from "./socket_link.ts";
import { isTlsFailure, tlsError } from "./tls_errors.ts";
import { infoOf, nameOf, peerOf } from "./tls_info.ts";

/** What of the handle beneath a TLS socket is used. */
interface Readable {
  readStart(): void;
  readStop(): void;
}

/** A connection with TLS. */
export class TlsLink extends SocketLink {
  tls?: TlsInfo;
  /** Where reading has to be stopped besides. */
  #beneath: Readable | undefined;

  /** The handshake has succeeded. */
  secured(socket: tls.TLSSocket): this {
    this.tls = infoOf(socket);
    // Not before: half open, Node would wait for more of a handshake whose peer has left.
    socket.allowHalfOpen = true;
    this.#beneath = handleBeneath(socket);
    return this.bind(socket);
  }

  override pause(): void {
    super.pause();
    this.#beneath?.readStop();
  }

  override resume(): void {
    this.#beneath?.readStart();
    super.resume();
  }

  override get transport(): string {
    return "tls";
  }

  /** Through the queue of `Writable`: the end of a TLS socket overtakes what is not in it. */
  protected override transmit(socket: net.Socket, bytes: Uint8Array): boolean {
    socket.write(bytes, this.#sent);
    return false;
  }

  /** A TLS socket lives on after an alert, and tells of the peer's end next: the alert is the reason. */
  override failed(error: Error): void {
    super.failed(error);
    this.abort();
  }

  readonly #sent = (error?: Error | null): void => {
    if (!error) this.sent();
  };

  protected override explain(error: Error, where: string): Error {
    return isTlsFailure(error)
      ? tlsError(`the TLS connection to ${where} failed`, error)
      : linkError(error, where);
  }
}

/**
 * Deno goes on reading for a TLS socket that is paused, and keeps all that comes: 200 MB were there of a
 * peer that sends and does not read. So the handle beneath is paused too, which is not public.
 */
function handleBeneath(socket: tls.TLSSocket): Readable | undefined {
  if (!("Deno" in globalThis)) return undefined;
  const { _handle } = socket as unknown as {
    readonly _handle?: { readonly _parent?: Readable } | null;
  };
  return _handle?._parent;
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
      resolve(new TlsLink(false).secured(socket));
    });
  });
}
