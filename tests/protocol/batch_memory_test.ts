/** The memory that batches of short submits are copied into: whose views are whose, and for how long. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { acks, join, random, randomBytes, submit, toHex } from "../helpers/frames.ts";
import { type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
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
