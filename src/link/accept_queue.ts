/**
 * Where links wait that a runtime has accepted while its listener was paused.
 *
 * @module
 */
import type { Link, ListenerEvents } from "./link.ts";

/**
 * The pause of a listener whose runtime goes on accepting by itself. What it accepts is not read from,
 * and waits, in its order; a peer cannot tell that from waiting in the system's backlog.
 */
export class AcceptQueue {
  readonly #events: ListenerEvents;
  readonly #most: number;
  #waiting: Link[] = [];
  #paused = false;

  /** @param most How many may wait; those beyond are handed on at once, to be refused. */
  constructor(events: ListenerEvents, most: number) {
    this.#events = events;
    this.#most = most;
  }

  /** The runtime has accepted a link. */
  accepted(link: Link): void {
    if (!this.#paused || this.#waiting.length >= this.#most) this.#events.accepted(link);
    else this.#waiting.push(link);
  }

  /** {@inheritDoc Listener.pause} */
  pause(): void {
    this.#paused = true;
  }

  /** {@inheritDoc Listener.resume} */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // Never from within a call of the listener's own methods.
    if (this.#waiting.length > 0) queueMicrotask(() => this.#handOn());
  }

  /** The listener is closed: nobody will take those that wait. */
  close(): void {
    for (const link of this.#waiting.splice(0)) link.abort();
  }

  #handOn(): void {
    let taken = 0;
    while (!this.#paused && taken < this.#waiting.length) {
      this.#events.accepted(this.#waiting[taken++]!);
    }
    this.#waiting.splice(0, taken);
  }
}
