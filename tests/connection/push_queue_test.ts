/** Pushes to peers of every speed: what waits is bounded, what is dropped is counted and told. */

import t from "tap";
import { MemoryBudget } from "../../src/connection/memory_budget.ts";
import { Outbound } from "../../src/connection/outbound.ts";
import { PushBytes } from "../../src/connection/push_bytes.ts";
import { type DropEpisode, PushQueue } from "../../src/connection/push_queue.ts";
import { conflate, disconnect, type SlowConsumer } from "../../src/connection/slow_consumer.ts";
import { isFramewireError } from "../../src/errors.ts";
import type { Link } from "../../src/link/link.ts";
import { random } from "../helpers/frames.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

/** What one entry counts besides its payload. */
const ENTRY = 64;

/** A queue in front of a link whose writes leave when told to; pushes are their bytes alone. */
function setUp(
  slowConsumer: SlowConsumer = "pause",
  pushQueueBytes = 1024,
  { window, memory }: {
    readonly window?: { readonly open: boolean };
    readonly memory?: MemoryBudget;
  } = {},
) {
  const clock = new VirtualClock();
  const sent: number[] = [];
  let under: Uint8Array | undefined;
  const link = {
    write(bytes: Uint8Array): boolean {
      under = bytes;
      return false;
    },
  } as unknown as Link;
  const outbound = new Outbound(link);
  const aborts: string[] = [];
  const episodes: DropEpisode[] = [];
  let soon = 0;
  const connection = {
    outbound,
    flushSoon: () => void soon++,
    abort: (reason: { code: string }) => void aborts.push(reason.code),
  };
  const limits = {
    pushQueueBytes,
    writeLowWaterBytes: 100,
    maxUnackedPushes: 0,
    slowConsumer,
    clock,
    counters: { drops: 0 },
    ...(memory !== undefined && { memory }),
  };
  const queue = new PushQueue(
    connection,
    limits,
    (push) => outbound.append(push.bytes),
    (episode) => episodes.push(episode),
    window,
  );
  /** The peer takes one write, and the connection does what it does then. */
  const take = () => {
    outbound.flush();
    if (under === undefined) return false;
    sent.push(...under);
    under = undefined;
    outbound.written();
    while (queue.refill()) outbound.flush();
    return true;
  };
  const takeAll = () => {
    while (take());
    return sent;
  };
  const offer = (byte: number, bytes = 100, policy?: SlowConsumer) =>
    queue.offer(new PushBytes(new Uint8Array(bytes).fill(byte)), policy);
  return { queue, outbound, clock, limits, sent, aborts, episodes, offer, take, takeAll };
}

/** The first byte of each push of 100 bytes. */
function pushes(sent: readonly number[], bytes = 100): number[] {
  return sent.filter((_, i) => i % bytes === 0);
}

t.test("with room a push is sent, without it waits, and all leave in order", (t) => {
  const { offer, queue, takeAll, episodes } = setUp();
  t.equal(offer(1), "sent");
  t.equal(offer(2), "queued", "the outbound queue is at its low-water mark");
  t.equal(offer(3), "queued");
  t.equal(queue.length, 2);
  t.equal(queue.bytes, 2 * (100 + ENTRY));
  t.strictSame(pushes(takeAll()), [1, 2, 3]);
  t.equal(queue.length, 0);
  t.equal(queue.bytes, 0);
  t.equal(offer(4), "sent");
  t.strictSame(episodes, []);
  t.end();
});

t.test("with room, the payload is encoded from the caller's memory; a waiting one is copied once", (t) => {
  const one = setUp();
  const two = setUp();
  const memory = new Uint8Array(100).fill(7);
  const first = new PushBytes(memory);
  one.queue.offer(first);
  two.queue.offer(first);
  t.equal(first.bytes, memory, "not copied");
  const second = new PushBytes(memory);
  one.queue.offer(second);
  const { bytes } = second;
  t.not(bytes, memory);
  two.queue.offer(second);
  t.equal(second.bytes, bytes, "the same bytes for both");
  memory.fill(9);
  t.strictSame(pushes(one.takeAll()), [7, 7]);
  t.strictSame(pushes(two.takeAll()), [7, 7]);
  t.end();
});

t.test("with a memory budget that is used up a queue is full, but for one push", (t) => {
  const budget = new MemoryBudget(1000, { maxFrameBytes: 0 });
  const { offer, queue, takeAll } = setUp("dropNewest", 10_000, { memory: budget });
  t.equal(offer(1), "sent");
  t.equal(offer(2), "queued");
  t.equal(budget.used, 100 + ENTRY, "what waits is counted");
  budget.add(1000);
  t.equal(offer(3), "dropped", "others have used it up");
  t.strictSame(pushes(takeAll()), [1, 2]);
  t.equal(offer(4), "sent");
  t.equal(offer(5), "queued", "one may wait whatever is used");
  t.equal(offer(6), "dropped");
  budget.add(-1000);
  t.equal(offer(7), "queued", "there is memory again");
  queue.close();
  t.equal(budget.used, 0, "and nothing is left in the books");
  t.end();
});

