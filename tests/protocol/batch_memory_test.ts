/** The memory that batches of short submits are copied into: whose views are whose, and for how long. */

import t from "tap";
import { lengthField } from "../../src/codec/framing.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import { rest, u16, u32, u8 } from "../../src/protocol/defined/fields/mod.ts";
import {
  acks,
  join,
  random,
  randomBytes,
  submit,
  toHex,
  u32 as u32Bytes,
} from "../helpers/frames.ts";
import { type Deferred, deferred, serve, turns, until } from "../helpers/runtime.ts";
import { peerTo } from "../helpers/peer.ts";
import { CODECS, peerOf, type Setting, start } from "../helpers/settings.ts";

for (const codec of CODECS) {
  t.test(`payloads of any lengths are their own, for sync handlers and others (${codec})`, async (t) => {
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const below = random(7);
    const payloads: Uint8Array[] = [];
    const waiting: { readonly number: number; readonly view: Uint8Array; done: Deferred<void> }[] =
      [];
    let wrong = 0;
    let number = 0;
    let slow = 0;
    const check = (view: Uint8Array, of: number) => {
      if (toHex(view) !== toHex(payloads[of]!)) wrong++;
    };
    const server = await start(t, setting, {
      submit(packet): Promise<void> | void {
        const of = number++;
        if (Number(packet.id) !== of + 1) wrong++;
        check(packet.payload, of);
        check(packet.payload, of); // asked again, it is the same
        if (slow === 0 || of % slow > 0) return;
        const done = deferred();
        waiting.push({ number: of, view: packet.payload, done });
        return done.promise.then(() => check(packet.payload, of));
      },
    });
    const peer = await peerOf(server, setting);
    for (let round = 0; round < 120; round++) {
      // Mostly of one length, and as long as the last batch's or not; some handlers take their time.
      slow = [0, 0, 3, 0, 17, 1][round % 6]!;
      const alike = below(3) > 0;
      const length = below(40);
      const count = 1 + below(60);
      const first = payloads.length;
      for (let i = 0; i < count; i++) {
        payloads.push(randomBytes(round * 1000 + i, alike ? length : below(300)));
      }
      peer.write(join(...payloads.slice(first).map((bytes, i) => submit(first + i + 1, bytes))));
      await turns(2);
      // The batches before this one have left their memory to others, not that of those who wait.
      for (const { number, view } of waiting) check(view, number);
      while (waiting.length > below(90)) {
        const { number, view, done } = waiting.splice(below(waiting.length), 1)[0]!;
        check(view, number);
        done.resolve();
        await turns(1);
      }
    }
    await until(() => {
      while (waiting.length > 0) waiting.shift()!.done.resolve();
      return number === payloads.length; // the window was full at times
    }, "every request taken");
    while (waiting.length > 0) waiting.shift()!.done.resolve();
    const all = await peer.read(payloads.length * 14);
    t.equal(toHex(all) === toHex(acks(payloads.length)), true, "every reply, in order");
    t.equal(number, payloads.length);
    t.equal(wrong, 0);
  });

  t.test(`batches of one shape are read by the views of the last one (${codec})`, async (t) => {
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const seen = new Set<Uint8Array>();
    const server = await start(t, setting, {
      submit(packet): void {
        seen.add(packet.payload);
      },
    });
    const peer = await peerOf(server, setting);
    const batch = join(...Array.from({ length: 64 }, (_, i) => submit(i + 1, "x".repeat(32))));
    for (let round = 0; round < 50; round++) {
      peer.write(batch);
      await peer.read((round + 1) * 64 * 14);
    }
    // A batch cut in two by the link has other places in it.
    t.ok(seen.size >= 64 && seen.size < 1000, `${seen.size} views for ${50 * 64} requests`);
  });
}

const numbered = defineProtocol({
  name: "numbered",
  framing: lengthField({ size: 2, counts: "payload" }),
  header: { total: u16, kind: u8, number: u32 },
  kind: "kind",
  correlate: "number",
  packets: {
    put: { kind: 1, reply: "done", body: { bytes: rest() } },
    done: { kind: 2, body: { sum: u32 } },
  },
});

function sumOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte, i) => sum + byte * (i + 1), 0);
}

for (const codec of CODECS) {
  t.test(`bytes of any lengths are their own in a defined protocol (${codec})`, async (t) => {
    const transport = memoryNetwork();
    const below = random(11);
    let slow = false;
    const server = await serve({ port: 0, transport, codec, protocol: numbered }, {
      put(packet): { sum: number } | Promise<{ sum: number }> {
        const { bytes } = packet;
        const sum = sumOf(bytes);
        if (!slow || packet.header.number % 5 > 0) return { sum };
        const { number } = packet.header;
        return turns(1 + number % 9).then(() => {
          const same = packet.header.number === number && sumOf(packet.bytes) === sum;
          return { sum: same ? sumOf(bytes) : 0 };
        });
      },
    });
    t.teardown(() => server.shutdown({ deadlineMs: 0 }));
    // Handlers of one connection take their time from the middle on; the other one's memory is theirs.
    const peers = [
      await peerTo(server.addr.port, transport),
      await peerTo(server.addr.port, transport),
    ];
    const sums: number[] = [];
    const counts = [0, 0];
    for (let round = 0; round < 120; round++) {
      const which = round % 2;
      slow = round >= 60 && which === 0;
      const length = below(40);
      const alike = below(3) > 0;
      const frames = Array.from({ length: 1 + below(60) }, (_, i) => {
        const bytes = randomBytes(round * 100 + i, alike ? length : below(300));
        const number = sums.push(sumOf(bytes)) - 1;
        const total = bytes.length + 5;
        return join(new Uint8Array([total >> 8, total, 1]), u32Bytes(number), bytes);
      });
      counts[which]! += frames.length;
      peers[which]!.write(join(...frames));
      await turns(2);
    }
    let wrong = 0;
    for (const [which, peer] of peers.entries()) {
      const replies = await peer.read(counts[which]! * 11);
      const view = new DataView(replies.buffer, replies.byteOffset);
      for (let at = 0; at < replies.length; at += 11) {
        if (view.getUint32(at + 7) !== sums[view.getUint32(at + 3)]) wrong++;
      }
    }
    t.equal(wrong, 0);
  });
}
