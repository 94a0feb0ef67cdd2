/** The memory of all connections together: the newest stop first, nobody waits for ever. */

import t from "tap";
import { type BudgetMember, MemoryBudget } from "../../src/connection/memory_budget.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, acks, frame, random, SUBMIT, submits, toHex } from "../helpers/frames.ts";
import type { Peer } from "../helpers/peer.ts";
import { type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import { CODECS, peerOf, type Setting, settings, start } from "../helpers/settings.ts";

class Member implements BudgetMember {
  readonly #name: string;
  readonly #log: string[];
  partialBytes = 0;
  constructor(name: string, log: string[]) {
    this.#name = name;
    this.#log = log;
  }
  starve(starved: boolean): void {
    this.#log.push(`${starved ? "-" : "+"}${this.#name}`);
  }
}

function four(limit: number) {
  const budget = new MemoryBudget(limit);
  const log: string[] = [];
  const members = ["a", "b", "c", "d"].map((name) => new Member(name, log));
  for (const member of members) budget.join(member);
  const told = () => log.splice(0).join(" ");
  return { budget, members, told };
}

t.test("from three quarters on the newest stop first, and go on in the other order", (t) => {
  const { budget, told } = four(1600);
  budget.add(1200);
  t.equal(told(), "");
  budget.add(100);
  t.equal(told(), "-d");
  budget.add(100);
  t.equal(told(), "-c");
  t.equal(budget.paused, 2);
  budget.add(100);
  t.equal(told(), "-b");
  t.equal(budget.exhausted, false);
  budget.add(100);
  t.equal(told(), "-a");
  t.equal(budget.exhausted, true);
  t.equal(budget.paused, 4);
  budget.add(-10);
  t.equal(told(), "", "half a step more is asked for before going back");
  budget.add(-105);
  t.equal(told(), "+a");
  budget.add(-200);
  t.equal(told(), "+b +c");
  budget.add(-185);
  t.equal(told(), "+d");
  t.equal(budget.paused, 0);
  t.equal(budget.used, 1100);
  t.end();
});

t.test("the oldest connection inside a frame is read from whatever is held", async (t) => {
  const { budget, members, told } = four(1600);
  const [, b, c] = members;
  b!.partialBytes = c!.partialBytes = 10;
  budget.add(5000);
  t.equal(told(), "-a -c -d");
  b!.partialBytes = 0;
  budget.add(1);
  await Promise.resolve();
  t.equal(told(), "-b +c");
  budget.leave(c!);
  b!.partialBytes = 10;
  await Promise.resolve();
  t.equal(told(), "+b");
  budget.add(-5001);
  t.equal(told(), "+a +d");
});

t.test("who comes while memory is short waits, who leaves lets go", async (t) => {
  const { budget, members, told } = four(1600);
  budget.add(1300);
  t.equal(told(), "-d");
  const log: string[] = [];
  budget.join(new Member("e", log));
  await Promise.resolve();
  t.strictSame(log, ["-e"]);
  budget.leave(members[0]!);
  budget.leave(members[3]!);
  budget.add(-200);
  t.strictSame(log, ["-e", "+e"]);
  t.equal(budget.paused, 0);
});

t.test("0 is no bound, and the budget can be changed at any time", (t) => {
  const { budget, told } = four(0);
  budget.add(1e12);
  t.equal(told(), "");
  t.equal(budget.exhausted, false);
  budget.limit = 1e9;
  t.equal(told(), "-a -b -c -d");
  budget.limit = 2e12;
  t.equal(told(), "+a +b +c +d");
  t.end();
});

const FRAME_BYTES = 60_000;

for (const setting of settings()) {
  t.test(`peers that send more than the budget holds are answered one after the other (${setting.name})`, async (t) => {
    const memoryBudgetBytes = 1 << 20;
    const server = await start(t, setting, { submit: () => {} }, { memoryBudgetBytes });
    t.strictSame(server.stats().memory, { used: 0, budget: memoryBudgetBytes, paused: 0 });
    const peers: Peer[] = [];
    for (let i = 0; i < 40; i++) peers.push(await peerOf(server, setting));
    const request = frame(SUBMIT, 7, new Uint8Array(FRAME_BYTES - 13));
    let most = 0;
    const watched = () => {
      const { used } = server.stats().memory;
      most = Math.max(most, used);
      return used;
    };
    for (const peer of peers) peer.write(request.subarray(0, FRAME_BYTES - 1));
    await until(() => watched() > memoryBudgetBytes * 0.75, "memory is short");
    for (let i = 0; i < 20; i++) {
      await turns();
      watched();
    }
    const { memory } = server.stats();
    t.ok(memory.paused > 0, `${memory.paused} paused`);
    t.ok(memory.paused < 40, "not all of them");
    for (const peer of peers) peer.write(request.subarray(FRAME_BYTES - 1));
    for (const peer of peers) {
      await until(() => (watched(), peer.received.length === 14), "each is answered");
    }
    t.ok(most <= memoryBudgetBytes + 2 * 65_536, `${most} bytes at the most`);
    await until(() => server.stats().memory.paused === 0, "all are read from");
    for (const peer of peers) peer.end();
    await until(() => server.stats().connections.open === 0, "all are gone");
    t.equal(server.stats().memory.used, 0, "nothing is left in the books");
  });
}

for (const codec of CODECS) {
  t.test(`requests under way and what waits to be written count (${codec})`, async (t) => {
    const network = memoryNetwork({ windowBytes: 100 });
    const setting: Setting = { name: codec, codec, transport: network };
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit() {
        const done = deferred();
        open.push(done);
        return done.promise;
      },
    }, { handlerTimeoutMs: 0 });
    const peer = await peerOf(server, setting);
    peer.write(submits(20, 1, new Uint8Array(1000)));
    await until(() => open.length === 20, "all are under way");
    await turns();
    const { used } = server.stats().memory;
    t.ok(used >= 20_000 && used < 60_000, `${used} bytes`);
    peer.pause();
    for (const done of open) done.resolve();
    await turns(10);
    const queued = server.stats().memory.used;
    t.ok(queued > 0 && queued <= 20 * 14, `${queued} bytes of acknowledgements wait`);
    peer.resume();
    await until(() => peer.received.length === 20 * 14, "all are answered");
    await until(() => server.stats().memory.used === 0, "nothing is held");
    t.equal(toHex(peer.received), toHex(acks(20)));
  });

  t.test(`whoever is cut off at whatever point, the books are even after it (${codec})`, async (t) => {
    const setting: Setting = { name: codec, codec, transport: memoryNetwork({ windowBytes: 500 }) };
    const server = await start(t, setting, {
      submit: (packet) => packet.payloadBytes % 2 === 0 ? undefined : Promise.resolve(),
    }, { memoryBudgetBytes: 20_000, writeHighWaterBytes: 1024 });
    const next = random(11);
    for (let round = 0; round < 30; round++) {
      const peers: Peer[] = [];
      for (let i = 0; i < 8; i++) {
        const peer = await peerOf(server, setting);
        peers.push(peer);
        if (next(2) === 0) peer.pause();
        const bytes = submits(1 + next(30), 1, new Uint8Array(next(700)));
        peer.write(bytes.subarray(0, next(bytes.length)));
      }
      await turns(next(3));
      for (const peer of peers) peer.reset();
      await until(() => server.stats().connections.open === 0, "all are gone");
      const { memory } = server.stats();
      if (memory.used !== 0 || memory.paused !== 0) t.fail(`round ${round}: ${memory.used}`);
    }
    const peer = await peerOf(server, setting);
    peer.write(submits(1));
    t.equal(toHex(await peer.read(14)), toHex(ack(1)), "and the server serves");
  });
}