t.test("pause and dropNewest: what has no room is dropped, once told of with its number", (t) => {
  for (const policy of ["pause", "dropNewest"] as const) {
    const { offer, queue, episodes, takeAll, take } = setUp(policy, 4 * 164);
    t.strictSame(
      [1, 2, 3, 4, 5].map((byte) => offer(byte)).join(),
      "sent,queued,queued,queued,queued",
    );
    t.equal(queue.pausesReading, policy === "pause");
    t.strictSame([6, 7, 8].map((byte) => offer(byte)).join(), "dropped,dropped,dropped");
    t.strictSame(episodes, [{ policy, pushes: 1, bytes: 100, over: false }]);
    t.equal(queue.dropped, 3);
    take();
    t.equal(offer(9), "queued", "there is room again");
    t.equal(offer(10), "dropped", "the same episode");
    t.equal(episodes.length, 1);
    t.strictSame(pushes(takeAll()), [1, 2, 3, 4, 5, 9]);
    t.strictSame(episodes[1], { policy, pushes: 4, bytes: 400, over: true });
    t.equal(queue.pausesReading, false);
    offer(11);
    takeAll();
    t.equal(episodes.length, 2);
  }
  t.end();
});

t.test("dropOldest: those that wait longest make room", (t) => {
  const { offer, queue, episodes, takeAll } = setUp("dropOldest", 3 * 164);
  t.strictSame(
    [1, 2, 3, 4, 5, 6].map((byte) => offer(byte)).slice(1).join(),
    "queued,queued,queued,queued,queued",
  );
  t.equal(queue.length, 3);
  t.equal(queue.bytes, 3 * 164);
  t.equal(offer(7, 300), "queued", "a larger one takes the room of several");
  t.equal(queue.length, 1);
  const sent = takeAll();
  t.equal(sent.length, 400);
  t.strictSame([sent[0], sent[100]], [1, 7]);
  t.strictSame(episodes.map(({ pushes, bytes, over }) => ({ pushes, bytes, over })), [
    { pushes: 1, bytes: 100, over: false },
    { pushes: 5, bytes: 500, over: true },
  ]);
  t.end();
});

t.test("conflate: only the newest of a key waits, in the place of the first", (t) => {
  const { offer, queue, episodes, takeAll } = setUp(conflate((payload) => `${payload[0]! % 10}`));
  offer(100);
  t.equal(offer(11), "queued");
  t.equal(offer(12), "queued");
  t.equal(offer(21), "queued");
  t.equal(offer(22, 300), "queued");
  t.equal(queue.length, 2);
  t.equal(queue.bytes, 100 + 300 + 2 * ENTRY);
  t.equal(offer(32), "queued");
  t.equal(queue.dropped, 3);
  t.strictSame(pushes(takeAll()), [100, 21, 32]);
  t.strictSame(episodes.map(({ pushes, over }) => [pushes, over]), [[1, false], [3, true]]);
  // Gone keys are forgotten: the next push of one waits by itself.
  offer(50);
  t.equal(offer(41), "queued");
  t.strictSame(pushes(takeAll()).slice(3), [50, 41]);
  t.end();
});

t.test("conflate: a new key without room takes that of the oldest, a larger payload too", (t) => {
  const { offer, queue, takeAll } = setUp(conflate((payload) => `${payload[0]}`), 3 * 164);
  for (const byte of [1, 2, 3, 4, 5]) offer(byte);
  t.equal(queue.length, 3);
  t.equal(offer(4, 200), "queued");
  t.ok(queue.bytes <= 3 * 164, `${queue.bytes} bytes`);
  const sent = takeAll();
  t.equal(sent.lastIndexOf(4) - sent.indexOf(4), 199);
  t.equal(sent.includes(2), false);
  t.end();
});

t.test("disconnect: a peer that has not caught up in time is cut off", (t) => {
  const { offer, clock, aborts, take, takeAll } = setUp(disconnect(500), 2 * 164);
  for (const byte of [1, 2, 3]) offer(byte);
  clock.advance(10_000);
  t.strictSame(aborts, [], "a peer is not too slow as long as there is room");
  t.equal(offer(4), "dropped");
  clock.advance(499);
  takeAll();
  clock.advance(1);
  t.strictSame(aborts, [], "it has caught up");
  t.equal(clock.pending, 0);
  for (const byte of [1, 2, 3, 4]) offer(byte);
  clock.advance(300);
  take();
  offer(5);
  t.equal(offer(6), "dropped");
  clock.advance(199);
  t.strictSame(aborts, []);
  clock.advance(1);
  t.strictSame(aborts, ["SLOW_CONSUMER"], "counted from the first one dropped");
  t.end();
});

