/** Those that are there, in their order, whoever comes and goes meanwhile. */

import process from "node:process";
import t from "tap";
import { type Listed, Roster } from "../../src/connection/roster.ts";
import { random } from "../helpers/frames.ts";
import { gc } from "../helpers/gc.ts";

class One implements Listed {
  place = 0;
  readonly name: number;
  /** What it weighs. */
  readonly bytes = new Array<number>(128).fill(0);
  constructor(name: number) {
    this.name = name;
  }
}

const names = (roster: Iterable<One>) => Array.from(roster, ({ name }) => name);

t.test("it is a set in the order of coming", (t) => {
  const roster = new Roster<One>();
  const set = new Set<One>();
  const next = random(7);
  const gone = new One(-1);
  t.equal(roster.delete(gone), false, "one that never came");
  for (let n = 0; n < 5000; n++) {
    // By turns it grows and shrinks, down to nothing.
    if (next(100) < (n % 1000 < 500 ? 70 : 20)) {
      const one = new One(n);
      roster.add(one);
      set.add(one);
    } else {
      const all = [...set];
      const one = all[next(Math.max(1, all.length))] ?? gone;
      if (roster.delete(one) !== set.delete(one)) t.fail(`${n}: delete`);
      if (roster.has(one) || roster.delete(one)) t.fail(`${n}: it is still there`);
    }
    if (n % 50 === 0) t.same(names(roster), names(set));
    if (roster.size !== set.size) t.fail(`${n}: ${roster.size} instead of ${set.size}`);
  }
  t.ok([...set].every((one) => roster.has(one)));
  t.end();
});

t.test("whoever goes through all meets those that stay, once, whatever else happens", (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const roster = new Roster<One>();
    const first = Array.from({ length: 100 }, (_, n) => new One(n));
    first.forEach((one) => roster.add(one));
    const next = random(seed);
    const met: number[] = [];
    let count = 100;
    for (const { name } of roster) {
      met.push(name);
      // Most of them go, so that places are closed up underway; some come.
      for (let i = 0; i < 3; i++) roster.delete(first[next(100)]!);
      if (count < 150 && next(4) === 0) roster.add(new One(count++));
    }
    const stayed = names(roster).filter((name) => name < 100);
    t.same(stayed.filter((name) => !met.includes(name)), [], "nobody is missed");
    t.same(met, [...new Set(met)].sort((a, b) => a - b), "in the order, once");
  }
  t.end();
});

t.test("who has gone is not met", (t) => {
  const roster = new Roster<One>();
  const all = Array.from({ length: 100 }, (_, n) => new One(n));
  all.forEach((one) => roster.add(one));
  const met: number[] = [];
  for (const { name } of roster) {
    met.push(name);
    if (name === 10) all.slice(5, 95).forEach((one) => roster.delete(one));
  }
  t.same(met, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 95, 96, 97, 98, 99]);
  t.end();
});

// A `Set` keeps all of them in this test: 20 MB.
t.test("young garbage stays young", { skip: gc === undefined && "it cannot be called" }, (t) => {
  const roster = new Roster<One>();
  const live: One[] = [];
  const kept = () => process.memoryUsage().heapUsed;
  const come = (count: number) => {
    for (let n = 0; n < count; n++) {
      const one = new One(n);
      roster.add(one);
      if (live.push(one) > 30) roster.delete(live.shift()!);
    }
  };
  come(100);
  gc!(); // what is there now is old from here on
  const before = kept();
  for (let round = 0; round < 20; round++) {
    come(1000);
    gc!({ type: "minor" });
  }
  const grown = kept() - before;
  t.ok(grown < 2_000_000, `20,000 came and went, of 1 KB each: ${grown} bytes are left`);
  t.end();
});
