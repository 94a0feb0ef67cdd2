/** Few TLS handshakes begin in a turn while others fail. */

import t from "tap";
import { HandshakeTurn } from "../../src/link/handshake_turn.ts";

const MOST = 8;

/** A turn whose end is run by hand. */
function turnByHand() {
  const ends: (() => void)[] = [];
  const begun: number[] = [];
  const turn = new HandshakeTurn((run) => ends.push(run));
  let asked = 0;
  const ask = (count: number) => {
    for (let i = 0; i < count; i++) {
      const n = asked++;
      turn.begin(() => begun.push(n));
    }
  };
  const next = () => {
    const before = begun.length;
    const end = ends.shift();
    end?.();
    return begun.length - before;
  };
  return { turn, ask, next, begun, ends };
}

t.test("eight begin at once, the others in the turns to come, in their order", (t) => {
  const { ask, next, begun, ends } = turnByHand();
  ask(20);
  t.equal(begun.length, MOST);
  t.equal(ends.length, 1, "the next turn was asked for once");
  t.equal(next(), MOST);
  ask(1);
  t.equal(begun.length, 16, "behind those who wait already");
  t.equal(next(), 5);
  ask(4);
  t.equal(begun.length, 24, "a turn that has not begun as many as it may");
  t.equal(ends.length, 1);
  ask(1);
  t.equal(next(), 2);
  t.equal(next(), 0);
  t.equal(ends.length, 0, "nobody is waited for");
  t.strictSame(begun, begun.toSorted((a, b) => a - b));
  ask(9);
  t.equal(begun.length, 26 + MOST, "the turns before are over");
  t.end();
});

t.test("each that fails halves how many, down to one, each that succeeds allows one more", (t) => {
  const { turn, ask, next } = turnByHand();
  ask(1000);
  for (const left of [4, 2, 1, 1, 1]) {
    turn.over(false);
    t.equal(next(), left);
  }
  for (const left of [2, 3, 4, 5, 6, 7, 8, 8, 8]) {
    turn.over(true);
    t.equal(next(), left);
  }
  turn.over(false);
  turn.over(true);
  t.equal(next(), 5);
  t.end();
});

t.test("one that fails as it begins leaves the others their turns", (t) => {
  const { turn, ask, next, begun } = turnByHand();
  turn.begin(() => turn.over(false));
  ask(10);
  t.equal(begun.length, 3, "four a turn from now on");
  t.equal(next(), 4);
  t.equal(next(), 3);
  t.end();
});
