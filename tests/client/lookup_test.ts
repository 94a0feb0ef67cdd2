/** Host names are looked up as the runtime does it, and their addresses race. */

import t from "tap";
import { systemLookup } from "../../src/link/dns.ts";
import { listen } from "../helpers/peer.ts";
import { connect } from "../helpers/runtime.ts";

t.test("the system's lookup knows localhost, says when there is none, and ends with its signal", async (t) => {
  const { signal } = new AbortController();
  const [four, six] = await Promise.all([
    systemLookup("localhost", 4, signal),
    systemLookup("localhost", 6, signal),
  ]);
  t.ok([...four, ...six].length > 0);
  t.ok(four.every((address) => /^127\./.test(address)), four.join());
  t.ok(six.every((address) => address.includes(":")), six.join());
  t.strictSame(await systemLookup("no-such-host.invalid", 4, signal).catch(() => []), []);
  await t.rejects(systemLookup("localhost", 4, AbortSignal.abort(new Error("enough"))), {
    message: "enough",
  });
});

t.test("a host name is connected to at whichever of its addresses listens", async (t) => {
  const server = await listen();
  t.teardown(() => server.close());
  const client = await connect(`tcp://localhost:${server.port}`);
  t.match(client.remote, { hostname: "127.0.0.1", port: server.port });
  const peer = await server.next();
  peer.end();
  await client.closed;
  const given = await connect(`tcp://db.example:${server.port}`, {
    lookup: (_name, family) => Promise.resolve(family === 6 ? [] : ["127.0.0.2", "127.0.0.1"]),
  });
  (await server.next()).end();
  await given.closed;
});
