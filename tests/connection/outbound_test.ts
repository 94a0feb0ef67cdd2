/** The one writer of a link: at most one write under way, nothing lost, nothing held for nothing. */

import t from "tap";
import { giveBuffer, LARGEST_POOLED_BYTES, takeBuffer } from "../../src/connection/buffer_pool.ts";
import { Outbound } from "../../src/connection/outbound.ts";
import type { Link } from "../../src/link/link.ts";
import { random, randomBytes, toHex } from "../helpers/frames.ts";

/** A link whose writes leave at once, or when told to. */
function fakeLink(leavesAtOnce: () => boolean) {
  const sent: string[] = [];
  let under: Uint8Array | undefined;
  const link = {
    write(bytes: Uint8Array): boolean {
      if (under !== undefined) throw new Error("a second write while one is under way");
      if (leavesAtOnce()) {
        sent.push(toHex(bytes));
        return true;
      }
      under = bytes;
      return false;
    },
  } as unknown as Link;
  /** The write under way leaves: only now its memory is read. */
  const leave = () => {
    sent.push(toHex(under!));
    under = undefined;
  };
  return { link, sent, leave, isUnderWay: () => under !== undefined };
}

t.test("what is put out leaves once, in order, whatever the link does", (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const next = random(seed);
    const { link, sent, leave, isUnderWay } = fakeLink(() => next(2) === 0);
    const outbound = new Outbound(link);
    const expected: string[] = [];
    let total = 0;
    for (let i = 0; i < 80; i++) {
      const bytes = randomBytes(seed * 1000 + i, next(next(10) === 0 ? 9000 : 300));
      if (next(2) === 0) {
        outbound.append(bytes);
      } else {
        // More room than is used.
        const room = outbound.reserve(bytes.length + next(100));
        room.set(bytes, outbound.at);
        outbound.commit(bytes.length);
      }
      expected.push(toHex(bytes));
      total += bytes.length;
      if (next(3) === 0) outbound.flush();
      if (isUnderWay() && next(3) === 0) {
        leave();
        outbound.written();
      }
      if (outbound.queuedBytes + outbound.bytesOut !== total) t.fail(`seed ${seed}: counts`);
    }
    outbound.flush();
    while (isUnderWay()) {
      leave();
      outbound.written();
    }
    if (sent.join("") !== expected.join("")) t.fail(`seed ${seed}: bytes`);
    if (outbound.queuedBytes !== 0 || outbound.bytesOut !== total) t.fail(`seed ${seed}: rest`);
  }
  t.pass("seeds 1 to 60");
  t.end();
});

t.test("what is put out between two flushes leaves in one write", (t) => {
  const { link, sent, leave } = fakeLink(() => false);
  const outbound = new Outbound(link);
  for (let i = 0; i < 100; i++) outbound.append(Uint8Array.of(i));
  outbound.flush();
  for (let i = 0; i < 100; i++) outbound.append(Uint8Array.of(i));
  outbound.flush();
  outbound.flush();
  t.equal(sent.length, 0);
  leave();
  outbound.written();
  leave();
  outbound.written();
  t.strictSame(sent.map((hex) => hex.length / 2), [100, 100]);
  t.end();
});

t.test("a reservation that is not used sends nothing", (t) => {
  const { link, sent } = fakeLink(() => true);
  const outbound = new Outbound(link);
  outbound.reserve(100);
  outbound.flush();
  outbound.reserve(100_000);
  outbound.flush();
  outbound.append(Uint8Array.of(7));
  outbound.flush();
  t.strictSame(sent, ["07"]);
  t.end();
});

t.test("after close nothing is written and nothing is queued", (t) => {
  const { link, sent } = fakeLink(() => true);
  const outbound = new Outbound(link);
  outbound.append(Uint8Array.of(1));
  outbound.close();
  t.equal(outbound.queuedBytes, 0);
  outbound.append(Uint8Array.of(2));
  outbound.flush();
  outbound.written();
  t.strictSame(sent, []);
  t.end();
});

t.test("the pool gives what was asked for, and never one buffer to two", (t) => {
  const next = random(5);
  const out = new Set<Uint8Array>();
  for (let i = 0; i < 3000; i++) {
    if (next(2) === 0) {
      const wanted = next(4) === 0 ? next(LARGEST_POOLED_BYTES * 2) : next(5000);
      const buffer = takeBuffer(wanted);
      if (buffer.length < wanted) t.fail(`${buffer.length} bytes for ${wanted}`);
      if (out.has(buffer)) t.fail("a buffer that is in use");
      out.add(buffer);
    } else {
      for (const buffer of out) {
        out.delete(buffer);
        giveBuffer(buffer);
        break;
      }
    }
  }
  giveBuffer(new Uint8Array(3000)); // none of the pool's sizes
  t.ok(takeBuffer(2500).length >= 4096);
  t.end();
});
