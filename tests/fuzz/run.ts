/**
 * Fuzzes the codecs for as long as one likes: `npm run fuzz -- [--seconds N] [--seed N]`.
 *
 * It prints its seeds as it goes. A case that fails is made small and printed as JSON, to be kept in
 * tests/vectors/fuzz_corpus.json; the run then ends with an error.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import type { FuzzCase } from "./case.ts";
import { runCase } from "./differential.ts";
import { caseOf } from "./generate.ts";
import { shrink } from "./shrink.ts";

/** A case that failed. */
export interface Finding {
  readonly seed: number;
  readonly problem: string;
  readonly case: FuzzCase;
}

/** What is wrong with a case; a crash is, too. */
export function problemOf(given: FuzzCase): string | undefined {
  try {
    return runCase(given);
  } catch (error) {
    return `threw ${error instanceof Error ? error.stack : error}`;
  }
}

/**
 * Runs the cases of successive seeds until time is up or one fails.
 *
 * @param seed The first seed.
 * @param seconds How long.
 * @param progress Told the next seed, about every ten seconds.
 * @returns The seed after the last, and the case that failed.
 */
export function fuzz(
  seed: number,
  seconds: number,
  progress: (seed: number) => void = () => {},
): { readonly next: number; readonly finding?: Finding } {
  const start = performance.now();
  let told = start;
  for (let next = seed;; next++) {
    const now = performance.now();
    if (now - start >= seconds * 1000) return { next };
    if (now - told >= 10_000) {
      told = now;
      progress(next);
    }
    const given = caseOf(next);
    if (problemOf(given) === undefined) continue;
    const small = shrink(given, (smaller) => problemOf(smaller) !== undefined);
    return { next, finding: { seed: next, problem: problemOf(small)!, case: small } };
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "3600" },
      seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    },
  });
  const first = Number(values.seed);
  console.log(`seeds from ${first}, for ${values.seconds} s`);
  const { next, finding } = fuzz(
    first,
    Number(values.seconds),
    (seed) => console.log(`${seed - first} cases`),
  );
  if (finding !== undefined) {
    console.error(`seed ${finding.seed}: ${finding.problem}\n${JSON.stringify(finding.case)}`);
    process.exitCode = 1;
  } else {
    console.log(`${next - first} cases, no difference`);
  }
}
