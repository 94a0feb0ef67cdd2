import { test } from "tap";
import { WriteTurn } from "../../src/link/write_turn.ts";

test("links that have something to write do so together, at the end of the turn", (t) => {
  const ends: (() => void)[] = [];
  const written: string[] = [];
  const turn = new WriteTurn((run) => ends.push(run));
  const link = (name: string) => ({ writeDue: () => written.push(name) });
  turn.add(link("a"));
  turn.add(link("b"));
  t.equal(ends.length, 1, "the end of the turn was asked for once");
  t.strictSame(written, [], "nothing was written before it");
  ends.shift()!();
  t.strictSame(written, ["a", "b"]);
  turn.add(link("c"));
  t.equal(ends.length, 1, "the next turn asks again");
  ends.shift()!();
  t.strictSame(written, ["a", "b", "c"]);
  t.end();
});

test("what is added while the links write belongs to the next turn", (t) => {
  const ends: (() => void)[] = [];
  const written: string[] = [];
  const turn = new WriteTurn((run) => ends.push(run));
  const again = {
    writeDue(): void {
      if (written.push("again") < 3) turn.add(again);
    },
  };
  turn.add(again);
  turn.add({ writeDue: () => written.push("other") });
  ends.shift()!();
  t.strictSame(written, ["again", "other"]);
  ends.shift()!();
  t.strictSame(written, ["again", "other", "again"]);
  t.equal(ends.length, 0, "and then nobody is left");
  t.end();
});
