/** How a server lets go of its connections: nothing that was accepted is lost. */

import t from "tap";
import { isFramewireError } from "../../src/errors.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { DrainResult } from "../../src/server/drain.ts";
import { submit, submits } from "../helpers/frames.ts";
import { peerTo } from "../helpers/peer.ts";
import { connect, type Deferred, deferred, serve, turns, until } from "../helpers/runtime.ts";
import { CODECS, recordEvents, start, urlOf } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

for (const codec of CODECS) {
  t.test(`completed, moved and cut tell what became of each connection (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const transport = memoryNetwork({ windowBytes: 100 });
    const setting = { name: codec, codec, transport };
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit(packet) {
        if (packet.text() === "") return;
        const done = deferred();
        if (packet.text() === "wait") open.push(done);
        return done.promise;
      },
    }, { clock, handlerTimeoutMs: 0 });
    const peer = () => peerTo(server.addr.port, transport);
    const [idle, answered, hanging, blackHole, mover] = [
      await peer(),
      await peer(),
      await peer(),
      await peer(),
      await peer(),
    ];
    blackHole.pause();
    blackHole.write(submits(50));
    answered.write(submit(1, "wait"));
    hanging.write(submits(3, 1, "hang"));
    mover.write(submit(1, "wait"));
    await until(() => server.stats().requests === 55, "taken");
    let result: DrainResult | undefined;
    void server.shutdown({ deadlineMs: 5000, reason: "an update" }).then((all) => result = all);
    await idle.ended;
    idle.end();
    mover.end();
    await turns();
    for (const done of open) done.resolve();
    await answered.ended;
    answered.end();
    await turns();
    clock.advance(4999);
    await turns();
    t.equal(result, undefined, "it waits for the deadline");
    clock.advance(1);
    await until(() => result !== undefined, "it settles");
    t.match(result, {
      completed: 3,
      moved: 0,
      cut: [
        { id: 3, owed: 3, unsentBytes: 0, remote: { hostname: "memory" } },
        { id: 4, owed: 0 },
      ],
    });
    t.ok(result!.cut[1]!.unsentBytes > 0, "answered, and not read");
    t.strictSame(await server.shutdown(), result, "asked again, it says the same");
    t.equal(clock.pending, 0);
  });

  t.test(`spreadMs: connections end one after the other, those that leave before have moved (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const transport = memoryNetwork();
    const server = await start(t, { name: codec, codec, transport }, { submit: () => {} }, {
      clock,
    });
    const { disconnects } = recordEvents(server);
    const peers = [];
    for (let i = 0; i < 10; i++) peers.push(await peerTo(server.addr.port, transport));
    for (const peer of peers) void peer.ended.then(() => peer.end());
    await turns();
    const over = server.shutdown({ deadlineMs: 10_000, spreadMs: 5000, reason: "an update" });
    const ended: number[] = [];
    for (let i = 0; i < 5; i++) {
      clock.advance(500);
      await turns();
      ended.push(peers.filter((peer) => peer.isEnded).length);
    }
    t.strictSame(ended, [2, 3, 4, 5, 6]);
    peers[9]!.write(submit(1));
    t.equal((await peers[9]!.read(14)).length, 14, "it is served until its turn comes");
    peers[9]!.end();
    peers[8]!.reset();
    await turns();
    clock.advance(2500);
    t.match(await over, { completed: 8, moved: 2, cut: [] });
    t.match(disconnects[0], { code: "SHUTDOWN", message: "an update" });
    t.equal(clock.pending, 0);
  });
}

t.test("what shutdown cannot do is refused, and the server goes on", async (t) => {
  const server = await start(t, { name: "", codec: "ts" }, { submit: () => {} });
  const refused = async (options: object, message: RegExp) =>
    await t.rejects(server.shutdown(options), { code: "INVALID_OPTION", message });
  await refused({ spreadMs: -1 }, /spreadMs must be a number from 0 to 10000/);
  await refused({ spreadMs: 2000, deadlineMs: 1000 }, /spreadMs must be a number from 0 to 1000/);
  await refused({ reason: 5 }, /reason must be text/);
  const client = await connect(urlOf(server));
  await client.submit("it goes on");
  await client.close();
});

t.test("a rolling restart under load loses no accepted request", async (t) => {
  const handled = new Map<string, number>();
  const submitHandler = async (packet: { text(): string }) => {
    const text = packet.text();
    for (let i = 0; i < 3; i++) await turns(1);
    handled.set(text, (handled.get(text) ?? 0) + 1);
  };
  const listen = (port: number) => serve({ port, lingerMs: 500 }, { submit: submitHandler });
  const servers = [await listen(0), await listen(0)];
  const urls = servers.map(urlOf);
  let stop = false;
  const acknowledged: string[] = [];
  const reported: string[] = [];
  const work = Array.from({ length: 6 }, async (_, worker) => {
    let count = 0;
    for (let turn = worker; !stop; turn++) {
      const client = await connect(urls[turn % 2]!).catch(() => undefined);
      if (client === undefined) {
        await turns(1); // that one is being restarted: on to the other
        continue;
      }
      while (client.open && !stop) {
        const batch = Array.from({ length: 16 }, async () => {
          const text = `${worker}-${count++}`;
          try {
            await client.submit(text);
            acknowledged.push(text);
          } catch (error) {
            if (!isFramewireError(error)) throw error;
            reported.push(text);
          }
        });
        await Promise.all(batch);
      }
      await client.close();
    }
  });
  for (let round = 0; round < 4; round++) {
    const which = round % 2;
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 200, "load");
    const old = servers[which]!;
    const result = await old.shutdown({ deadlineMs: 10_000 });
    t.strictSame(result.cut, [], `round ${round}: nothing is cut`);
    t.equal(old.stats().requests, old.stats().replies, "all that was accepted is answered");
    servers[which] = await listen(old.addr.port);
  }
  stop = true;
  await Promise.all(work);
  for (const server of servers) await server.shutdown();
  t.ok(acknowledged.length > 800, `${acknowledged.length} acknowledged`);
  t.strictSame(acknowledged.filter((text) => handled.get(text) !== 1), [], "each ran, once");
  t.strictSame(reported.filter((text) => handled.has(text)), [], "what was reported did not run");
  t.equal(handled.size, acknowledged.length, "every handler that ran is acknowledged");
});
