/** Which handlers are timed. */

import t from "tap";
import { HandlerTimes } from "../../src/observe/handler_times.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

function timed(times: HandlerTimes, turns: number): number {
  let due = 0;
  for (let i = 0; i < turns; i++) if (times.due()) due++;
  return due;
}

t.test("samples are one in 8, and one in 64 after the first 1,024", (t) => {
  const times = new HandlerTimes(new VirtualClock(), "sampled");
  t.equal(timed(times, 1), 1, "the first one");
  t.equal(timed(times, 1023), 127);
  t.equal(timed(times, 64 * 100), 100);
  t.equal(timed(times, 64 * 100), 100);
  t.end();
});

t.test("all are all", (t) => {
  t.equal(timed(new HandlerTimes(new VirtualClock(), "all"), 5000), 5000);
  t.end();
});
