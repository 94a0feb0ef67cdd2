/** The proxy that other tests trust: each of its faults does what it says, and no more. */

import t from "tap";
import { faultProxy, type FaultProxyOptions } from "../helpers/fault_proxy.ts";
import { randomBytes, toHex } from "../helpers/frames.ts";
import { listen, type Peer, peerTo } from "../helpers/peer.ts";
import { turns, until } from "../helpers/runtime.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

type Test = { teardown(fn: () => Promise<unknown> | void): unknown };

/** A client and a server with the proxy between them. */
async function through(t: Test, options: Omit<FaultProxyOptions, "target">) {
  const server = await listen();
  t.teardown(() => server.close());
  const proxy = await faultProxy(t, { target: server.port, ...options });
  const pair = async (): Promise<[client: Peer, server: Peer]> => {
    const client = await peerTo(proxy.port);
    t.teardown(() => client.reset());
    return [client, await server.next()];
  };
  return { proxy, server, pair };
}

t.test("without faults everything passes, both ways, with the ends", async (t) => {
  const { proxy, pair } = await through(t, {});
  const [client, server] = await pair();
  const up = randomBytes(1, 500_000);
  const down = randomBytes(2, 300_000);
  client.write(up);
  server.write(down);
  client.end();
  t.ok(toHex(await server.readToEnd()) === toHex(up), "up");
  t.equal(client.isEnded, false, "one end leaves the other way open");
  server.end();
  t.ok(toHex(await client.readToEnd()) === toHex(down), "down");
  await until(() => proxy.connections.length === 0, "the connection is forgotten");
});

t.test("delay, jitter and throttle keep the order and take their time", async (t) => {
  const clock = new VirtualClock();
  const { proxy, pair } = await through(t, {
    clock,
    script: (number) =>
      number === 1
        ? { up: { delayMs: 200 } }
        : number === 2
        ? { up: { jitterMs: 50, pieceBytes: 1 } }
        : { down: { bytesPerSecond: 1000 } },
  });
  {
    const [client, server] = await pair();
    client.write(randomBytes(1, 10));
    const { up } = proxy.connections[0]!;
    await until(() => up.taken === 10, "it is in the proxy");
    clock.advance(199);
    await turns();
    t.equal(up.passed, 0);
    clock.advance(1);
    t.equal(toHex(await server.read(10)), toHex(randomBytes(1, 10)));
  }
  {
    const [client, server] = await pair();
    const sent = randomBytes(2, 500);
    client.write(sent);
    const { up } = proxy.connections[1]!;
    await until(() => up.taken === 500, "it is in the proxy");
    clock.advance(25);
    const half = up.passed;
    t.ok(half < 500, `${half} of 500 after half of the jitter`);
    clock.advance(25);
    t.equal(toHex(await server.read(500)), toHex(sent));
  }
  {
    const [client, server] = await pair();
    server.write(new Uint8Array(1000));
    const { down } = proxy.connections[2]!;
    await until(() => down.taken === 1000, "it is in the proxy");
    clock.advance(500);
    t.ok(Math.abs(down.passed - 500) <= 10, `${down.passed} bytes in half a second`);
    clock.advance(500);
    t.equal((await client.read(1000)).length, 1000);
  }
});

t.test("writes are split and merged", async (t) => {
  const { proxy, pair } = await through(t, {
    script: (number) =>
      number === 1
        ? { up: { pieceBytes: [1, 3] }, down: { mergeBytes: 100 } }
        : { up: { pieceBytes: 1 } },
  });
  const [client, server] = await pair();
  const sent = randomBytes(3, 600);
  client.write(sent);
  t.equal(toHex(await server.read(600)), toHex(sent));
  for (let i = 0; i < 9; i++) server.write(randomBytes(i, 10));
  const { down } = proxy.connections[0]!;
  await until(() => down.taken === 90, "90 bytes are in the proxy");
  await turns();
  t.equal(client.receivedBytes, 0, "too little to merge");
  server.write(randomBytes(9, 10));
  await client.read(100);
  t.equal(client.pieces, 1);
  server.write(randomBytes(10, 5));
  server.end();
  t.equal((await client.readToEnd()).length, 105, "the end releases what is held");
});

