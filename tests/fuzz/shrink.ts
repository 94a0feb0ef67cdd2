/**
 * Makes a failing case smaller.
 *
 * @module
 */

import type { FuzzCase } from "./case.ts";

/** How many smaller cases are tried. */
const MOST_TRIES = 3000;

/**
 * Leaves out bytes, cuts and what else a case can do without, as long as it fails.
 *
 * @param fails Whether a case still fails.
 */
export function shrink(given: FuzzCase, fails: (smaller: FuzzCase) => boolean): FuzzCase {
  let best = given;
  let tries = 0;
  const attempt = (smaller: FuzzCase): boolean => {
    if (tries++ > MOST_TRIES || !fails(smaller)) return false;
    best = smaller;
    return true;
  };
  for (const part of ["rooms", "keeps", "reframe", "kind"] as const) {
    const { [part]: _, ...without } = best;
    attempt(without);
  }
  attempt({ ...best, cuts: [] });
  for (let before = -1; before !== tries && tries < MOST_TRIES;) {
    before = tries;
    const size = best.stream.length + best.cuts.length;
    for (let bytes = best.stream.length >> 2; bytes >= 1; bytes >>= 1) {
      for (let at = best.stream.length / 2 - bytes; at >= 0; at -= bytes) {
        attempt(leaveOut(best, at, bytes));
      }
    }
    for (let i = best.cuts.length - 1; i >= 0; i--) {
      attempt({ ...best, cuts: best.cuts.toSpliced(i, 1) });
    }
    if (best.stream.length + best.cuts.length === size) break;
  }
  for (let at = 0; at < best.stream.length / 2; at++) {
    attempt({
      ...best,
      stream: `${best.stream.slice(0, 2 * at)}00${best.stream.slice(2 * at + 2)}`,
    });
  }
  return best;
}

/** The case without `bytes` bytes of its stream. */
function leaveOut(given: FuzzCase, at: number, bytes: number): FuzzCase {
  const end = at + bytes;
  const cuts = given.cuts.filter((cut) => cut <= at || cut > end)
    .map((cut) => cut > end ? cut - bytes : cut);
  return { ...given, stream: given.stream.slice(0, 2 * at) + given.stream.slice(2 * end), cuts };
}
