/** Who comes in: limits are exact, counted, and tell. */

import t from "tap";
import { HostBuckets } from "../../src/gates/rate_buckets.ts";
import type { Refusal } from "../../src/server/refusal.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { Link, ListenTarget, Transport } from "../../src/link/link.ts";
import type { ServeOptions } from "../../src/server/serve.ts";
import { ack, submit, toHex } from "../helpers/frames.ts";
import { Peer, peerTo } from "../helpers/peer.ts";
import { deferred, tcp, turns, until } from "../helpers/runtime.ts";
import { start, type Teardown } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

/** A network whose peers come from the addresses a test says. */
function addressed(from: () => string): Transport {
  const inner = memoryNetwork();
  return {
    connect: (target) => inner.connect(target),
    listen: (target, events) =>
      inner.listen(target, {
        accepted(link) {
          const remote = { hostname: from(), port: 1 };
          events.accepted(
            new Proxy(link, {
              get(of, name) {
                if (name === "remote") return remote;
                const value = of[name as keyof Link] as unknown;
                return typeof value === "function" ? value.bind(of) : value;
              },
            }),
          );
        },
        failed: (error) => events.failed(error),
      }),
  };
}

async function world(t: Teardown, options: ServeOptions, transport: Transport = memoryNetwork()) {
  const clock = new VirtualClock();
  const refusals: Refusal[] = [];
  const server = await start(t, { name: "", codec: "ts", transport }, {
    submit: (packet) => packet.text() === "hang" ? deferred().promise : undefined,
  }, { clock, lingerMs: 0, on: { refuse: (refusal) => void refusals.push(refusal) }, ...options });
  let most = 0;
  server.on("connect", () => most = Math.max(most, server.stats().connections.open));
  const peer = () => peerTo(server.addr.port, transport);
  /** Whether the server answers it. */
  const served = async (one: Peer) => {
    one.write(submit(1));
    await turns(5);
    return toHex(one.received) === toHex(ack(1));
  };
  return { clock, server, refusals, peer, served, most: () => most };
}

/** Whether it is told that its request failed, and its connection ends. */
async function turnedAway(one: Peer): Promise<boolean> {
  one.write(submit(1));
  await turns(5);
  return one.isEnded && toHex(one.received) === toHex(ack(1, 1));
}

t.test("pause: the next one waits in the backlog until one leaves", async (t) => {
  const { server, refusals, peer, served, most } = await world(t, { maxConnections: 2 });
  const [a, b, c, d] = [await peer(), await peer(), await peer(), await peer()];
  await turns();
  t.ok(await served(a));
  t.ok(await served(b));
  t.notOk(await served(c), "it waits");
  t.equal(c.isClosed, false);
  t.match(server.stats(), {
    connections: { open: 2, accepted: 2 },
    refusals: { maxConnections: 1 },
  });
  t.match(refusals, [{ gate: "maxConnections", category: "limit", message: /2 connections/ }]);
  a.end();
  await a.closed;
  await until(() => c.receivedBytes === 14, "c is served, and what it sent meanwhile is answered");
  t.notOk(await served(d));
  b.end();
  c.end();
  await until(() => d.receivedBytes === 14, "d is served");
  t.equal(most(), 2, "never more");
  t.equal(server.stats().refusals["maxConnections"], 2, "one for each time it paused");
});

t.test("refuse: a plain peer over the limit is told that its request failed, and closed", async (t) => {
  const options = { maxConnections: 2, onMaxConnections: "refuse" } as const;
  const { server, refusals, peer, served, most } = await world(t, options);
  const [a, b, c] = [await peer(), await peer(), await peer()];
  c.write(submit(1));
  await turns();
  t.ok(await served(a));
  t.ok(await served(b));
  server.on("connect", () => t.fail("who is turned away has not connected"));
  const d = await peer();
  d.write(submit(1));
  d.end();
  await d.closed;
  // A plain peer knows only that its request has failed.
  for (const one of [c, d]) t.equal(toHex(one.received), toHex(ack(1, 1)));
  t.match(server.stats(), {
    connections: { open: 2, accepted: 2 },
    requests: 2,
    refusals: { maxConnections: 2 },
  });
  t.equal(refusals.length, 2);
  t.equal(most(), 2);
});

t.test("a storm of refused connections is cut, and harms nobody", async (t) => {
  const options = { maxConnections: 1, onMaxConnections: "refuse", lingerMs: 60_000 } as const;
  const { server, peer, served } = await world(t, options);
  const inside = await peer();
  await turns();
  const storm: Peer[] = [];
  for (let i = 0; i < 500; i++) storm.push(await peer());
  await until(() => server.stats().refusals["maxConnections"] === 500, "all are refused");
  await turns();
  t.ok(storm.filter((one) => one.isClosed).length >= 500 - 64, "few may linger");
  t.ok(await served(inside));
});

