/** Options that change while the server runs. */

import t from "tap";
import { fixed, lengthField } from "../../src/codec/framing.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { bytes, defineProtocol, u8 } from "../../src/protocol/mod.ts";
import { addressedNetwork } from "../helpers/addresses.ts";
import { resolveServerOptions, SERVER } from "../../src/options/server.ts";
import type { OptionSpec } from "../../src/options/spec.ts";
import type { SubmitConnection } from "../../src/protocol/submit/server/handlers.ts";
import { LiveSettings } from "../../src/server/live_settings.ts";
import { ack, frame, join, SUBMIT, submit, submits, toHex } from "../helpers/frames.ts";
import { FramePeer } from "../helpers/hello.ts";
import { peerTo } from "../helpers/peer.ts";
import { deferred, serve, turns, until } from "../helpers/runtime.ts";
import { recordEvents, start, type Teardown, watch } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

async function world(t: Teardown, options: object = {}) {
  const clock = new VirtualClock();
  const transport = memoryNetwork();
  const server = await start(t, { name: "", codec: "ts", transport }, {
    submit: (packet) => packet.text() === "hang" ? deferred().promise : undefined,
  }, { clock, lingerMs: 0, ...options });
  const peer = () => peerTo(server.addr.port, transport);
  return { clock, server, peer, ...recordEvents(server) };
}

t.test("deadlines change for the connections that are open", async (t) => {
  const { clock, server, peer, disconnects } = await world(t, { idleTimeoutMs: 0, heartbeatMs: 0 });
  const one = await peer();
  one.write(submit(1));
  await one.read(14);
  for (let i = 0; i < 100; i++) clock.advance(10_000);
  t.equal(disconnects.length, 0);
  server.reconfigure({ idleTimeoutMs: 5000 });
  clock.advance(1000);
  await until(() => disconnects.length === 1, "it has been idle for long");
  t.match(disconnects, [{ code: "IDLE_TIMEOUT", message: /5000 ms/ }]);
});

t.test("where no deadline was in force, one begins", async (t) => {
  const none = { handshakeTimeoutMs: 0, idleTimeoutMs: 0, heartbeatMs: 0, frameTimeoutMs: 0 };
  const { clock, server, peer, disconnects } = await world(t, { ...none, writeStallMs: 0 });
  await peer();
  await turns();
  clock.advance(100_000);
  t.equal(disconnects.length, 0);
  server.reconfigure({ handshakeTimeoutMs: 1000 });
  clock.advance(1300);
  await until(() => disconnects.length === 1, "disconnect");
  t.match(disconnects, [{ code: "HANDSHAKE_TIMEOUT" }]);
});

for (
  const [option, code] of [
    ["handshakeTimeoutMs", "HANDSHAKE_TIMEOUT"],
    ["frameTimeoutMs", "FRAME_TIMEOUT"],
    ["idleTimeoutMs", "IDLE_TIMEOUT"],
    ["maxAgeMs", "MAX_AGE"],
  ] as const
) {
  t.test(`${option} ends connections that are open, from when it is set`, async (t) => {
    const none = { handshakeTimeoutMs: 0, idleTimeoutMs: 0, heartbeatMs: 0, frameTimeoutMs: 0 };
    const { clock, server, peer, disconnects } = await world(t, none);
    const one = await peer();
    if (option !== "handshakeTimeoutMs") {
      one.write(submit(1));
      await one.read(14);
    }
    if (option === "frameTimeoutMs") one.write(submit(2).subarray(0, 8));
    await turns();
    clock.advance(3_600_000);
    await turns();
    t.strictSame(disconnects, [], "it is not in force");
    server.reconfigure({ [option]: 2000 });
    for (let ms = 0; ms < 5000; ms += 500) clock.advance(500);
    await until(() => disconnects.length === 1, "disconnect");
    t.match(disconnects, [{ code }]);
  });
}

