/** Peers that send more than a read takes share out the turns of the event loop. */

import t from "tap";
import type { Link, LinkReceiver } from "../../src/link/link.ts";
import { ReadTurn } from "../../src/link/read_turn.ts";
import { type Peer, peerTo } from "../helpers/peer.ts";
import { deferred, tcp, until } from "../helpers/runtime.ts";

const BULK = 65_536;
const BESIDE = 4 * BULK;
const ALONE = 128 * BULK;

/** A turn whose ends are run by hand, behind what may be read at first. */
function spent() {
  const ends: (() => void)[] = [];
  const told: string[] = [];
  const turn = new ReadTurn((run) => ends.push(run));
  const reader = (name: string) => ({ bulkTurn: 0, readDue: () => void told.push(name) });
  for (let bytes = 0; bytes < ALONE; bytes += BULK) {
    t.ok(turn.mayRead(reader("first"), BULK, BULK)) || t.bailout();
  }
  const ask = (name: string) => turn.mayRead(reader(name), BULK, BULK);
  return { ends, told, turn, reader, ask };
}

t.test("beside others four reads are made a turn, in the order in which they were asked for", (t) => {
  const { ends, told, turn, reader, ask } = spent();
  t.ok(turn.mayRead(reader("small"), 100, BULK), "who has read all there was does not wait");
  t.ok(turn.mayRead(reader("new"), 4096, 4096), "nor who reads into little");
  t.equal(ends.length, 0, "nobody waits");
  for (const name of "abcdef") t.notOk(ask(name), name);
  t.equal(ends.length, 1, "the next turn was asked for once");
  t.strictSame(told, []);
  ends.shift()!();
  t.strictSame(told, [..."abcd"], `${BESIDE} bytes`);
  t.equal(ends.length, 1, "two are left");
  t.notOk(ask("g"), "behind those who wait already");
  ends.shift()!();
  t.strictSame(told, [..."abcdefg"]);
  t.equal(ends.length, 0);
  t.ok(ask("h"), "what a turn has left is for those who ask in it");
  t.notOk(ask("i"));
  t.end();
});

t.test("alone they read more, once the others have been quiet for a hundred turns", (t) => {
  const { ends, told, turn, reader, ask } = spent();
  for (let i = 0; i < 140; i++) ask("x");
  ends.shift()!();
  t.equal(told.length * BULK, ALONE, "nobody was there");
  turn.mayRead(reader("small"), 100, BULK);
  let turns = 0;
  for (; turns < 1000; turns++) {
    for (let i = 0; i < 5; i++) ask("x");
    told.length = 0;
    ends.shift()!();
    if (told.length > BESIDE / BULK) break;
  }
  t.equal(turns, 100, "turns beside others");
  t.end();
});

t.test("who sends much is none of the others, until a hundred turns after", (t) => {
  const { ends, told, turn, reader, ask } = spent();
  const sender = reader("sender");
  turn.mayRead(sender, BULK, BULK);
  /** How much may be read in the next turn, when the sender has read the last of a frame before. */
  const nextTurn = () => {
    t.ok(turn.mayRead(sender, 100, BULK), "the last of a frame");
    for (let i = 0; i < 140; i++) ask("x");
    told.length = 0;
    ends.shift()!();
    return told.length * BULK;
  };
  for (let i = 0; i < 100; i++) if (nextTurn() !== ALONE) t.fail(`turn ${i}`);
  turn.mayRead(sender, 100, BULK);
  for (let i = 0; i < 5; i++) ask("x");
  ends.shift()!();
  t.equal(nextTurn(), BESIDE, "it has sent little for long");
  t.end();
});

t.test("one who asks again from within its turn waits behind the others", (t) => {
  const { ends, told, turn, reader, ask } = spent();
  turn.mayRead(reader("small"), 1, BULK);
  const again = {
    bulkTurn: 0,
    readDue(): void {
      told.push("again");
      turn.mayRead(again, BESIDE, BESIDE);
    },
  };
  turn.mayRead(again, BESIDE, BESIDE);
  ask("other");
  for (let i = 0; i < 2; i++) ends.shift()!();
  t.strictSame(told, ["again", "other", "again"]);
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
async function bulk(
  before: (port: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<{ counters: Counter[]; done(): Promise<void> }> {
  const counters: Counter[] = [];
  const listener = await tcp.listen({ hostname: "127.0.0.1", port: 0, backlog: 511 }, {
    accepted: (link) => void counters.push(new Counter(link)),
    failed: (error) => {
      throw error;
    },
  });
  const { hostname, port } = listener.address as { hostname: string; port: number };
  await before(port);
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

t.test("some that send much are read from in turns beside one that sends little", async (t) => {
  let talker!: Peer;
  const { counters, done } = await bulk(async (port) => talker = await peerTo(port));
  const sum = () => counters.reduce((bytes, counter) => bytes + counter.bytes, 0);
  const inTurn: number[] = [];
  let last = 0;
  await until(() => {
    talker.write(new Uint8Array(10));
    inTurn.push(sum() - last);
    last = sum();
    return last >= PEERS * EACH_BYTES;
  }, "everything has come");
  // Without turns it was nearly all, on both runtimes.
  const long = inTurn.filter((bytes) => bytes > 4 * BESIDE).reduce((sum, bytes) => sum + bytes, 0);
  t.ok(long <= ALONE + 2 * PEERS * BULK, `${long} bytes in long turns: before anybody was beside`);
  talker.end();
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
