/**
 * Time, passed in: the system's, or a virtual one in tests.
 *
 * @module
 */

/** A pending call of a clock. */
export interface Timer {
  /** Takes the call back; does nothing once it was made. */
  cancel(): void;
}

/** Where time comes from. */
export interface Clock {
  /** Milliseconds since some fixed moment; never runs backwards. */
  now(): number;
  /** Calls `fn` once after `ms` milliseconds. */
  after(ms: number, fn: () => void): Timer;
}

/** The system's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    const id = setTimeout(fn, ms);
    return { cancel: () => clearTimeout(id) };
  },
};
