/**
 * Failures of TLS in plain words: Node's codes are OpenSSL's, and Deno's TLS takes them over for most.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { Address } from "./link.ts";
import { formatAddress } from "./net_errors.ts";

/** What is known of a certificate that was refused. */
export interface RefusedCertificate {
  readonly valid_from?: string;
  readonly valid_to?: string;
}

/** What failed, by the end of Node's and OpenSSL's codes. */
const WORDS: readonly [code: RegExp, words: string][] = [
  [/HTTP_REQUEST$/, "the peer speaks HTTP, not TLS"],
  [/WRONG_VERSION_NUMBER$|PACKET_LENGTH_TOO_LONG$/, "what the peer sends is not TLS"],
  [/DID_NOT_RETURN_A_CERTIFICATE$/, "the client sent no certificate, and one is required"],
  [
    /ALERT_CERTIFICATE_REQUIRED$/,
    "the server requires a client certificate: give tls.cert and tls.key",
  ],
  [/NO_APPLICATION_PROTOCOL$/, "the two sides have no application protocol in common (alpn)"],
  [
    /UNSUPPORTED_PROTOCOL$|PROTOCOL_VERSION$|NO_PROTOCOLS_AVAILABLE$/,
    "the two sides have no version of TLS in common (minVersion)",
  ],
  [/ALERT_UNKNOWN_CA$/, "the peer does not trust the authority of this side's certificate"],
  [/ALERT_CERTIFICATE_EXPIRED$/, "the peer finds this side's certificate expired"],
  [/ALERT_(BAD_|NO_)?CERTIFICATE\w*$/, "the peer refused this side's certificate"],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, "the certificate is not for this host name"],
  [/^CERT_HAS_EXPIRED$/, "the certificate has expired"],
  [/^CERT_NOT_YET_VALID$/, "the certificate is not valid yet"],
  [
    /VERIFY_LEAF_SIGNATURE$|SELF_SIGNED|GET_ISSUER_CERT/,
    "the certificate is of an authority that this side does not trust",
  ],
  [/^ECONNRESET$|^EPIPE$/, "the peer hung up during the handshake"],
];

/** Whether a failure is one of TLS itself and not of what carries it. */
export function isTlsFailure(cause: unknown): boolean {
  return /^(ERR_SSL|ERR_TLS|ERR_OSSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/.test(codeOf(cause));
}

/**
 * A handshake that failed.
 *
 * @param cause What the runtime said.
 * @param certificate The certificate that was refused, if there is one to look at.
 */
export function tlsError(
  what: string,
  cause: unknown,
  certificate?: RefusedCertificate,
): FramewireError {
  const code = codeOf(cause);
  const words = outdated(code, certificate) ?? WORDS.find(([pattern]) => pattern.test(code))?.[1];
  // Of an error of OpenSSL the reason is the part that a reader understands.
  const reason = (cause as { reason?: unknown } | null)?.reason;
  const message = cause instanceof Error ? cause.message.trim() : String(cause);
  return new FramewireError("TLS_FAILED", `${what}: ${words ?? reason ?? message}`, { cause });
}

/** A failure of a server's handshake with a client. */
export function handshakeError(cause: unknown, { hostname, port }: Address): FramewireError {
  return tlsError(`the TLS handshake with ${formatAddress(hostname, port)} failed`, cause);
}

/** Deno says of an expired certificate that it cannot be verified: its dates tell the difference. */
function outdated(code: string, certificate: RefusedCertificate | undefined): string | undefined {
  if (certificate === undefined || code === "ERR_TLS_CERT_ALTNAME_INVALID") return undefined;
  const { valid_from, valid_to } = certificate;
  if (Date.parse(valid_to ?? "") < Date.now()) return `the certificate has expired on ${valid_to}`;
  if (Date.parse(valid_from ?? "") > Date.now()) {
    return `the certificate is not valid before ${valid_from}`;
  }
  return undefined;
}

function codeOf(cause: unknown): string {
  return String((cause as { code?: unknown } | null | undefined)?.code ?? cause);
}
