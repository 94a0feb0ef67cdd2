/**
 * Events as an async iterator.
 *
 * @module
 */

import { Fifo } from "../protocol/fifo.ts";

/** One event: its name and what its listeners are given. */
export type EventOf<Events, Name extends keyof Events> = {
  readonly [N in Name]: { readonly name: N; readonly args: Events[N] };
}[Name];

/** Events that wait to be read, in their order. Ends when what raises them does, or by `break`. */
export interface EventStream<Event> extends AsyncIterable<Event> {
  /** Events that were dropped because too many waited: the oldest ones. */
  readonly dropped: number;
  /** Takes the next one, once there is one. */
  next(): Promise<IteratorResult<Event, undefined>>;
  /** Ends it: what waits is forgotten. */
  return(): Promise<IteratorResult<Event, undefined>>;
  /** Itself. */
  [Symbol.asyncIterator](): EventStream<Event>;
}

/** The queue between who raises events and who reads them. */
export class EventQueue<Event> implements EventStream<Event> {
  dropped = 0;
  readonly #capacity: number;
  readonly #onEnd: () => void;
  readonly #waiting = new Fifo<Event>();
  #readers: ((result: IteratorResult<Event, undefined>) => void)[] = [];
  #ended = false;

  /** @param onEnd Called once, when it ends. */
  constructor(capacity: number, onEnd: () => void) {
    this.#capacity = capacity;
    this.#onEnd = onEnd;
  }

  /** Adds an event; the oldest that waits makes room for it. */
  push(value: Event): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader({ done: false, value });
      return;
    }
    if (this.#waiting.length === this.#capacity) {
      this.#waiting.shift();
      this.dropped++;
    }
    this.#waiting.push(value);
  }

  /** No more events will come: what waits is still read. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
    for (const reader of this.#readers) reader({ done: true, value: undefined });
    this.#readers = [];
  }

  next(): Promise<IteratorResult<Event, undefined>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<Event, undefined>> {
    this.#waiting.takeAll();
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
