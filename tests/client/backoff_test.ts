/** Waits between attempts, the budget of retries, and the figures that follow from one number. */

import t from "tap";
import { BACKOFF, Backoff } from "../../src/client/backoff.ts";
import { failoverFigures } from "../../src/client/failover.ts";
import { RETRY_BUDGET, RetryBudget } from "../../src/client/retry_budget.ts";
import { uniform } from "../helpers/uniform.ts";

t.test("waits double from 100 ms to 10 s, and are uniform below that", (t) => {
  const random = uniform(1);
  const sums = new Array(12).fill(0);
  const rounds = 2000;
  for (let round = 0; round < rounds; round++) {
    const backoff = new Backoff(BACKOFF, random);
    for (let i = 0; i < sums.length; i++) {
      const wait = backoff.next();
      if (!(wait >= 0 && wait < Math.min(10_000, 100 * 2 ** i))) t.fail(`wait ${i}: ${wait}`);
      sums[i] += wait;
    }
    if (backoff.attempts !== 12) t.fail("attempts");
  }
  sums.forEach((sum, i) => {
    const mean = Math.min(10_000, 100 * 2 ** i) / 2;
    t.ok(Math.abs(sum / rounds / mean - 1) < 0.06, `wait ${i}: ${sum / rounds}, expected ${mean}`);
  });
  const long = new Backoff(BACKOFF, () => 0.5);
  for (let i = 0; i < 5000; i++) long.next();
  t.equal(long.next(), 5000, "after thousands of attempts too");
  t.end();
});

t.test("only a connection that stood long enough begins anew", (t) => {
  const backoff = new Backoff(BACKOFF, () => 0.999);
  for (let i = 0; i < 5; i++) backoff.next();
  backoff.connected(1000);
  backoff.lost(10_999);
  t.equal(backoff.attempts, 5, "a server that takes connections and drops them is no better");
  backoff.connected(20_000);
  backoff.lost(30_000);
  t.equal(backoff.attempts, 0);
  backoff.lost(90_000);
  t.equal(backoff.attempts, 0);
  t.ok(backoff.next() < 100);
  backoff.lost(200_000);
  t.equal(backoff.attempts, 1, "an attempt that failed is no connection");
  t.end();
});

t.test("a thousand clients spread out after a restart of their server", (t) => {
  // The server is away for three seconds; each client comes back at an attempt of its own.
  const perTenth = new Map<number, number>();
  let attempts = 0;
  for (let client = 0; client < 1000; client++) {
    const backoff = new Backoff(BACKOFF, uniform(client + 1));
    let now = 0;
    while (now < 3000) {
      now += backoff.next();
      attempts++;
    }
    const tenth = Math.floor(now / 100);
    perTenth.set(tenth, (perTenth.get(tenth) ?? 0) + 1);
  }
  const most = Math.max(...perTenth.values());
  t.ok(most <= 80, `at most ${most} of 1000 come in the same tenth of a second`);
  t.ok(attempts < 9000, `${attempts} attempts`);
  t.ok(Math.max(...perTenth.keys()) < 140, "and all are back in 14 s");
  t.end();
});

t.test("one call in five may be retried, and ten a second", (t) => {
  const budget = new RetryBudget(RETRY_BUDGET, 0);
  const spend = (now: number) => {
    let taken = 0;
    while (budget.take(now)) taken++;
    return taken;
  };
  t.equal(spend(0), 100, "ten seconds' worth at the beginning");
  t.equal(spend(0), 0);
  t.equal(spend(1000), 10);
  t.equal(spend(1050), 0);
  t.equal(spend(1100), 1);
  budget.called(1000);
  t.equal(spend(1100), 200);
  t.equal(budget.take(1100), false);
  t.equal(spend(101_100), 100, "what is not used is kept for ten seconds");
  t.end();
});

t.test("under load the share holds over any time", (t) => {
  const budget = new RetryBudget(RETRY_BUDGET, 0);
  let calls = 0;
  let retries = 0;
  for (let now = 0; now < 120_000; now += 10) {
    budget.called(100); // 10,000 a second
    calls += 100;
    for (let i = 0; i < 50; i++) if (budget.take(now)) retries++;
  }
  const most = calls * 0.2 + 120 * 10 + 100;
  t.ok(retries <= most, `${retries} retries of ${calls} calls`);
  t.ok(retries > calls * 0.199, `${retries} are not too few`);
  const idle = new RetryBudget(RETRY_BUDGET, 0);
  for (let i = 0; i < 1_000; i++) idle.called(1000);
  t.ok(idle.available(10_000_000) <= 100 + 200, "calls of hours ago give nothing");
  t.end();
});

t.test("a budget for failover gives all other figures, which add up to it", (t) => {
  t.throws(() => failoverFigures({ budgetMs: 429 }), { code: "INVALID_OPTION" });
  for (let budgetMs = 430; budgetMs < 100_000; budgetMs = Math.ceil(budgetMs * 1.3)) {
    const figures = failoverFigures({ budgetMs });
    const sum = figures.heartbeatMs + figures.probeTimeoutMs + figures.connectTimeoutMs +
      figures.callMs;
    if (!(sum <= budgetMs && sum > budgetMs - 4)) t.fail(`${budgetMs}: ${sum}`);
    if (figures.backoffMinMs > figures.backoffMaxMs) t.fail("backoff");
    if (figures.probeTimeoutMs < 100 || figures.connectTimeoutMs < 150) t.fail("too short");
  }
  t.strictSame(failoverFigures({ budgetMs: 2000 }), {
    heartbeatMs: 462,
    probeTimeoutMs: 512,
    connectTimeoutMs: 562,
    callMs: 462,
    backoffMinMs: 100,
    backoffMaxMs: 1000,
  });
  t.end();
});

t.test("an impossible budget is refused with the reason", (t) => {
  t.throws(() => failoverFigures({ budgetMs: 400, roundTripMs: 200 }), {
    code: "INVALID_OPTION",
    message: /failover\.budgetMs of 400 is impossible with round trips of 200 ms.*1480 ms together/,
  });
  for (const budgetMs of [0, -1, NaN, Infinity, "2000", undefined]) {
    t.throws(() => failoverFigures({ budgetMs: budgetMs as number }), {
      code: "INVALID_OPTION",
      message: /failover\.budgetMs must be a number from 1 to 600000 and is /,
    });
  }
  t.end();
});
