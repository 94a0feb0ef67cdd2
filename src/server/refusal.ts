/**
 * What a gate has stopped, as the `refuse` event tells it: the security events of a server.
 *
 * @module
 */
import type { ErrorCode } from "../errors.ts";
import type { Address } from "../link/link.ts";

/**
 * What kind of security event it is: a peer that may not do what it wanted (`"refused"`), one that
 * could not say who it is (`"authentication"`), one that wanted too much (`"limit"`), or one whose
 * bytes are none of the protocol's (`"malformed"`).
 */
export type RefusalCategory = "refused" | "authentication" | "limit" | "malformed";

/** The gates, and what kind of security event each raises; those that are not named are limits. */
const CATEGORIES: Readonly<Record<string, RefusalCategory>> = {
  allow: "refused",
  deny: "refused",
  authorize: "refused",
  authenticate: "authentication",
  proxyProtocol: "malformed",
  protocol: "malformed",
};

/** The category of what a gate stops. */
export function categoryOf(gate: string): RefusalCategory {
  return CATEGORIES[gate] ?? "limit";
}

/** Codes of connections whose peer has sent what is none of the protocol's. */
const MALFORMED: ReadonlySet<string> = new Set<ErrorCode>([
  "LENGTH_UNDERFLOW",
  "FRAME_TOO_LARGE",
  "NEGATIVE_LENGTH",
  "STRIP_EXCEEDS_FRAME",
  "VARINT_TOO_LONG",
  "DELIMITER_NOT_FOUND",
  "INVALID_FRAME",
  "CHECKSUM_MISMATCH",
  "DECOMPRESSION_FAILED",
  "UNKNOWN_PACKET",
  "UNEXPECTED_PACKET",
  "INVALID_FIELD",
  "BODY_TOO_SHORT",
  "BODY_TOO_LONG",
  "WEBSOCKET_FAILED",
]);

/** Whether a connection that ends with an error of this code was sent malformed bytes. */
export function isMalformed(code: string): code is ErrorCode {
  return MALFORMED.has(code);
}

/** What a gate has stopped. It holds no secrets and no payload, and the peer is told none of it. */
export interface Refusal {
  /** The gate: `"maxConnections"`, `"deny"`, `"rate"`, `"protocol"`, … */
  readonly gate: string;
  /** What kind of security event it is. */
  readonly category: RefusalCategory;
  /** The peer's address. */
  readonly remote: Address;
  /** The same in words, without secrets and payload. */
  readonly message: string;
  /** The connection's number, if it has one already. */
  readonly conn?: number;
  /** The error's code, if it is one. */
  readonly code?: ErrorCode;
}
