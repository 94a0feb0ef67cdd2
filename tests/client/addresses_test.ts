/** Hosts of several addresses are found and raced; lists of servers hold each once. */

import t from "tap";
import { addressesOf, type Lookup } from "../../src/client/addresses.ts";
import { ATTEMPT_DELAY_MS, interleave, race } from "../../src/client/happy_eyeballs.ts";
import { keyOf, staticResolver } from "../../src/client/resolver.ts";
import { type Deferred, deferred, turns } from "../helpers/runtime.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const { signal } = new AbortController();

/** A race of attempts that a test settles by hand. */
function raced(count: number, abort?: AbortController) {
  const clock = new VirtualClock();
  const attempts: (Deferred<string> & { signal: AbortSignal })[] = [];
  const closed: string[] = [];
  const result = race(
    Array.from({ length: count }, (_, i) => i),
    (_, signal) => {
      const attempt = { ...deferred<string>(), signal };
      attempts.push(attempt);
      return attempt.promise;
    },
    {
      clock,
      delayMs: ATTEMPT_DELAY_MS,
      close: (late) => closed.push(late),
      ...(abort && { signal: abort.signal }),
    },
  );
  return { clock, attempts, closed, result };
}

t.test("the next address is tried after 250 ms; the first goes on and may still win", async (t) => {
  const { clock, attempts, closed, result } = raced(3);
  clock.advance(249);
  t.equal(attempts.length, 1);
  clock.advance(1);
  t.equal(attempts.length, 2);
  t.equal(attempts[0]!.signal.aborted, false);
  attempts[0]!.resolve("first");
  t.equal(await result, "first");
  t.equal(attempts[1]!.signal.aborted, true);
  attempts[1]!.resolve("second");
  await turns();
  t.strictSame(closed, ["second"], "what comes too late is closed");
  clock.advance(10_000);
  t.equal(attempts.length, 2, "and no more are begun");
  t.equal(clock.pending, 0);
});

t.test("an attempt that fails begins the next at once", async (t) => {
  const { clock, attempts, result } = raced(3);
  attempts[0]!.reject(new Error("no route"));
  await turns();
  t.equal(attempts.length, 2);
  clock.advance(249);
  t.equal(attempts.length, 2);
  clock.advance(1);
  t.equal(attempts.length, 3);
  attempts[1]!.reject(new Error("refused"));
  attempts[2]!.resolve("third");
  t.equal(await result, "third");
});

t.test("when all fail, the first one's error tells, with all beneath", async (t) => {
  const { attempts, result } = raced(2);
  const first = new Error("no route");
  attempts[0]!.reject(first);
  await turns();
  attempts[1]!.reject(new Error("refused"));
  const error = await result.then(() => undefined, (error) => error);
  t.equal(error, first);
  t.strictSame(error.cause.errors.map(String), ["Error: no route", "Error: refused"]);
});

t.test("an abort ends all attempts", async (t) => {
  const abort = new AbortController();
  const { clock, attempts, closed, result } = raced(3, abort);
  clock.advance(250);
  abort.abort(new Error("enough"));
  await t.rejects(result, { message: "enough" });
  t.ok(attempts.every((attempt) => attempt.signal.aborted));
  attempts[0]!.resolve("late");
  await turns();
  t.strictSame(closed, ["late"]);
  t.equal(clock.pending, 0);
  await t.rejects(raced(1, abort).result, { message: "enough" });
});

t.test("families take turns, IPv6 first", (t) => {
  t.strictSame(interleave(["::1", "::2", "::3"], ["1"]), ["::1", "1", "::2", "::3"]);
  t.strictSame(interleave([], ["1", "2"]), ["1", "2"]);
  t.end();
});

/** A lookup whose answers a test gives. */
function asked() {
  const answers = { 4: deferred<readonly string[]>(), 6: deferred<readonly string[]>() };
  const lookup: Lookup = (_hostname, family) => answers[family].promise;
  return { answers, lookup, clock: new VirtualClock() };
}

t.test("A and AAAA are asked for at once; one of them does not wait long for the other", async (t) => {
  for (const [quick, slow] of [[4, 6], [6, 4]] as const) {
    const both = asked();
    const found = addressesOf("example.net", both.lookup, both.clock, signal);
    both.answers[quick].resolve([`of ${quick}`]);
    await turns();
    both.clock.advance(49);
    both.answers[slow].resolve([`of ${slow}`]);
    t.strictSame(await found, ["of 6", "of 4"]);
    t.equal(both.clock.pending, 0);

    const one = asked();
    const alone = addressesOf("example.net", one.lookup, one.clock, signal);
    one.answers[quick].resolve([`of ${quick}`]);
    await turns();
    one.clock.advance(50);
    t.strictSame(await alone, [`of ${quick}`]);

    const none = asked();
    const late = addressesOf("example.net", none.lookup, none.clock, signal);
    none.answers[quick].reject(new Error("SERVFAIL"));
    await turns();
    none.clock.advance(5000);
    none.answers[slow].resolve([`of ${slow}`]);
    t.strictSame(await late, [`of ${slow}`], "without any, the other is waited for");
  }
});

t.test("a name without addresses is told; an address is not looked up", async (t) => {
  const { answers, lookup, clock } = asked();
  answers[4].resolve([]);
  answers[6].reject(new Error("NXDOMAIN"));
  await t.rejects(addressesOf("nowhere.invalid", lookup, clock, signal), {
    code: "HOST_UNREACHABLE",
    message: /"nowhere.invalid" has no address/,
    cause: { message: "NXDOMAIN" },
  });
  const never: Lookup = () => Promise.reject(new Error("asked"));
  t.strictSame(await addressesOf("::1", never, clock, signal), ["::1"]);
  t.strictSame(await addressesOf("127.0.0.1", never, clock, signal), ["127.0.0.1"]);
});

t.test("a list of servers holds each once and is never empty", async (t) => {
  const a = { hostname: "::1", port: 1 };
  const b = { hostname: "b", port: 1 };
  t.strictSame(await staticResolver([a, b, { ...a }]).resolve(signal), [a, b]);
  t.equal(keyOf(a), "[::1]:1");
  t.throws(() => staticResolver([]), { code: "INVALID_OPTION" });
});
