/** How a client closes: after its answers, within a deadline, always. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, submit, toHex } from "../helpers/frames.ts";
import { listen } from "../helpers/peer.ts";
import { connect, turns, until } from "../helpers/runtime.ts";
import { CODECS, optionsOf, settings } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

for (const setting of settings()) {
  t.test(`close waits for the answers and takes no more calls (${setting.name})`, async (t) => {
    const server = await listen(setting.transport);
    t.teardown(() => server.close());
    const client = await connect(`tcp://127.0.0.1:${server.port}`, optionsOf(setting));
    const peer = await server.next();
    const answer = client.submit("a");
    let isClosed = false;
    const closing = client.close().then(() => isClosed = true);
    await t.rejects(client.submit("b"), { code: "CONNECTION_CLOSED", message: /closed by this/ });
    t.equal(client.open, false);
    t.equal(toHex(await peer.read(14)), toHex(submit(1, "a")));
    await turns(5);
    t.equal(isClosed, false);
    t.equal(peer.isEnded, false);
    peer.write(ack(1));
    await answer;
    await peer.ended;
    peer.end();
    await closing;
    t.match(await client.closed, { code: "CLOSED" });
    await client.close();
    await client[Symbol.asyncDispose]();
  });

  t.test(`a submit right before close is sent (${setting.name})`, async (t) => {
    const server = await listen(setting.transport);
    t.teardown(() => server.close());
    const client = await connect(`tcp://127.0.0.1:${server.port}`, optionsOf(setting));
    const peer = await server.next();
    const answers = [client.submit("a"), client.submit("b")];
    const closing = client.close({ deadlineMs: 60_000 });
    await peer.read(28);
    peer.write(ack(2));
    peer.write(ack(1));
    await Promise.all(answers);
    peer.end();
    await closing;
    t.pass();
  });
}

for (const codec of CODECS) {
  t.test(`a server that never answers: close fails the calls at its deadline (${codec})`, async (t) => {
    const transport = memoryNetwork();
    const clock = new VirtualClock();
    const server = await listen(transport);
    const url = `tcp://memory:${server.port}`;
    const client = await connect(url, { transport, codec, clock, lingerMs: 300 });
    const peer = await server.next();
    const answer = client.submit("a");
    const failed = answer.then(() => undefined, (error) => error);
    let isClosed = false;
    const closing = client.close({ deadlineMs: 1000 }).then(() => isClosed = true);
    await peer.read(14);
    clock.advance(999);
    await turns();
    t.equal(client.pending, 1);
    clock.advance(1);
    t.match(await failed, { code: "CONNECTION_CLOSED" });
    await peer.ended;
    t.equal(isClosed, false, "the peer may still end in order");
    clock.advance(300);
    await closing;
    t.equal(clock.pending, 0, "no timer is left behind");
  });

  t.test(`a server that never reads: close does not hang (${codec})`, async (t) => {
    const transport = memoryNetwork({ windowBytes: 1000 });
    const clock = new VirtualClock();
    const server = await listen(transport);
    const url = `tcp://memory:${server.port}`;
    const client = await connect(url, { transport, codec, clock, lingerMs: 300 });
    const peer = await server.next();
    peer.pause();
    const failed = Promise.allSettled(
      Array.from({ length: 100 }, () => client.submit(new Uint8Array(1000))),
    );
    let isClosed = false;
    void client.close({ deadlineMs: 1000 }).then(() => isClosed = true);
    await turns();
    clock.advance(1000);
    const settled = await failed;
    t.ok(settled.every(({ status }) => status === "rejected"));
    await turns();
    clock.advance(300);
    await until(() => isClosed, "close settles", 5000);
    t.equal(clock.pending, 0);
  });

  t.test(`a server that sends garbage and never reads: closed settles (${codec})`, async (t) => {
    const transport = memoryNetwork({ windowBytes: 1000 });
    const clock = new VirtualClock();
    const server = await listen(transport);
    const url = `tcp://memory:${server.port}`;
    const client = await connect(url, { transport, codec, clock, lingerMs: 300 });
    const peer = await server.next();
    peer.pause();
    const failed = Promise.allSettled(
      Array.from({ length: 100 }, () => client.submit(new Uint8Array(1000))),
    );
    peer.write(new Uint8Array(20));
    await failed;
    await turns();
    clock.advance(300);
    let code = "";
    void client.closed.then((reason) => code = reason.code);
    await until(() => code !== "", "closed settles", 5000);
    t.equal(code, "LENGTH_UNDERFLOW");
  });
}

t.test("a deadline that is none is refused", async (t) => {
  const transport = memoryNetwork();
  const server = await listen(transport);
  const client = await connect(`tcp://memory:${server.port}`, { transport });
  for (const deadlineMs of [-1, NaN, Infinity, 2 ** 31, "5" as unknown as number]) {
    await t.rejects(async () => await client.close({ deadlineMs }), { code: "INVALID_OPTION" });
  }
  t.equal(client.open, true);
  const peer = await server.next();
  peer.end();
  await client.closed;
});
