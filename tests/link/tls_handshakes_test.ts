/** TLS handshakes under way: they count, have one deadline with the introduction, and are limited. */

import t from "tap";
import { once } from "node:events";
import * as net from "node:net";
import * as tls from "node:tls";
import type { FramewireError } from "../../src/errors.ts";
import type { DisconnectInfo, Refusal, ServerOptions } from "../../mod.ts";
import { read } from "../helpers/root.ts";
import { connect, serve, until } from "../helpers/runtime.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const pem = (name: string) => read(`tests/fixtures/tls/${name}`);
const identity = { cert: pem("server.pem"), key: pem("server.key") };
const ca = pem("ca.pem");

interface Teardown {
  teardown(fn: () => Promise<unknown> | void): unknown;
}

/** A server with TLS, and what it tells. */
async function secure(t: Teardown, options: ServerOptions) {
  const errors: FramewireError[] = [];
  const refusals: Refusal[] = [];
  const ends: DisconnectInfo[] = [];
  const server = await serve({
    port: 0,
    tls: identity,
    lingerMs: 500,
    ...options,
    on: {
      error: (error) => errors.push(error),
      refuse: (refusal) => refusals.push(refusal),
      disconnect: (_conn, info) => ends.push(info),
    },
  }, { submit() {} });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  return { server, port: server.addr.port, errors, refusals, ends };
}

/** A peer that connects and begins no handshake. */
async function mute(t: Teardown, port: number): Promise<net.Socket> {
  const raw = net.connect(port, "127.0.0.1");
  t.teardown(() => void raw.destroy());
  raw.on("error", () => {}).resume();
  await once(raw, "connect");
  return raw;
}

async function dial(t: Teardown, port: number) {
  const client = await connect(`tls://127.0.0.1:${port}`, { tls: { ca }, lingerMs: 500 });
  t.teardown(() => client.close({ deadlineMs: 0 }));
  return client;
}

t.test("a handshake that does not come is cut off by the deadline, and it can change", async (t) => {
  const clock = new VirtualClock();
  const { server, port, errors, ends } = await secure(t, { clock });
  const first = await mute(t, port);
  await until(() => clock.pending === 1, "its deadline");
  clock.advance(9999);
  t.equal(errors.length, 0);
  clock.advance(1);
  await until(() => first.destroyed, "it is cut off");
  t.match(errors, [{ code: "HANDSHAKE_TIMEOUT", message: /within 10000 ms/ }]);
  t.equal(clock.pending, 0);

  server.reconfigure({ handshakeTimeoutMs: 0 });
  const second = await mute(t, port);
  await dial(t, port).then((client) => client.close());
  await until(() => ends.length === 1, "the other has come after it");
  clock.advance(1_000_000);
  t.equal(errors.length, 1);
  server.reconfigure({ handshakeTimeoutMs: 300 });
  clock.advance(1);
  await until(() => second.destroyed, "it is cut off");
  t.match(errors[1], { code: "HANDSHAKE_TIMEOUT", message: /within 300 ms/ });
  t.strictSame(server.stats().errors, { HANDSHAKE_TIMEOUT: 2 });
});

t.test("each handshake has its own time", async (t) => {
  const clock = new VirtualClock();
  const { server, port, errors } = await secure(t, { clock, maxConnections: 2 });
  let full = 0;
  server.on("refuse", () => full++); // the second one fills the server
  await mute(t, port);
  await until(() => clock.pending === 1, "its deadline");
  clock.advance(6000);
  const second = await mute(t, port);
  await until(() => full === 1, "the second one");
  clock.advance(4000);
  t.equal(errors.length, 1);
  clock.advance(5999);
  t.equal(errors.length, 1);
  clock.advance(1);
  t.equal(errors.length, 2);
  await until(() => second.destroyed, "it is cut off");
});

t.test("the handshake and the introduction have one deadline together", async (t) => {
  const clock = new VirtualClock();
  const { server, port, ends } = await secure(t, { clock });
  const raw = await mute(t, port);
  await until(() => clock.pending === 1, "its deadline");
  clock.advance(9000);
  raw.pause();
  const socket = tls.connect({ socket: raw, ca, host: "127.0.0.1" });
  t.teardown(() => void socket.destroy());
  socket.on("error", () => {}).resume();
  await once(socket, "secureConnect");
  await until(() => [...server.connections()].length === 1, "the connection");
  clock.advance(2000); // the sweep's turn, once a second
  await until(() => ends.length === 1, "disconnect");
  t.match(ends, [{ code: "HANDSHAKE_TIMEOUT", message: /sent nothing within 10000 ms/ }]);
});