t.test("deny: an address is shut out while the server runs, and let in again", async (t) => {
  const server = await start(t, { name: "", codec: "ts" }, { submit: () => {} });
  const gates: string[] = [];
  server.on("refuse", ({ gate }) => gates.push(gate));
  server.reconfigure({ deny: ["127.0.0.0/8"] });
  await (await peerTo(server.addr.port)).ended;
  t.strictSame(gates, ["deny"]);
  server.reconfigure({ deny: undefined } as object);
  const one = await peerTo(server.addr.port);
  one.write(submit(1));
  t.equal((await one.read(14)).length, 14);
});

t.test("maxConnections: more are let in at once; fewer only stop new ones", async (t) => {
  const { server, peer } = await world(t, { maxConnections: 1 });
  const [a, b] = [await peer(), await peer()];
  b.write(submit(1));
  await turns();
  t.equal(b.receivedBytes, 0);
  server.reconfigure({ maxConnections: 2 });
  t.equal((await b.read(14)).length, 14);
  server.reconfigure({ maxConnections: 1, onMaxConnections: "refuse" });
  await turns();
  t.equal(a.isEnded, false);
  t.equal(b.isEnded, false);
  const c = await peer();
  c.write(submit(1));
  await c.ended;
  c.end();
  server.reconfigure({ acceptRatePerIp: { perSecond: 1, burst: 1 }, maxConnections: 10 });
  const [d, e] = [await peer(), await peer()];
  e.write(submit(1));
  await turns();
  t.equal(d.isEnded, false);
  t.equal(e.isEnded, true);
  server.reconfigure({ acceptRatePerIp: undefined } as object);
  const f = await peer();
  await turns();
  t.equal(f.isEnded, false, "an option without a default is taken back");
});

t.test("windows and the handlers' deadline change for the connections that are open", async (t) => {
  const { clock, server, peer } = await world(t, { handlerTimeoutMs: 0, maxInFlight: 1 });
  const one = await peer();
  one.write(submits(4, 1, "hang"));
  await turns();
  t.equal(server.stats().requests, 1);
  server.reconfigure({ maxInFlight: 3, handlerTimeoutMs: 1000 });
  const other = await peer();
  other.write(submits(4, 1, "hang"));
  await turns();
  t.equal(server.stats().requests, 4, "three of the other's");
  clock.advance(1000);
  t.equal((await other.read(3 * 14)).length, 3 * 14);
});

for (const ordered of [false, true]) {
  t.test(`windows change for peers that said hello too (ordered ${ordered})`, async (t) => {
    const options = { handlerTimeoutMs: 0, maxInFlight: 2, ordered };
    const { clock, server, peer } = await world(t, options);
    const one = new FramePeer(await peer());
    await one.greet({ features: [] });
    one.write(submits(1, 1, "hang"));
    await until(() => server.stats().inFlight === 1, "one is under way");
    server.reconfigure({ maxInFlight: 4, handlerTimeoutMs: 1000 });
    one.write(submits(9, 2, "hang"));
    await turns();
    t.equal(server.stats().inFlight, 4);
    clock.advance(1000);
    await turns();
    t.equal(
      server.stats().inFlight,
      4,
      "the first came before there was a deadline, and three more",
    );
    if (!ordered) t.equal((await one.next())?.body[0], 6);
  });
}

