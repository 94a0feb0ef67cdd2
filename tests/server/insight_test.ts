/** What an operator sees of a running server: figures, rates, times, connections, events. */

import t from "tap";
import { deferred, turns, until } from "../helpers/runtime.ts";
import { join, submit } from "../helpers/frames.ts";
import { clientOf, CODECS, peerOf, settings, start } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { ServerConnection } from "../../src/protocol/protocol.ts";

for (const setting of settings()) {
  t.test(`figures tell what is under way and what was done (${setting.name})`, async (t) => {
    const gate = deferred();
    const server = await start(t, setting, {
      submit(packet) {
        if (packet.text() === "fail") throw new Error("asked to");
        if (packet.text() === "wait") return gate.promise;
      },
    }, { handlerTimes: "all" });
    t.match(server.stats(), {
      connections: { open: 0, accepted: 0 },
      inFlight: 0,
      queued: { bytes: 0, mostBytes: 0 },
      drops: 0,
      rates: { windowMs: 0, requests: 0 },
      handlerMs: { count: 0, p99: 0 },
    });
    const peer = await peerOf(server, setting);
    peer.write(join(submit(1, "a"), submit(2, "fail"), submit(3, "wait"), submit(4, "wait")));
    await until(() => server.stats().requests === 4, "taken");
    t.match(server.stats(), {
      connections: { open: 1, accepted: 1 },
      replies: 2,
      failures: 1,
      inFlight: 2,
      errors: { HANDLER_FAILED: 1 },
    });
    gate.resolve();
    await peer.read(4 * 14);
    await until(() => server.stats().inFlight === 0, "answered");
    const { rates, handlerMs, bytesIn, bytesOut } = server.stats();
    t.equal(handlerMs.count, 2, "what waited was timed as it settled");
    t.ok(handlerMs.max >= handlerMs.p50 && handlerMs.p50 >= handlerMs.min && handlerMs.min >= 0);
    t.ok(rates.windowMs > 0 && rates.requests > 0 && rates.errors > 0 && rates.bytesIn > 0);
    t.equal(Math.round(rates.requests / rates.failures), 4);
    t.equal(bytesIn, 4 * 13 + 1 + 4 + 4 + 4);
    t.equal(bytesOut, 4 * 14);

    server.resetStats();
    t.match(server.stats(), {
      connections: { open: 1, accepted: 0 },
      requests: 0,
      replies: 0,
      bytesIn: 0,
      bytesOut: 0,
      handlerMs: { count: 0, max: 0 },
    });
    t.strictSame(server.stats().errors, {});
    peer.write(join(submit(5, "a"), submit(6, "fail")));
    await peer.read(6 * 14);
    const after = server.stats();
    t.match(after, { requests: 2, replies: 2, failures: 1, errors: { HANDLER_FAILED: 1 } });
    t.equal(after.handlerMs.count, 2, "a batch of sync handlers counts each of them");
    t.match([...server.connections()][0], { requests: 6 }, "a connection's own figures stay");
    peer.end();
    await until(() => server.stats().connections.open === 0, "closed");
    t.equal(server.stats().bytesOut, 2 * 14, "also when the connection has gone");
  });

  t.test(`connections can be listed, looked at and ended (${setting.name})`, async (t) => {
    const log: string[] = [];
    const server = await start(t, setting, { submit: () => {} }, {
      on: { disconnect: (conn, { code, message }) => log.push(`${conn.id} ${code} ${message}`) },
    });
    t.strictSame([...server.connections()], []);
    const peers = [];
    for (let i = 0; i < 4; i++) {
      peers.push(await peerOf(server, setting));
      await until(() => server.stats().connections.open === i + 1, "accepted");
    }
    peers[1]!.write(submit(1, "a"));
    await peers[1]!.read(14);
    const ids = (conns: Iterable<ServerConnection>) => [...conns].map(({ id }) => id);
    t.strictSame(ids(server.connections()), [1, 2, 3, 4]);
    t.strictSame(ids(server.connections(({ requests }) => requests > 0)), [2]);
    const [busy] = server.connections(({ requests }) => requests > 0);
    const info = busy!.info();
    t.match(info, {
      id: 2,
      transport: setting.transport === undefined ? "tcp" : "memory",
      state: "open",
      requests: 1,
      inFlight: 0,
      bytesIn: 14,
      bytesOut: 14,
      queuedBytes: 0,
    });
    t.equal(info.local.port, server.addr.port);
    t.ok(Math.abs(info.since.getTime() - Date.now()) < 60_000);

    let asked = 0;
    t.equal(server.disconnect(() => asked++ % 2 === 1, "every second one"), 2);
    await Promise.all([peers[1]!.ended, peers[3]!.ended]);
    for (const peer of peers) peer.end();
    await until(() => log.length === 4, "disconnect");
    t.strictSame(log.sort(), [
      "1 PEER_ENDED the peer ended the connection",
      "2 CLOSED every second one",
      "3 PEER_ENDED the peer ended the connection",
      "4 CLOSED every second one",
    ]);
    t.equal(busy!.info().state, "closed");
    t.equal(server.disconnect(() => true), 0);
  });

  t.test(`events can be read one after the other (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit: () => {} });
    const all = server.events();
    const some = server.events("disconnect", "close");
    const first = some.next(); // before there is one
    const client = await clientOf(server, setting);
    await client.close();
    const { value } = await first;
    t.equal(value!.name, "disconnect");
    if (value!.name === "disconnect") {
      const [conn, { code }] = value!.args;
      t.strictSame([conn.id, code], [1, "PEER_ENDED"]);
    }
    await server.shutdown();
    const names: string[] = [];
    for await (const { name } of some) names.push(name);
    t.strictSame(names, ["close"], "it ends after the server has closed");
    for await (const { name } of all) names.push(name);
    t.strictSame(names, ["close", "connect", "disconnect", "close"]);
    t.strictSame(await all.next(), { done: true, value: undefined });
    t.strictSame(await server.events("connect").next(), { done: true, value: undefined });
    t.equal(all.dropped, 0);
  });
}

for (const codec of CODECS) {
  const network = () => ({ name: codec, codec, transport: memoryNetwork() });

  t.test(`rates are those of the last ten seconds (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = network();
    const server = await start(t, setting, { submit: () => {} }, { clock, handshakeTimeoutMs: 0 });
    t.equal(clock.pending, 0, "a server without connections wakes up for nothing");
    const peer = await peerOf(server, setting);
    let sent = 0;
    for (let second = 0; second < 20; second++) {
      for (let i = 0; i < (second < 10 ? 50 : 5); i++) peer.write(submit(++sent));
      await peer.read(sent * 14);
      clock.advance(1000);
      if (second === 4) {
        const { windowMs, requests, replies, connections } = server.stats().rates;
        t.strictSame([windowMs, requests, replies, connections], [5000, 50, 50, 0.2]);
      }
    }
    const { rates, elapsedMs } = server.stats();
    t.match(rates, { windowMs: 10_000, requests: 5, bytesIn: 5 * 13, bytesOut: 5 * 14 });
    t.equal(rates.connections, 0);
    t.equal(elapsedMs, 20_000);
    clock.advance(400);
    t.match(server.stats().rates, { windowMs: 10_400, requests: 50 / 10.4 });
    server.resetStats();
    clock.advance(2000);
    t.match(server.stats(), { elapsedMs: 2000, rates: { windowMs: 2000, requests: 0 } });
    peer.end();
    await until(() => server.stats().connections.open === 0, "closed");
    t.equal(clock.pending, 0, "it stops when the last one has gone");
    t.match(server.stats().rates, { windowMs: 2000 });
    clock.advance(30_000);
    t.match(server.stats().rates, { windowMs: 0, requests: 0 });
    await peerOf(server, setting);
    await turns();
    t.ok(clock.pending > 0, "and begins again");
  });

  t.test(`a blocked event loop is seen in its delay (${codec})`, async (t) => {
    const clock = new LateClock();
    const setting = network();
    const server = await start(t, setting, { submit: () => {} }, { clock, handshakeTimeoutMs: 0 });
    await peerOf(server, setting);
    await until(() => server.stats().connections.open === 1, "accepted");
    clock.advance(10_000);
    t.match(server.stats().loopDelayMs, { count: 40, max: 0 });
    clock.lateBy = 120;
    clock.advance(250);
    const { count, max, p50, p99 } = server.stats().loopDelayMs;
    t.strictSame([count, max, p99], [41, 120, 120]);
    t.ok(p50 < 0.0001);
    server.resetStats();
    t.equal(server.stats().loopDelayMs.count, 0);
  });

  t.test(`handlers that take their time are timed (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = network();
    const waiting: (() => void)[] = [];
    const server = await start(t, setting, {
      submit: () => new Promise<void>((resolve) => waiting.push(resolve)),
    }, { clock, handlerTimes: "all" });
    const peer = await peerOf(server, setting);
    peer.write(join(submit(1), submit(2), submit(3)));
    await until(() => waiting.length === 3, "taken");
    for (const [i, ms] of [10, 20, 170].entries()) {
      clock.advance(ms);
      waiting[i]!();
      await turns();
    }
    await peer.read(3 * 14);
    const { count, min, max, mean, p50 } = server.stats().handlerMs;
    t.strictSame([count, min, max], [3, 10, 200]);
    t.ok(Math.abs(mean - 80) < 1e-9);
    t.ok(p50 >= 30 && p50 < 30.5);
  });

  t.test(`handlers are timed by samples, or not at all (${codec})`, async (t) => {
    for (const [handlerTimes, expected] of [["sampled", 8], ["off", 0]] as const) {
      const setting = network();
      const server = await start(t, setting, { submit: () => {} }, { handlerTimes });
      const peer = await peerOf(server, setting);
      for (let batch = 1; batch <= 16; batch++) {
        peer.write(join(submit(1), submit(2), submit(3), submit(4)));
        await peer.read(batch * 4 * 14);
      }
      t.equal(server.stats().handlerMs.count, expected, handlerTimes);
    }
  });

  t.test(`an idle connection's last activity is when it was active (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = network();
    const server = await start(t, setting, { submit: () => {} }, { clock, handshakeTimeoutMs: 0 });
    const peer = await peerOf(server, setting);
    await until(() => server.stats().connections.open === 1, "accepted");
    const [conn] = server.connections();
    clock.advance(5000);
    peer.write(submit(1));
    await peer.read(14);
    clock.advance(60_000);
    const { since, lastActivity } = conn!.info();
    const active = lastActivity.getTime() - since.getTime();
    t.ok(active >= 5000 && active <= 6000, `${active}`);
  });

  t.test(`a reader of events that is too slow loses the oldest (${codec})`, async (t) => {
    const setting = network();
    const server = await start(t, setting, { submit: () => {} }, { eventQueue: 3 });
    const events = server.events("connect");
    for (let i = 0; i < 5; i++) await peerOf(server, setting);
    await until(() => server.stats().connections.open === 5, "accepted");
    t.equal(events.dropped, 2);
    const ids: number[] = [];
    for await (const { args: [conn] } of events) {
      ids.push(conn.id);
      if (ids.length === 3) break;
    }
    t.strictSame(ids, [3, 4, 5]);
    await peerOf(server, setting);
    t.strictSame(await events.next(), { done: true, value: undefined }, "a break has ended it");
  });
}

t.test("an event that does not exist is refused", async (t) => {
  const server = await start(t, { name: "", codec: "ts" }, { submit: () => {} });
  t.throws(() => server.events("nothing" as "connect"), {
    code: "INVALID_OPTION",
    message: /no event "nothing"; there are listening, connect/,
  });
});

/** A clock whose timers are called late. */
class LateClock extends VirtualClock {
  lateBy = 0;
  override now(): number {
    return super.now() + this.lateBy;
  }
}