t.test("evict-idle: the one idle for longest goes, never one that is owed an answer", async (t) => {
  const options = { maxConnections: 3, onMaxConnections: "evict-idle" } as const;
  const { clock, server, refusals, peer, served, most } = await world(t, options);
  const [busy, older, newer] = [await peer(), await peer(), await peer()];
  await turns();
  busy.write(submit(1, "hang"));
  older.write(submit(1));
  await turns();
  clock.advance(3000);
  newer.write(submit(1));
  await turns();
  clock.advance(3000);
  const next = await peer();
  await turns();
  t.equal(older.isClosed, true, "idle for longest");
  t.equal(newer.isClosed, false);
  t.ok(await served(next));
  const another = await peer();
  await turns();
  t.equal(newer.isClosed, true);
  t.equal(busy.isClosed, false);
  t.ok(await served(another));
  t.match(refusals, [{ gate: "maxConnections", conn: 2 }, { gate: "maxConnections", conn: 3 }]);
  for (const one of [next, another]) one.write(submit(2, "hang"));
  await turns();
  clock.advance(2000);
  t.ok(await turnedAway(await peer()), "when all are owed an answer, the new one is turned away");
  t.equal(most(), 3, "never more");
  t.equal(server.stats().connections.open, 3);
});

t.test("evict-idle without any deadline still knows who is idle", async (t) => {
  const { clock, peer, served } = await world(t, {
    maxConnections: 1,
    onMaxConnections: "evict-idle",
    handshakeTimeoutMs: 0,
    idleTimeoutMs: 0,
    heartbeatMs: 0,
    frameTimeoutMs: 0,
    writeStallMs: 0,
  });
  const first = await peer();
  t.ok(await served(first));
  clock.advance(1000);
  const second = await peer();
  t.ok(await served(second));
  t.ok(first.isClosed);
});

t.test("evict-idle: many come at once, each in the place of one", async (t) => {
  const options = { maxConnections: 100, onMaxConnections: "evict-idle" } as const;
  const { clock, server, peer, served, most } = await world(t, options);
  const first: Peer[] = [];
  for (let i = 0; i < 100; i++) first.push(await peer());
  await turns();
  clock.advance(2000);
  const then: Peer[] = [];
  for (let i = 0; i < 100; i++) then.push(await peer());
  await turns(5);
  t.ok(first.every((one) => one.isClosed));
  t.equal(most(), 100);
  t.equal(server.stats().connections.open, 100);
  t.ok(await served(then[99]!));
});

t.test("maxConnectionsPerIp: IPv4-mapped addresses are one with their IPv4", async (t) => {
  let from = "192.0.2.1";
  const { server, refusals, peer, served } = await world(
    t,
    { maxConnectionsPerIp: 2 },
    addressed(() => from),
  );
  const a = await peer();
  await turns();
  from = "::ffff:192.0.2.1";
  const b = await peer();
  await turns();
  t.ok(await turnedAway(await peer()));
  from = "192.0.2.2";
  t.ok(await served(await peer()), "another address is not concerned");
  t.match(refusals, [{ gate: "maxConnectionsPerIp", message: /^192\.0\.2\.1 has 2 connections/ }]);
  a.end();
  await a.closed;
  from = "::ffff:c000:201";
  t.ok(await served(await peer()), "one has left");
  t.equal(b.isEnded, false);
  server.reconfigure({ maxConnectionsPerIp: 3 });
  t.ok(await served(await peer()));
  t.ok(await turnedAway(await peer()), "those inside are counted after a change too");
});

t.test("acceptRatePerIp: a burst, then so many a second", async (t) => {
  let from = "192.0.2.1";
  const { clock, refusals, peer } = await world(
    t,
    { acceptRatePerIp: { perSecond: 2, burst: 3 } },
    addressed(() => from),
  );
  const comeIn = async (count: number) => {
    const peers: Peer[] = [];
    for (let i = 0; i < count; i++) peers.push(await peer());
    const away = await Promise.all(peers.map(turnedAway));
    return away.filter((one) => !one).length;
  };
  t.equal(await comeIn(5), 3);
  clock.advance(1000);
  t.equal(await comeIn(5), 2);
  from = "192.0.2.2";
  t.equal(await comeIn(5), 3);
  t.equal(refusals.filter(({ gate }) => gate === "acceptRatePerIp").length, 7);
});

t.test("acceptRatePerIp: other options change without refilling what an address has used", async (t) => {
  const rate = { acceptRatePerIp: { perSecond: 1, burst: 1 } };
  const { clock, server, peer, served } = await world(t, rate, addressed(() => "192.0.2.1"));
  t.ok(await served(await peer()));
  server.reconfigure({ maxConnections: 50 });
  t.ok(await turnedAway(await peer()));
  server.reconfigure({ acceptRatePerIp: { perSecond: 1, burst: 2 } });
  t.ok(await served(await peer()), "a new rate begins with a full bucket");
  clock.advance(1000);
});

