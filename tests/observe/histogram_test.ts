/** Percentiles: against sorted values, at the ends of the range, and in fixed memory. */

import t from "tap";
import { Histogram } from "../../src/observe/histogram.ts";

/** Random numbers that are the same each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

t.test("percentiles are at most 1.6 % over those of the sorted values, and never under", (t) => {
  const random = seeded(7);
  const histogram = new Histogram();
  const values: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    const value = 0.0002 * Math.exp(random() * 18); // 200 ns to 13,000 s: all sizes alike
    values.push(value);
    histogram.record(value);
  }
  values.sort((a, b) => a - b);
  for (const fraction of [0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.ceil(fraction * values.length) - 1]!;
    const found = histogram.percentile(fraction);
    t.ok(found >= exact && found <= exact * (1 + 1 / 64), `${fraction}: ${found} for ${exact}`);
  }
  const { count, min, mean, max } = histogram.summary();
  t.equal(count, values.length);
  t.equal(min, values[0]);
  t.equal(max, values.at(-1));
  const sum = values.reduce((total, value) => total + value, 0);
  t.ok(Math.abs(mean * values.length - sum) < sum * 1e-9);
  t.end();
});

t.test("a value seen often weighs as much as the same value recorded often", (t) => {
  const [once, often] = [new Histogram(), new Histogram()];
  for (const [value, times] of [[1, 90], [20, 9], [300, 1]] as const) {
    once.record(value, times);
    for (let i = 0; i < times; i++) often.record(value);
  }
  t.strictSame(once.summary(), often.summary());
  const { p50, p90, p99, p999 } = once.summary();
  t.ok(p50 < 1.02 && p90 < 1.02, "90 % are 1");
  t.ok(p99 >= 20 && p99 < 20.4);
  t.equal(p999, 300);
  t.end();
});

t.test("what is under or over its range is counted at its end", (t) => {
  const histogram = new Histogram();
  for (const value of [-1, 0, 1e-9, 1e12]) histogram.record(value);
  const { count, min, max, p50, p999 } = histogram.summary();
  t.equal(count, 4);
  t.equal(min, 0);
  t.equal(max, 1e12);
  t.ok(p50 < 0.0001);
  t.ok(p999 > 2 ** 24 && p999 <= 2 ** 25, "the last bucket's end, short of what it holds");
  t.end();
});

t.test("an empty one says 0 everywhere, before the first value and after a reset", (t) => {
  const histogram = new Histogram();
  const zero = { count: 0, min: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
  t.strictSame(histogram.summary(), zero);
  histogram.record(5);
  t.equal(histogram.summary().max, 5);
  histogram.reset();
  t.strictSame(histogram.summary(), zero);
  histogram.record(2);
  t.strictSame([histogram.summary().min, histogram.summary().p50], [2, 2]);
  t.end();
});
