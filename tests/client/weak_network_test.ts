/** A weak network: round trips of 200 ms, and one write in fifty cuts its connection. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { connectAndStay as connect, serve } from "../helpers/runtime.ts";
import { pass } from "../helpers/staying.ts";
import { uniform } from "../helpers/uniform.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";
import { weakNetwork } from "../helpers/weak_network.ts";

const CLIENTS = 50;
const WORKERS = 2;
const CALLS = 10_000;
const DEADLINE_MS = 10_000;

/** Calls of all clients at once, and what became of each. */
async function trial(
  t: { teardown(fn: () => Promise<unknown>): unknown },
  seed: number,
  options: object,
) {
  const inner = memoryNetwork();
  const clock = new VirtualClock();
  const random = uniform(seed);
  const transport = weakNetwork(inner, { clock, delayMs: 100, cuts: 0.02, random });
  const handled = new Map<string, number>();
  const server = await serve({ transport: inner, port: 0 }, {
    submit(packet) {
      const name = packet.text();
      handled.set(name, (handled.get(name) ?? 0) + 1);
    },
  });
  const connecting = Promise.all(
    Array.from({ length: CLIENTS }, () =>
      connect(`tcp://127.0.0.1:${server.addr.port}`, {
        transport,
        clock,
        random,
        lingerMs: 0,
        firstConnect: "wait",
        requestTimeoutMs: DEADLINE_MS,
        ...options,
      })),
  );
  let connected = false;
  void connecting.then(() => connected = true);
  for (let i = 0; i < 30 && !connected; i++) await pass(clock, 1000, 20);
  const clients = await connecting;
  t.teardown(async () => {
    const closing = clients.map((client) => client.close({ deadlineMs: 0 }));
    await pass(clock, 2000);
    await Promise.all([...closing, server.shutdown({ deadlineMs: 0 })]);
  });
  const outcomes: Record<string, number> = {};
  let next = 0;
  let running = CLIENTS * WORKERS;
  let lies = 0;
  let slowestMs = 0;
  const worker = async (client: typeof clients[number]) => {
    while (next < CALLS) {
      const name = `call ${next++}`;
      const since = clock.now();
      const outcome = await client.submit(name, { idempotent: seed % 2 === 0 })
        .then(() => "ok", (error) => String(error.outcome));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      slowestMs = Math.max(slowestMs, clock.now() - since);
      const times = handled.get(name) ?? 0;
      if (outcome === "ok" && times === 0) lies++;
      if (outcome === "not-sent" && times > 0) lies++;
      if (seed % 2 === 1 && times > 1) lies++;
    }
    running--;
  };
  for (const client of clients) for (let i = 0; i < WORKERS; i++) void worker(client);
  for (let i = 0; i < 200 && running > 0; i++) await pass(clock, 1000, 20);
  return { outcomes, lies, slowestMs, running, cut: transport.cut };
}

for (const hello of ["off", "required"] as const) {
  t.test(`10,000 idempotent calls: 99.9 % succeed within 10 s (hello ${hello})`, async (t) => {
    const { outcomes, lies, slowestMs, running, cut } = await trial(t, 2, { hello });
    t.equal(running, 0, "every call was settled");
    t.ok(cut > 50, `${cut} connections were cut`);
    t.ok(outcomes["ok"]! >= CALLS * 0.999, JSON.stringify(outcomes));
    t.equal(lies, 0);
    t.ok(slowestMs <= DEADLINE_MS * 17 / 16 + 100, `the slowest took ${slowestMs} ms`);
  });
}

t.test("calls that are not idempotent are lost with their connection, and that is said", async (t) => {
  const { outcomes, lies, running } = await trial(t, 3, {});
  t.equal(running, 0);
  t.equal(lies, 0, "none was done twice, and what is said of each is true");
  t.ok(outcomes["unknown"]! < CALLS * 0.06, JSON.stringify(outcomes));
  t.equal(outcomes["not-sent"] ?? 0, 0, "what did not leave was sent again");
});
