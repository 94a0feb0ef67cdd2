/**
 * Time that passes when a test says so.
 *
 * @module
 */

import type { Clock, Timer } from "../../src/connection/clock.ts";

interface Due {
  readonly at: number;
  readonly fn: () => void;
}

/** A clock that stands still until it is advanced. */
export class VirtualClock implements Clock {
  #now = 0;
  readonly #due: Set<Due> = new Set();

  /** How many calls are pending. */
  get pending(): number {
    return this.#due.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): Timer {
    const due = { at: this.#now + ms, fn };
    this.#due.add(due);
    return { cancel: () => void this.#due.delete(due) };
  }

  /** Lets time pass; what falls due is called in its order, each at its own moment. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let first: Due | undefined;
      for (const due of this.#due) {
        if (due.at <= end && (first === undefined || due.at < first.at)) first = due;
      }
      if (first === undefined) break;
      this.#due.delete(first);
      this.#now = first.at;
      first.fn();
    }
    this.#now = end;
  }
}
