/**
 * Random numbers that a seed repeats, as `Math.random` gives them.
 *
 * @module
 */

import { random } from "./frames.ts";

/** Numbers in `[0, 1)`. */
export function uniform(seed: number): () => number {
  const next = random(seed);
  return () => next(2 ** 30) / 2 ** 30;
}
