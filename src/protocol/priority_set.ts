/**
 * What waits, the more important first, and first come, first served among equals.
 *
 * @module
 */

/** Entries in the order of their priorities. Any of them may be taken out at any time. */
export class PrioritySet<T> {
  /** One set for each priority there is, the highest first. */
  readonly #levels: { readonly priority: number; readonly entries: Set<T> }[] = [];
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds an entry behind those of its priority. */
  add(entry: T, priority = 0): void {
    let at = 0;
    while (at < this.#levels.length && this.#levels[at]!.priority > priority) at++;
    let level = this.#levels[at];
    if (level?.priority !== priority) {
      level = { priority, entries: new Set() };
      this.#levels.splice(at, 0, level);
    }
    level.entries.add(entry);
    this.#size++;
  }

  /** Takes an entry out, if it is in. */
  delete(entry: T): boolean {
    for (const [at, { entries }] of this.#levels.entries()) {
      if (!entries.delete(entry)) continue;
      this.#size--;
      if (entries.size === 0) this.#levels.splice(at, 1);
      return true;
    }
    return false;
  }

  /** The first one. */
  first(): T | undefined {
    for (const entry of this.#levels[0]?.entries ?? []) return entry;
    return undefined;
  }

  /** All there are now, in their order. */
  all(): T[] {
    return this.#levels.flatMap(({ entries }) => [...entries]);
  }

  /** Takes all out, in their order. */
  takeAll(): T[] {
    const all = this.all();
    this.#levels.length = this.#size = 0;
    return all;
  }
}
