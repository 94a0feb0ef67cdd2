/** How a connection ends when several things end it at once. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, acks, frame, join, submit, submits, toHex, u32 } from "../helpers/frames.ts";
import { connect, type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import { CODECS, peerOf, recordEvents, settings, start, urlOf } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

for (const setting of settings()) {
  t.test(`the first error counts: a reset after bad input is its consequence (${setting.name})`, async (t) => {
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit() {
        const done = deferred();
        open.push(done);
        return done.promise;
      },
    });
    const { errors, disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(join(submit(1), u32(3)));
    await until(() => open.length === 1, "taken");
    await turns();
    t.strictSame(errors, [], "the request before it is still under way");
    peer.reset();
    await until(() => disconnects.length === 1, "disconnect");
    t.strictSame(errors.map(({ code }) => code), ["LENGTH_UNDERFLOW"]);
    t.equal(disconnects[0]!.code, "LENGTH_UNDERFLOW");
    open[0]!.resolve();
    await turns();
    t.match(server.stats(), { requests: 1, connections: { open: 0 } });
  });

  t.test(`a reset while an ended peer's answers are owed is an error (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit: () => new Promise(() => {}) });
    const { errors, disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(submits(3));
    await until(() => server.stats().requests === 3, "taken");
    peer.reset();
    await until(() => disconnects.length === 1, "disconnect");
    t.match(disconnects, [{ code: "CONNECTION_RESET", requests: 3, bytesOut: 0 }]);
    t.strictSame(errors.map(({ code }) => code), ["CONNECTION_RESET"]);
  });

  t.test(`bad input while the window is full is found when there is room (${setting.name})`, async (t) => {
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit() {
        const done = deferred();
        open.push(done);
        return done.promise;
      },
    }, { maxInFlight: 2 });
    const { disconnects } = recordEvents(server);
    for (
      const [bad, code] of [[frame(9, 9), "UNKNOWN_PACKET"], [u32(1), "LENGTH_UNDERFLOW"]] as const
    ) {
      open.length = disconnects.length = 0;
      const peer = await peerOf(server, setting);
      peer.write(join(submits(4), bad));
      for (let i = 0; i < 4; i++) {
        await until(() => open.length > i, "a handler");
        t.equal(disconnects.length, 0);
        open[i]!.resolve();
      }
      t.equal(toHex(await peer.readToEnd()), toHex(acks(4)));
      peer.end();
      await until(() => disconnects.length === 1, "disconnect");
      t.match(disconnects[0], { code, requests: 4 });
    }
  });

  t.test(`the end inside a frame while the window is full (${setting.name})`, async (t) => {
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit() {
        const done = deferred();
        open.push(done);
        return done.promise;
      },
    }, { maxInFlight: 1 });
    const { disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(join(submits(3), submit(4, "cut").subarray(0, 14)));
    peer.end();
    for (let i = 0; i < 3; i++) {
      await until(() => open.length > i, "a handler");
      open[i]!.resolve();
    }
    t.equal(toHex(await peer.readToEnd()), toHex(acks(3)));
    await until(() => disconnects.length === 1, "disconnect");
    t.match(disconnects[0], { code: "TRUNCATED", requests: 3 });
  });
}

for (const codec of CODECS) {
  t.test(`shutdown's deadline cuts a peer that does not read its answers (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = { name: codec, codec, transport: memoryNetwork({ windowBytes: 100 }) };
    const server = await start(t, setting, { submit: () => {} }, { clock });
    const { disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.pause();
    peer.write(submits(500));
    await until(() => server.stats().requests === 500, "taken");
    let isOver = false;
    void server.shutdown({ deadlineMs: 400 }).then(() => isOver = true);
    clock.advance(399);
    await turns();
    t.equal(isOver, false);
    clock.advance(1);
    await until(() => isOver, "over");
    t.equal(disconnects[0]!.code, "SHUTDOWN");
    t.equal(clock.pending, 0);
  });

  t.test(`a lingering peer may still send: it is thrown away (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = { name: codec, codec, transport: memoryNetwork() };
    const server = await start(t, setting, {
      submit: (_packet, conn) => conn.close(),
    }, { clock, lingerMs: 100 });
    const { disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(submits(1));
    t.equal(toHex(await peer.readToEnd()), toHex(ack(1)));
    peer.write(submits(100, 2));
    peer.write(u32(0));
    await turns();
    t.equal(peer.isClosed, false);
    peer.end();
    t.equal(await peer.closed, undefined, "it ends in order");
    await until(() => disconnects.length === 1, "disconnect");
    t.match(disconnects[0], { code: "CLOSED", requests: 1, bytesOut: 14 });
    t.equal(clock.pending, 0);
  });

  t.test(`a server and a client that close at once both end in order (${codec})`, async (t) => {
    const setting = { name: codec, codec, transport: memoryNetwork() };
    for (let i = 0; i < 10; i++) {
      const server = await start(t, setting, { submit: () => Promise.resolve() });
      const { errors } = recordEvents(server);
      const client = await connect(
        urlOf(server),
        setting.transport && { codec, transport: setting.transport },
      );
      const answers = Promise.allSettled([client.submit("a"), client.submit("b")]);
      for (let turn = 0; turn < i; turn++) await null;
      await Promise.all([server.shutdown(), client.close()]);
      const settled = await answers;
      t.equal(settled[0]!.status, settled[1]!.status);
      t.strictSame(errors, []);
    }
  });

  t.test(`connecting while the server shuts down: refused or closed, never left (${codec})`, async (t) => {
    const transport = memoryNetwork();
    const setting = { name: codec, codec, transport };
    const server = await start(t, setting, { submit: () => {} });
    const log: string[] = [];
    server.on("close", () => log.push("close"));
    server.on("connect", () => log.push("connect"));
    const connecting = connect(urlOf(server), { codec, transport });
    await server.shutdown();
    const client = await connecting.catch(() => undefined);
    if (client !== undefined) {
      await t.rejects(client.submit("x"));
      await client.closed;
    }
    await turns();
    t.equal(log.at(-1), "close", "nothing comes after the end");
  });
}