t.test("what may wait changes for the connections that are open", async (t) => {
  const { server, peer } = await world(t, { writeHighWaterBytes: 1 << 20 });
  const conns: SubmitConnection[] = [];
  const drops: string[] = [];
  server.on("connect", (conn) => conns.push(conn as SubmitConnection));
  server.on("drop", (_conn, { policy, over }) => drops.push(`${policy} ${over}`));
  const slow = new FramePeer(await peer());
  await slow.greet({ features: ["push"] });
  slow.peer.pause();
  const conn = conns[0]!;
  t.equal(conn.push(new Uint8Array(150_000)), "sent");
  await turns();
  t.equal(conn.push(new Uint8Array(1000)), "sent", "up to a quarter of a mebibyte waits");
  server.reconfigure({ writeLowWaterBytes: 1000, pushQueueBytes: 2048 });
  t.equal(conn.push(new Uint8Array(1000)), "queued");
  server.reconfigure({ slowConsumer: "dropNewest" });
  t.equal(conn.push(new Uint8Array(1000)), "dropped");
  t.strictSame(drops, ["dropNewest false"]);
  server.reconfigure({ pushQueueBytes: 1 << 20 });
  t.equal(conn.push(new Uint8Array(1000)), "queued");
  t.throws(() => server.reconfigure({ pushQueueBytes: 1 << 21, writeLowWaterBytes: 1 << 21 }), {
    code: "INVALID_OPTION",
    message: /writeLowWaterBytes must be at most writeHighWaterBytes, which is 1048576/,
  });
  t.equal(conn.push(new Uint8Array(1_047_000)), "dropped", "pushQueueBytes is as it was");
  server.reconfigure({ writeLowWaterBytes: undefined } as object);
  await turns();
  slow.peer.resume();
  await conn.drained();
  t.equal(conn.push("x"), "sent");
});

t.test("the memory budget changes for the connections that are open", async (t) => {
  const { server, peer } = await world(t);
  const [halfway, other] = [await peer(), await peer()];
  halfway.write(frame(SUBMIT, 1, new Uint8Array(500_000)).subarray(0, 400_000));
  const long = submit(1, new Uint8Array(100_000));
  other.write(long.subarray(0, 90_000));
  await until(() => server.stats().memory.used > 480_000, "both are inside a frame");
  t.equal(server.stats().memory.paused, 0);
  server.reconfigure({ memoryBudgetBytes: 300_000 });
  t.match(server.stats().memory, { budget: 300_000, paused: 1 });
  other.write(long.subarray(90_000));
  await turns();
  t.equal(server.stats().requests, 0);
  server.reconfigure({ memoryBudgetBytes: 0 });
  await other.read(14);
  t.equal(server.stats().memory.paused, 0);
});

t.test("who may connect changes for connections that come from now on", async (t) => {
  const { server, peer } = await world(t);
  const gates: string[] = [];
  server.on("refuse", ({ gate }) => gates.push(gate));
  const before = await peer();
  await turns();
  server.reconfigure({ allow: [] });
  const denied = await peer();
  await denied.ended;
  t.strictSame(gates, ["allow"]);
  server.reconfigure({ allow: undefined } as object);
  for (const one of [before, await peer()]) {
    one.write(submit(1));
    await one.read(14);
  }
});

t.test("heartbeatMs: peers are asked from when it is set, and cut when they are silent", async (t) => {
  const { clock, server, peer, disconnects } = await world(t, { heartbeatMs: 0, idleTimeoutMs: 0 });
  const one = new FramePeer(await peer());
  await one.greet({ features: ["ping"] });
  clock.advance(3_600_000);
  await turns();
  const before = one.peer.receivedBytes;
  server.reconfigure({ heartbeatMs: 2000 });
  for (let ms = 0; ms < 1000; ms += 500) clock.advance(500);
  await until(() => one.peer.receivedBytes > before, "a ping: it has been silent for long");
  t.strictSame(disconnects, []);
  for (let ms = 0; ms < 3000; ms += 500) clock.advance(500);
  await until(() => disconnects.length === 1, "disconnect");
  t.match(disconnects, [{ code: "HEARTBEAT_TIMEOUT", message: /2000 ms/ }]);
});

