/** What a server remembers of a session's requests, against a memory that forgets nothing. */

import t from "tap";
import { DedupWindow, LAST_ID } from "../../src/session/dedup_window.ts";
import { random } from "../helpers/frames.ts";

t.test("a request is new, then pending, then done with its answer", (t) => {
  const window = new DedupWindow(8, 1000);
  t.equal(window.look(1), "new");
  window.begin(1);
  t.equal(window.look(1), "pending");
  const payload = Uint8Array.of(1, 2, 3);
  window.finish({ seq: 1, result: 5, payload });
  t.equal(window.look(1), "done");
  t.strictSame(window.answer(1), { seq: 1, result: 5, payload });
  t.equal(window.newest, 1);
  t.end();
});

t.test("what was left out is new, what has left the window is forgotten", (t) => {
  const window = new DedupWindow(4, 1000);
  window.begin(2);
  t.equal(window.look(1), "new", "1 was never seen");
  window.begin(5);
  t.equal(window.look(1), "forgotten");
  t.equal(window.look(2), "pending", "2 is the oldest of four");
  window.begin(6);
  t.equal(window.look(2), "forgotten");
  window.finish({ seq: 2, result: 0, payload: undefined });
  t.equal(window.look(6), "pending", "an answer that comes too late touches nobody's place");
  t.end();
});

t.test("responses over the limit are given up, oldest first, and never run again", (t) => {
  const window = new DedupWindow(8, 10);
  for (let seq = 1; seq <= 3; seq++) {
    window.begin(seq);
    window.finish({ seq, result: 0, payload: new Uint8Array(4).fill(seq) });
  }
  t.equal(window.look(1), "forgotten");
  t.equal(window.look(2), "done");
  t.equal(window.payloadBytes, 8);
  t.end();
});

t.test("ids wrap, and the nearest number with an id is meant", (t) => {
  const cases: readonly (readonly [newest: number, id: number, seq: number])[] = [
    [0, 1, 1],
    [1, 1, 1],
    [1, 2, 2],
    [500, 499, 499],
    [LAST_ID - 1, LAST_ID, LAST_ID],
    [LAST_ID, 1, LAST_ID + 1],
    [LAST_ID + 3, LAST_ID, LAST_ID],
    [LAST_ID + 3, LAST_ID - 7, LAST_ID - 7],
    [LAST_ID * 2 + 3, 4, LAST_ID * 2 + 4],
    [LAST_ID * 2 + 3, LAST_ID, LAST_ID * 2],
  ];
  for (const [newest, id, seq] of cases) {
    t.equal(new DedupWindow(8, 0, newest).numberOf(id), seq, `id ${id} after number ${newest}`);
  }
  t.end();
});

t.test("random requests, answers and repetitions", (t) => {
  for (let seed = 1; seed <= 200; seed++) {
    const next = random(seed);
    const size = 1 + next(20);
    const window = new DedupWindow(size, Infinity);
    const states = new Map<number, "pending" | number>();
    let newest = 0;
    for (let step = 0; step < 300; step++) {
      const seq = Math.max(1, newest + 3 - next(size + 6));
      const state = states.get(seq);
      const expected = seq <= newest - size
        ? "forgotten"
        : state === undefined
        ? "new"
        : state === "pending"
        ? state
        : "done";
      if (window.look(seq) !== expected) {
        t.fail(`seed ${seed}, step ${step}: ${seq} is ${window.look(seq)}, expected ${expected}`);
        return t.end();
      }
      if (expected === "new") {
        window.begin(seq);
        states.set(seq, "pending");
        newest = Math.max(newest, seq);
      } else if (expected === "pending") {
        const result = next(10);
        window.finish({ seq, result, payload: undefined });
        states.set(seq, result);
      } else if (expected === "done" && window.answer(seq).result !== state) {
        t.fail(`seed ${seed}, step ${step}: ${seq} was answered ${state}`);
        return t.end();
      }
    }
  }
  t.pass("200 seeds");
  t.end();
});
