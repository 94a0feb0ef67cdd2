/** Where a server listens. */

import * as net from "node:net";
import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, submit, toHex } from "../helpers/frames.ts";
import { peerTo } from "../helpers/peer.ts";
import { connect, serve } from "../helpers/runtime.ts";
import { start, urlOf } from "../helpers/settings.ts";

const setting = { name: "", codec: "wasm" } as const;
const handlers = { submit: () => {} };

t.test("by default on the loopback address, and port 0 picks one", async (t) => {
  const server = await start(t, setting, handlers);
  t.equal(server.addr.hostname, "127.0.0.1");
  t.ok(server.addr.port > 0);
});

t.test("by default on port 8888", async (t) => {
  const transport = memoryNetwork();
  const server = await serve({ transport }, handlers);
  t.strictSame({ ...server.addr }, { hostname: "127.0.0.1", port: 8888 });
  await server.shutdown();
});

t.test("a port that another server listens on is ADDRESS_IN_USE", async (t) => {
  const server = await start(t, setting, handlers);
  const { port } = server.addr;
  await t.rejects(serve({ port }, handlers), {
    code: "ADDRESS_IN_USE",
    message: new RegExp(`127\\.0\\.0\\.1:${port}.*choose another port`),
  });
  const peer = await peerTo(port);
  peer.write(submit(1));
  t.equal(toHex(await peer.read(14)), toHex(ack(1)), "the first one goes on");
  peer.end();
});

t.test("an address of another machine is ADDRESS_NOT_AVAILABLE, an unknown name HOST_UNREACHABLE", async (t) => {
  await t.rejects(serve({ hostname: "192.0.2.1", port: 0 }, handlers), {
    code: "ADDRESS_NOT_AVAILABLE",
  });
  await t.rejects(serve({ hostname: "no-such-host.invalid", port: 0 }, handlers), {
    code: "HOST_UNREACHABLE",
  });
});

const hasIPv6 = await new Promise<boolean>((resolve) => {
  const probe = net.createServer();
  probe.once("error", () => resolve(false));
  probe.listen(0, "::1", () => probe.close(() => resolve(true)));
});

t.test('"::" takes both IPv6 and IPv4', { skip: !hasIPv6 && "no IPv6 here" }, async (t) => {
  const server = await start(t, setting, handlers, { hostname: "::" });
  const { port } = server.addr;
  for (const hostname of ["127.0.0.1", "::1"]) {
    const peer = await peerTo(port, undefined, hostname);
    peer.write(submit(1));
    t.equal(toHex(await peer.read(14)), toHex(ack(1)), hostname);
    peer.end();
    await peer.ended;
  }
  for (
    const url of [`tcp://127.0.0.1:${port}`, `tcp://[::1]:${port}`, `tcp://localhost:${port}/`]
  ) {
    const client = await connect(url);
    await client.submit(url);
    await client.close();
  }
  t.equal(server.stats().requests, 5);
});

t.test(
  "an IPv6 address is written in brackets",
  { skip: !hasIPv6 && "no IPv6 here" },
  async (t) => {
    const server = await start(t, setting, handlers, { hostname: "::1" });
    await t.rejects(serve({ hostname: "::1", port: server.addr.port }, handlers), {
      code: "ADDRESS_IN_USE",
      message: new RegExp(`\\[::1\\]:${server.addr.port}`),
    });
    const client = await connect(urlOf(server));
    t.equal(client.remote.hostname, "::1");
    await client.close();
  },
);
