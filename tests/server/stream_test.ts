/** Submits too long for memory: their handlers read them as they come. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { SubmitPacket } from "../../src/protocol/submit/server/packet.ts";
import { ack, acks, frame, join, random, SUBMIT, submit, toHex } from "../helpers/frames.ts";
import { type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import {
  CODECS,
  peerOf,
  recordEvents,
  type Setting,
  settings,
  start,
  watch,
} from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const MIB = 1 << 20;
const RESULT_FAILED = 1;

/** A body whose every byte tells its place. */
function body(bytes: number): Uint8Array {
  const made = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) made[i] = i * 31 + (i >>> 8);
  return made;
}

/** Reads a stream to its end and says whether it was this body. */
async function reads(packet: SubmitPacket, expected: Uint8Array): Promise<boolean> {
  let at = 0;
  let right = true;
  for await (const part of packet.stream()) {
    for (let i = 0; i < part.length; i++) right &&= part[i] === expected[at + i];
    at += part.length;
  }
  return right && at === expected.length;
}

for (const setting of settings()) {
  t.test(`64 MiB are never in memory as a whole (${setting.name})`, async (t) => {
    const bytes = 64 * MIB - 13;
    const setting64 = { maxFrameBytes: 64 * MIB, streamThresholdBytes: MIB };
    let got = 0;
    let sum = 0;
    let most = 0;
    const server = await start(t, setting, {
      async submit(packet) {
        if (!packet.streamed) return;
        t.equal(packet.payloadBytes, bytes);
        for await (const part of packet.stream()) {
          got += part.length;
          sum = (sum + part[0]! + part[part.length - 1]!) % 65_536;
          most = Math.max(most, server.stats().memory.used);
        }
      },
    }, setting64);
    const peer = await peerOf(server, setting);
    const head = frame(SUBMIT, 1, new Uint8Array(0));
    head.set([4, 0, 0, 0]); // 64 MiB
    peer.write(head);
    const piece = body(MIB);
    for (let left = bytes; left > 0; left -= MIB) {
      peer.write(left < MIB ? piece.subarray(0, left) : piece);
      if (left % (4 * MIB) < MIB) await turns(1);
    }
    await until(() => peer.received.length === 14, "it is answered", 60_000);
    t.equal(toHex(peer.received), toHex(ack(1)));
    t.equal(got, bytes);
    t.ok(most > 0 && most < 2 * MIB, `${most} bytes at the most`);
    peer.write(submit(2, "short"));
    await until(() => peer.received.length === 28, "short ones go on");
    t.equal(server.stats().memory.used < 2 * MIB, true);
    peer.end();
  });
}

