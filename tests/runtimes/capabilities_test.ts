/** What a runtime says it can, it does; what it says it cannot, it refuses by name. */

import t from "tap";
import { browserCapabilities, browserWebSocket } from "../../src/link/browser_web_socket.ts";
import { makeConnect } from "../../src/client/connect.ts";
import * as entry from "#entry";
import { connect, runtime, serve } from "../helpers/runtime.ts";

const handlers = { submit: () => {} };

t.test("the entry tells what its runtime can do", (t) => {
  const can = entry.capabilities();
  t.match(can.runtime.toLowerCase(), runtime);
  for (const scheme of ["tcp", "tls", "ws", "wss"] as const) {
    t.ok(can.listen.includes(scheme));
    t.ok(can.connect.includes(scheme));
  }
  t.end();
});

t.test("several listen on one port where they can, elsewhere it is refused", async (t) => {
  const { reusePort } = entry.capabilities();
  if (!reusePort) {
    await t.rejects(serve({ port: 0, reusePort: true }, handlers), {
      code: "UNSUPPORTED",
      message: /reusePort: (Node|Deno|Bun).*cannot do it; leave it out/,
    });
    return;
  }
  const first = await serve({ port: 0, reusePort: true }, handlers);
  t.teardown(() => first.shutdown({ deadlineMs: 0 }));
  const second = await serve({ port: first.addr.port, reusePort: true }, handlers);
  t.teardown(() => second.shutdown({ deadlineMs: 0 }));
  for (let i = 0; i < 20; i++) {
    const client = await connect(first.addrs[0]!.url);
    await client.submit("x");
    await client.close();
  }
  t.equal(first.stats().requests + second.stats().requests, 20);
  await t.rejects(serve({ port: first.addr.port }, handlers), { code: "ADDRESS_IN_USE" });
  await t.rejects(serve({ listen: "ws://:0", reusePort: true }, handlers), {
    code: "UNSUPPORTED",
    message: /ws:\/\//,
  });
});

t.test("the time of keepalive", async (t) => {
  const asked = serve({ port: 0, keepAliveMs: 60_000 }, handlers);
  if (entry.capabilities().keepAliveTime) {
    await (await asked).shutdown();
    t.pass("taken");
  } else await t.rejects(asked, { code: "UNSUPPORTED", message: /heartbeats/ });
});

t.test("a browser has WebSocket alone, and no server", async (t) => {
  t.strictSame(browserCapabilities.listen, []);
  await t.rejects(makeConnect(browserWebSocket)("tcp://127.0.0.1:1"), {
    code: "UNSUPPORTED",
    message: /a browser cannot connect over tcp:\/\/; it can connect over ws:\/\/, wss:\/\//,
  });
  await t.rejects(serve({ transport: browserWebSocket }, handlers), {
    code: "UNSUPPORTED",
    message: /it cannot listen at all/,
  });
});