const gates: [gate: string, lets: number, options: ServerOptions][] = [
  ["deny", 0, { deny: ["127.0.0.0/8"] }],
  ["allow", 0, { allow: ["192.0.2.0/24"] }],
  ["maxConnections", 2, { maxConnections: 2, onMaxConnections: "refuse" }],
  ["maxConnectionsPerIp", 2, { maxConnectionsPerIp: 2 }],
  ["acceptRatePerIp", 1, { acceptRatePerIp: { perSecond: 0.001, burst: 1 } }],
];
for (const [gate, lets, options] of gates) {
  t.test(`${gate} stops a peer before its handshake`, async (t) => {
    const { port, refusals, errors } = await secure(t, options);
    const inside = [];
    for (let i = 0; i < lets; i++) inside.push(await mute(t, port));
    for (let i = 1; i <= 2; i++) {
      const raw = await mute(t, port);
      let bytes = 0;
      raw.on("data", (chunk) => bytes += chunk.length);
      await until(() => raw.destroyed && refusals.length === i, "it is cut off");
      t.equal(bytes, 0);
    }
    t.match(refusals, [{ gate }, { gate }]);
    t.ok(inside.every((raw) => !raw.destroyed));
    t.strictSame(errors, []);
    if (!gate.startsWith("max")) return;
    // A failed handshake gives its place back, for the limits that have changed too.
    inside[0]!.destroy();
    await until(() => errors.length === 1, "the server sees it");
    t.match(errors, [{ code: "TLS_FAILED", message: /hung up/ }]);
    await (await dial(t, port)).submit("hello");
  });
}

t.test("with onMaxConnections pause, peers wait before their handshake", async (t) => {
  const { port, errors } = await secure(t, { maxConnections: 1 });
  const first = await dial(t, port);
  await first.submit("hello");
  let second: { submit(text: string): Promise<unknown> } | undefined;
  const waiting = dial(t, port).then((client) => second = client);
  await first.submit("still there");
  t.equal(second, undefined);
  await first.close();
  await (await waiting).submit("hello");
  t.strictSame(errors, []);
});

t.test("the limits of an address count handshakes when they change", async (t) => {
  const { server, port, refusals } = await secure(t, {});
  await mute(t, port);
  const client = await dial(t, port);
  await client.submit("hello");
  server.reconfigure({ maxConnectionsPerIp: 2 });
  await t.rejects(dial(t, port), { code: "TLS_FAILED" });
  t.match(refusals, [{ gate: "maxConnectionsPerIp" }]);
});

t.test("two hundred stalled handshakes beside healthy clients", async (t) => {
  const { server, port, refusals, errors } = await secure(t, {
    maxConnections: 60,
    maxHandshakes: 50,
  });
  const healthy = await Promise.all([0, 1, 2, 3].map(() => dial(t, port)));
  const stallers: net.Socket[] = [];
  const work = (async () => {
    for (let i = 0; i < 200; i++) stallers.push(await mute(t, port));
  })();
  let done = 0;
  const submits = healthy.map(async (client) => {
    while (stallers.length < 200) {
      await client.submit("hello");
      done++;
    }
  });
  await Promise.all([work, ...submits]);
  await until(() => refusals.length === 150, "all beyond the limit are cut");
  t.ok(refusals.every(({ gate, category }) => gate === "maxHandshakes" && category === "limit"));
  t.ok(done > 0);
  // While the others stall, more clients come in: the first takes the oldest one's place, and frees it.
  for (let i = 0; i < 4; i++) await (await dial(t, port)).submit("hello");
  t.equal(refusals.length, 151);
  await until(() => stallers.filter((raw) => raw.destroyed).length === 151, "the stallers are cut");
  t.ok(stallers.slice(151).every((raw) => !raw.destroyed), "the newest are not");
  t.equal([...server.connections()].length, 8);
  t.strictSame(errors, []);
  server.reconfigure({ maxHandshakes: 1 });
  await (await dial(t, port)).submit("hello");
  t.equal(refusals.length, 200);
});
