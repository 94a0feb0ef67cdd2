/** Options that change while the server runs. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { resolveServerOptions, SERVER } from "../../src/options/server.ts";
import type { OptionSpec } from "../../src/options/spec.ts";
import type { SubmitConnection } from "../../src/protocol/submit/handlers.ts";
import { LiveSettings } from "../../src/server/live_settings.ts";
import { frame, SUBMIT, submit, submits } from "../helpers/frames.ts";
import { FramePeer } from "../helpers/hello.ts";
import { peerTo } from "../helpers/peer.ts";
import { deferred, turns, until } from "../helpers/runtime.ts";
import { recordEvents, start, type Teardown } from "../helpers/settings.ts";
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
  await until(() => server.stats().memory.used > 390_000, "half a frame");
  t.equal(server.stats().memory.paused, 0);
  server.reconfigure({ memoryBudgetBytes: 300_000 });
  t.match(server.stats().memory, { budget: 300_000, paused: 1 });
  other.write(submit(1));
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
  const settings = new LiveSettings(resolveServerOptions({ port: 0 }, 1 << 20));
  const { deadlines, limits, admission, handshakes, flow, access } = settings;
  const places = [deadlines, limits, admission, handshakes, flow, access];
  for (const name of live) {
    if (name === "tls") continue; // the listener takes it itself
    t.ok(places.some((place) => Object.hasOwn(place, name)), name);
  }
  t.end();
});
