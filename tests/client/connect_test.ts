/** How connecting fails, and how soon. */

import t from "tap";
import { FramewireError } from "../../src/errors.ts";
import type { Link, Transport } from "../../src/link/link.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { listen } from "../helpers/peer.ts";
import { connect, deferred, tcp, turns } from "../helpers/runtime.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

/** A transport whose connections never stand, or stand when told to. */
function slow(inner?: Transport, go: Promise<void> = new Promise(() => {})): Transport & {
  readonly links: Link[];
} {
  const links: Link[] = [];
  return {
    links,
    listen: () => Promise.reject(new Error("not used")),
    async connect({ hostname, port }) {
      await go;
      const link = await inner!.connect({ hostname, port });
      links.push(link);
      return link;
    },
  };
}

t.test("nothing listens: CONNECTION_REFUSED, with the address", async (t) => {
  const server = await listen();
  const { port } = server;
  await server.close();
  await t.rejects(connect(`tcp://127.0.0.1:${port}`), {
    code: "CONNECTION_REFUSED",
    message: `cannot connect to 127.0.0.1:${port}: nothing listens there`,
  });
  await t.rejects(connect(`tcp://localhost:${port}`), { code: "CONNECTION_REFUSED" });
  await t.rejects(connect(`tcp://memory:${port}`, { transport: memoryNetwork() }), {
    code: "CONNECTION_REFUSED",
  });
});

t.test("an unknown host name: HOST_UNREACHABLE", async (t) => {
  await t.rejects(connect("tcp://no-such-host.invalid:8888"), {
    code: "HOST_UNREACHABLE",
    message: /no-such-host\.invalid:8888/,
  });
});

t.test("a connection that never stands: CONNECT_TIMEOUT at connectTimeoutMs", async (t) => {
  const clock = new VirtualClock();
  let error: unknown;
  connect("tcp://192.0.2.1:8888", { clock, connectTimeoutMs: 700, transport: slow() })
    .catch((reason) => error = reason);
  await turns();
  clock.advance(699);
  await turns();
  t.equal(error, undefined);
  clock.advance(1);
  await turns();
  t.match(error, { code: "CONNECT_TIMEOUT", message: /192\.0\.2\.1:8888.*700 ms/ });
  t.equal(clock.pending, 0);
});

t.test("a signal gives up, at once or while connecting, with its reason", async (t) => {
  const clock = new VirtualClock();
  const reason = new Error("changed my mind");
  const options = { clock, transport: slow() };
  const aborted = AbortSignal.abort(reason);
  await t.rejects(connect("tcp://memory:1", { ...options, signal: aborted }), reason);
  const controller = new AbortController();
  const connecting = connect("tcp://memory:1", { ...options, signal: controller.signal });
  await turns();
  controller.abort(reason);
  await t.rejects(connecting, reason);
  t.equal(clock.pending, 0);
});

t.test("a signal that aborts later does nothing", async (t) => {
  const server = await listen();
  const controller = new AbortController();
  const client = await connect(`tcp://127.0.0.1:${server.port}`, { signal: controller.signal });
  controller.abort();
  await turns();
  t.equal(client.open, true);
  const peer = await server.next();
  peer.end();
  await client.closed;
  await server.close();
});

for (const [name, inner] of [["tcp", tcp], ["memory", memoryNetwork()]] as const) {
  t.test(`a connection that stands too late is closed (${name})`, async (t) => {
    const clock = new VirtualClock();
    const server = await listen(name === "tcp" ? undefined : inner);
    const go = deferred();
    const transport = slow(inner, go.promise);
    const url = `tcp://127.0.0.1:${server.port}`;
    const connecting = connect(url, { clock, connectTimeoutMs: 5, transport });
    connecting.catch(() => {});
    await turns();
    clock.advance(5);
    await t.rejects(connecting, { code: "CONNECT_TIMEOUT" });
    go.resolve();
    const peer = await server.next();
    await peer.ended;
    await turns();
    t.equal(transport.links.length, 1);
    await server.close();
  });

  t.test(`a signal gives up a real connection under way (${name})`, async (t) => {
    const server = await listen(name === "tcp" ? undefined : inner);
    for (let i = 0; i < 20; i++) {
      const controller = new AbortController();
      const url = `tcp://127.0.0.1:${server.port}`;
      // The peer never ends by itself: one that did connect would wait for that each time.
      const options = { signal: controller.signal, transport: inner, lingerMs: 0 };
      const connecting = connect(url, options);
      for (let turn = i % 4; turn > 0; turn--) await null;
      controller.abort(new FramewireError("LINK_FAILED", "given up"));
      const outcome = await connecting.then((client) => client, (error) => error);
      if ("submit" in outcome) await outcome.close({ deadlineMs: 0 });
      else t.equal(outcome.message, "given up");
    }
    await server.close();
  });
}

t.test("an IPv6 address in brackets and a URL object will do", async (t) => {
  const transport = memoryNetwork();
  const server = await listen(transport);
  for (const url of [`tcp://[::1]:${server.port}`, new URL(`tcp://localhost:${server.port}/`)]) {
    const client = await connect(url, { transport });
    t.equal(client.remote.port, server.port);
    t.notMatch(client.remote.hostname, /[[\]]/);
    (await server.next()).end();
    await client.closed;
  }
});
