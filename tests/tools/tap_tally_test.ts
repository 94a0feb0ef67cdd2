/** The count that decides whether a run has passed. */

import t from "tap";
import { Tally } from "../../tools/tap_tally.mjs";

function tally(text: string): { counts: number[]; failures: string[] } {
  const tally = new Tally();
  tally.write(text);
  tally.end();
  return {
    counts: [tally.passed, tally.failed, tally.skipped],
    failures: tally.failures.map(({ name }: { name: string }) => name),
  };
}

t.test("assertions are counted at the leaves, and subtests' own lines are not", (t) => {
  const text = `TAP version 14
# Subtest: file
    # Subtest: inner
        ok 1 - a
        ok 2 - b
        1..2
    ok 1 - inner
    ok 2 - c
    1..2
ok 1 - file
ok 2 - d
1..2
`;
  t.strictSame(tally(text), { counts: [4, 0, 0], failures: [] });
  t.end();
});

t.test("a failure is counted once, by its full name", (t) => {
  const text = `TAP version 14
# Subtest: file
    # Subtest: inner
        not ok 1 - a
        1..1
    not ok 1 - inner
    1..1
not ok 1 - file
1..1
`;
  t.strictSame(tally(text), { counts: [0, 1, 0], failures: ["file › inner › a"] });
  t.end();
});

t.test("a subtest that fails by itself is a failure: a timeout, a crash, a short plan", (t) => {
  const text = `TAP version 14
# Subtest: file
    ok 1 - a
    1..1
not ok 1 - file
  ---
  exitCode: 1
  ...
1..1
`;
  t.strictSame(tally(text), { counts: [1, 1, 0], failures: ["file"] });
  t.strictSame(tally("TAP version 14\nnot ok 1 - timeout!\n1..1\n").counts, [0, 1, 0]);
  t.end();
});

t.test("a plan that is not kept is a failure", (t) => {
  t.strictSame(tally("TAP version 14\nok 1 - a\n1..3\n").counts, [1, 1, 0]);
  t.strictSame(tally("TAP version 14\nok 1 - a\n").counts, [1, 1, 0], "no plan: cut off");
  t.end();
});

t.test("what is skipped or still to do neither passes nor fails", (t) => {
  const text = "TAP version 14\nok 1 - a # SKIP\nnot ok 2 - b # TODO\nok 3 - c\n1..3\n";
  t.strictSame(tally(text).counts, [1, 0, 2]);
  t.end();
});