t.test("disconnect(0) cuts at once", (t) => {
  const { offer, aborts } = setUp("pause", 1024);
  while (offer(1, 100, disconnect(0)) !== "dropped");
  t.strictSame(aborts, ["SLOW_CONSUMER"]);
  t.end();
});

t.test("a push's own policy goes before the server's", (t) => {
  const { offer, queue, takeAll } = setUp("dropNewest", 2 * 164);
  for (const byte of [1, 2, 3]) offer(byte);
  t.equal(offer(4), "dropped");
  t.equal(offer(5, 100, "dropOldest"), "queued");
  t.equal(queue.pausesReading, false);
  t.strictSame(pushes(takeAll()), [1, 3, 5]);
  t.end();
});

t.test("one push larger than the queue is taken by itself", (t) => {
  const { offer, takeAll } = setUp("dropNewest", 1024);
  offer(1);
  t.equal(offer(2, 5000), "queued");
  t.equal(offer(3), "dropped");
  t.equal(takeAll().length, 5100);
  t.end();
});

t.test("drained settles when the peer has taken what waited, and rejects when it never will", async (t) => {
  const { offer, queue, take, takeAll } = setUp();
  await queue.drained();
  offer(1);
  await queue.drained();
  for (const byte of [2, 3, 4]) offer(byte);
  let drained = false;
  const wait = queue.drained().then(() => drained = true);
  take();
  take();
  await Promise.resolve();
  t.equal(drained, false);
  takeAll();
  await wait;
  offer(1);
  offer(2);
  const lost = queue.drained();
  queue.close();
  await t.rejects(lost, { code: "CONNECTION_CLOSED" });
  await t.rejects(queue.drained(), { code: "CONNECTION_CLOSED" });
  t.equal(offer(3), "dropped");
  t.equal(queue.bytes, 0);
});

t.test("drained waits until the window takes another push too", async (t) => {
  const window = { open: true };
  const { offer, queue, take, takeAll } = setUp("pause", 1024, { window });
  t.equal(offer(1), "sent");
  takeAll();
  window.open = false; // as many are sent as may be without an acknowledgement
  let drained = false;
  const wait = queue.drained().then(() => drained = true);
  take();
  queue.refill();
  await Promise.resolve();
  t.equal(drained, false);
  window.open = true;
  queue.refill();
  await wait;
  t.equal(offer(2), "sent");
});

t.test("an episode is over when the connection closes", (t) => {
  const { offer, queue, clock, episodes, aborts } = setUp(disconnect(100), 1024);
  while (offer(1) !== "dropped");
  queue.close();
  queue.close();
  t.strictSame(episodes.map(({ over }) => over), [false, true]);
  t.equal(clock.pending, 0);
  t.strictSame(aborts, []);
  t.end();
});

t.test("whatever is pushed and taken, the bounds hold and nothing is lost uncounted", (t) => {
  const policies: SlowConsumer[] = [
    "pause",
    "dropOldest",
    "dropNewest",
    conflate((payload) => `${payload[0]! % 5}`),
    disconnect(1000),
  ];
  for (let seed = 1; seed <= 40; seed++) {
    const next = random(seed);
    const { queue, limits, outbound, offer, take, takeAll, episodes } = setUp("pause", 2000);
    let [offered, bytes] = [0, 0];
    for (let i = 0; i < 300; i++) {
      if (next(4) === 0) {
        take();
        continue;
      }
      const size = next(400);
      const before = queue.length;
      offer(i % 256, size, policies[next(5)]!);
      offered++;
      bytes += size;
      if (queue.bytes > limits.pushQueueBytes && before > 0) t.fail(`seed ${seed}: ${queue.bytes}`);
    }
    const left = takeAll().length;
    const dropped = episodes.filter(({ over }) => over);
    const pushes = dropped.reduce((sum, episode) => sum + episode.pushes, 0);
    const lost = dropped.reduce((sum, episode) => sum + episode.bytes, 0);
    if (pushes !== queue.dropped || queue.dropped >= offered || limits.counters.drops !== pushes) {
      t.fail(`seed ${seed}: ${pushes}`);
    }
    if (left + lost !== bytes) t.fail(`seed ${seed}: ${left} + ${lost} of ${bytes}`);
    if (queue.bytes !== 0 || outbound.queuedBytes !== 0) t.fail(`seed ${seed}: rest`);
  }
  t.pass("seeds 1 to 40");
  t.end();
});

t.test("what is no policy is refused, naming what one is", (t) => {
  for (const wrong of [-1, 0.5, NaN, "10", 2 ** 31]) {
    try {
      disconnect(wrong as number);
      t.fail(`${wrong}`);
    } catch (error) {
      t.ok(isFramewireError(error, "INVALID_OPTION"));
    }
  }
  t.throws(() => conflate(5 as never), { code: "INVALID_OPTION" });
  t.end();
});
