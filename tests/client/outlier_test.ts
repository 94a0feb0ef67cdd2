/** Servers that fail are left alone, probed, and come back slowly. */

import t from "tap";
import { Health, OUTLIER, OutlierDetector } from "../../src/client/outlier.ts";
import { uniform } from "../helpers/uniform.ts";

const KEYS = ["a", "b", "c"];

function detector(options = {}): OutlierDetector {
  const detector = new OutlierDetector({ ...OUTLIER, ...options }, 0);
  detector.members(KEYS);
  return detector;
}

function fail(of: OutlierDetector, key: string, times: number, now: number): void {
  for (let i = 0; i < times; i++) {
    of.began(key, now);
    of.ended(key, false, now);
  }
}

t.test("a run of failures ejects; a success between them does not let it", (t) => {
  const all = detector();
  fail(all, "a", 4, 0);
  all.ended("a", true, 0);
  fail(all, "a", 4, 0);
  t.equal(all.allows("a", 0), true);
  fail(all, "a", 1, 0);
  t.equal(all.state("a", 0), Health.EJECTED);
  t.equal(all.allows("a", 999), false);
  t.equal(all.allows("b", 0), true);
  t.end();
});

t.test("after its time one probe goes there at a time; it comes back slowly, or not", (t) => {
  const all = detector();
  fail(all, "a", 5, 0);
  t.equal(all.allows("a", 1000), true, "half open");
  all.began("a", 1000);
  t.equal(all.allows("a", 1000), false, "one at a time");
  all.ended("a", false, 1010);
  t.equal(all.allows("a", 1010), false);
  t.equal(all.allows("a", 3009), false, "twice as long");
  t.equal(all.allows("a", 3010), true);
  all.began("a", 3010);
  all.forgot("a");
  t.equal(all.allows("a", 3010), true, "a call that was taken back is no probe");
  all.began("a", 3010);
  all.ended("a", true, 3020);
  t.equal(all.state("a", 3020), Health.HEALTHY);
  t.ok(Math.abs(all.weight("a", 3020) - 0.1) < 1e-9);
  t.ok(Math.abs(all.weight("a", 8020) - 0.55) < 1e-9);
  t.equal(all.weight("a", 13_020), 1);
  t.equal(all.weight("b", 3020), 1);
  t.end();
});

t.test("ejections double up to a minute, and a quiet interval forgets them", (t) => {
  const all = detector();
  let now = 0;
  const lengths: number[] = [];
  fail(all, "a", 5, now);
  for (let i = 0; i < 9; i++) {
    const from = now;
    while (!all.allows("a", now)) now += 500;
    lengths.push(now - from);
    fail(all, "a", 1, now);
  }
  t.strictSame(lengths, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  while (!all.allows("a", now)) now += 500;
  all.began("a", now);
  all.ended("a", true, now);
  for (let i = 0; i < 30; i++) all.ended("a", true, now += 1000);
  fail(all, "a", 5, now);
  t.equal(all.allows("a", now + 999), false);
  t.equal(all.allows("a", now + 1000), true);
  t.end();
});

t.test("never more than half of the servers are left alone", (t) => {
  const all = detector();
  for (const key of KEYS) fail(all, key, 50, 0);
  t.equal(KEYS.filter((key) => all.allows(key, 0)).length, 2);
  const one = new OutlierDetector(OUTLIER, 0);
  one.members(["only"]);
  fail(one, "only", 50, 0);
  t.equal(one.allows("only", 0), true, "a single one is always called");
  t.end();
});

t.test("a server that fails more than the others is ejected, however it is spread", (t) => {
  const rates: [bad: number, others: number, out: boolean][] = [
    [0.5, 0.01, true],
    [0.3, 0, true],
    [0.05, 0, false],
    [0.5, 0.5, false],
  ];
  for (const [bad, others, out] of rates) {
    const random = uniform(11);
    const all = detector({ consecutiveFailures: 1000 });
    for (let now = 0; now <= 10_000; now += 10) {
      for (const key of KEYS) {
        all.began(key, now);
        all.ended(key, random() >= (key === "b" ? bad : others), now);
      }
    }
    const states = KEYS.map((key) => all.state(key, 10_000));
    t.strictSame(states, [0, out ? 1 : 0, 0], `${bad} among ${others}`);
  }
  const few = detector({ consecutiveFailures: 1000 });
  for (let i = 0; i < 19; i++) few.ended("a", false, i * 500);
  for (let i = 0; i < 100; i++) few.ended("b", true, 9000);
  few.ended("c", true, 20_000);
  t.equal(few.state("a", 20_000), Health.HEALTHY, "19 calls are too few to judge");
  t.end();
});

t.test("calls of before an ejection and servers that are gone change nothing", (t) => {
  const all = detector();
  for (let i = 0; i < 8; i++) all.began("a", 0);
  for (let i = 0; i < 8; i++) all.ended("a", false, 0);
  t.equal(all.allows("a", 1000), true, "the three after the fifth did not count");
  all.ended("a", true, 1000);
  t.equal(all.state("a", 1000), Health.PROBING, "and a late success is no probe");
  all.members(["b", "d"]);
  all.ended("a", false, 1000);
  t.equal(all.allows("a", 1000), true);
  all.members(["a", "b"]);
  t.equal(all.state("a", 1000), Health.HEALTHY, "it was forgotten");
  t.end();
});
