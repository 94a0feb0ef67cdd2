/** What of `listen` goes together, and several addresses as one server. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { read } from "../helpers/root.ts";
import { connect, serve } from "../helpers/runtime.ts";

const handlers = { submit: () => {} };
const tls = {
  cert: read("tests/fixtures/tls/server.pem"),
  key: read("tests/fixtures/tls/server.key"),
};
const ca = read("tests/fixtures/tls/ca.pem");

t.test("tcp and tls at once, one server: one limit, one end", async (t) => {
  const server = await serve({ listen: ["tcp://:0", "tls://localhost:0"], tls }, handlers);
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const [plain, secure] = server.addrs;
  t.match(plain!.url, /^tcp:/);
  t.match(secure!.url, /^tls:/);
  const one = await connect(plain!.url);
  const two = await connect(`tls://localhost:${secure!.port}`, { tls: { ca } });
  await Promise.all([one.submit("a"), two.submit("b")]);
  t.equal(server.stats().connections.open, 2);
  server.reconfigure({ tls });
  const { completed } = await server.shutdown();
  t.equal(completed, 2);
  for (const client of [one, two]) await client.closed;
  for (const { url } of server.addrs) {
    await t.rejects(connect(url), { code: "CONNECTION_REFUSED" });
  }
});

t.test("a limit of connections holds over all addresses, and pauses all", async (t) => {
  const server = await serve({ listen: ["tcp://:0", "tcp://:0"], maxConnections: 1 }, handlers);
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const first = await connect(server.addrs[0]!.url);
  await first.submit("in");
  const second = await connect(server.addrs[1]!.url); // waits in the backlog
  let isAnswered = false;
  const answer = second.submit("waits").then(() => isAnswered = true);
  await first.submit("still");
  t.notOk(isAnswered);
  await first.close();
  await answer;
  await second.close();
});

t.test("what does not go together is refused", async (t) => {
  const cases: readonly [options: object, code: string, message: RegExp][] = [
    [{ listen: "tcp://:0", port: 1 }, "INVALID_OPTION", /port and listen/],
    [{ listen: "tls://:0" }, "INVALID_OPTION", /certificates of the option tls/],
    [{ listen: "tcp://:0", tls }, "INVALID_OPTION", /no URL of listen/],
    [{ listen: [] }, "INVALID_OPTION", /listen must be a URL or several/],
    [{ listen: "http://:1" }, "INVALID_OPTION", /listen must be a URL or several/],
    [
      { listen: "unix:///tmp/x", proxyProtocol: { trusted: ["127.0.0.1"] } },
      "UNSUPPORTED",
      /proxyProtocol.*unix:/,
    ],
    [{ webSocket: { maxMessageBytes: 1 } }, "INVALID_OPTION", /maxMessageBytes.*from 65536/],
    [{ webSocket: { size: 1 } }, "INVALID_OPTION", /without size/],
    [{ webSocket: { origins: ["example.com"] } }, "INVALID_OPTION", /origins/],
  ];
  for (const [options, code, message] of cases) {
    await t.rejects(serve(options, handlers), { code, message }, JSON.stringify(options));
  }
});

t.test("a transport is asked only for what it can carry", async (t) => {
  const transport = memoryNetwork();
  await t.rejects(serve({ transport, listen: "unix:///tmp/x" }, handlers), {
    code: "UNSUPPORTED",
    message: /this transport cannot listen on unix:\/\/; it can listen on tcp:\/\//,
  });
  await t.rejects(connect("wss://localhost:1", { transport }), {
    code: "UNSUPPORTED",
    message: /cannot connect over wss:\/\/; it can connect over tcp:\/\//,
  });
  await t.rejects(connect("tcp://localhost:1", { webSocket: {} }), { message: /begin with ws:/ });
});
