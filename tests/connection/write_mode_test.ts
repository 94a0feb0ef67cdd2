/** When what is put out is written: together, at once, or later. */

import t from "tap";
import type { Transport } from "../../src/link/link.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { isFramewireError } from "../../src/errors.ts";
import { acks, submit, submits, toHex } from "../helpers/frames.ts";
import { connect, type Deferred, deferred, serve, turns, until } from "../helpers/runtime.ts";
import {
  CODECS,
  peerOf,
  type Setting,
  settings,
  start,
  urlOf,
  watch,
} from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

for (const setting of settings()) {
  t.test(`every mode writes everything, in order (${setting.name})`, async (t) => {
    for (const writeMode of ["batch", "immediate", { delayMs: 1, bytes: 100 }] as const) {
      let count = 0;
      const server = await start(t, setting, {
        submit: () => ++count % 2 === 0 ? Promise.resolve() : undefined,
      }, { writeMode });
      const peer = await peerOf(server, setting);
      const all = submits(500, 1, "x");
      for (let at = 0; at < all.length; at += 700) peer.write(all.slice(at, at + 700));
      peer.end();
      t.equal(toHex(await peer.readToEnd()), toHex(acks(500)));
      await until(() => server.stats().connections.open === 0, "it is closed");
    }
  });

  t.test(`a client's calls settle in every mode (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit: () => {} });
    for (const writeMode of ["batch", "immediate", { delayMs: 1, bytes: 50 }] as const) {
      const { codec, transport } = setting;
      const client = await connect(urlOf(server), {
        codec,
        writeMode,
        ...(transport !== undefined && { transport }),
      });
      await Promise.all(Array.from({ length: 100 }, (_, i) => client.submit(`payload ${i}`)));
      await client.close();
    }
    t.equal(server.stats().requests, 300);
  });
}

for (const codec of CODECS) {
  t.test(`a delay collects until it is over, or until enough has come (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const network = watch(memoryNetwork());
    const setting: Setting = { name: codec, codec, transport: network };
    const server = await start(t, setting, { submit: () => {} }, {
      writeMode: { delayMs: 20, bytes: 100 },
      clock,
    });
    const peer = await peerOf(server, setting);
    const written = () => network.writes.splice(0);
    peer.write(submit(1));
    await turns();
    clock.advance(15);
    peer.write(submit(2));
    await turns();
    t.strictSame(written(), []);
    clock.advance(4);
    await turns();
    t.strictSame(written(), []);
    clock.advance(1);
    await turns();
    t.strictSame(written(), [28], "counted from the first of them");
    for (let id = 3; id <= 9; id++) {
      peer.write(submit(id));
      await turns(1);
    }
    await turns();
    t.strictSame(written(), [], "98 bytes wait");
    peer.write(submit(10));
    await turns();
    t.strictSame(written(), [112], "112 bytes do not");
    clock.advance(1000);
    await turns();
    t.strictSame(written(), []);
    peer.write(submit(11));
    await turns();
    peer.end();
    await turns();
    t.equal(peer.received.length, 14 * 10);
    clock.advance(20);
    t.equal(toHex(await peer.readToEnd()), toHex(acks(11)), "the end waits for what is delayed");
  });

  t.test(`immediate: each reply leaves when it is ready; batch: those of a turn together (${codec})`, async (t) => {
    for (const writeMode of ["batch", "immediate"] as const) {
      const network = watch(memoryNetwork());
      const setting: Setting = { name: codec, codec, transport: network };
      const server = await start(t, setting, { submit: () => {} });
      const client = await connect(urlOf(server), { codec, transport: network, writeMode });
      const before = server.stats().bytesIn;
      const writes: number[] = [];
      const link = network.links.find(({ local }) => local.hostname === "memory");
      const { write } = link!;
      link!.write = (bytes) => {
        writes.push(bytes.length);
        return write(bytes);
      };
      const calls = [client.submit("a"), client.submit("b"), client.submit("c")];
      const atOnce = [...writes];
      await Promise.all(calls);
      t.equal(server.stats().bytesIn - before, 3 * 14);
      if (writeMode === "immediate") t.strictSame(atOnce, [14, 14, 14]);
      else t.strictSame([atOnce, writes], [[], [42]]);
      await client.close();
    }
  });

  t.test(`a connection that is cut leaves no timer behind (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit() {
        open.push(deferred());
        return open.at(-1)!.promise;
      },
    }, { writeMode: { delayMs: 5000, bytes: 1000 }, handlerTimeoutMs: 0, clock });
    const idle = clock.pending;
    const peer = await peerOf(server, setting);
    peer.write(submits(2));
    await until(() => open.length === 2, "both are under way");
    const before = clock.pending;
    open[0]!.resolve();
    await turns();
    t.equal(clock.pending, before + 1, "the first waits to be written");
    peer.reset();
    await until(() => server.stats().connections.open === 0, "it is gone");
    t.ok(clock.pending <= Math.max(idle, before), `${clock.pending} timers`);
    open[1]!.resolve();
    await turns();
  });
}

t.test("immediate: a link that puts writes off until the end of a turn is told not to", async (t) => {
  for (const [writeMode, wanted] of [["immediate", 1], ["batch", 0]] as const) {
    let told = 0;
    const inner = memoryNetwork();
    const transport: Transport = {
      listen: (target, events) =>
        inner.listen(target, {
          ...events,
          accepted: (link) =>
            events.accepted(Object.assign(link, { writeAtOnce: () => void told++ })),
        }),
      connect: (target) => inner.connect(target),
    };
    const server = await serve({ port: 0, transport, writeMode }, { submit() {} });
    const client = await connect(`tcp://127.0.0.1:${server.addr.port}`, { transport });
    await client.submit("hello");
    await client.close();
    await server.shutdown({ deadlineMs: 0 });
    t.equal(told, wanted, writeMode);
  }
});

t.test("what is no mode is refused, with what is wrong in it", async (t) => {
  const serveAny = serve as unknown as (o: object, h: object) => Promise<unknown>;
  for (
    const writeMode of ["later", 5, null, {}, { delayMs: 0, bytes: 1 }, { delayMs: 1, bytes: 0 }, {
      delayMs: 1.5,
      bytes: 1,
    }]
  ) {
    try {
      await serveAny({ port: 0, writeMode }, { submit() {} });
      t.fail(JSON.stringify(writeMode));
    } catch (error) {
      t.ok(isFramewireError(error, "INVALID_OPTION"), String(error));
    }
  }
});
