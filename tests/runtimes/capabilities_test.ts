/** What a runtime says it can, it does; what it says it cannot, it refuses by name. */

import t from "tap";
import { browserCapabilities, browserWebSocket } from "../../src/link/browser_web_socket.ts";
import { workerdCapabilities, workerdTransport } from "../../src/link/workerd.ts";
import { sqliteStore } from "../../src/entry/sqlite.ts";
import { read } from "../helpers/root.ts";
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

t.test("connections come in over TCP where there is a way, and that is told", (t) => {
  t.equal(entry.capabilities().inboundTcp, true);
  t.equal(browserCapabilities.inboundTcp, false);
  t.strictSame([workerdCapabilities.inboundTcp, workerdCapabilities.listen], [true, []], "by edge");
  t.end();
});

t.test("options of sockets hold over WebSocket or are refused by name", async (t) => {
  const asked = serve({ listen: "ws://:0", keepAliveMs: 60_000, noDelay: false }, handlers);
  if (runtime === "deno") {
    await t.rejects(asked, { code: "UNSUPPORTED", message: /Deno cannot set noDelay over ws:/ });
    await t.rejects(serve({ listen: "ws://:0", keepAliveMs: 60_000 }, handlers), {
      code: "UNSUPPORTED",
      message: /Deno cannot set keepAliveMs over ws:.*heartbeats/,
    });
  }
  const server = runtime === "deno" ? await serve({ listen: "ws://:0" }, handlers) : await asked;
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const { url } = server.addrs[0]!;
  const client = await connect(url);
  await client.submit("x");
  await client.close();
  const alive = connect(url, { keepAliveMs: 60_000 });
  if (runtime === "node") {
    const lasting = await alive;
    await lasting.submit("x");
    await lasting.close();
  } else {
    await t.rejects(alive, { code: "UNSUPPORTED", message: /(Bun|Deno) cannot set keepAliveMs/ });
  }
});

for (const transport of [browserWebSocket, workerdTransport]) {
  const { runtime: name, connect: schemes } = transport.capabilities!;
  t.test(`what ${name} cannot do with a connection is refused by name`, async (t) => {
    const dial = (url: string, options: object) =>
      makeConnect(transport)(url, { reconnect: false, ...options });
    const scheme = schemes.includes("tls") ? "tls" : "wss";
    const refused = (what: string) => ({
      code: "UNSUPPORTED",
      message: new RegExp(`^${name} .*${what}`),
    });
    const client = {
      cert: read("tests/fixtures/tls/client.pem"),
      key: read("tests/fixtures/tls/client.key"),
    };
    for (const over of new Set([scheme, "wss"])) {
      const url = `${over}://127.0.0.1:1`;
      await t.rejects(dial(url, { tls: client }), refused(`${over}:// with tls\\.cert`));
      await t.rejects(dial(url, { tls: { ca: "x" } }), refused(`tls\\.ca`));
      await t.rejects(dial(url, { tls: { serverName: "x" } }), refused(`tls\\.serverName`));
      await t.rejects(dial(url, { keepAliveMs: 1000 }), refused("keepAliveMs"));
      await t.rejects(dial(url, { noDelay: false }), refused("noDelay"));
    }
    t.strictSame(
      [transport.capabilities!.mutualTls, transport.capabilities!.keepAliveTime],
      [false, false],
    );
  });
}

t.test("zstd and sqlite are there, or are refused by the runtime's name", (t) => {
  const { zstd, sqlite, runtime: name } = entry.capabilities();
  if (zstd) t.equal(entry.zstd().name, "zstd");
  else t.throws(() => entry.zstd(), { code: "UNSUPPORTED", message: new RegExp(`^${name} .*lz4`) });
  if (sqlite) sqliteStore(":memory:").close();
  else {
    t.throws(() => sqliteStore(":memory:"), {
      code: "UNSUPPORTED",
      message: new RegExp(`^${name} .*memoryStore`),
    });
  }
  t.end();
});

t.test("certificates change while a server runs, or that is refused by name", async (t) => {
  const pem = (name: string) => read(`tests/fixtures/tls/${name}`);
  const tls = { cert: pem("server.pem"), key: pem("server.key") };
  for (const scheme of ["tls", "wss"]) {
    const server = await serve({ listen: `${scheme}://:0`, tls }, handlers);
    t.teardown(() => server.shutdown({ deadlineMs: 0 }));
    const next = { tls: { cert: pem("renewed.pem"), key: pem("renewed.key") } };
    if (runtime !== "node" && scheme === "wss") {
      t.throws(() => server.reconfigure(next), {
        code: "UNSUPPORTED",
        message: /^(Deno|Bun) cannot change the certificates of wss:/,
      });
    } else {
      server.reconfigure(next);
      t.pass(`${scheme} takes them`);
    }
  }
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
