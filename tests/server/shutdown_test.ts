/** How a server ends: in order, within a deadline, once. */

import process from "node:process";
import t from "tap";
import { ack, acks, submit, submits, toHex } from "../helpers/frames.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import {
  connect,
  type Deferred,
  deferred,
  runtime,
  serve,
  turns,
  until,
} from "../helpers/runtime.ts";
import {
  clientOf,
  optionsOf,
  peerOf,
  recordEvents,
  settings,
  start,
  urlOf,
} from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";
import { peerTo } from "../helpers/peer.ts";

for (const setting of settings()) {
  t.test(`accepted requests finish, new ones are not taken (${setting.name})`, async (t) => {
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit() {
        const done = deferred();
        open.push(done);
        return done.promise;
      },
    });
    const { errors, disconnects } = recordEvents(server);
    let isClosed = false;
    server.on("close", () => isClosed = true);
    const peer = await peerOf(server, setting);
    const idle = await peerOf(server, setting);
    peer.write(submits(2));
    await until(() => open.length === 2, "taken");
    let isOver = false;
    const over = server.shutdown().then(() => isOver = true);
    await idle.ended;
    idle.end();
    peer.write(submit(3));
    await turns(20);
    t.equal(isOver, false, "it waits for the handlers");
    t.equal(open.length, 2);
    open[1]!.resolve();
    open[0]!.resolve();
    t.equal(toHex(await peer.readToEnd()), toHex(acks(2)), "every answer, then the end");
    peer.end();
    await over;
    await server.finished;
    t.equal(isClosed, true);
    t.strictSame(disconnects.map(({ code }) => code), ["SHUTDOWN", "SHUTDOWN"]);
    t.strictSame(errors, []);
    t.equal(server.stats().connections.open, 0);
  });

  t.test(`clients learn of a shutdown by its code, and nothing can connect after it (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit: () => new Promise(() => {}) });
    const url = urlOf(server);
    const client = await clientOf(server, setting);
    const answer = client.submit("never");
    answer.catch(() => {});
    await until(() => server.stats().requests === 1 || client.pending === 1, "sent");
    await server.shutdown({ deadlineMs: 0 });
    const error = await answer.then(() => undefined, (error) => error);
    t.match(error, { code: /^CONNECTION_(CLOSED|RESET)$/ });
    t.type((await client.closed).code, "string");
    await t.rejects(connect(url, optionsOf(setting)), { code: "CONNECTION_REFUSED" });
  });

  t.test(`the port is free at once after a shutdown (${setting.name})`, async (t) => {
    const first = await start(t, setting, { submit: () => {} });
    const client = await clientOf(first, setting);
    await client.submit("a");
    const port = first.addr.port;
    await first.shutdown({ deadlineMs: 1000 });
    for (let round = 0; round < 3; round++) {
      const again = await start(t, setting, { submit: () => {} }, { port });
      t.equal(again.addr.port, port);
      const peer = await peerOf(again, setting);
      peer.write(submit(1));
      t.equal(toHex(await peer.read(14)), toHex(ack(1)));
      const over = again.shutdown();
      await peer.ended;
      peer.end();
      await over;
    }
    await client.close();
  });

  t.test(`shutdown may be called again, before and after, and finished settles (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit: () => {} });
    let closed = 0;
    server.on("close", () => closed++);
    await Promise.all([server.shutdown(), server.shutdown({ deadlineMs: 50 }), server.shutdown()]);
    await server.finished;
    await server.shutdown();
    await server[Symbol.asyncDispose]();
    t.equal(closed, 1);
  });

  t.test(`await using shuts down (${setting.name})`, async (t) => {
    let url: string;
    {
      await using server = await serve({ port: 0, ...optionsOf(setting) }, { submit: () => {} });
      url = urlOf(server);
      await using client = await connect(url, optionsOf(setting));
      await client.submit("a");
    }
    await t.rejects(connect(url, optionsOf(setting)), { code: "CONNECTION_REFUSED" });
  });

  t.test(`a signal shuts down; one that has aborted keeps it from starting (${setting.name})`, async (t) => {
    const controller = new AbortController();
    const server = await start(t, setting, { submit: () => {} }, { signal: controller.signal });
    const client = await clientOf(server, setting);
    await client.submit("a");
    controller.abort();
    await server.finished;
    t.equal((await client.closed).code, "PEER_ENDED");
    const again = { port: 0, signal: controller.signal, ...optionsOf(setting) };
    await t.rejects(serve(again, { submit: () => {} }), { name: "AbortError" });
  });
}

for (const codec of ["wasm", "ts"] as const) {
  t.test(`the deadline cuts what is left, an earlier one brings it forward (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = { name: codec, codec, transport: memoryNetwork() };
    const options = { clock, handlerTimeoutMs: 0 };
    const server = await start(t, setting, { submit: () => new Promise(() => {}) }, options);
    const { disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(submits(3));
    await until(() => server.stats().requests === 3, "taken");
    let over = 0;
    void server.shutdown({ deadlineMs: 5000 }).then(() => over++);
    clock.advance(1000);
    void server.shutdown({ deadlineMs: 1000 }).then(() => over++);
    void server.shutdown({ deadlineMs: 60_000 }).then(() => over++);
    clock.advance(999);
    await turns();
    t.equal(over, 0);
    clock.advance(1);
    await server.finished;
    await turns();
    t.equal(over, 3);
    t.match(await peer.closed, { code: "CONNECTION_RESET" });
    t.match(disconnects, [{ code: "SHUTDOWN", requests: 3, bytesOut: 0 }]);
    t.equal(clock.pending, 0, "no timer is left behind");
  });

  t.test(`a peer that never ends is cut after lingerMs (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = { name: codec, codec, transport: memoryNetwork() };
    const server = await start(t, setting, { submit: () => {} }, { clock, lingerMs: 700 });
    const peer = await peerOf(server, setting);
    peer.write(submit(1));
    await peer.read(14);
    const over = server.shutdown();
    await peer.ended;
    clock.advance(699);
    await turns();
    t.equal(peer.isClosed, false);
    clock.advance(1);
    await over;
    t.equal(clock.pending, 0);
  });
}

t.test("a deadline that is none is refused by a rejection", async (t) => {
  const server = await start(t, { name: "", codec: "ts" }, { submit: () => {} });
  for (const deadlineMs of [-1, NaN, Infinity, 2 ** 31, "5" as unknown as number]) {
    await t.rejects(async () => await server.shutdown({ deadlineMs }), { code: "INVALID_OPTION" });
    t.doesNotThrow(
      () => void server.shutdown({ deadlineMs }).catch(() => {}),
      "and not by a throw",
    );
  }
  const peer = await peerTo(server.addr.port);
  peer.write(submit(1));
  t.equal(toHex(await peer.read(14)), toHex(ack(1)), "the server goes on");
  peer.end();
});

t.test("nothing is left behind that keeps the program alive", async (t) => {
  const open = () => process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind));
  const before = open().length;
  const server = await serve({ port: 0 }, { submit: () => Promise.resolve() });
  const client = await connect(urlOf(server));
  await client.submit("a");
  await client.close();
  await server.shutdown();
  // The runtime may take a few turns to close what it was told to.
  await until(() => open().length <= before, `${before} before, on ${runtime}`, 5000);
  t.ok(open().length <= before);
});
