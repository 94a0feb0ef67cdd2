/**
 * Typed events: listeners by name, nothing done and nothing built when there are none.
 *
 * @module
 */

/** Listeners of one object's events; `Events` maps a name to the listener's arguments. */
export class Emitter<Events extends { [Name in keyof Events]: readonly unknown[] }> {
  readonly #listeners = new Map<keyof Events, ((...args: readonly unknown[]) => void)[]>();

  /**
   * Adds a listener.
   *
   * @returns A function that removes it again.
   */
  on<Name extends keyof Events>(
    name: Name,
    listener: (...args: Events[Name]) => void,
  ): () => void {
    // A new array each time: an event that is being raised keeps the listeners it began with.
    // And an entry of its own, so that a listener added twice is removed once.
    const entry = (...args: readonly unknown[]) => listener(...args as unknown as Events[Name]);
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), entry]);
    return () => {
      const rest = (this.#listeners.get(name) ?? []).filter((other) => other !== entry);
      if (rest.length > 0) this.#listeners.set(name, rest);
      else this.#listeners.delete(name);
    };
  }

  /** Whether anybody listens: ask before building what only a listener needs. */
  has(name: keyof Events): boolean {
    return this.#listeners.has(name);
  }

  /**
   * Calls the listeners in the order in which they were added. What a listener throws is its own
   * affair and stops neither the other listeners nor the caller.
   */
  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of listeners) {
      try {
        listener(...args);
      } catch {
        // An observer must not break what it observes.
      }
    }
  }
}
