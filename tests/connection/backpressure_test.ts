/** What is not read is not written, and what is not written is not read: nothing piles up. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, acks, echoFrame, join, submit, submits, toHex } from "../helpers/frames.ts";
import { peerTo } from "../helpers/peer.ts";
import { type Deferred, deferred, tcp, turns, until } from "../helpers/runtime.ts";
import {
  clientOf,
  CODECS,
  peerOf,
  recordEvents,
  type Setting,
  settings,
  start,
  watch,
} from "../helpers/settings.ts";

for (const codec of CODECS) {
  for (const protocol of ["submit", "echo"] as const) {
    t.test(`a peer that does not read is not read from, then gets everything (${protocol}, ${codec}, memory)`, async (t) => {
      const network = watch(memoryNetwork({ windowBytes: 1000 }));
      const setting: Setting = { name: codec, codec, transport: network };
      const high = 4096;
      const server = protocol === "submit"
        ? await start(t, setting, { submit: () => {} }, { writeHighWaterBytes: high })
        : await start<"echo">(t, setting, {}, { protocol: "echo", writeHighWaterBytes: high });
      const peer = await peerOf(server, setting);
      const [accepted] = network.links.filter(({ local }) => local.port === server.addr.port);
      peer.pause();
      const count = 5000;
      const requests = protocol === "submit"
        ? submits(count)
        : join(...Array.from({ length: count }, (_, i) => echoFrame(1, `data${i}`)));
      for (let at = 0; at < requests.length; at += 500) peer.write(requests.slice(at, at + 500));
      await until(() => accepted!.isPaused, "the server stops reading");
      await turns(20);
      const { bytesIn } = server.stats();
      t.ok(bytesIn < 2 * (high + 1000), `${bytesIn} bytes read`);
      await turns(20);
      t.equal(server.stats().bytesIn, bytesIn, "and no more");
      const other = await peerOf(server, setting);
      other.write(requests.subarray(0, 13));
      if (protocol === "submit") {
        t.equal(toHex(await other.read(14)), toHex(ack(1)), "others go on");
      }
      peer.resume();
      peer.end();
      const expected = protocol === "submit"
        ? acks(count)
        : join(...Array.from({ length: count }, (_, i) => echoFrame(2, `data${i}`)));
      t.equal(toHex(await peer.readToEnd()) === toHex(expected), true, "everything, in order");
      t.ok(accepted!.pauses >= 1 && accepted!.pauses < 200, `${accepted!.pauses} pauses`);
      t.ok(accepted!.resumes <= accepted!.pauses);
    });
  }

  t.test(`a peer that does not read is not read from, then gets everything (${codec}, tcp)`, async (t) => {
    const network = watch(tcp);
    const setting: Setting = { name: codec, codec, transport: network };
    const options = { protocol: "echo", maxFrameBytes: 1 << 16 } as const;
    const server = await start<"echo">(t, setting, {}, options);
    const peer = await peerTo(server.addr.port);
    peer.pause();
    // More than all buffers of kernel and runtime take together.
    const data = new Uint8Array(32_768).map((_, i) => i);
    const count = 2000;
    for (let i = 0; i < count; i++) peer.write(echoFrame(1, data));
    await until(() => network.links[0]?.isPaused === true, "the server stops reading");
    let last = -1;
    await until(() => {
      const { bytesIn } = server.stats();
      const stands = bytesIn === last;
      last = bytesIn;
      return stands;
    }, "it stands");
    const before = server.stats();
    t.ok(before.bytesIn < count * 32_776, "not all is read");
    const held = before.bytesIn - before.bytesOut;
    t.ok(held < 600_000, `${held} bytes held`);
    const other = await peerTo(server.addr.port);
    for (let i = 1; i <= 20; i++) {
      other.write(echoFrame(1, "hello"));
      t.equal(toHex(await other.read(13 * i)).slice(-26), toHex(echoFrame(2, "hello")));
    }
    peer.resume();
    peer.end();
    await until(() => peer.receivedBytes === count * 32_776, "everything");
    const received = peer.received;
    const one = toHex(echoFrame(2, data));
    let right = true;
    for (let i = 0; i < count; i += 97) {
      right &&= toHex(received.subarray(i * 32_776, (i + 1) * 32_776)) === one;
    }
    t.ok(right);
    other.end();
  });

  t.test(`maxInFlight: handlers under way are counted, then the peer waits (${codec})`, async (t) => {
    for (const maxInFlight of [1, 2, 7, 16, 100]) {
      const network = watch(memoryNetwork());
      const setting: Setting = { name: codec, codec, transport: network };
      const open: Deferred<void>[] = [];
      const server = await start(t, setting, {
        submit() {
          const done = deferred();
          open.push(done);
          return done.promise;
        },
      }, { maxInFlight, handlerTimeoutMs: 0 });
      const peer = await peerOf(server, setting);
      peer.write(submits(maxInFlight + 200));
      await until(() => open.length >= maxInFlight, "full");
      await turns();
      t.equal(open.length, maxInFlight);
      const accepted = network.links.find(({ local }) => local.port === server.addr.port)!;
      t.equal(accepted.isPaused, true, "the server stops reading");
      peer.write(submits(100, maxInFlight + 201));
      await turns();
      const { bytesIn } = server.stats();
      t.equal(bytesIn, (maxInFlight + 200) * 13);
      // Reading goes on when an eighth is free. Not with the oldest under way: no answer can leave.
      const freed = Math.max(1, maxInFlight >> 3);
      for (let i = 1; i < freed; i++) open[i]!.resolve();
      await turns();
      t.equal(open.length, maxInFlight);
      open[0]!.resolve();
      await until(() => open.length === maxInFlight + freed, "room again");
      await turns();
      t.equal(open.length, maxInFlight + freed, "exactly as much as there was room");
      for (let i = 0; i < maxInFlight + 300; i++) {
        await until(() => open.length > i, "the next");
        open[i]!.resolve();
      }
      peer.end();
      t.equal(toHex(await peer.readToEnd()), toHex(acks(maxInFlight + 300)));
    }
  });

  t.test(`maxInFlightBytes bounds what slow handlers keep; a larger frame is taken by itself (${codec})`, async (t) => {
    for (const protocol of ["submit", "echo"] as const) {
      const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
      const open: Deferred<void>[] = [];
      const hold = () => {
        const done = deferred();
        open.push(done);
        return done.promise;
      };
      const options = { maxInFlightBytes: 10_000, handlerTimeoutMs: 0 };
      const server = protocol === "submit"
        ? await start(t, setting, { submit: hold }, options)
        : await start<"echo">(t, setting, { data: hold }, { protocol, ...options });
      const peer = await peerOf(server, setting);
      const frameOf = (i: number, bytes: number) =>
        protocol === "submit"
          ? submit(i, new Uint8Array(bytes))
          : echoFrame(1, new Uint8Array(bytes).fill(i));
      for (let i = 0; i < 30; i++) peer.write(frameOf(i, 1000));
      await until(() => open.length >= 9, "full");
      await turns();
      t.ok(open.length <= 11, `${open.length} of 1000 bytes at once (${protocol})`);
      for (let i = 0; i < 30; i++) {
        await until(() => open.length > i, `handler ${i} (${protocol})`);
        open[i]!.resolve();
      }
      for (let i = 30; i < 34; i++) peer.write(frameOf(i, 50_000));
      for (let i = 30; i < 34; i++) {
        await until(() => open.length > i, `handler ${i} of a larger frame (${protocol})`);
        await turns();
        t.equal(open.length, i + 1, "one at a time");
        open[i]!.resolve();
      }
      peer.end();
      const received = await peer.readToEnd();
      t.equal(received.length, protocol === "submit" ? 34 * 14 : 30 * 1008 + 4 * 50_008);
    }
  });

  t.test(`echoes that wait for a slow one before them count as kept (${codec})`, async (t) => {
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const first = deferred();
    let seen = 0;
    const options = { maxInFlightBytes: 10_000, handlerTimeoutMs: 0 };
    const server = await start<"echo">(t, setting, {
      data: () => seen++ === 0 ? first.promise : undefined,
    }, { protocol: "echo", ...options });
    const peer = await peerOf(server, setting);
    for (let i = 0; i < 200; i++) peer.write(echoFrame(1, new Uint8Array(992).fill(i)));
    await until(() => seen >= 9, "taken");
    await turns(20);
    t.ok(seen <= 11, `${seen} echoes of 1000 bytes are kept`);
    first.resolve();
    peer.end();
    t.equal((await peer.readToEnd()).length, 200_000);
  });
}

for (const setting of settings()) {
  t.test(`a peer that stops reading and then vanishes leaves nothing (${setting.name})`, async (t) => {
    const options = { protocol: "echo", writeHighWaterBytes: 1024 } as const;
    const server = await start<"echo">(t, setting, {}, options);
    const { disconnects } = recordEvents(server);
    for (let i = 0; i < 5; i++) {
      const peer = await peerOf(server, setting);
      peer.pause();
      for (let n = 0; n < 100; n++) peer.write(echoFrame(1, new Uint8Array(1000)));
      await until(() => server.stats().bytesIn > 1000, "under way");
      peer.reset();
      await until(() => disconnects.length === i + 1, "disconnect");
    }
    t.ok(disconnects.every(({ code }) => code === "CONNECTION_RESET"));
    t.equal(server.stats().connections.open, 0);
    const client = await peerOf(server, setting);
    client.write(echoFrame(1, "still here"));
    await client.read(18);
    client.end();
  });

  t.test(`a client pipelines more than any window, both ways (${setting.name})`, async (t) => {
    const server = await start(t, setting, {
      submit: (packet) => packet.payload[0] === 1 ? Promise.resolve() : undefined,
    }, { maxInFlight: 16, writeHighWaterBytes: 1024 });
    const client = await clientOf(server, setting);
    const answers: Promise<void>[] = [];
    for (let i = 0; i < 20_000; i++) answers.push(client.submit(Uint8Array.of(i & 1)));
    await Promise.all(answers);
    t.equal(server.stats().requests, 20_000);
    await client.close();
  });
}