t.test("writeStallMs: a peer that does not read is cut from when it is set", async (t) => {
  const { clock, server, peer, disconnects } = await world(t, { writeStallMs: 0 });
  const conns: SubmitConnection[] = [];
  server.on("connect", (conn) => conns.push(conn as SubmitConnection));
  const one = new FramePeer(await peer());
  await one.greet({ features: ["push"] });
  one.peer.pause();
  conns[0]!.push(new Uint8Array(1_000_000));
  await turns();
  for (let s = 0; s < 50; s++) clock.advance(1000);
  t.strictSame(disconnects, [], "it is not in force");
  server.reconfigure({ writeStallMs: 2000 });
  for (let ms = 0; ms < 5000; ms += 500) clock.advance(500);
  await until(() => disconnects.length === 1, "disconnect");
  t.match(disconnects, [{ code: "WRITE_STALLED", message: /for 2000 ms/ }]);
});

t.test("maxConnectionsPerIp: those inside count from when it is set, and none is cut", async (t) => {
  const { server, peer } = await world(t);
  const [a, b] = [await peer(), await peer()];
  await turns();
  server.reconfigure({ maxConnectionsPerIp: 2 });
  const c = await peer();
  c.write(submit(1));
  await c.ended;
  t.match(server.stats().refusals, { maxConnectionsPerIp: 1 });
  server.reconfigure({ maxConnectionsPerIp: 0 });
  for (const one of [a, b, await peer()]) {
    one.write(submit(1));
    await one.read(14);
  }
});

t.test("maxInFlightBytes: how much is under way on connections that are open", async (t) => {
  const { server, peer } = await world(t, { maxInFlightBytes: 1024 });
  const [one, other] = [await peer(), await peer()];
  const hang = submit(1, "hang");
  for (let i = 0; i < 64; i++) one.write(hang);
  await turns();
  const few = server.stats().requests;
  t.ok(few >= 1 && few <= 61, `${few} of 17 bytes in 1,024`);
  server.reconfigure({ maxInFlightBytes: 1 << 20 });
  for (let i = 0; i < 64; i++) other.write(hang);
  await turns();
  t.equal(server.stats().requests, few + 64);
  server.reconfigure({ maxInFlightBytes: 1024 });
  other.write(hang);
  await turns();
  t.equal(server.stats().requests, few + 64, "it holds more than that already");
});

t.test("writeHighWaterBytes: how much may wait before a connection is not read from", async (t) => {
  const clock = new VirtualClock();
  const transport = watch(memoryNetwork());
  const server = await start(t, { name: "", codec: "ts", transport }, { submit: () => {} }, {
    clock,
    writeHighWaterBytes: 1 << 20,
  });
  const conns: SubmitConnection[] = [];
  server.on("connect", (conn) => conns.push(conn as SubmitConnection));
  const slow = new FramePeer(await peerTo(server.addr.port, transport));
  await slow.greet({ features: ["push"] });
  slow.peer.pause();
  const link = transport.links.find((one) => one.remote.port !== server.addr.port)!;
  conns[0]!.push(new Uint8Array(200_000));
  await turns();
  t.equal(link.isPaused, false);
  server.reconfigure({ writeHighWaterBytes: 100_000 });
  t.throws(() => server.reconfigure({ writeLowWaterBytes: 100_001 }), {
    message: /at most writeHighWaterBytes, which is 100000, and is 100001/,
  });
  slow.peer.write(submit(1));
  await until(() => link.isPaused, "over the new mark");
  server.reconfigure({ writeHighWaterBytes: 1 << 20, writeLowWaterBytes: 500_000 });
  slow.peer.resume();
  await until(() => !link.isPaused, "read again");
  t.throws(() => server.reconfigure({ writeHighWaterBytes: 400_000 }), {
    message: /writeLowWaterBytes must be at most writeHighWaterBytes, which is 400000/,
  });
});

