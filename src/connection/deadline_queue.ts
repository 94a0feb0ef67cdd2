/**
 * Things that begin one after the other and may all take the same time.
 *
 * The first to begin is the first that is due, so one timer is enough for all of them.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";
import { type Listed, Roster } from "./roster.ts";

/** Something that is under way. */
export interface Begun<T> extends Listed {
  readonly what: T;
  /** When it began, by the clock. */
  readonly at: number;
}

/** Those that are under way. */
export class DeadlineQueue<T> {
  readonly #clock: Clock;
  readonly #timeoutMs: () => number;
  readonly #late: (what: T) => void;
  #begun = new Roster<Begun<T>>();
  #timer: Timer | undefined;

  /**
   * An empty queue.
   *
   * @param timeoutMs How long each may take, in milliseconds; 0 is for ever.
   * @param late Called with each that takes longer; it is not in the queue any more.
   */
  constructor(clock: Clock, timeoutMs: () => number, late: (what: T) => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#late = late;
  }

  /** How many are under way. */
  get size(): number {
    return this.#begun.size;
  }

  /** Those under way, the first one first. */
  *[Symbol.iterator](): Generator<T, undefined> {
    for (const { what } of this.#begun) yield what;
  }

  /** One begins. */
  begin(what: T): Begun<T> {
    const begun = { what, at: this.#clock.now(), place: 0 };
    this.#begun.add(begun);
    this.#watch();
    return begun;
  }

  /** One is over; returns whether it was under way. */
  end(begun: Begun<T>): boolean {
    const wasThere = this.#begun.delete(begun);
    if (this.#begun.size === 0) this.#stop();
    return wasThere;
  }

  /** The first one is over, as far as there is one. */
  endOldest(): T | undefined {
    const [oldest] = this.#begun;
    if (oldest !== undefined) this.end(oldest);
    return oldest?.what;
  }

  /** The time that each may take is another now. */
  changed(): void {
    this.#stop();
    this.#watch();
  }

  /** Forgets all of them, and returns them. */
  close(): T[] {
    const all = [...this];
    this.#begun = new Roster();
    this.#stop();
    return all;
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #watch(): void {
    const timeoutMs = this.#timeoutMs();
    if (this.#timer !== undefined || timeoutMs === 0) return;
    const [oldest] = this.#begun;
    if (oldest === undefined) return;
    const leftMs = Math.max(0, oldest.at + timeoutMs - this.#clock.now());
    this.#timer = this.#clock.after(leftMs, () => {
      this.#timer = undefined;
      this.#endLate();
      this.#watch();
    });
  }

  #endLate(): void {
    const before = this.#clock.now() - this.#timeoutMs();
    for (const begun of this.#begun) {
      if (begun.at > before) return;
      this.#begun.delete(begun);
      this.#late(begun.what);
    }
  }
}
