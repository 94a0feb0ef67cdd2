/**
 * Payloads that come in parts.
 *
 * @module
 */

/** A payload in parts. */
export type SubmitSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** What has to be known of a payload that comes in parts. */
export interface SubmitOptions {
  /** How long the payload is, all of it, in bytes: its frame says so before the first part. */
  readonly bytes?: number;
}

/** Whether a payload is in memory; asked for each submit, so by what is cheapest to look at. */
export function isWhole(
  payload: Uint8Array | string | SubmitSource,
): payload is Uint8Array | string {
  return (payload as { readonly length?: number }).length !== undefined;
}
