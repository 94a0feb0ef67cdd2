/**
 * What protocols need of the calls that wait for their answers; two keep them: `call_book.ts` for very
 * many, and `small_book.ts` for programs whose size counts.
 *
 * @module
 */
import type { FramewireError } from "../errors.ts";
import type { CallLimits, CallOptions } from "./call_limits.ts";
import type { SilentLine } from "./silence.ts";
import type { LostCall } from "./unsent.ts";

/** What the book needs of its connection. */
export interface CallLine extends SilentLine {
  /** What was put out. */
  readonly outbound: { readonly handed: number; readonly position: number };
}

/** Calls under way. */
export interface Book<T> {
  /** Calls that wait for their answer. */
  readonly pending: number;
  /** Whether as many are under way as may be. */
  readonly full: boolean;
  /** The number of the first call that is not settled. */
  readonly head: number;
  /**
   * A call was put out whose first byte is at `place`. Calls are numbered one after the other.
   *
   * @returns Its number.
   */
  add(place: number, resolve: (value: T) => void, reject: (error: Error) => void): number;
  /** A call has options of its own. `leftMs` is what its wait for room has left of its timeout. */
  limit(number: number, options: CallOptions, leftMs: number | undefined): void;
  /** Notes a number with a call, where whoever holds the book may ask for it. */
  note?(number: number, value: number): void;
  /** What was noted with a call; of no meaning when nothing was. */
  noteOf?(number: number): number;
  /** Whether a call is under way or was given up, and its answer has not come. */
  has(number: number): boolean;
  /** The answer of a call came that {@linkcode has} says is there. */
  resolve(number: number, value: T): void;
  /** An answer came that says no. */
  reject(number: number, error: Error): void;
  /**
   * The answers can no longer come.
   *
   * @param lost Makes the error; it is called once for each outcome there is.
   * @param takes Asked for each call that was not sent whether somebody else settles it.
   */
  failAll(
    lost: (outcome: "not-sent" | "unknown") => FramewireError,
    takes?: (call: LostCall) => boolean,
  ): void;
}

/**
 * Makes the book of a connection.
 *
 * @param idle Called when the last call that waited is settled.
 * @param first The number of the first call.
 * @param gaveUp Told which call was given up: the peer may want to know.
 */
export type MakeBook = <T>(
  limits: CallLimits,
  line: CallLine,
  idle: () => void,
  first?: number,
  gaveUp?: (number: number) => void,
) => Book<T>;
