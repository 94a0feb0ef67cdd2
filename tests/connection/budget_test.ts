/** The memory of all connections together: the newest stop first, nobody waits for ever. */

import t from "tap";
import { type BudgetMember, MemoryBudget } from "../../src/connection/memory_budget.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, acks, frame, random, SUBMIT, submits, toHex } from "../helpers/frames.ts";
import type { Peer } from "../helpers/peer.ts";
import { type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import { CODECS, inPieces, peerOf, type Setting, settings, start } from "../helpers/settings.ts";

class Member implements BudgetMember {
  readonly #name: string;
  readonly #log: string[];
  partialBytes = 0;
  heldBytes = 0;
  owes = false;
  place = 0;
  starved = false;
  allowedBy = 0;
  constructor(name: string, log: string[]) {
    this.#name = name;
    this.#log = log;
  }
  starve(starved: boolean): void {
    this.#log.push(`${starved ? "-" : "+"}${this.#name}`);
  }
}

/** A budget in which 64 bytes are small for each of four members. */
function four(limit: number) {
  const budget = new MemoryBudget(limit, { maxFrameBytes: 0 });
  const log: string[] = [];
  const add = (name: string) => {
    const member = new Member(name, log);
    budget.join(member);
    return member;
  };
  const members = ["a", "b", "c", "d"].map(add);
  const told = () => log.splice(0).join(" ");
  const holds = (member: Member, bytes: number) => {
    const change = bytes - member.heldBytes;
    member.heldBytes = bytes;
    budget.add(change, member);
  };
  return { budget, members, told, add, holds };
}

t.test("from three quarters on the newest large ones stop first, and go on in the other order", (t) => {
  const { budget, members, told, holds } = four(4096);
  // A sixteenth is for the small ones: of 3840 bytes, three quarters are 2880, and a step is 60.
  for (const member of members) holds(member, 700);
  t.equal(told(), "");
  budget.add(80);
  t.equal(told(), "", "three quarters");
  budget.add(240);
  t.equal(told(), "-d");
  budget.add(240);
  t.equal(told(), "-c");
  t.equal(budget.paused, 2);
  budget.add(240);
  t.equal(told(), "-b");
  t.equal(budget.exhausted, false);
  budget.add(240);
  t.equal(told(), "-a");
  t.equal(budget.paused, 4);
  budget.add(-20);
  t.equal(told(), "", "half a step more is asked for before going back");
  budget.add(-240);
  t.equal(told(), "+a");
  budget.add(-480);
  t.equal(told(), "+b +c");
  budget.add(-300);
  t.equal(told(), "+d");
  t.equal(budget.paused, 0);
  t.equal(budget.used, 2800);
  t.end();
});

t.test("who holds next to nothing is read from, whatever others hold and whoever came first", (t) => {
  const { budget, members: [a, b, c, d], told, add, holds } = four(4096);
  for (const member of [a!, b!, c!]) holds(member, 1300);
  t.equal(told(), "-a -b -c", "all that hold the memory stop");
  holds(d!, 64);
  t.equal(told(), "", "64 bytes are small when there are four");
  const e = add("e");
  holds(e, 51);
  t.equal(told(), "", "51 are when there are five");
  holds(e, 52);
  t.equal(told(), "-e", "one more is too much");
  holds(e, 20);
  t.equal(told(), "+e");
  holds(d!, 50);
  t.equal(budget.paused, 3);
  t.end();
});

t.test("who comes while memory is short stops as soon as it is large, whatever has made it so", (t) => {
  const budget = new MemoryBudget(4096, { maxFrameBytes: 0 });
  const log: string[] = [];
  const shareOf = (name: string) => {
    const member = new Member(name, log);
    member.partialBytes = 1;
    const share = budget.share(member);
    share.join();
    return share;
  };
  const [a, b] = ["a", "b"].map(shareOf);
  a!.holds(1950);
  t.ok(b!.readInto(1), "a read buffer may grow while there is plenty");
  b!.holds(1950);
  t.equal(log.splice(0).join(" "), "-b", "a, the oldest inside a frame, goes on");
  t.notOk(b!.readInto(1), "not when memory is short, if that is what makes a connection large");
  const c = shareOf("c");
  t.ok(c.readInto(60), "those of small ones may");
  for (let i = 0; i < 10; i++) shareOf("other");
  t.equal(log.splice(0).join(" "), "");
  c.holds(1);
  t.equal(log.splice(0).join(" "), "-c", "nor may it go on as one that was small among fewer");
  t.end();
});

t.test("room is left for a frame that must be finished, as far as an eighth of the budget", (t) => {
  const sizes = { maxFrameBytes: 100 };
  const budget = new MemoryBudget(4096, sizes);
  const log: string[] = [];
  const member = new Member("a", log);
  budget.join(member);
  const stopsAt = () => {
    budget.add(-budget.used);
    log.length = 0;
    member.heldBytes = 4096;
    while (log.length === 0) budget.add(1);
    return budget.used;
  };
  // One alone is allowed up to the last step.
  t.equal(stopsAt(), 3584, "three quarters and 15 of 16 steps of what 200 bytes are left out of");
  sizes.maxFrameBytes = 1e9;
  t.equal(stopsAt(), 3277, "of what 512 are left out of");
  sizes.maxFrameBytes = 0;
  t.equal(stopsAt(), 3781, "of all but the sixteenth");
  t.end();
});

t.test("all small ones together do not break the budget", (t) => {
  const { budget, members, told, add, holds } = four(4096);
  for (const member of members) holds(member, 960);
  t.equal(budget.paused, 4);
  const small = Array.from({ length: 60 }, (_, at) => add(`s${at}`));
  for (const member of small) holds(member, 4);
  told();
  t.equal(budget.paused, 4);
  t.equal(budget.used, 3840 + 240);
  t.equal(budget.exhausted, false);
  for (const member of small) holds(member, 5);
  t.equal(budget.paused, 64, "whoever takes more than an equal part of the sixteenth stops");
  t.end();
});

t.test("the oldest large connection inside a frame is read from whatever is held", async (t) => {
  const { budget, members, told, holds } = four(1600);
  const [a, b, c, d] = members;
  for (const member of members) holds(member, 60);
  b!.partialBytes = c!.partialBytes = 10;
  budget.add(5000);
  t.equal(told(), "-a -c -d");
  b!.partialBytes = 0;
  budget.add(1);
  await Promise.resolve();
  t.equal(told(), "-b +c");
  holds(c!, 0);
  budget.leave(c!);
  b!.partialBytes = 10;
  await Promise.resolve();
  t.equal(told(), "+b");
  budget.add(-5001);
  t.equal(told(), "+a +d");
  holds(d!, 0);
  d!.partialBytes = b!.partialBytes = 1;
  holds(b!, 1);
  budget.add(5000);
  await Promise.resolve();
  t.equal(told(), "-a", "small ones are read from anyway: it is not their turn that is waited for");
  t.equal(budget.paused, 1);
  holds(a!, 0);
  t.equal(told(), "+a");
});

t.test("while others will let go of memory, nobody inside a frame is given more", async (t) => {
  const { budget, members, told, holds } = four(1600);
  const [a, b] = members;
  a!.owes = true;
  for (const member of members) holds(member, 60);
  b!.partialBytes = 10;
  budget.add(5000);
  t.equal(told(), "-a -b -c -d");
  budget.add(1);
  await Promise.resolve();
  t.equal(told(), "", "as long as it takes");
  a!.owes = false;
  budget.add(-1);
  await Promise.resolve();
  t.equal(told(), "+b", "with the last of what was owed it is the turn of the oldest");
  a!.owes = true;
  holds(a!, 0);
  budget.add(1);
  await Promise.resolve();
  t.equal(told(), "+a", "small ones are not waited for");
  t.end();
});

t.test("those that came when there were fewer leave less to those who come", (t) => {
  const budget = new MemoryBudget(1 << 20, { maxFrameBytes: 0 });
  const log: string[] = [];
  const old = new Member("old", log);
  budget.join(old);
  old.heldBytes = 15 << 16;
  budget.add(old.heldBytes, old);
  const most = () => {
    const member = new Member("new", log);
    budget.join(member);
    log.length = 0;
    while (log.length === 0) {
      member.heldBytes += 16;
      budget.add(16, member);
    }
    return member.heldBytes;
  };
  const taken = Array.from({ length: 20 }, most);
  t.ok(taken[0]! > 16_384, `${taken} bytes`);
  t.ok(taken.every((bytes, at) => at === 0 || bytes <= taken[at - 1]! + 16));
  t.ok(taken.at(-1)! <= 2064, "2 KiB at the least");
  t.ok(budget.used < 1.03 * (1 << 20), `${budget.used} bytes in all`);
  t.end();
});

t.test("who leaves while memory is short lets others go on", async (t) => {
  const { budget, members: [a, b, c, d], told, holds } = four(4096);
  for (const member of [a!, b!, c!, d!]) holds(member, 800);
  t.equal(told(), "-d");
  holds(a!, 0);
  budget.leave(a!);
  await Promise.resolve();
  t.equal(told(), "+d");
  budget.leave(d!);
  t.equal(budget.paused, 0);
});

t.test("0 is no bound, and the budget can be changed at any time", (t) => {
  const { budget, members, told, holds } = four(0);
  for (const member of members) holds(member, 1e12);
  t.equal(told(), "");
  t.equal(budget.exhausted, false);
  budget.changed(1e9);
  t.equal(told(), "-a -b -c -d");
  budget.changed(8e12);
  t.equal(told(), "+a +b +c +d");
  t.end();
});

const FRAME_BYTES = 60_000;

for (const setting of settings().map(inPieces)) {
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

for (const setting of settings().map(inPieces)) {
  t.test(`handlers that take their time do not break the budget (${setting.name})`, async (t) => {
    const memoryBudgetBytes = 1 << 20;
    const open: Deferred<void>[] = [];
    let holds = true;
    const server = await start(t, setting, {
      submit() {
        if (!holds) return;
        const done = deferred();
        open.push(done);
        return done.promise;
      },
    }, { memoryBudgetBytes, handlerTimeoutMs: 0 });
    const peers: Peer[] = [];
    for (let i = 0; i < 40; i++) peers.push(await peerOf(server, setting));
    const request = frame(SUBMIT, 7, new Uint8Array(FRAME_BYTES - 13));
    for (const peer of peers) for (let i = 0; i < 3; i++) peer.write(request);
    let most = 0;
    const watched = () => {
      const { used, paused } = server.stats().memory;
      most = Math.max(most, used);
      return paused;
    };
    await until(() => watched() > 0, "memory is short");
    for (let i = 0; i < 50; i++) {
      await turns();
      watched();
    }
    t.ok(
      most <= memoryBudgetBytes + 2 * 65_536,
      `${most} bytes at the most, in ${open.length} requests`,
    );
    const small = await peerOf(server, setting);
    holds = false;
    small.write(submits(1));
    t.equal(toHex(await small.read(14)), toHex(ack(1)), "who asks little is answered");
    for (const done of open) done.resolve();
    for (const peer of peers) {
      await until(() => (watched(), peer.received.length === 3 * 14), "all are answered");
    }
    t.ok(most <= memoryBudgetBytes + 2 * 65_536, `${most} bytes at the most`);
    for (const peer of [...peers, small]) peer.end();
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
