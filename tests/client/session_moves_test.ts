/** A session whose server asks its clients to move: the old connection ends, and nobody has taken anything over. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { connectAndStay as connect, serve } from "../helpers/runtime.ts";
import { pass } from "../helpers/staying.ts";
import { uniform } from "../helpers/uniform.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

t.test("a connection that is too old is left with its session; each call is done once", async (t) => {
  const transport = memoryNetwork();
  const clock = new VirtualClock();
  const times = new Map<string, number>();
  const server = await serve({ transport, clock, port: 0, sessions: {}, maxAgeMs: 2000 }, {
    async submit(packet) {
      const name = packet.text();
      times.set(name, (times.get(name) ?? 0) + 1);
      await new Promise<void>((resolve) => void clock.after(500, resolve));
    },
  });
  const client = await connect(`tcp://127.0.0.1:${server.addr.port}`, {
    transport,
    clock,
    session: true,
    random: uniform(5),
    lingerMs: 0,
    requestTimeoutMs: 60_000,
  });
  const { id } = client.session;
  const calls: Promise<void>[] = [];
  for (let at = 0; at < 20_000; at += 100) {
    calls.push(client.submit(`call ${at}`));
    await pass(clock, 100);
  }
  let answered = 0;
  for (const call of calls) void call.then(() => answered++);
  for (let i = 0; i < 20 && answered < calls.length; i++) await pass(clock, 500);
  t.not(client.status, "closed");
  t.equal(answered, calls.length);
  t.equal(client.session.id, id);
  t.ok([...times.values()].every((count) => count === 1), "each once");
  t.equal(times.size, calls.length);
  t.ok(server.stats().connections.accepted >= 5, `${server.stats().connections.accepted}`);
  const over = [client.close({ deadlineMs: 0 }), server.shutdown({ deadlineMs: 0 })];
  await pass(clock, 3000);
  await Promise.all(over);
});