t.test("maxFrameBytes: connections that are open keep the limit that they were told", async (t) => {
  const { server, peer, disconnects } = await world(t);
  const before = new FramePeer(await peer());
  t.equal((await before.greet({ features: ["request"] })).maxFrame, 1 << 20);
  server.reconfigure({ maxFrameBytes: 100 });
  const long = frame(SUBMIT, 1, new Uint8Array(100));
  before.peer.write(long);
  await until(() => server.stats().requests === 1, "the one that is open");
  const after = await peer();
  after.write(long);
  await after.ended;
  after.end();
  await until(() => disconnects.length === 1, "disconnect");
  t.match(disconnects, [{ code: "FRAME_TOO_LARGE", message: /limit of 100/ }]);
  const greeted = new FramePeer(await peer());
  t.equal((await greeted.greet({ features: ["request"] })).maxFrame, 100);
  t.throws(() => server.broadcast(new Uint8Array(100)), { code: "FRAME_TOO_LARGE" });
});

t.test("maxFrameBytes that lets no frame of the protocol through is refused", async (t) => {
  const protocol = defineProtocol({
    name: "blocks",
    framing: fixed(200),
    header: { kind: u8 },
    kind: "kind",
    packets: { block: { kind: 1, body: { data: bytes(199) } } },
  });
  const transport = memoryNetwork();
  const handlers = { block() {} };
  await t.rejects(serve({ transport, port: 0, protocol, maxFrameBytes: 100 }, handlers), {
    code: "INVALID_OPTION",
    message: /maxFrameBytes/,
  });
  await using server = await serve({ transport, port: 0, protocol }, handlers);
  t.throws(() => server.reconfigure({ maxFrameBytes: 100 }), { code: "INVALID_OPTION" });
});

t.test("lingerMs: how long connections that end from now on wait for the peer's end", async (t) => {
  const { clock, server, peer, disconnects } = await world(t, { lingerMs: 600_000 });
  const one = await peer();
  await turns();
  server.reconfigure({ lingerMs: 1000 });
  server.disconnect(() => true);
  await one.ended;
  clock.advance(999);
  await turns();
  t.strictSame(disconnects, []);
  clock.advance(1);
  await until(() => disconnects.length === 1, "disconnect");
});

t.test("a rate comes, changes and goes for connections that are open", async (t) => {
  const { clock, server, peer } = await world(t);
  const one = await peer();
  one.write(submits(50));
  await one.read(50 * 14);
  server.reconfigure({ rate: { connection: { requestsPerSecond: 10, requestBurst: 2 } } });
  await turns();
  one.write(submits(9));
  await one.read(52 * 14);
  await turns();
  t.equal(server.stats().requests, 52);
  clock.advance(100);
  await until(() => server.stats().requests === 53, "one more");
  // What is the same, as when a file is read again, fills no bucket.
  server.reconfigure({ rate: { connection: { requestsPerSecond: 10, requestBurst: 2 } } });
  await turns();
  t.equal(server.stats().requests, 53);
  server.reconfigure({ rate: { connection: { requestsPerSecond: 10, requestBurst: 3 } } });
  await until(() => server.stats().requests === 56, "other limits, full buckets");
  await turns();
  t.equal(server.stats().requests, 56);
  server.reconfigure({ rate: undefined } as object);
  await one.read(59 * 14);
  one.write(submits(50));
  await one.read(109 * 14);
  t.equal(clock.pending > 0, true, "the sweep");
});

t.test("a handler changes the rate within its batch", async (t) => {
  const clock = new VirtualClock();
  const transport = memoryNetwork();
  let taken = 0;
  const server = await start(t, { name: "", codec: "ts", transport }, {
    submit() {
      if (++taken !== 3) return;
      server.reconfigure({ rate: { server: { requestsPerSecond: 1, requestBurst: 1 } } });
    },
  }, { clock });
  const one = await peerTo(server.addr.port, transport);
  one.write(submits(5));
  await one.read(5 * 14);
  one.write(submits(2));
  await one.read(6 * 14);
  await turns();
  t.equal(taken, 6);
});

