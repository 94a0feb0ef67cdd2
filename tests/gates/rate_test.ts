/** Rate limits: exact by the clock, per connection, address and server, for any protocol. */

import t from "tap";
import { HostBuckets } from "../../src/gates/rate_buckets.ts";
import { TokenBucket, type Waiter } from "../../src/gates/token_bucket.ts";
import { isFramewireError } from "../../src/errors.ts";
import { defineProtocol, lengthField, u32, u8 } from "../../src/protocol/mod.ts";
import type { Refusal } from "../../src/server/refusal.ts";
import type { ServeOptions } from "../../src/server/serve.ts";
import { addressedNetwork } from "../helpers/addresses.ts";
import { ack, acks, join, submit, submits, toHex } from "../helpers/frames.ts";
import { connect, serve, turns, until } from "../helpers/runtime.ts";
import { CODECS, peerOf, recordEvents, settings, start, urlOf } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

t.test("a bucket begins full, gives its burst, then its rate, to the fraction", (t) => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 3, 5);
  t.equal(bucket.tokens, 5);
  bucket.take(5);
  for (let i = 1; i <= 30; i++) {
    const ms = bucket.waitMs(1);
    t.ok(Math.abs(ms - 1000 / 3) < 1e-6, `${ms}`);
    clock.advance(ms - 0.001);
    if (bucket.allows(bucket.tokens, 1)) t.fail("early");
    clock.advance(0.001);
    if (!bucket.allows(bucket.tokens, 1)) t.fail("late");
    bucket.take(1);
  }
  clock.advance(1e9);
  t.equal(bucket.tokens, 5, "no more than the burst");
  t.end();
});

t.test("more than a whole bucket needs a full one, and leaves it in debt", (t) => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 100, 10);
  bucket.take(1);
  t.equal(bucket.allows(bucket.tokens, 1000), false);
  clock.advance(bucket.waitMs(1000));
  t.equal(clock.now(), 10);
  t.equal(bucket.allows(bucket.tokens, 1000), true);
  bucket.take(1000);
  t.equal(bucket.tokens, -990);
  t.equal(bucket.waitMs(1), 9910);
  t.end();
});

t.test("who waits comes through in order, a large need before later small ones", (t) => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 1000, 10);
  bucket.take(10);
  const order: string[] = [];
  const waiter = (name: string, need: number): Waiter => {
    const self: Waiter = {
      need,
      ready: () => {
        t.ok(bucket.allows(bucket.available(self), need));
        bucket.take(need);
        order.push(`${name} ${clock.now()}`);
      },
    };
    bucket.wait(self);
    return self;
  };
  waiter("large", 8);
  const gone = waiter("gone", 10);
  waiter("small", 1);
  t.equal(bucket.available({ need: 1, ready() {} }), 0, "nobody overtakes");
  bucket.leave(gone);
  clock.advance(100);
  t.strictSame(order, ["large 8", "small 9"]);
  t.equal(clock.pending, 0);
  t.equal(bucket.idle, true);
  t.end();
});

t.test("hosts are remembered while there is something to remember, within a bound", (t) => {
  const clock = new VirtualClock();
  const hosts = new HostBuckets(clock, { requestsPerSecond: 1, requestBurst: 10 }, 100);
  const first = hosts.enter("a");
  t.equal(hosts.enter("a"), first);
  first.requests!.take(10);
  hosts.leave("a", first);
  hosts.leave("a", first);
  t.equal(hosts.enter("a"), first, "coming back does not help");
  hosts.leave("a", first);
  for (let i = 0; i < 1000; i++) {
    const host = hosts.enter(`host ${i}`);
    host.requests!.take(1);
    hosts.leave(`host ${i}`, host);
    if (hosts.size > 102) t.fail(`${hosts.size} hosts`);
  }
  clock.advance(10_000);
  for (let i = 0; i < 100; i++) hosts.leave("idle", hosts.enter("idle"));
  t.equal(hosts.size, 0, "full buckets are forgotten");
  t.end();
});

/** A submit server with a rate, on a virtual clock. */
async function limited(
  t: Parameters<typeof start>[0],
  options: ServeOptions,
  pieceBytes?: (bytes: number) => number,
  codec: "wasm" | "ts" = "ts",
) {
  const clock = new VirtualClock();
  const transport = addressedNetwork("192.0.2.1", pieceBytes && { pieceBytes });
  const setting = { name: "", codec, transport };
  const taken: number[] = [];
  const server = await start(t, setting, {
    submit: () => void taken.push(clock.now()),
  }, { clock, ...options });
  const refusals: Refusal[] = [];
  server.on("refuse", (refusal) => refusals.push(refusal));
  return {
    clock,
    transport,
    setting,
    server,
    taken,
    refusals,
    peer: () => peerOf(server, setting),
  };
}

