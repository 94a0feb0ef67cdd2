/**
 * Calls whose connection was lost before a byte of them had left: whoever holds several connections
 * makes them on another, without anything having been kept for it when they were made.
 *
 * @module
 */

/** A call that was put out and not sent. */
export interface UnsentCall {
  /** What it was made with, in memory of its own. */
  readonly payload: Uint8Array;
  /** How old it is at the least, in milliseconds; a sixteenth of its timeout older at the most. */
  readonly ageMs: number;
  /** What it fails with unless it is made again. */
  readonly error: Error;
  /** Settles it with its answer. */
  readonly resolve: (value?: unknown) => void;
  /** Fails it. */
  readonly reject: (error: Error) => void;
}

/** A call that was put out and has not left when its connection is lost. */
export interface LostCall {
  /** Counts the calls of a connection. */
  readonly number: number;
  /** The place of its first byte. */
  readonly place: number;
  /** How long ago it was made, in milliseconds. */
  readonly ageMs: number;
  /** What it fails with when nobody makes it elsewhere. */
  readonly error: Error;
  /** Settles it. */
  readonly resolve: () => void;
  /** Fails it. */
  readonly reject: (error: Error) => void;
}
