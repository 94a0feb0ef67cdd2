/** The one timer of all connections: who is looked at when. */

import t from "tap";
import type { Deadlines, Watch } from "../../src/connection/deadlines.ts";
import { Sweep } from "../../src/connection/sweep.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const DEADLINES: Deadlines = {
  handshakeTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  heartbeatMs: 30_000,
  frameTimeoutMs: 5000,
  writeStallMs: 30_000,
  maxAgeMs: 0,
  handlerTimeoutMs: 0,
};

/** A sweep over connections that only count how often they are looked at. */
function sweepOver(count: number) {
  const clock = new VirtualClock();
  const looks = new Map<number, number>();
  const add = (id: number) => {
    looks.set(id, 0);
    const watch = { look: () => looks.set(id, looks.get(id)! + 1) } as unknown as Watch;
    const watched = { watch };
    connections.add(watched);
    return watched;
  };
  const connections = new Set<{ readonly watch: Watch }>();
  for (let id = 0; id < count; id++) add(id);
  const sweep = new Sweep(clock, DEADLINES, connections);
  const looked = () => [...looks.values()].filter((times) => times > 0).length;
  return { clock, looks, add, connections, sweep, looked };
}

t.test("a sweep over many connections leaves turns to others in between", (t) => {
  const { clock, sweep, looked, looks } = sweepOver(1000);
  sweep.begin();
  clock.advance(1000);
  t.ok(looked() > 0 && looked() <= 256, `${looked()} of 1000 in the first turn`);
  clock.advance(10);
  t.equal(looked(), 1000);
  t.ok([...looks.values()].every((times) => times === 1), "each of them once");
  clock.advance(1010);
  t.ok([...looks.values()].every((times) => times === 2), "and once again a second later");
  t.end();
});

t.test("connections that come and go during a sweep harm it not", (t) => {
  const { clock, sweep, connections, add, looks } = sweepOver(600);
  sweep.begin();
  clock.advance(1000);
  const [first] = connections;
  connections.delete(first!);
  const last = [...connections].at(-1)!;
  connections.delete(last);
  add(600);
  clock.advance(10);
  t.equal(looks.get(599), 0, "one that has gone is not looked at");
  t.equal(looks.get(600), 1, "one that has come is");
  t.equal([...looks.values()].filter((times) => times === 1).length, 600);
  connections.clear();
  sweep.end();
  clock.advance(5000);
  t.equal(looks.get(600), 1, "nothing goes on when the last one has gone");
  t.end();
});

t.test("deadlines that change during a sweep begin a new one", (t) => {
  const { clock, sweep, looks } = sweepOver(600);
  sweep.begin();
  clock.advance(1000);
  sweep.restart();
  clock.advance(100);
  t.equal(looks.get(599), 0);
  clock.advance(1000);
  t.equal(looks.get(599), 1);
  t.end();
});