/** Lets time pass by milliseconds, with all that then happens. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let i = 0; i < ms; i++) {
    clock.advance(1);
    await turns(1);
  }
}

for (const codec of CODECS) {
  for (const piece of [undefined, 1, 7, 40]) {
    t.test(`delay: each request comes through at its moment (${codec}, pieces of ${piece})`, async (t) => {
      const { clock, taken, peer, refusals, server } = await limited(
        t,
        { rate: { connection: { requestsPerSecond: 100, requestBurst: 5 } } },
        piece === undefined ? undefined : () => piece,
        codec,
      );
      const one = await peer();
      one.write(submits(12));
      await until(() => taken.length === 5, "the burst");
      await pass(clock, 100);
      t.strictSame(taken, [0, 0, 0, 0, 0, 10, 20, 30, 40, 50, 60, 70]);
      t.equal(toHex(await one.read(12 * 14)), toHex(acks(12)));
      t.match(refusals, [{ gate: "rate", category: "limit", remote: { hostname: "192.0.2.1" } }]);
      t.equal(refusals[0]!.conn, 1);
      t.match(server.stats(), { requests: 12, failures: 0 });
      // A pause fills the bucket again, and another episode is told again.
      await pass(clock, 1000);
      one.write(submits(6, 13));
      await until(() => taken.length === 17, "the burst");
      await pass(clock, 10);
      t.equal(taken.length, 18);
      t.equal(refusals.length, 2);
    });
  }
}

t.test("delay by bytes: a frame larger than the bucket comes through, and is paid for", async (t) => {
  const { clock, taken, peer } = await limited(t, {
    rate: { connection: { bytesPerSecond: 1000, byteBurst: 50 } },
  });
  const one = await peer();
  // 20 bytes, 113 bytes, 20 bytes, 20 bytes.
  one.write(join(submit(1, "x".repeat(7)), submit(2, "x".repeat(100)), submits(0)));
  one.write(join(submit(3, "x".repeat(7)), submit(4, "x".repeat(7))));
  await until(() => taken.length === 1, "the first");
  await pass(clock, 200);
  // The second when the bucket is full again; 63 in debt, the third after 83 ms, the last 20 later.
  t.strictSame(taken, [0, 20, 103, 123]);
});

t.test("connections of one address share, others have their own, the server's is shared by all", async (t) => {
  const { clock, transport, taken, peer } = await limited(t, {
    rate: {
      ip: { requestsPerSecond: 100, requestBurst: 2 },
      server: { requestsPerSecond: 1000, requestBurst: 5 },
    },
  });
  const [a, b] = [await peer(), await peer()];
  await turns();
  transport.from = "192.0.2.2";
  const other = await peer();
  await turns();
  a.write(submits(3));
  await turns();
  b.write(submits(3));
  await turns();
  t.equal(taken.length, 2, "the address' burst");
  other.write(submits(2));
  await turns();
  t.equal(taken.length, 4, "another address");
  await pass(clock, 40);
  t.strictSame(taken.slice(4), [10, 20, 30, 40]);
  t.equal(toHex(a.received), toHex(acks(3)), "a was held up first, but takes turns with b");
  t.equal(b.receivedBytes, 3 * 14);
  // Sixty-four bits make a host.
  transport.from = "2001:db8::1";
  const six = await peer();
  await turns();
  transport.from = "2001:db8::ffff:1";
  const seven = await peer();
  await turns();
  six.write(submits(2));
  seven.write(submits(2));
  await turns();
  t.equal(taken.length, 10);
});

t.test("many connections over the server's limit take turns, and none is left behind", async (t) => {
  const { clock, taken, peer } = await limited(t, {
    rate: { server: { requestsPerSecond: 1000, requestBurst: 1 } },
  });
  const peers = await Promise.all(Array.from({ length: 20 }, peer));
  await turns();
  for (const one of peers) one.write(submits(5));
  await turns();
  await pass(clock, 60);
  t.equal(taken.length, 61);
  const counts = peers.map((one) => one.receivedBytes / 14);
  t.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join(" "));
  // One that goes leaves its turn to the others.
  peers[0]!.reset();
  peers[7]!.reset();
  await pass(clock, 60);
  t.strictSame(
    peers.map((one) => one.receivedBytes / 14 === 5),
    peers.map((_, i) => i !== 0 && i !== 7),
  );
  for (const one of peers) one.reset();
  await until(() => clock.pending === 0, "no timer is left");
});

t.test("busy: requests over the limit are refused, in their order", async (t) => {
  for (const piece of [undefined, 1, 5]) {
    const { clock, taken, peer, refusals, server } = await limited(
      t,
      { rate: { connection: { requestsPerSecond: 10, requestBurst: 3 } }, onRate: "busy" },
      piece === undefined ? undefined : () => piece,
    );
    const { errors } = recordEvents(server);
    const one = await peer();
    one.write(submits(5));
    const expected = [acks(3), ack(4, 1), ack(5, 1)];
    t.equal(toHex(await one.read(5 * 14)), toHex(join(...expected)));
    t.equal(taken.length, 3);
    clock.advance(100);
    one.write(submits(2, 6));
    expected.push(ack(6), ack(7, 1));
    t.equal(toHex(await one.read(7 * 14)), toHex(join(...expected)));
    t.strictSame(errors, [], "no handler has failed");
    t.match(server.stats(), { refusals: { rate: 3 }, failures: 3, replies: 7 });
    t.equal(refusals[0]!.category, "limit");
    one.end();
    await one.ended;
    t.equal(clock.pending, 0);
  }
});

t.test("busy with bytes: what there is room for is taken, before and behind what is refused", async (t) => {
  const { taken, peer } = await limited(t, {
    rate: { connection: { bytesPerSecond: 10, byteBurst: 100 } },
    onRate: "busy",
  });
  const one = await peer();
  one.write(
    join(
      submit(1, "x".repeat(47)),
      submit(2, "x".repeat(60)),
      submit(3, "x"),
      submit(4, "x".repeat(30)),
    ),
  );
  const expected = join(ack(1), ack(2, 1), ack(3), ack(4, 1));
  t.equal(toHex(await one.read(4 * 14)), toHex(expected));
  t.equal(taken.length, 2);
});

t.test("close: what came before is answered, then the connection ends", async (t) => {
  const { peer, server, refusals } = await limited(t, {
    rate: { connection: { requestsPerSecond: 10, requestBurst: 3 } },
    onRate: "close",
  });
  const { errors, disconnects } = recordEvents(server);
  const one = await peer();
  one.write(submits(5));
  t.equal(toHex(await one.readToEnd()), toHex(acks(3)));
  one.end();
  await until(() => disconnects.length === 1, "disconnect");
  t.match(errors, [{ code: "RATE_LIMITED" }]);
  t.match(disconnects, [{ code: "RATE_LIMITED", requests: 3 }]);
  t.match(refusals, [{ gate: "rate", category: "limit" }]);
  t.strictSame(server.stats().refusals, { rate: 1 });
});

t.test("a long submit that is streamed waits for its bytes as others do, or is refused", async (t) => {
  for (const onRate of ["delay", "busy"] as const) {
    const clock = new VirtualClock();
    const transport = addressedNetwork("192.0.2.1");
    const setting = { name: "", codec: "ts", transport } as const;
    const taken: string[] = [];
    const server = await start(t, setting, {
      async submit(packet) {
        let bytes = 0;
        for await (const part of packet.stream()) bytes += part.length;
        taken.push(`${bytes} at ${clock.now()}`);
      },
    }, {
      clock,
      streamThresholdBytes: 1024,
      rate: { connection: { bytesPerSecond: 100_000, byteBurst: 5000 } },
      onRate,
    });
    const peer = await peerOf(server, setting);
    const long = "x".repeat(4987);
    peer.write(join(submit(1, long), submit(2, long), submit(3, "x".repeat(87))));
    await until(() => taken.length === 1, "the first");
    for (let ms = 0; ms < 60; ms++) {
      clock.advance(1);
      await turns(2);
    }
    const answers = onRate === "delay" ? [ack(1), ack(2), ack(3)] : [ack(1), ack(2, 1), ack(3, 1)];
    t.equal(toHex(await peer.read(3 * 14)), toHex(join(...answers)), onRate);
    t.strictSame(
      taken,
      onRate === "delay" ? ["4987 at 0", "4987 at 50", "87 at 51"] : ["4987 at 0"],
    );
  }
});

t.test("a peer that ends while it is held up is answered first", async (t) => {
  const { clock, peer, taken } = await limited(t, {
    rate: { connection: { requestsPerSecond: 100, requestBurst: 1 } },
  });
  const one = await peer();
  one.write(submits(4));
  one.end();
  await until(() => taken.length === 1, "the first");
  await pass(clock, 30);
  t.equal(toHex(await one.readToEnd()), toHex(acks(4)));
});

t.test("echo is delayed as any protocol, and cannot be busy", async (t) => {
  const clock = new VirtualClock();
  const transport = addressedNetwork("192.0.2.1");
  const rate = { connection: { requestsPerSecond: 100, requestBurst: 2 } };
  await using server = await serve({ transport, port: 0, protocol: "echo", clock, rate });
  const client = await connect(urlOf(server), { transport, protocol: "echo" });
  const echoed: string[] = [];
  for (const text of ["one", "two", "three"]) {
    void client.echo(text).then((bytes) => echoed.push(new TextDecoder().decode(bytes)));
  }
  await until(() => echoed.length === 2, "the burst");
  await turns();
  t.strictSame(echoed, ["one", "two"]);
  await pass(clock, 10);
  await until(() => echoed.length === 3, "the last");
  await client.close();
  await t.rejects(
    serve({ transport, port: 0, protocol: "echo", rate, onRate: "busy" }),
    { code: "INVALID_OPTION", message: /echo has none: onRate must be/ },
  );
});

t.test("a defined protocol answers by its failure, which is told RATE_LIMITED", async (t) => {
  const clock = new VirtualClock();
  const transport = addressedNetwork("192.0.2.1");
  const failures: unknown[] = [];
  const protocol = defineProtocol({
    name: "adder",
    framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
    header: { length: u32, kind: u8, id: u32 },
    kind: "kind",
    correlate: "id",
    replyBit: 0x80,
    packets: {
      add: { kind: 1, body: { a: u32, b: u32 }, reply: "sum" },
      sum: { kind: 0x81, body: { sum: u32 } },
      failed: { kind: 0xff, body: { code: u8 }, answersAny: true },
    },
    failure: (_request, error) => {
      failures.push((error as { code?: unknown }).code);
      return { packet: "failed", body: { code: 9 } };
    },
  });
  await using server = await serve({
    transport,
    port: 0,
    protocol,
    clock,
    rate: { connection: { requestsPerSecond: 1, requestBurst: 2 } },
    onRate: "busy",
  }, { add: ({ a, b }) => ({ sum: a + b }) });
  const { errors } = recordEvents(server as never);
  const client = await connect(urlOf(server as never), { transport, protocol });
  const sums = await Promise.allSettled([1, 2, 3, 4].map((a) => client.call("add", { a, b: 1 })));
  t.strictSame(sums.map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "rejected",
    "rejected",
  ]);
  t.strictSame(failures, ["RATE_LIMITED", "RATE_LIMITED"]);
  t.strictSame(errors, []);
  await client.close();
});

t.test("what is no limit is refused, and named", async (t) => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [5, /rate must be an object \{ connection\?, ip\?, server\? \}/],
    [{ host: {} }, /without host/],
    [{ ip: 5 }, /whose ip is an object/],
    [{ ip: { perSecond: 5 } }, /without perSecond/],
    [{ ip: { requestsPerSecond: 0 } }, /requestsPerSecond is a number over 0/],
    [{ ip: { requestsPerSecond: NaN } }, /requestsPerSecond is/],
    [{ ip: { requestsPerSecond: "5" } }, /requestsPerSecond is/],
    [{ ip: { requestsPerSecond: 1, requestBurst: 0.5 } }, /requestBurst is a whole number from 1/],
    [{ ip: { byteBurst: 5 } }, /byteBurst comes with a bytesPerSecond/],
  ];
  for (const [rate, message] of wrong) {
    try {
      await serve({ port: 0, rate: rate as never }, { submit() {} });
      t.fail("it was taken");
    } catch (error) {
      t.ok(isFramewireError(error, "INVALID_OPTION"));
      t.match((error as Error).message, message);
    }
  }
});

for (const setting of settings().filter(({ transport }) => transport === undefined)) {
  t.test(`over TCP and by the system's clock the rate holds (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit: () => {} }, {
      rate: { connection: { requestsPerSecond: 2000, requestBurst: 100 } },
    });
    const peer = await peerOf(server, setting);
    const began = performance.now();
    peer.write(submits(500));
    t.equal(toHex(await peer.read(500 * 14)), toHex(acks(500)));
    const ms = performance.now() - began;
    t.ok(ms >= 199, `400 over the burst took ${ms} ms`);
  });
}
