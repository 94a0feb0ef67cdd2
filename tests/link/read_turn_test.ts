/** Peers that send more than a read takes share out the turns of the event loop. */

import t from "tap";
import type { Link, LinkReceiver } from "../../src/link/link.ts";
import { ReadTurn } from "../../src/link/read_turn.ts";
import { deferred, tcp, until } from "../helpers/runtime.ts";

/** A turn of 100 bytes, whose ends are run by hand. */
function turnOf100() {
  const ends: (() => void)[] = [];
  const told: string[] = [];
  const turn = new ReadTurn((run) => ends.push(run), 100);
  const reader = (name: string) => ({ readDue: () => void told.push(name) });
  return { ends, told, turn, reader };
}

t.test("a turn's bytes are read at once, the others in the order in which they asked", (t) => {
  const { ends, told, turn, reader } = turnOf100();
  t.ok(turn.mayRead(reader("a"), 60));
  t.ok(turn.mayRead(reader("b"), 60), "a little more than there is");
  t.equal(ends.length, 0, "nobody waits");
  for (const name of ["c", "d", "e"]) t.notOk(turn.mayRead(reader(name), 60), name);
  t.equal(ends.length, 1, "the next turn was asked for once");
  t.strictSame(told, []);
  ends.shift()!();
  t.strictSame(told, ["c", "d"], "as much again");
  t.equal(ends.length, 1, "one is left");
  t.notOk(turn.mayRead(reader("f"), 60), "behind those who wait already");
  ends.shift()!();
  t.strictSame(told, ["c", "d", "e", "f"]);
  t.equal(ends.length, 0);
  t.end();
});

t.test("what a turn has left is for those who ask in it", (t) => {
  const { ends, told, turn, reader } = turnOf100();
  turn.mayRead(reader("a"), 100);
  turn.mayRead(reader("b"), 40);
  ends.shift()!();
  t.strictSame(told, ["b"]);
  t.ok(turn.mayRead(reader("b"), 40), "40 of 100 were read");
  t.ok(turn.mayRead(reader("b"), 40), "and 80");
  t.notOk(turn.mayRead(reader("b"), 40));
  t.end();
});

t.test("one who asks again from within its turn waits behind the others", (t) => {
  const { ends, told, turn, reader } = turnOf100();
  turn.mayRead(reader("a"), 100);
  const again = {
    readDue(): void {
      told.push("again");
      if (turn.mayRead(again, 100)) told.push("at once");
    },
  };
  turn.mayRead(again, 100);
  turn.mayRead(reader("other"), 100);
  for (let i = 0; i < 4; i++) ends.shift()?.();
  t.strictSame(told, ["again", "other", "again", "again"]);
  t.end();
});

/** Takes what comes, and counts it. */
class Counter implements LinkReceiver {
  bytes = 0;
  readonly over = deferred();
  readonly link: Link;
  #paused = false;

  constructor(link: Link) {
    this.link = link;
    link.start(this);
  }

  data(chunk: Uint8Array): boolean {
    if (this.#paused) throw new Error("data came in a pause");
    this.bytes += chunk.length;
    return false;
  }

  pause(): void {
    this.#paused = true;
    this.link.pause();
  }

  resume(): void {
    this.#paused = false;
    this.link.resume();
  }

  ended(): void {
    this.link.end();
  }
  written(): void {}
  closed(): void {
    this.over.resolve();
  }
}

const PEERS = 6;
const EACH_BYTES = 3 << 20;

/** Some peers that send as fast as they can, and the accepted ends that count. */
async function bulk(): Promise<{ counters: Counter[]; done(): Promise<void> }> {
  const counters: Counter[] = [];
  const listener = await tcp.listen({ hostname: "127.0.0.1", port: 0, backlog: 511 }, {
    accepted: (link) => void counters.push(new Counter(link)),
    failed: (error) => {
      throw error;
    },
  });
  const { hostname, port } = listener.address as { hostname: string; port: number };
  const dialed: Counter[] = [];
  for (let i = 0; i < PEERS; i++) {
    const link = await tcp.connect({ hostname, port });
    dialed.push(new Counter(link));
    link.write(new Uint8Array(EACH_BYTES));
    link.end();
  }
  return {
    counters,
    async done() {
      await Promise.all([...dialed, ...counters].map(({ over }) => over.promise));
      await listener.close();
    },
  };
}

t.test("some that send much are read from in turns, and all of it comes", async (t) => {
  const { counters, done } = await bulk();
  const sum = () => counters.reduce((bytes, counter) => bytes + counter.bytes, 0);
  let last = 0;
  let most = 0;
  await until(() => {
    most = Math.max(most, sum() - last);
    last = sum();
    return last === PEERS * EACH_BYTES;
  }, "everything has come");
  // Without turns it was 9 to 12 MB on both runtimes.
  t.ok(most <= 5e6, `${most} of ${PEERS * EACH_BYTES} bytes in one turn`);
  await done();
});

t.test("pauses and resumes while turns are waited for neither lose nor wake anything", async (t) => {
  const { counters, done } = await bulk();
  let round = 0;
  await until(() => {
    for (const [i, counter] of counters.entries()) {
      const phase = (round + i) % 4;
      if (phase === 0) counter.pause();
      else if (phase === 2) counter.resume();
    }
    round++;
    const all = counters.length === PEERS &&
      counters.every(({ bytes }) => bytes === EACH_BYTES);
    if (all) { for (const counter of counters) counter.resume(); }
    return all;
  }, "everything has come");
  await done();
  t.pass("nothing came in a pause");
});
