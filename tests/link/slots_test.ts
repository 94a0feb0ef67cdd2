/** Sockets of a Worker: no more than so many at once, and those who wait have their turn. */

import t from "tap";
import { Slots } from "../../src/link/slots.ts";
import { turns } from "../helpers/runtime.ts";

t.test("those beyond wait, and take over in their order", async (t) => {
  const slots = new Slots(2);
  const had: string[] = [];
  const take = (name: string) => slots.take().then(() => void had.push(name));
  const all = ["a", "b", "c", "d"].map(take);
  await turns(1);
  t.strictSame(had, ["a", "b"]);
  t.strictSame([slots.taken, slots.waiting], [2, 2]);
  slots.give();
  // Nobody who asks now comes before those who wait.
  void take("e");
  await turns(1);
  t.strictSame(had, ["a", "b", "c"]);
  t.strictSame([slots.taken, slots.waiting], [2, 2]);
  slots.give();
  slots.give();
  await Promise.all(all);
  await turns(1);
  t.strictSame(had, ["a", "b", "c", "d", "e"]);
  slots.give();
  slots.give();
  t.strictSame([slots.taken, slots.waiting], [0, 0]);
});

t.test("who gives up waiting takes nothing", async (t) => {
  const slots = new Slots(1);
  await slots.take();
  const giveUp = new AbortController();
  const refused = t.rejects(slots.take(giveUp.signal), { message: "too late" });
  const next = slots.take();
  giveUp.abort(new Error("too late"));
  await refused;
  t.equal(slots.waiting, 1);
  slots.give();
  await next;
  t.strictSame([slots.taken, slots.waiting], [1, 0]);
  await t.rejects(slots.take(giveUp.signal), { message: "too late" });
  t.equal(slots.taken, 1);
});