for (const k of [1, 13, 1000]) {
  t.test(`cut and reset at byte ${k}: what stood before arrives, nothing after`, async (t) => {
    const { pair } = await through(t, {
      script: (number) => ({ up: number === 1 ? { cutAt: k } : { resetAt: k } }),
    });
    const sent = randomBytes(4, 5000);
    for (const kind of ["cut", "reset"]) {
      const [client, server] = await pair();
      client.write(sent);
      await server.ended;
      await client.ended;
      t.ok(server.receivedBytes <= k, `${kind}: ${server.receivedBytes} of ${k}`);
      if (kind === "cut") {
        t.equal(toHex(server.received), toHex(sent.subarray(0, k)));
        client.end();
        server.end();
        t.equal(await server.closed, undefined, "an orderly end");
      } else {
        t.match(await server.closed, { code: "ECONNRESET" });
        t.match(await client.closed, { code: "ECONNRESET" });
      }
    }
  });
}

t.test("a black hole in one direction takes what comes and says nothing", async (t) => {
  const { proxy, pair } = await through(t, { script: () => ({ up: { blackHoleAt: 5 } }) });
  const [client, server] = await pair();
  client.write(new Uint8Array(3_000_000));
  await until(() => proxy.connections[0]!.up.taken === 3_000_000, "all of it is taken");
  t.equal((await server.read(5)).length, 5);
  server.write(new Uint8Array(7));
  t.equal((await client.read(7)).length, 7, "the other direction works");
  client.reset();
  await turns(20);
  t.equal(server.receivedBytes, 5);
  t.equal(server.isEnded, false, "the server does not hear of the client's end");
});

t.test("a stalled direction is not read: the sender's buffers fill", async (t) => {
  const { proxy, pair } = await through(t, { script: () => ({ up: { stallAt: 5 } }) });
  const [client, server] = await pair();
  for (let i = 0; i < 64; i++) client.write(new Uint8Array(1 << 20));
  t.equal((await server.read(5)).length, 5);
  await turns(50);
  t.ok(proxy.connections[0]!.up.taken < 32 << 20, `${proxy.connections[0]!.up.taken} taken`);
  t.equal(server.receivedBytes, 5);
});

t.test("half-open: one end is gone, the other believes", async (t) => {
  const { proxy, pair } = await through(t, { script: () => ({ up: { halfOpenAt: 5 } }) });
  const [client, server] = await pair();
  client.write(new Uint8Array(6));
  t.match(await server.closed, { code: "ECONNRESET" });
  client.write(new Uint8Array(100));
  await until(() => proxy.connections[0]!.up.taken === 106, "it is taken");
  t.equal(client.isEnded, false);
  t.equal(client.receivedBytes, 0);
});

t.test("faults by hand, refusals, and a server that moves", async (t) => {
  const { proxy, server, pair } = await through(t, {});
  {
    const [client, server] = await pair();
    client.write(new Uint8Array(3));
    await server.read(3);
    proxy.connections[0]!.reset();
    t.match(await client.closed, { code: "ECONNRESET" });
    t.match(await server.closed, { code: "ECONNRESET" });
  }
  proxy.refusing = true;
  // It may come before the client knows that it is connected, or after.
  const refused = await peerTo(proxy.port).then((peer) => peer.closed, (error) => error);
  t.match(refused, { code: "ECONNRESET" });
  proxy.refusing = false;
  const other = await listen();
  t.teardown(() => other.close());
  proxy.target = other.port;
  const client = await peerTo(proxy.port);
  client.write(new Uint8Array(4));
  t.equal((await (await other.next()).read(4)).length, 4);
  await other.close();
  await client.ended;
  t.pass("a server that ends ends the client");
  proxy.target = server.port;
  proxy.swallowing = true;
  const swallowed = await peerTo(proxy.port);
  swallowed.write(new Uint8Array(4));
  await turns(10);
  t.equal(swallowed.isEnded, false);
  t.equal(proxy.accepted, 4);
});

t.test("one seed gives the same faults again, and another others", async (t) => {
  const scripts: string[][] = [];
  for (const seed of [1, 1, 2]) {
    const seen: string[] = [];
    const { pair } = await through(t, {
      seed,
      script: (number, random) => {
        const cutAt = 1 + random(1000);
        seen.push(`${number}:${cutAt}`);
        return { up: { cutAt } };
      },
    });
    for (let i = 0; i < 3; i++) await pair();
    scripts.push(seen);
  }
  t.strictSame(scripts[0], scripts[1]);
  t.notSame(scripts[0], scripts[2]);
});
