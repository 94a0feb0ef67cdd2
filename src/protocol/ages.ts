/**
 * How old numbered calls are, known without a look at the clock for each: by the sweeps that came after.
 *
 * @module
 */

/** How often calls are swept within the time that each has. */
export const SWEEPS = 16;

/** Remembers how far the calls had come at the last sweeps. */
export class Ages {
  readonly #tails: number[] = [];
  #sweeps = 0;

  /** Sweeps begin; calls from `tail` on are new. */
  begin(tail: number): void {
    this.#sweeps = 0;
    this.#tails.length = 0;
    this.#tails[0] = tail;
  }

  /** A sweep. Calls before the number that it returns are overdue. */
  sweep(tail: number): number {
    const sweep = ++this.#sweeps;
    const overdue = sweep < SWEEPS ? 0 : this.#tails[(sweep - SWEEPS) % (SWEEPS + 1)]!;
    this.#tails[sweep % (SWEEPS + 1)] = tail;
    return overdue;
  }

  /** How old a call is at the least, in sweeps. */
  of(number: number): number {
    let sweeps = 0;
    const most = Math.min(SWEEPS, this.#sweeps);
    while (
      sweeps < most && this.#tails[(this.#sweeps - sweeps) % (SWEEPS + 1)]! > number
    ) sweeps++;
    return Math.max(0, sweeps - 1);
  }
}
