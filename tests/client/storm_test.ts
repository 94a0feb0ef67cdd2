/** Clients that lose their server all at once come back one by one. */

import t from "tap";
import type { Transport } from "../../src/link/link.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { connectAndStay as connect, serve, turns, until } from "../helpers/runtime.ts";
import { pass } from "../helpers/staying.ts";
import { uniform } from "../helpers/uniform.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

type Test = { teardown(fn: () => Promise<unknown> | void): unknown };

const CLIENTS = 1000;
/** Attempts are counted in windows of this length, in milliseconds. */
const WINDOW_MS = 100;

/** A thousand clients of one server, and when each attempt to connect was made. */
async function crowd(t: Test, hello: "off" | "required") {
  const inner = memoryNetwork();
  const clock = new VirtualClock();
  const attempts: number[] = [];
  const transport: Transport = {
    ...inner,
    connect: (target) => {
      attempts.push(clock.now());
      return inner.connect(target);
    },
  };
  let accepted = 0;
  const listening = async (port: number) => {
    const server = await serve({ transport, port, maxConnections: 2 * CLIENTS }, { submit() {} });
    server.on("connect", () => void accepted++);
    return server;
  };
  let server = await listening(0);
  const { port } = server.addr;
  const random = uniform(7);
  const clients = await Promise.all(
    Array.from(
      { length: CLIENTS },
      () => connect(`tcp://127.0.0.1:${port}`, { transport, clock, random, hello, lingerMs: 0 }),
    ),
  );
  await until(() => accepted === CLIENTS, "all are there");
  t.teardown(async () => {
    const closing = clients.map((client) => client.close({ deadlineMs: 0 }));
    const over = server.shutdown({ deadlineMs: 0 });
    await pass(clock, 30);
    await Promise.all([...closing, over]);
  });
  attempts.length = 0;
  return {
    clock,
    clients,
    attempts,
    accepted: () => accepted,
    stop: (options: object) => server.shutdown(options),
    restart: async () => void (server = await listening(port)),
    /** The most attempts in one window from a moment on. */
    most(fromMs: number): number {
      const windows = new Map<number, number>();
      for (const at of attempts) {
        const window = Math.floor(at / WINDOW_MS);
        if (at >= fromMs) windows.set(window, (windows.get(window) ?? 0) + 1);
      }
      return Math.max(...windows.values());
    },
  };
}

t.test("1,000 clients of a server that restarts are spread over seconds, and all come back", async (t) => {
  const { clock, clients, attempts, accepted, stop, restart, most } = await crowd(t, "off");
  await stop({ deadlineMs: 0 });
  await turns();
  t.ok(clients.every(({ status }) => status === "down"));
  await pass(clock, 4000);
  const inVain = attempts.length;
  t.ok(inVain < CLIENTS * 8, `${inVain} attempts in four seconds without a server`);
  await restart();
  const restartedMs = clock.now();
  await pass(clock, 12_000);
  t.ok(clients.every(({ status }) => status === "up"), "all are back");
  t.equal(accepted(), 2 * CLIENTS, "each with one connection");
  t.equal(attempts.length - inVain, CLIENTS, "which each made with one attempt");
  const worst = most(restartedMs);
  t.ok(worst <= CLIENTS * 0.08, `at most ${worst} of them within ${WINDOW_MS} ms`);
  const last = Math.max(...attempts) - restartedMs;
  t.ok(last > 3000 && last < 11_000, `the last one after ${last} ms`);
  // The other kind of storm: their calls.
  const calls = clients.map((client) => client.submit("x"));
  await Promise.all(calls);
});

t.test("a server that gives notice spreads them itself", async (t) => {
  const { clock, clients, attempts, stop, restart, most } = await crowd(t, "required");
  const stopping = stop({ deadlineMs: 5000, spreadMs: 5000 });
  await until(() => clients.every(({ status }) => status === "down"), "all are told");
  await pass(clock, 0);
  await stopping;
  t.equal(attempts.length, 0, "nobody comes at once");
  await restart();
  const since = clock.now();
  await pass(clock, 5500);
  t.ok(clients.every(({ status }) => status === "up"), "all are back");
  t.equal(attempts.length, CLIENTS);
  const worst = most(since);
  t.ok(worst <= CLIENTS * 0.05, `at most ${worst} of them within ${WINDOW_MS} ms`);
  t.ok(Math.max(...attempts) - since > 4500);
});
