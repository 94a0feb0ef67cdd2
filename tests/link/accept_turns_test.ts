/** Many that connect at once do not take all turns of the event loop. */

import t from "tap";
import type { Link } from "../../src/link/link.ts";
import { runtime, tcp, until } from "../helpers/runtime.ts";

const COUNT = 100;

// libuv sees to it on Node.
t.test("a full backlog is accepted over several turns", { skip: runtime !== "deno" }, async (t) => {
  const accepted: Link[] = [];
  const perTurn: number[] = [];
  const listener = await tcp.listen({ hostname: "127.0.0.1", port: 0, backlog: 511 }, {
    accepted: (link) => void accepted.push(link),
    failed: (error) => t.fail(error.message),
  });
  const { hostname, port } = listener.address as { hostname: string; port: number };
  listener.pause();
  const dialed = await Promise.all(
    Array.from({ length: COUNT }, () => tcp.connect({ hostname, port })),
  );
  t.equal(accepted.length, 0, "the listener is paused");
  listener.resume();
  let last = 0;
  await until(() => {
    perTurn.push(accepted.length - last);
    last = accepted.length;
    return last === COUNT;
  }, "all are accepted");
  const most = Math.max(...perTurn);
  t.ok(most <= 40, `${most} of ${COUNT} in one turn`);
  for (const link of [...dialed, ...accepted]) link.abort();
  await listener.close();
});
