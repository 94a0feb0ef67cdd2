/**
 * What a handshake of TLS has agreed on, from what a runtime's sockets know of it.
 *
 * @module
 */
import type * as tls from "node:tls";
import type { TlsInfo } from "./link.ts";

/** The part of a socket with TLS that tells what was agreed on. */
export interface Agreed {
  readonly authorized: boolean;
  readonly alpnProtocol: unknown;
  readonly servername?: unknown;
  getProtocol(): string | null;
  getPeerCertificate(): tls.PeerCertificate | null | undefined;
}

/** What the handshake has agreed on. */
export function infoOf(socket: Agreed): TlsInfo {
  const { alpnProtocol, servername } = socket;
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
export function peerOf(socket: Agreed): tls.PeerCertificate | undefined {
  const peer = socket.getPeerCertificate() as tls.PeerCertificate | null;
  return peer?.fingerprint256 === undefined ? undefined : peer;
}

/** A distinguished name in one line: `"CN=client-7, O=Example"`. */
function nameText(name: tls.Certificate): string {
  return Object.entries(name).map(([type, value]) => `${type}=${value}`).join(", ");
}

/** A failure to connect, with the name that a certificate should have been for. */
export function nameOf(what: string, code: unknown, name: string): string {
  return String(code) === "ERR_TLS_CERT_ALTNAME_INVALID" ? `${what} as ${name}` : what;
}
