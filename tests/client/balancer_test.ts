/** Which server a call goes to: shares, moves when servers come and go, bounds. */

import t from "tap";
import type { Candidate } from "../../src/client/balancer/balancer.ts";
import { hash, HASH_RING, hashRing } from "../../src/client/balancer/hash_ring.ts";
import { Latency } from "../../src/client/balancer/latency.ts";
import { type BalancerName, BALANCERS } from "../../src/client/balancer/mod.ts";
import { uniform } from "../helpers/uniform.ts";

type Mutable = { -readonly [K in keyof Candidate]: Candidate[K] };

function servers(count: number): Mutable[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `10.0.0.${i + 1}:8888`,
    pending: 0,
    latencyMs: 0,
    weight: 1,
  }));
}

function counts(list: readonly Candidate[], calls: number, pick: () => Candidate): number[] {
  const by = new Map<Candidate, number>(list.map((server) => [server, 0]));
  for (let i = 0; i < calls; i++) {
    const chosen = pick();
    by.set(chosen, by.get(chosen)! + 1);
  }
  return [...by.values()];
}

const ALL = Object.keys(BALANCERS) as BalancerName[];

for (const name of ALL) {
  t.test(`${name}: equal servers get equal shares, and one server gets all`, (t) => {
    const balancer = BALANCERS[name](uniform(7));
    const list = servers(5);
    let n = 0;
    const shares = counts(list, 20_000, () => balancer.pick(list, `key ${n++}`));
    // A ring is as even as its places; the others are as even as chance, or more.
    const off = name === "hash" ? 0.25 : 0.05;
    t.ok(shares.every((share) => Math.abs(share / 4000 - 1) < off), shares.join(" "));
    const one = servers(1);
    t.equal(balancer.pick(one), one[0]);
    one[0]!.weight = 0.1;
    t.equal(balancer.pick(one), one[0], "though its share is small");
    t.end();
  });

  t.test(`${name}: a server that has just come back gets less`, (t) => {
    const balancer = BALANCERS[name](uniform(8));
    const list = servers(4);
    list[2]!.weight = 0.1;
    // Calls stay under way for a while, so that those who look at work see some.
    const under: Mutable[] = [];
    const shares = counts(list, 10_000, () => {
      const server = balancer.pick(list) as Mutable;
      server.pending++;
      under.push(server);
      if (under.length > 80) under.shift()!.pending--;
      return server;
    });
    t.ok(shares[2]! > 0 && shares[2]! < 1500, shares.join(" "));
    t.ok(shares.filter((_, i) => i !== 2).every((share) => share > 2500), shares.join(" "));
    t.end();
  });
}

t.test("leastPending, p2c and ewma leave a server alone that is behind", (t) => {
  for (const name of ["leastPending", "p2c", "ewma"] as const) {
    const balancer = BALANCERS[name](uniform(9));
    const list = servers(3);
    list[1]!.pending = 50;
    const shares = counts(list, 3000, () => balancer.pick(list));
    t.equal(shares[1], 0, `${name}: ${shares.join(" ")}`);
  }
  const slow = servers(3);
  slow[0]!.latencyMs = 500;
  slow[1]!.latencyMs = slow[2]!.latencyMs = 5;
  t.equal(counts(slow, 3000, () => BALANCERS.ewma(uniform(1)).pick(slow))[0], 0);
  t.end();
});

t.test("p2c keeps the work nearly even without looking at all servers", (t) => {
  const random = uniform(10);
  const balancer = BALANCERS.p2c(random);
  const list = servers(50);
  for (let i = 0; i < 5000; i++) (balancer.pick(list) as Mutable).pending++;
  const most = Math.max(...list.map((server) => server.pending));
  t.ok(most <= 105, `at most ${most}, 100 on average`);
  t.end();
});

t.test("roundRobin takes turns exactly", (t) => {
  const balancer = BALANCERS.roundRobin(uniform(1));
  const list = servers(3);
  t.strictSame(
    Array.from({ length: 7 }, () => list.indexOf(balancer.pick(list) as Mutable)),
    [0, 1, 2, 0, 1, 2, 0],
  );
  list[1]!.weight = 0.25;
  const shares = counts(list, 900, () => balancer.pick(list));
  t.strictSame(shares, [400, 100, 400]);
  t.end();
});

t.test("hash: one key stays on one server; few keys move when servers come and go", (t) => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `customer-${i}`);
  for (const n of [2, 3, 5, 10, 30]) {
    const all = servers(n + 1);
    const before = all.slice(0, n);
    const balancer = hashRing(uniform(1));
    const at = keys.map((key) => balancer.pick(before, key));
    t.ok(keys.every((key, i) => balancer.pick(before, key) === at[i]), "the same again");
    // Another client, which got the list in another order, agrees.
    const other = hashRing(uniform(99));
    const turned = before.toReversed();
    t.ok(keys.every((key, i) => other.pick(turned, key) === at[i]), "whatever the order");
    // One more server: keys move only to it, about one in n + 1.
    const grown = keys.map((key) => balancer.pick(all, key));
    const moved = keys.filter((_, i) => grown[i] !== at[i]).length;
    t.ok(grown.every((server, i) => server === at[i] || server === all[n]), "only to the new one");
    t.ok(
      moved <= keys.length / (n + 1) * 1.3,
      `${moved} of ${keys.length} move to one of ${n + 1}`,
    );
    // One gone: only its keys move.
    const without = before.slice(1);
    const shrunk = keys.map((key) => balancer.pick(without, key));
    t.ok(shrunk.every((server, i) => at[i] === before[0] || server === at[i]), "only its own");
  }
  t.end();
});

t.test("hash: the bound holds, however popular one key is", (t) => {
  for (const n of [1, 2, 3, 10]) {
    const list = servers(n);
    const balancer = hashRing(uniform(3));
    const random = uniform(n);
    const under: Mutable[] = [];
    let worst = 0;
    for (let i = 0; i < 20_000; i++) {
      const server = balancer.pick(list, random() < 0.9 ? "popular" : `key ${i}`) as Mutable;
      server.pending++;
      under.push(server);
      const most = Math.ceil(under.length / n * HASH_RING.loadBound);
      worst = Math.max(worst, server.pending - most);
      if (under.length > 500) under.splice(Math.floor(random() * under.length), 1)[0]!.pending--;
    }
    t.ok(worst <= 0, `${n} servers: ${worst} over the bound`);
  }
  t.end();
});

t.test("the hash spreads texts that differ in little", (t) => {
  const seen = new Set<number>();
  const buckets = new Array(64).fill(0);
  for (let i = 0; i < 64_000; i++) {
    const h = hash(`10.0.0.1:8888#${i}`);
    seen.add(h);
    buckets[h >>> 26]++;
  }
  t.ok(seen.size > 63_990, `${seen.size} different`);
  t.ok(Math.max(...buckets) < 1150 && Math.min(...buckets) > 850, `${Math.max(...buckets)}`);
  t.end();
});

t.test("latency: slow answers count at once, and are forgotten without news", (t) => {
  const latency = new Latency(0);
  t.equal(latency.at(0), 0);
  latency.observe(10, 0);
  latency.observe(400, 100);
  t.equal(latency.at(100), 400);
  latency.observe(10, 1100);
  t.ok(latency.at(1100) > 300 && latency.at(1100) < 400, `${latency.at(1100)}`);
  for (let now = 1100; now < 60_000; now += 1000) latency.observe(10, now);
  t.ok(latency.at(60_000) < 12, `${latency.at(60_000)}`);
  latency.observe(1000, 60_000);
  t.ok(latency.at(160_000) < 1);
  t.end();
});
