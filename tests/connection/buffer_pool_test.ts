/** Buffers that wait for their next use, and those that are too large to. */

import t from "tap";
import { giveBuffer, LARGEST_POOLED_BYTES, takeBuffer } from "../../src/connection/buffer_pool.ts";

t.test("a buffer that was given back is taken again, by whoever needs no more", (t) => {
  const buffer = takeBuffer(5000);
  t.equal(buffer.length, 8192, "a power of two");
  giveBuffer(buffer);
  t.equal(takeBuffer(4097), buffer);
  t.not(takeBuffer(4097), buffer, "and by one at a time");
  t.end();
});

t.test("larger ones are made to measure, and are gone at once", (t) => {
  const large = takeBuffer(LARGEST_POOLED_BYTES + 1);
  t.equal(large.length, LARGEST_POOLED_BYTES + 1);
  const { buffer } = large;
  giveBuffer(large);
  t.equal(buffer.byteLength, 0);
  t.not(takeBuffer(LARGEST_POOLED_BYTES + 1), large);
  t.end();
});

t.test("so are large ones that the pool has enough of", (t) => {
  const most = 2;
  const large = Array.from({ length: most + 1 }, () => takeBuffer(LARGEST_POOLED_BYTES));
  const memory = large.map(({ buffer }) => buffer);
  for (const buffer of large) giveBuffer(buffer);
  t.strictSame(
    memory.map(({ byteLength }) => byteLength),
    [...Array(most).fill(LARGEST_POOLED_BYTES), 0],
  );
  t.end();
});

t.test("part of somebody's memory is left to him", (t) => {
  const whole = new Uint8Array(4 * LARGEST_POOLED_BYTES);
  giveBuffer(whole.subarray(0, 2 * LARGEST_POOLED_BYTES));
  t.equal(whole.length, 4 * LARGEST_POOLED_BYTES);
  t.end();
});