t.test("onRate changes, to busy only where the handlers are prepared for it", async (t) => {
  const rate = { connection: { requestsPerSecond: 1, requestBurst: 1 } };
  const { server, peer, disconnects } = await world(t, { rate });
  t.throws(() => server.reconfigure({ onRate: "busy" }), {
    code: "INVALID_OPTION",
    message: /only on a server that began with it/,
  });
  const one = await peer();
  await turns();
  server.reconfigure({ onRate: "close" });
  one.write(submits(2));
  await one.ended;
  one.end();
  await until(() => disconnects.length === 1, "disconnect");
  t.match(disconnects, [{ code: "RATE_LIMITED" }]);

  const busy = await world(t, { onRate: "busy" });
  const other = await busy.peer();
  busy.server.reconfigure({ onRate: "delay" });
  busy.server.reconfigure({ onRate: "busy", rate });
  await turns();
  other.write(submits(2));
  t.equal(toHex(await other.read(28)), toHex(join(ack(1), ack(2, 1))));
});

t.test("handshakeTimeoutMs reaches proxies that have not sent their header", async (t) => {
  const clock = new VirtualClock();
  const transport = addressedNetwork("192.0.2.1");
  const server = await start(t, { name: "", codec: "ts", transport }, { submit: () => {} }, {
    clock,
    handshakeTimeoutMs: 0,
    proxyProtocol: { trusted: ["192.0.2.1"] },
  });
  const codes: unknown[] = [];
  server.on("refuse", ({ code, message }) => codes.push([code, message]));
  const proxy = await peerTo(server.addr.port, transport);
  await turns();
  clock.advance(3_600_000);
  await turns();
  t.equal(proxy.isEnded, false, "it may take for ever");
  server.reconfigure({ handshakeTimeoutMs: 3_602_000 });
  clock.advance(1999);
  await turns();
  t.equal(proxy.isEnded, false);
  clock.advance(1);
  await proxy.closed;
  t.match(codes, [["PROXY_HEADER_INVALID", /within 3602000 ms/]]);
});

t.test("what cannot change is refused with what can, and nothing is changed", async (t) => {
  const { server, peer } = await world(t);
  const refused = (options: unknown, message: RegExp) =>
    t.throws(() => server.reconfigure(options as object), { code: "INVALID_OPTION", message });
  refused({ port: 9 }, /^port cannot change while the server runs; what can is .*idleTimeoutMs/);
  refused({ protocol: "echo" }, /^protocol cannot change/);
  refused({ idleTimeotMs: 9 }, /^there is no option idleTimeotMs; what can/);
  refused({ constructor: 9 }, /^there is no option constructor/);
  refused(
    { idleTimeoutMs: -1 },
    /^idleTimeoutMs must be a whole number from 0 to 2147483647 and is -1/,
  );
  refused(null, /takes an object/);
  refused({ maxConnections: 1, onMaxConnections: "drop" }, /^onMaxConnections must be/);
  const peers = [await peer(), await peer()];
  await turns();
  t.ok(peers.every((one) => !one.isEnded));
  t.equal(server.stats().connections.open, 2, "maxConnections is as it was");
});

t.test("every option that says it may change has its place", (t) => {
  const live = Object.entries(SERVER as Record<string, OptionSpec<unknown>>)
    .filter(([, spec]) => spec.live).map(([name]) => name);
  const options = resolveServerOptions({ port: 0 }, 1 << 20);
  const settings = new LiveSettings(options, lengthField({ size: 4 }));
  const { deadlines, limits, admission, handshakes, flow, access, sizes } = settings;
  const places = [deadlines, limits, admission, handshakes, flow, access, sizes];
  for (const name of live) {
    // What the listener, and `LiveRates`, take themselves.
    if (["tls", "rate", "onRate"].includes(name)) continue;
    t.ok(places.some((place) => Object.hasOwn(place, name)), name);
  }
  t.end();
});
