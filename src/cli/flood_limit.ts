/**
 * A bound on how often a log says the same.
 *
 * @module
 */

/** Keeps a failing handler, or a flood of bad peers, from filling the disk. */
export class FloodLimit {
  readonly #mostASecond: number;
  readonly #counts = new Map<string, number>();

  /** @param mostASecond How many of a kind are told in one second; of the rest, how many they were. */
  constructor(mostASecond: number) {
    this.#mostASecond = mostASecond;
  }

  /**
   * Counts one of a kind.
   *
   * @param sumUp Told how many more there were, when a second is over since the first.
   * @returns Whether it is one too many.
   */
  holdsBack(kind: string, sumUp: (held: number) => void): boolean {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count === 1) {
      setTimeout(() => {
        const held = this.#counts.get(kind)! - this.#mostASecond;
        this.#counts.delete(kind);
        if (held > 0) sumUp(held);
      }, 1000);
    }
    return count > this.#mostASecond;
  }
}
