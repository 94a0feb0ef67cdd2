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

t.test("what was kept is never given out again, to whomever", (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const next = random(seed);
    const buffers = Array.from({ length: 4 }, () => new ReadBuffer());
    const kept: { view: Uint8Array; mark: number }[] = [];
    for (let i = 0; i < 400; i++) {
      const which = next(buffers.length);
      const buffer = buffers[which]!;
      const { view } = buffer;
      const bytes = next(3) === 0 ? view.length : 1 + next(view.length);
      const mark = 1 + i % 250;
      view.fill(0xff); // the runtime may write anywhere in it
      view.fill(mark, 0, bytes);
      const keeps = next(2) === 0;
      if (keeps) kept.push({ view: view.subarray(0, bytes), mark });
      buffer.took(bytes, keeps);
      if (buffer.view.length < 256) t.fail(`seed ${seed}: a read of ${buffer.view.length} bytes`);
      if (next(20) === 0) {
        buffer.release();
        buffers[which] = new ReadBuffer();
      }
    }
    for (const { view, mark } of kept) {
      let right = 0;
      for (let at = 0; at < view.length; at++) if (view[at] === mark) right++;
      if (right < view.length) t.fail(`seed ${seed}: kept bytes were overwritten`);
    }
    const views = new Set(buffers.map(({ view }) => view.buffer));
    if (views.size < buffers.length && buffers.every(({ view }) => view.length > 256)) {
      t.fail(`seed ${seed}: two read into the same memory`);
    }
  }
  t.pass("seeds 1 to 20");
  t.end();
});

t.test("memory that is done with is the next one's, and only that", (t) => {
  /** Grows to 64 KiB; returns what it read into. */
  const grow = (buffer: ReadBuffer) => {
    const views = [buffer.view];
    while (buffer.view.length < 65_536) {
      buffer.took(buffer.view.length, false);
      views.push(buffer.view);
    }
    return views;
  };
  const first = new ReadBuffer();
  const views = grow(first);
  const second = new ReadBuffer();
  const others = grow(second);
  t.strictSame(
    others.slice(1, -1).map((view) => views.includes(view)),
    Array(others.length - 2).fill(true),
    "what the first grew out of",
  );
  t.not(others.at(-1), views.at(-1), "not what it reads into");
  t.not(others[0], views[0], "nor what it shares with others");
  first.release();
  first.release();
  t.equal(first.view.length, 0);
  const third = new ReadBuffer();
  t.equal(grow(third).at(-1), views.at(-1));
  t.not(grow(new ReadBuffer()).at(-1), views.at(-1), "by one at a time");
  third.took(10, true);
  third.release();
  t.not(grow(new ReadBuffer()).at(-1), views.at(-1), "what was kept is not given back");
  t.end();
});

t.test("an idle one has nothing to give back", (t) => {
  const idle = new ReadBuffer();
  const { view } = idle;
  idle.release();
  t.ok(Array.from({ length: 40 }, () => new ReadBuffer()).every((other) => other.view !== view));
  t.end();
});