for (const codec of CODECS) {
  const inMemory = (pieceBytes?: (bytes: number) => number): Setting => ({
    name: codec,
    codec,
    transport: memoryNetwork({ ...(pieceBytes !== undefined && { pieceBytes }) }),
  });

  t.test(`whatever pieces they come in, long and short submits are handled in order (${codec})`, async (t) => {
    for (let seed = 1; seed <= 25; seed++) {
      const next = random(seed);
      const setting = inMemory((bytes) => 1 + next(Math.min(bytes, seed % 2 === 0 ? 40 : 4000)));
      const bodies = Array.from({ length: 12 }, () => body(next(3) === 0 ? next(5000) : next(150)));
      const order: number[] = [];
      let wrong = 0;
      const server = await start(t, setting, {
        async submit(packet) {
          const expected = bodies[order.push(Number(packet.id)) - 1]!;
          if (packet.streamed !== (expected.length + 13 > 100)) wrong++;
          if (!packet.streamed && toHex(packet.payload) !== toHex(expected)) wrong++;
          if (packet.streamed || next(2) === 0) {
            if (!await reads(packet, expected)) wrong++;
          }
        },
      }, { streamThresholdBytes: 100 });
      const peer = await peerOf(server, setting);
      peer.write(join(...bodies.map((body, i) => submit(i + 1, body))));
      await until(() => peer.received.length >= 14 * bodies.length, `seed ${seed}: all answered`);
      if (wrong > 0) t.fail(`seed ${seed}: ${wrong} wrong`);
      if (toHex(peer.received) !== toHex(acks(bodies.length))) t.fail(`seed ${seed}: acks`);
      if (order.join() !== bodies.map((_, i) => i + 1).join()) t.fail(`seed ${seed}: ${order}`);
      peer.end();
      await until(() => server.stats().connections.open === 0, "closed");
      if (server.stats().memory.used !== 0) t.fail(`seed ${seed}: memory`);
    }
    t.pass("seeds 1 to 25");
  });

  t.test(`who does not read stops the peer, and the next handler waits (${codec})`, async (t) => {
    const network = watch(memoryNetwork());
    const setting: Setting = { name: codec, codec, transport: network };
    const streams: SubmitPacket[] = [];
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit(packet) {
        streams.push(packet);
        open.push(deferred());
        return open.at(-1)!.promise;
      },
    }, { streamThresholdBytes: 1000, handlerTimeoutMs: 0 });
    const peer = await peerOf(server, setting);
    const long = body(900_000);
    for (let i = 1; i <= 2; i++) {
      const bytes = submit(i, long);
      for (let at = 0; at < bytes.length; at += 10_000) peer.write(bytes.slice(at, at + 10_000));
    }
    await until(() => network.links.some(({ isPaused }) => isPaused), "it is not read from");
    await turns(20);
    const { bytesIn, memory } = server.stats();
    t.ok(bytesIn < 400_000, `${bytesIn} bytes read`);
    t.ok(memory.used >= 256 * 1024 && memory.used < 400_000, `${memory.used} bytes held`);
    t.equal(streams.length, 1);
    let [got, parts] = [0, 0];
    const reader = streams[0]!.stream().getReader();
    for (;;) {
      const { value } = await reader.read();
      got += value!.length;
      if (got === long.length) break;
      if (++parts % 10 === 0) await turns(1);
      if (streams.length > 1) t.fail("the next one came before the first was read");
    }
    t.equal((await reader.read()).done, true);
    await until(() => streams.length === 2, "then the next one comes");
    t.equal(peer.received.length, 0, "the handler of the first one is not done");
    open[0]!.resolve();
    await until(() => peer.received.length === 14, "now it is");
    open[1]!.resolve();
    await until(() => peer.received.length === 28, "what is not read is thrown away");
    t.equal(toHex(peer.received), toHex(acks(2)));
  });

  t.test(`a handler that is done early gets its answer when the rest has come (${codec})`, async (t) => {
    const kept: ReadableStream<Uint8Array>[] = [];
    const handlers = [
      () => {},
      () => {
        throw new Error("no");
      },
      async (packet: SubmitPacket) => {
        const reader = packet.stream().getReader();
        await reader.read();
        kept.push(packet.stream());
        reader.releaseLock();
      },
      async (packet: SubmitPacket) => {
        await packet.stream().cancel();
      },
      async (packet: SubmitPacket) => {
        for await (const _part of packet.stream()) break;
      },
    ];
    const setting = inMemory();
    const server = await start(t, setting, {
      submit: (packet) => handlers[Number(packet.id) - 1]?.(packet),
    }, { streamThresholdBytes: 1000 });
    const peer = await peerOf(server, setting);
    for (let id = 1; id <= handlers.length; id++) {
      const bytes = submit(id, body(500_000));
      peer.write(bytes.slice(0, 490_000));
      await turns(20);
      t.equal(peer.received.length, 14 * (id - 1), "not before the body is through");
      peer.write(bytes.slice(490_000));
      await until(() => peer.received.length === 14 * id, "then it is answered");
    }
    peer.write(submit(6, "short"));
    await until(() => peer.received.length === 14 * 6, "short ones go on");
    const expected = acks(6);
    expected[27] = RESULT_FAILED;
    t.equal(toHex(peer.received), toHex(expected));
    await t.rejects(kept[0]!.getReader().read(), { code: "BODY_STREAMED" });
  });

  t.test(`a connection cut inside of a body fails who reads it (${codec})`, async (t) => {
    const cuts = {
      TRUNCATED: (peer: Awaited<ReturnType<typeof peerOf>>) => peer.end(),
      CONNECTION_RESET: (peer: Awaited<ReturnType<typeof peerOf>>) => peer.reset(),
    };
    for (const [code, cut] of Object.entries(cuts)) {
      const setting = inMemory();
      const codes: string[] = [];
      const server = await start(t, setting, {
        async submit(packet) {
          try {
            await reads(packet, body(1));
          } catch (error) {
            codes.push((error as { code: string }).code);
            throw error;
          }
        },
      }, { streamThresholdBytes: 1000 });
      const { disconnects } = recordEvents(server);
      const peer = await peerOf(server, setting);
      peer.write(submit(1, body(100_000)).subarray(0, 50_000));
      await turns();
      cut(peer);
      await until(() => disconnects.length === 1, "it is closed");
      await until(() => codes.length === 1, "the reader is told");
      t.strictSame(codes, [code]);
      t.equal(disconnects[0]!.code, code);
      t.equal(server.stats().memory.used, 0);
    }
  });

  t.test(`a shutdown does not wait for a body that does not come (${codec})`, async (t) => {
    const setting = inMemory();
    const codes: string[] = [];
    const server = await start(t, setting, {
      submit: (packet) =>
        reads(packet, body(1)).catch((error: { code: string }) => void codes.push(error.code)),
    }, { streamThresholdBytes: 1000 });
    const peer = await peerOf(server, setting);
    peer.write(submit(1, body(100_000)).subarray(0, 50_000));
    await until(() => server.stats().requests === 1, "it is under way");
    const over = server.shutdown({ deadlineMs: 5000 });
    await peer.readToEnd();
    peer.end();
    await over;
    t.strictSame(codes, ["CONNECTION_CLOSED"]);
  });

  t.test(`the handler's deadline counts from the last part that came (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = inMemory();
    const codes: string[] = [];
    const server = await start(t, setting, {
      submit: (packet) =>
        reads(packet, body(1)).catch((error: { code: string }) => void codes.push(error.code)),
    }, { streamThresholdBytes: 1000, handlerTimeoutMs: 1000, clock });
    const peer = await peerOf(server, setting);
    const bytes = submit(1, body(10_000));
    for (let at = 0; at < 10; at++) {
      peer.write(bytes.slice(at * 900, at * 900 + 900));
      await turns();
      clock.advance(900);
    }
    t.equal(peer.received.length, 0);
    clock.advance(100);
    await turns();
    const expected = ack(1);
    expected[13] = RESULT_FAILED;
    t.equal(toHex(peer.received), toHex(expected), "too late");
    t.strictSame(codes, ["HANDLER_TIMEOUT"]);
    peer.write(bytes.slice(9000));
    peer.write(submit(2, "short"));
    await until(() => peer.received.length === 28, "the rest is thrown away, and the next handled");
  });

  t.test(`a streamed packet has no payload, and says so; every packet has a stream (${codec})`, async (t) => {
    const setting = inMemory();
    const codes: string[] = [];
    const texts: string[] = [];
    const server = await start(t, setting, {
      async submit(packet) {
        if (!packet.streamed) {
          texts.push(await new Response(packet.stream()).text());
          return;
        }
        for (const get of [() => packet.payload, () => packet.text(), () => packet.copy()]) {
          try {
            get();
          } catch (error) {
            codes.push((error as { code: string }).code);
          }
        }
        texts.push(`${packet.id} ${packet.idBytes.length} ${packet.payloadBytes}`);
      },
    }, { streamThresholdBytes: 1000 });
    const peer = await peerOf(server, setting);
    peer.write(join(submit(1, "short"), submit(2, body(988)), submit(3), submit(4, body(987))));
    await until(() => peer.received.length === 56, "all are answered");
    t.strictSame(codes, ["BODY_STREAMED", "BODY_STREAMED", "BODY_STREAMED"]);
    t.equal(texts.length, 4);
    t.ok(texts.includes("short"));
    t.ok(texts.includes("00000002 8 988"));
    t.ok(texts.includes(""));
  });

  t.test(`with a full window a long submit waits like any other (${codec})`, async (t) => {
    const setting = inMemory();
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit() {
        open.push(deferred());
        return open.at(-1)!.promise;
      },
    }, { streamThresholdBytes: 1000, maxInFlight: 2, handlerTimeoutMs: 0 });
    const peer = await peerOf(server, setting);
    peer.write(join(submit(1), submit(2), submit(3, body(5000)), submit(4, body(5000)), submit(5)));
    await until(() => open.length === 2, "two are under way");
    await turns(10);
    t.equal(open.length, 2);
    for (let i = 0; i < 5; i++) {
      await until(() => open.length > i, `request ${i + 1} is under way`);
      t.ok(open.length <= i + 2);
      open[i]!.resolve();
    }
    await until(() => peer.received.length === 70, "all are answered");
    t.equal(toHex(peer.received), toHex(acks(5)));
  });
}
