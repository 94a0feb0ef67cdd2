/**
 * Both codecs and the oracle agree: on what the fuzzer once found, and on new random cases. The
 * environment's FUZZ_SECONDS says how long to look for new ones, FUZZ_SEED where to begin.
 */

import process from "node:process";
import t from "tap";
import { readJson } from "../helpers/root.ts";
import type { FuzzCase } from "./case.ts";
import { fuzz, problemOf } from "./run.ts";

/** A case worth keeping. */
interface Kept {
  readonly tells: string;
  readonly case: FuzzCase;
}

t.test("the cases that once told something apart", (t) => {
  for (const { tells, case: given } of readJson<Kept[]>("tests/vectors/fuzz_corpus.json")) {
    t.equal(problemOf(given), undefined, tells);
  }
  t.end();
});

const seconds = Number(process.env["FUZZ_SECONDS"] ?? 3);
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_000);

t.test(`random framings, streams and cuts, from seed ${seed}`, (t) => {
  const { next, finding } = fuzz(seed, seconds);
  if (finding === undefined) {
    t.pass(`${next - seed} cases`);
  } else {
    t.fail(`seed ${finding.seed}: ${finding.problem}`, { case: JSON.stringify(finding.case) });
  }
  t.end();
});