t.test("all of a /64 of IPv6 is one address", async (t) => {
  let from = "2001:db8:0:1::1";
  const options = { maxConnectionsPerIp: 2, acceptRatePerIp: { perSecond: 1, burst: 3 } };
  const { refusals, peer, served } = await world(t, options, addressed(() => from));
  t.ok(await served(await peer()));
  from = "2001:db8:0:1:ffff::2";
  t.ok(await served(await peer()));
  t.ok(await turnedAway(await peer()));
  t.ok(await turnedAway(await peer()));
  t.match(refusals, [
    { gate: "maxConnectionsPerIp", message: /^2001:db8:0:1::\/64 has 2 connections already/ },
    { gate: "acceptRatePerIp", message: /^2001:db8:0:1::\/64 connects more than 1 times a second/ },
  ]);
  from = "2001:db8:0:2::1";
  t.ok(await served(await peer()), "the next one is not concerned");
});

t.test("the rates of addresses take bounded memory", (t) => {
  const clock = new VirtualClock();
  const rates = new HostBuckets(clock, { requestsPerSecond: 1, requestBurst: 1 }, 16_384);
  for (let i = 0; i < 50_000; i++) rates.takeOne(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  t.ok(rates.size <= 16_384);
  t.equal(rates.takeOne("10.0.195.79"), false, "the last ones are remembered");
  clock.advance(1000);
  t.equal(rates.takeOne("10.0.195.79"), true);
  clock.advance(1000);
  for (let i = 0; i < 16_384; i++) rates.takeOne("192.0.2.1");
  t.equal(rates.size, 1, "those that are full again are forgotten");
  t.end();
});

t.test("limits over real sockets: pause, then as many as may", async (t) => {
  const server = await start(t, { name: "", codec: "ts" }, { submit: () => {} }, {
    maxConnections: 20,
  });
  let most = 0;
  server.on("connect", () => most = Math.max(most, server.stats().connections.open));
  let served = 0;
  await Promise.all(Array.from({ length: 100 }, async () => {
    const peer = await peerTo(server.addr.port);
    peer.write(submit(1));
    t.equal(toHex(await peer.read(14)), toHex(ack(1)));
    served++;
    peer.end();
    await peer.closed;
  }));
  t.equal(served, 100, "all are served, one after the other");
  t.ok(most <= 20, `${most} at once`);
});

t.test("a paused server shuts down, and so does one with peers in its backlog", async (t) => {
  for (const transport of [memoryNetwork(), tcp]) {
    const server = await start(t, { name: "", codec: "ts", transport }, { submit: () => {} }, {
      maxConnections: 1,
    });
    const inside = await peerTo(server.addr.port, transport);
    const waiting = await peerTo(server.addr.port, transport);
    inside.write(submit(1));
    await inside.read(14);
    const over = server.shutdown({ deadlineMs: 2000 });
    inside.end();
    await over;
    await waiting.ended;
    waiting.end();
    t.equal(waiting.receivedBytes, 0);
  }
});

t.test("noDelay, keepAliveMs and backlog are the transport's to know", async (t) => {
  const targets: ListenTarget[] = [];
  const network = memoryNetwork();
  const transport: Transport = {
    ...network,
    listen: (target, events) => {
      targets.push(target);
      return network.listen(target, events);
    },
    connect: (target) => network.connect(target),
  };
  const given = { noDelay: false, keepAliveMs: 5000, backlog: 7 };
  for (const options of [{}, given]) {
    await start(t, { name: "", codec: "ts", transport }, { submit: () => {} }, options);
  }
  t.match(targets, [{ noDelay: true, keepAliveMs: 0, backlog: 4096 }, given]);
});

t.test("noDelay and keepAliveMs reach the transport, which refuses what it cannot do", async (t) => {
  const options = { noDelay: false, keepAliveMs: 7_200_000 };
  const server = await start(t, { name: "", codec: "ts" }, { submit: () => {} }, options);
  const link = await tcp.connect({ hostname: "127.0.0.1", port: server.addr.port, ...options });
  const peer = Peer.ofLink(link);
  peer.write(submit(1));
  t.equal(toHex(await peer.read(14)), toHex(ack(1)));
  peer.end();
  if ("Deno" in globalThis) {
    const listening = start(t, { name: "", codec: "ts" }, { submit: () => {} }, {
      keepAliveMs: 30_000,
    });
    await t.rejects(listening, { code: "UNSUPPORTED", message: /Deno cannot set the time.*30000/ });
    await t.rejects(
      tcp.connect({ hostname: "127.0.0.1", port: server.addr.port, keepAliveMs: 30_000 }),
      { code: "UNSUPPORTED" },
    );
  }
});
