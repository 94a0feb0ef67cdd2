/** How replies leave: in one write a batch, and all of them to a peer that half-closes. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, acks, echoFrame, join, submit, submits, toHex } from "../helpers/frames.ts";
import { peerTo } from "../helpers/peer.ts";
import { type Deferred, deferred, tcp, turns, until } from "../helpers/runtime.ts";
import {
  CODECS,
  peerOf,
  recordEvents,
  type Setting,
  settings,
  start,
  watch,
} from "../helpers/settings.ts";

for (const codec of CODECS) {
  t.test(`replies of a batch leave in one write (${codec})`, async (t) => {
    const network = watch(memoryNetwork());
    const setting: Setting = { name: codec, codec, transport: network };
    const server = await start(t, setting, {
      submit: (packet) => packet.text() === "async" ? Promise.resolve() : undefined,
    });
    const peer = await peerOf(server, setting);
    peer.write(submits(1000));
    await peer.read(14_000);
    t.strictSame(network.writes, [14_000], "sync handlers");

    network.writes.length = 0;
    peer.write(submits(300, 1, "async"));
    await peer.read(14_000 + 300 * 14);
    t.strictSame(network.writes, [300 * 14], "async handlers that settle in one turn");

    network.writes.length = 0;
    const both = Array.from({ length: 300 }, (_, i) => submit(i, i % 3 === 1 ? "async" : "sync"));
    peer.write(join(...both));
    await peer.read(14_000 + 600 * 14);
    t.ok(network.writes.length <= 8, `both kinds mixed: ${network.writes}`);
  });

  t.test(`replies of a batch leave in one write, over TCP (${codec})`, async (t) => {
    const network = watch(tcp);
    const setting: Setting = { name: codec, codec, transport: network };
    const server = await start(t, setting, { submit: () => {} });
    const peer = await peerTo(server.addr.port);
    for (const count of [1, 10, 19]) { // of 13 bytes each: they fit the first read
      network.writes.length = 0;
      const before = peer.receivedBytes;
      peer.write(submits(count));
      await peer.read(before + count * 14);
      t.strictSame(network.writes, [count * 14]);
    }
  });

  t.test(`echoes of a batch leave in one write (${codec})`, async (t) => {
    for (const handlers of [{}, { data: () => {} }, { data: () => Promise.resolve() }]) {
      const network = watch(memoryNetwork());
      const setting: Setting = { name: codec, codec, transport: network };
      const server = await start<"echo">(t, setting, handlers, { protocol: "echo" });
      const peer = await peerOf(server, setting);
      const frames = (type: number) => join(...Array(100).fill(echoFrame(type, "0123456789")));
      peer.write(frames(1));
      t.equal(toHex(await peer.read(1800)), toHex(frames(2)));
      t.strictSame(network.writes, [1800], JSON.stringify(handlers));
    }
  });

  t.test(`more replies than fit a buffer arrive whole (${codec})`, async (t) => {
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const server = await start(t, setting, { submit: () => {} });
    const peer = await peerOf(server, setting);
    peer.write(submits(30_000));
    t.equal(toHex(await peer.read(420_000)) === toHex(acks(30_000)), true);
  });
}

for (const setting of settings()) {
  t.test(`a peer that half-closes gets every answer (${setting.name})`, async (t) => {
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit(packet) {
        if (packet.text() !== "slow") return;
        const done = deferred();
        open.push(done);
        return done.promise;
      },
    });
    const { errors, disconnects } = recordEvents(server);
    const sync = await peerOf(server, setting);
    sync.write(submits(2000));
    sync.end();
    t.equal(toHex(await sync.readToEnd()) === toHex(acks(2000)), true, "sync handlers");

    const slow = await peerOf(server, setting);
    slow.write(join(submit(1, "slow"), submit(2), submit(3, "slow")));
    slow.end();
    await until(() => open.length === 2, "taken");
    await turns(10);
    t.equal(slow.receivedBytes, 0);
    t.equal(slow.isEnded, false, "the server waits for its handlers");
    open[1]!.resolve();
    await turns(10);
    open[0]!.resolve();
    t.equal(toHex(await slow.readToEnd()), toHex(join(ack(1), ack(2), ack(3))), "slow handlers");
    await until(() => disconnects.length === 2, "disconnects");
    t.strictSame(disconnects.map(({ code }) => code), ["PEER_ENDED", "PEER_ENDED"]);
    t.strictSame(errors, []);
  });

  t.test(`a peer that half-closes gets every answer though it exceeds the window (${setting.name})`, async (t) => {
    const open: Deferred<void>[] = [];
    let most = 0;
    let done = 0;
    const server = await start(t, setting, {
      submit() {
        const one = deferred();
        open.push(one);
        most = Math.max(most, open.length);
        return one.promise.then(() => void done++);
      },
    }, { maxInFlight: 3 });
    const peer = await peerOf(server, setting);
    peer.write(submits(50));
    peer.end();
    while (done < 50) {
      await until(() => open.length > 0, "a handler");
      open.pop()!.resolve();
      await turns(1);
    }
    t.equal(toHex(await peer.readToEnd()), toHex(acks(50)));
    t.equal(most, 3);
  });
}
