/** Where reads go: little while idle, more under load, and never over what is kept. */

import t from "tap";
import { ReadBuffer } from "../../src/link/read_buffer.ts";
import { random } from "../helpers/frames.ts";

t.test("it starts small, grows under load to 64 KiB, and shrinks again", (t) => {
  const buffer = new ReadBuffer();
  const first = buffer.view.length;
  t.ok(first <= 1024, `${first} bytes for an idle connection`);
  const sizes = [first];
  for (let i = 0; i < 10; i++) {
    buffer.took(buffer.view.length, false);
    sizes.push(buffer.view.length);
  }
  t.equal(sizes.at(-1), 65_536);
  t.strictSame(sizes, [...sizes].sort((a, b) => a - b));
  for (let i = 0; i < 200; i++) buffer.took(20, false);
  t.ok(buffer.view.length <= 2 * first, `${buffer.view.length} bytes after a while of little`);
  t.end();
});

t.test("steady reads of one size change nothing", (t) => {
  const buffer = new ReadBuffer();
  for (let i = 0; i < 100; i++) buffer.took(300, false);
  const { view } = buffer;
  for (let i = 0; i < 100; i++) t.equal(buffer.took(300, false), false) || t.bailout();
  t.equal(buffer.view, view);
  t.end();
});

t.test("what was kept is never given out again", (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const next = random(seed);
    const buffer = new ReadBuffer();
    const kept: { view: Uint8Array; mark: number }[] = [];
    for (let i = 0; i < 120; i++) {
      const { view } = buffer;
      const bytes = next(3) === 0 ? view.length : 1 + next(view.length);
      const mark = 1 + i % 250;
      view.fill(0xff); // the runtime may write anywhere in it
      view.fill(mark, 0, bytes);
      const keeps = next(2) === 0;
      if (keeps) kept.push({ view: view.subarray(0, bytes), mark });
      buffer.took(bytes, keeps);
      if (buffer.view.length < 256) t.fail(`seed ${seed}: a read of ${buffer.view.length} bytes`);
    }
    for (const { view, mark } of kept) {
      let right = 0;
      for (let at = 0; at < view.length; at++) if (view[at] === mark) right++;
      if (right < view.length) t.fail(`seed ${seed}: kept bytes were overwritten`);
    }
  }
  t.pass("seeds 1 to 20");
  t.end();
});
