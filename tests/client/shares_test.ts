/** Which of several servers gets how many calls: slow ones fewer, failing ones none for a while, returned ones slowly more. */

import t from "tap";
import type { BalancerName } from "../../src/client/balancer/mod.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { RequestRefused } from "../../src/protocol/submit/server/refused.ts";
import { connectAndStay as connect, serve, turns } from "../helpers/runtime.ts";
import { pass } from "../helpers/staying.ts";
import { uniform } from "../helpers/uniform.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

/** Three servers, and how each behaves now. */
async function three(t: { teardown(fn: () => Promise<unknown>): unknown }, balancer: BalancerName) {
  const transport = memoryNetwork();
  const clock = new VirtualClock();
  const servers = await Promise.all([0, 1, 2].map(async () => {
    const now = { delayMs: 5, silent: false, refuses: false, calls: 0, port: 0 };
    const submit = async () => {
      now.calls++;
      if (now.refuses) throw new RequestRefused("not now");
      while (now.silent) await new Promise<void>((resolve) => void clock.after(50, resolve));
      await new Promise<void>((resolve) => void clock.after(now.delayMs, resolve));
    };
    const start = (port: number) => serve({ transport, port }, { submit });
    let server = await start(0);
    now.port = server.addr.port;
    return Object.assign(now, {
      stop: () => server.shutdown({ deadlineMs: 0 }),
      again: async () => void (server = await start(now.port)),
    });
  }));
  const client = await connect(servers.map(({ port }) => `tcp://127.0.0.1:${port}`), {
    transport,
    clock,
    balancer,
    random: uniform(3),
    lingerMs: 0,
    deadAfterTimeouts: 1_000_000,
  });
  await turns();
  t.teardown(async () => {
    const closing = [client.close({ deadlineMs: 0 }), ...servers.map(({ stop }) => stop())];
    await pass(clock, 30);
    await Promise.all(closing);
  });
  /** Makes calls, so many each 10 ms, and says how many each server got and how many failed. */
  const calls = async (ms: number, each = 2) => {
    for (const server of servers) server.calls = 0;
    let failed = 0;
    for (let at = 0; at < ms; at += 10) {
      for (let i = 0; i < each; i++) client.submit("x", { timeoutMs: 200 }).catch(() => failed++);
      await pass(clock, 10);
    }
    return { got: servers.map((server) => server.calls), failed };
  };
  return { clock, servers, calls };
}

t.test("ewma: who answers slowly gets fewer calls, and more again when it is fast", async (t) => {
  const { servers, calls } = await three(t, "ewma");
  await calls(500);
  servers[0]!.delayMs = 100;
  await calls(1000);
  const slow = await calls(3000);
  t.ok(slow.got[0]! * 5 < slow.got[1]!, slow.got.join());
  t.ok(slow.got[0]! > 0, "it is not forgotten");
  servers[0]!.delayMs = 5;
  await calls(40_000);
  const fast = await calls(3000);
  t.ok(fast.got[0]! * 3 > fast.got[1]!, fast.got.join());
});

for (const balancer of ["p2c", "roundRobin", "random", "leastPending", "ewma"] as const) {
  t.test(`${balancer}: a server that fails gets none for a while, then one, then slowly more`, async (t) => {
    const { servers, calls } = await three(t, balancer);
    const even = await calls(1000);
    t.ok(Math.min(...even.got) > 20, even.got.join());
    servers[1]!.silent = true;
    await calls(600);
    const ejected = await calls(400);
    t.equal(ejected.got[1], 0, "it is left alone");
    const probed = await calls(6000);
    t.ok(probed.got[1]! > 0 && probed.got[1]! < 12, `${probed.got} in six seconds`);
    servers[1]!.silent = false;
    let back: readonly number[] = [];
    for (let i = 0; i < 30 && !(back[1]! > 5); i++) back = (await calls(500)).got;
    t.ok(back[1]! < Math.min(back[0]!, back[2]!), `less than its share at first: ${back}`);
    await calls(12_000);
    const full = await calls(2000);
    t.ok(full.got[1]! * 2 > full.got[0]!, `its share in the end: ${full.got}`);
    t.equal(full.failed, 0);
  });
}

t.test("who says no is no worse than others: it has answered", async (t) => {
  const { servers, calls } = await three(t, "roundRobin");
  servers[2]!.refuses = true;
  const { got, failed } = await calls(3000);
  t.strictSame(got, [200, 200, 200]);
  t.equal(failed, 200);
});

t.test("a server that was away begins with a small share", async (t) => {
  const { clock, servers, calls } = await three(t, "roundRobin");
  await servers[0]!.stop();
  await pass(clock, 500);
  const without = await calls(500);
  t.equal(without.got[0], 0);
  t.equal(without.failed, 0);
  await servers[0]!.again();
  let back: readonly number[] = [];
  for (let i = 0; i < 30 && !(back[0]! > 0); i++) back = (await calls(1000)).got;
  t.ok(back[0]! * 2 < back[1]!, `${back}`);
  await calls(12_000);
  const full = await calls(1000);
  t.ok(full.got[0]! > 55, `${full.got}`);
});
