/**
 * "Did you mean …?"
 *
 * @module
 */

/**
 * The candidate that a mistyped word most likely stands for.
 *
 * @param word What was typed.
 * @param candidates What it may be.
 * @returns One that the word is the beginning of, or else the one fewest edits away; undefined when
 * none is near.
 */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const begun = word.length >= 2 ? candidates.filter((name) => name.startsWith(word)) : [];
  if (begun.length === 1) return begun[0];
  let best: string | undefined;
  // A third of the letters may be wrong: more is another word.
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = distance(word, candidate);
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that make one word the other. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, before[j - 2]! + 1);
      }
      row.push(edits);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
