/** Services that call each other: nothing fails while an instance is drained, or killed. */

import process from "node:process";
import t from "tap";
import { orders } from "../../examples/services/protocol.ts";
import { posix } from "../cli/command.ts";
import { connect } from "../helpers/runtime.ts";
import { startExample, startServer } from "./program.ts";

t.test("an instance is drained, another killed, and no order fails", posix, async (t) => {
  t.setTimeout(240_000);
  const first = await startServer(t, "services/prices.ts");
  const second = await startServer(t, "services/prices.ts");
  const urls = [first, second].map(({ port }) => `tcp://127.0.0.1:${port}`);
  const calling = await startServer(t, "services/orders.ts", urls);
  const shop = startExample(t, "services/shop.ts", [`tcp://127.0.0.1:${calling.port}`]);
  /** Waits until so many more orders are placed than now. */
  const more = async (count: number) => {
    const [text] = await shop.wrote("stdout", /[^]*/);
    const before = Number(/.*^(\d+) placed/ms.exec(text)?.[1] ?? 0);
    await shop.wrote("stdout", RegExp(`^${before + count} placed`, "m"));
  };
  await more(300);
  first.running.kill("SIGTERM");
  const drained = await first.running.ended;
  t.match(drained, { code: 0, stdout: /drained after [1-9]\d* requests, 0 connections cut/ });
  await more(300);

  const again = startExample(t, "services/prices.ts", [String(first.port)]);
  await again.wrote("stdout", /listening/);
  await calling.running.wrote("stdout", RegExp(`:${first.port}: [^]*:${first.port}: connected`));
  second.running.kill("SIGKILL");
  await second.running.ended;
  await more(300);
  shop.child.stdin!.end();
  const { stdout, stderr, code } = await shop.ended;
  t.equal(code, 0);
  t.equal(stderr, "");
  t.match(stdout, /^in the end \d+ placed, 0 failed$/m);
  for (const { port } of [first, second]) {
    t.match(stdout, RegExp(`^[1-9]\\d* orders: prices at ${port}$`, "m"));
  }
});

t.test(
  "an order that comes again is the same one; what takes too long fails in time",
  posix,
  async (t) => {
    const prices = await startServer(t, "services/prices.ts");
    const { port } = await startServer(t, "services/orders.ts", [`tcp://127.0.0.1:${prices.port}`]);
    const client = await connect(`tcp://127.0.0.1:${port}`, { protocol: orders });
    const place = (order: string, product: string, withinMs: number) =>
      client.call("place", { order, product, quantity: 2, withinMs });
    t.match(await place("A1", "tea", 60_000), { totalCents: 700 });
    t.match(await place("A1", "cake", 60_000), { totalCents: 700 }, "the number says which it is");
    await t.rejects(place("A2", "soup", 60_000), {
      code: "RESULT_FAILED",
      reply: { reason: "there is no soup" },
    });
    process.kill(prices.running.child.pid!, "SIGSTOP");
    await t.rejects(place("A3", "tea", 200), {
      code: "RESULT_FAILED",
      reply: { reason: /not answered within/ },
    });
    process.kill(prices.running.child.pid!, "SIGCONT");
    t.match(await place("A3", "tea", 60_000), { totalCents: 700 }, "one that failed can be placed");
    await client.close();
  },
);
