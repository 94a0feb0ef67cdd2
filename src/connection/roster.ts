/**
 * Who is there: connections and others that come and go by the thousand.
 *
 * A `Set` would do, but for what V8 makes of it. Each time a `Set` or a `Map` has taken as many as it had
 * room for, it moves to another table, and the old one keeps both its entries and a reference to the next.
 * Once a full collection has moved one of those tables to the old generation, all tables behind it, and
 * all that ever stood in them, are kept until the next full collection; each collection of the young
 * generation copies them, at 5 to 10 ms instead of 2.
 *
 * @module
 */

/** Something that can stand in a roster, in one at a time. */
export interface Listed {
  /** Where it stands. Kept here for the roster. */
  place: number;
}

/** What those may do with a roster who are not to change it. */
export interface ReadonlyRoster<T> {
  /** How many there are. */
  readonly size: number;
  /** Whether it is there. */
  has(one: T): boolean;
  /** Goes through all, the first one first. */
  [Symbol.iterator](): IterableIterator<T>;
}

/** How many places may be empty, beside as many as are taken. */
const EMPTY_PLACES = 16;

/** Those that are there, in the order in which they came. */
export class Roster<T extends Listed> implements ReadonlyRoster<T> {
  #places: (T | undefined)[] = [];
  /** All places before this one are empty. */
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(one: T): boolean {
    return this.#places[one.place] === one;
  }

  /** One comes, which is not there. */
  add(one: T): void {
    one.place = this.#places.push(one) - 1;
    this.#size++;
  }

  /** One goes; returns whether it was there. */
  delete(one: T): boolean {
    if (!this.has(one)) return false;
    const places = this.#places;
    places[one.place] = undefined;
    this.#size--;
    while (this.#first < places.length && places[this.#first] === undefined) this.#first++;
    if (places.length > 2 * this.#size + EMPTY_PLACES) this.#closeUp();
    return true;
  }

  /**
   * Goes through all, the first one first. Those that come or go meanwhile do not disturb it: who has gone
   * is left out, who has come may be. Who stops may go on later.
   */
  [Symbol.iterator](): IterableIterator<T> {
    return new Walk(this, this.#places, this.#first);
  }

  /** Moves to other places: whoever goes through these is not disturbed. */
  #closeUp(): void {
    const places = this.#places.filter((one) => one !== undefined);
    for (let i = 0; i < places.length; i++) places[i]!.place = i;
    this.#places = places;
    this.#first = 0;
  }
}

/** On the way through a roster. It is its own result: a walk over ten thousand makes nothing. */
class Walk<T extends Listed> implements IterableIterator<T> {
  readonly #roster: Roster<T>;
  readonly #places: readonly (T | undefined)[];
  #at: number;
  done = false;
  value: T | undefined;

  constructor(roster: Roster<T>, places: readonly (T | undefined)[], at: number) {
    this.#roster = roster;
    this.#places = places;
    this.#at = at;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<T, undefined> {
    while (this.#at < this.#places.length) {
      this.value = this.#places[this.#at++];
      if (this.value !== undefined && this.#roster.has(this.value)) {
        return this as IteratorResult<T, undefined>;
      }
    }
    this.value = undefined;
    this.done = true;
    return this as IteratorResult<T, undefined>;
  }
}
