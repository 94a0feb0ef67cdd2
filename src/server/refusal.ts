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

/** What a gate has stopped. It holds no secrets and no payload, and the peer is told none of it. */
export interface Refusal {
  /** The gate: `"maxConnections"`, `"deny"`, `"rate"`, … */
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
