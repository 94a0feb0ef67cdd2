/**
 * The one timer of a server's connections.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";
import type { Deadlines, Watch } from "./deadlines.ts";
import type { ReadonlyRoster } from "./roster.ts";

/** The longest time between two sweeps, in milliseconds. */
const SLOWEST_MS = 1000;
/** The shortest one. */
const FASTEST_MS = 10;
/** How often a deadline is looked at before it is due. */
const LOOKS = 4;
/**
 * How many connections are looked at in one turn, and how long the others have theirs, in
 * milliseconds: asking ten thousand for a sign of life in one turn keeps everybody waiting for 50 ms
 * and more, and holds what writing to all of them takes at once.
 */
const SLICE = 256;
const BETWEEN_SLICES_MS = 1;

/** Looks at all connections every now and then, while there are any. */
export class Sweep {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #watched: ReadonlyRoster<{ readonly watch: Watch }>;
  #timer: Timer | undefined;
  /** Whether it must be known who is idle, though no deadline asks for it. */
  knowsIdle = false;

  /**
   * @param deadlines What is in force: read at each sweep.
   * @param watched The connections of the moment.
   */
  constructor(
    clock: Clock,
    deadlines: Deadlines,
    watched: ReadonlyRoster<{ readonly watch: Watch }>,
  ) {
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#watched = watched;
  }

  /** There is a connection to look at. */
  begin(): void {
    if (this.#timer !== undefined) return;
    const { handlerTimeoutMs: _, ...deadlines } = this.#deadlines;
    const inForce = Object.values(deadlines).filter((ms) => ms > 0);
    if (inForce.length === 0 && !this.knowsIdle) return;
    const everyMs = Math.min(SLOWEST_MS, Math.max(FASTEST_MS, Math.min(...inForce) / LOOKS));
    this.#timer = this.#clock.after(everyMs, () => this.#look(this.#watched[Symbol.iterator]()));
  }

  #look(watched: IterableIterator<{ readonly watch: Watch }>): void {
    this.#timer = undefined;
    const now = Math.floor(this.#clock.now());
    let left = SLICE;
    for (const { watch } of watched) {
      watch.look(now, this.#deadlines);
      if (--left > 0) continue;
      this.#timer = this.#clock.after(BETWEEN_SLICES_MS, () => this.#look(watched));
      return;
    }
    if (this.#watched.size > 0) this.begin();
  }

  /** There is none. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The deadlines have changed. */
  restart(): void {
    this.end();
    if (this.#watched.size > 0) this.begin();
  }
}
