/** What a server of a defined protocol sends by itself: to one slow peer, to many at once. */

import t from "tap";
import { delimiter, lengthField } from "../../src/codec/framing.ts";
import { conflate, disconnect } from "../../src/connection/slow_consumer.ts";
import type { DropEpisode } from "../../src/connection/push_queue.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { ConnOf } from "../../src/protocol/choice.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import { cstring, rest, u16, u32, u8 } from "../../src/protocol/defined/fields/mod.ts";
import type { ServeOptions, ServerOf } from "../../src/server/serve.ts";
import { type Peer, peerTo } from "../helpers/peer.ts";
import { connect, deferred, serve, turns, until } from "../helpers/runtime.ts";
import type { Teardown } from "../helpers/settings.ts";

const packets = {
  ask: { kind: 1, from: "client", reply: "told", body: { number: u32 } },
  told: { kind: 2, body: { number: u32 } },
  price: { kind: 3, from: "server", body: { of: u8, data: rest() } },
  bell: { kind: 4, from: "server" },
  check: { kind: 5, from: "server", reply: "checked" },
  checked: { kind: 6 },
  login: { kind: 7, from: "client", body: { name: cstring(8) } },
} as const;
const header = { length: u32, type: u16, sequence: u16 };
const framing = lengthField({ size: 4, counts: "frame", maxFrameBytes: 1 << 20 });
const ticker = defineProtocol({
  name: "ticker",
  framing,
  header,
  kind: "type",
  correlate: "sequence",
  failure: (request) => ({ packet: request === "check" ? "checked" : "told", body: { number: 0 } }),
  packets,
});
type Ticker = typeof ticker;
type Conn = ConnOf<Ticker>;

/** A server whose peers are in memory, each with 64 KiB that it takes without reading. */
async function world(t: Teardown, options: Partial<ServeOptions<Ticker>> = {}) {
  const transport = memoryNetwork({ windowBytes: 65_536 });
  const conns: Conn[] = [];
  const drops: DropEpisode[] = [];
  const server: ServerOf<Ticker> = await serve({
    port: 0,
    transport,
    protocol: ticker,
    writeHighWaterBytes: 1 << 20,
    writeLowWaterBytes: 1000,
    pushQueueBytes: 10_000,
    slowConsumer: "dropNewest",
    lingerMs: 0,
    ...options,
    on: {
      connect: (conn) => void conns.push(conn),
      drop: (_conn, episode) => void drops.push(episode),
    },
  }, {
    ask({ number }, conn) {
      if (number === 99) return { number: burst(conn) };
      if (number >= 10) conn.send("price", { of: number, data: new Uint8Array(1) });
      return { number };
    },
    login: ({ name }, conn) => conn.authenticated(name),
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const peer = async () => {
    const known = conns.length;
    const one = await peerTo(server.addr.port, transport);
    await until(() => conns.length > known, "a connection");
    return { peer: one, conn: conns[known]! };
  };
  return { server, transport, drops, conns, peer };
}

/** Sends more than the network takes: what follows has to wait. */
async function fill(conn: Conn): Promise<void> {
  conn.send("price", price(0, 80_000));
  await turns();
}

/** Sends until something has to wait; how many went. */
function burst(conn: Conn): number {
  for (let sent = 0; sent < 10_000; sent++) {
    if (conn.send("price", { of: 0, data: new Uint8Array(991) }) !== "sent") return sent;
  }
  return -1;
}

/** Reads packets until one is `last`; each in few words. */
async function readTo(peer: Peer, last: string): Promise<string[]> {
  const said: string[] = [];
  for (let at = 0;;) {
    const head = (await peer.read(at + 4)).subarray(at);
    if (head.length < 4) return said;
    const bytes = new DataView(head.buffer, head.byteOffset).getUint32(0);
    const packet = ticker.decode((await peer.read(at + bytes)).slice(at));
    at += bytes;
    const { of, number } = packet as { of?: number; number?: number };
    const word = `${packet.packet} ${of ?? number ?? ""}`.trim();
    if (word !== "price 0") said.push(word);
    if (word === last) return said;
  }
}

const price = (of: number, bytes = 991) => ({ of, data: new Uint8Array(bytes) });

t.test("a packet is sent, waits, or is dropped; who has caught up gets the rest in order", async (t) => {
  const { server, drops, peer: join } = await world(t);
  const { peer, conn } = await join();
  peer.pause();
  await fill(conn);
  let queued = 1;
  while (conn.send("price", price(queued)) === "queued") queued++;
  t.ok(queued >= 8 && queued <= 10, `${queued} wait in 10,000 bytes`);
  t.equal(conn.send("bell"), "queued", "a short one fits");
  t.equal(conn.send("price", price(200)), "dropped");
  t.match(drops, [{ policy: "dropNewest", pushes: 1, over: false }]);
  t.equal(server.stats().drops, 2);
  let isDrained = false;
  const drained = conn.drained().then(() => isDrained = true);
  await turns();
  t.equal(isDrained, false);
  peer.resume();
  await drained;
  const expected = Array.from({ length: queued - 1 }, (_, i) => `price ${i + 1}`);
  t.strictSame(await readTo(peer, "bell"), [...expected, "bell"]);
  await until(() => drops.length === 2, "the end of the episode");
  t.match(drops[1], { policy: "dropNewest", pushes: 2, over: true });
  t.equal(conn.send("bell"), "sent");
  await conn.drained();
});

t.test("replies leave before what waits; each send may have a policy of its own", async (t) => {
  const { drops, peer: join } = await world(t);
  const { peer, conn } = await join();
  peer.pause();
  await fill(conn);
  for (let i = 1; i <= 3; i++) {
    t.equal(conn.send("price", price(i, 2000), conflate("newest")), "queued");
  }
  t.equal(conn.send("price", price(4, 7000)), "queued");
  t.equal(conn.send("price", price(5, 9000), "dropOldest"), "queued");
  t.equal(drops[0]!.policy, "conflate");
  peer.write(ticker.encode("ask", { number: 7 }));
  await turns();
  peer.resume();
  t.strictSame(await readTo(peer, "price 5"), ["told 7", "price 5"]);
  peer.pause();
  await fill(conn);
  conn.send("price", price(6, 9000));
  t.equal(conn.send("price", price(7, 9000), disconnect(0)), "dropped");
  await until(() => !conn.open, "it is cut off");
  t.throws(() => conn.send("bell"), { code: "SLOW_CONSUMER" });
});

t.test("what handlers send stands between the replies of their batch, and is bounded too", async (t) => {
  const { peer: join } = await world(t);
  const { peer } = await join();
  const ask = (number: number, sequence: number) =>
    ticker.encode("ask", { number, header: { sequence } });
  const all = [ask(1, 1), ask(10, 2), ask(2, 3), ask(11, 4), ask(3, 5)];
  peer.write(new Uint8Array(all.flatMap((one) => [...one])));
  t.strictSame(await readTo(peer, "told 3"), [
    "told 1",
    "price 10",
    "told 10",
    "told 2",
    "price 11",
    "told 11",
    "told 3",
  ]);
  const { peer: other } = await join();
  other.write(new Uint8Array([ask(1, 1), ask(99, 2), ask(2, 3)].flatMap((one) => [...one])));
  const said = await readTo(other, "told 2");
  t.equal(said[0], "told 1");
  t.match(said[1], "told 1", "one was sent, then one had to wait");
});

t.test("a broadcast is encoded once, and reaches whom the filter names", async (t) => {
  const { server, peer: join } = await world(t);
  const [a, b, c] = [await join(), await join(), await join()];
  t.equal(server.broadcast("bell"), 3);
  t.equal(server.broadcast("price", price(1), (conn) => conn !== b.conn), 2);
  t.equal(server.broadcast("price", price(2, 100_000), undefined, "dropOldest"), 3);
  t.strictSame(await readTo(a.peer, "price 2"), ["bell", "price 1", "price 2"]);
  t.strictSame(await readTo(b.peer, "price 2"), ["bell", "price 2"]);
  t.strictSame(await readTo(c.peer, "price 2"), ["bell", "price 1", "price 2"]);
  const wrong = server.broadcast as (...args: unknown[]) => number;
  const refused = (args: unknown[], code: string, message: RegExp) =>
    t.throws(() => wrong.apply(server, args), { code, message });
  refused(["ask", { number: 1 }], "INVALID_OPTION", /the server sends no packet "ask"/);
  refused(["told", { number: 1 }], "INVALID_OPTION", /the server sends no packet "told"/);
  refused(["check"], "INVALID_OPTION", /check is answered: use conn\.call\("check"/);
  refused([5], "INVALID_OPTION", /sends no packet 5/);
  refused(["price", { of: 300, data: new Uint8Array() }], "INVALID_FIELD", /price\.of/);
  refused(["bell", undefined, 5], "INVALID_OPTION", /filter .* must be a function and is 5/);
  refused(["bell", {}, undefined, "drop"], "INVALID_OPTION", /policy .* must be "pause",/);
});

t.test("a slow peer holds up nobody; its share waits once for all, and then is dropped", async (t) => {
  const { server, drops, peer: join } = await world(t);
  const [slow, other, fast] = [await join(), await join(), await join()];
  slow.peer.pause();
  other.peer.pause();
  await fill(slow.conn);
  await fill(other.conn);
  const before = server.stats().memory.used;
  t.equal(server.broadcast("price", price(1, 8000)), 3);
  const more = server.stats().memory.used - before;
  t.ok(more > 8000 && more < 9000, `${more} bytes wait for two`);
  t.equal(server.broadcast("price", price(2, 8000)), 1);
  t.equal(server.broadcast("bell"), 3);
  t.strictSame(await readTo(fast.peer, "bell"), ["price 1", "price 2", "bell"]);
  t.equal(drops.length, 2);
  slow.peer.resume();
  t.strictSame(await readTo(slow.peer, "bell"), ["price 1", "bell"]);
});

t.test("in a handler, a broadcast stands behind the replies to the requests before", async (t) => {
  const transport = memoryNetwork();
  const server = await serve({ port: 0, transport, protocol: ticker }, {
    ask({ number }): { number: number } {
      if (number === 2) server.broadcast("bell");
      return { number };
    },
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const peer = await peerTo(server.addr.port, transport);
  const asks = [1, 2, 3].map((number) => ticker.encode("ask", { number }));
  peer.write(new Uint8Array(asks.flatMap((one) => [...one])));
  t.strictSame(await readTo(peer, "told 3"), ["told 1", "bell", "told 2", "told 3"]);
});

t.test("who has not authenticated gets no broadcast", async (t) => {
  const { server, peer: join } = await world(t, { packetsBeforeAuth: ["login"] });
  const [one] = [await join(), await join()];
  t.equal(server.broadcast("bell"), 0);
  one.peer.write(ticker.encode("login", { name: "a" }));
  await until(() => one.conn.principal === "a", "authentication");
  t.equal(server.broadcast("bell"), 1);
  t.strictSame(await readTo(one.peer, "bell"), ["bell"]);
});

t.test("with checksum and compression the frame is shared as it is", async (t) => {
  const sealed = defineProtocol({
    name: "sealed",
    framing,
    header,
    kind: "type",
    correlate: "sequence",
    checksum: "crc32c",
    compression: { algorithm: "lz4", bit: 0x80 },
    packets,
  });
  const transport = memoryNetwork();
  const server = await serve({ port: 0, transport, protocol: sealed }, {});
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const got: number[] = [];
  for (let i = 0; i < 2; i++) {
    const client = await connect(`tcp://memory:${server.addr.port}`, {
      protocol: sealed,
      transport,
    });
    client.handle({ price: ({ of, data }) => void got.push(of, data.length) });
    t.teardown(() => client.close());
  }
  await until(() => server.broadcast("price", price(5, 5000)) === 2, "both");
  await until(() => got.length >= 4, "both got it");
  t.strictSame(got.slice(-4), [5, 5000, 5, 5000]);
});

t.test("who has not sent the packet that opens the connection gets none", async (t) => {
  const greeted = defineProtocol({
    name: "greeted",
    framing: lengthField({ size: 2, counts: "payload", strip: 2, maxFrameBytes: 1024 }),
    packets: {
      open: { opening: delimiter("\n", { maxFrameBytes: 64 }), body: { name: rest() } },
      news: { from: "server", body: { data: rest() } },
    },
  });
  const transport = memoryNetwork();
  const opened = deferred<void>();
  const server = await serve({ port: 0, transport, protocol: greeted }, {
    open: () => opened.resolve(),
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const peer = await peerTo(server.addr.port, transport);
  await turns();
  t.equal(server.broadcast("news", { data: new Uint8Array(3) }), 0);
  peer.write(new TextEncoder().encode("me\n"));
  await opened.promise;
  await turns();
  t.equal(server.broadcast("news", { data: new Uint8Array(3) }), 1);
  t.equal((await peer.read(5)).length, 5);
});

/** Never run: what the compiler makes of it is the test. */
function types(server: ServerOf<Ticker>, conn: Conn): void {
  const outcome: "sent" | "queued" | "dropped" = conn.send("bell");
  conn.send("bell", undefined, "pause");
  conn.send("price", price(1), conflate("x"));
  const reached: number = server.broadcast("price", price(1), ({ id }) => id > 1, "dropOldest");
  server.broadcast("bell", undefined, ({ principal }) => principal !== undefined);
  // @ts-expect-error -- a field is missing
  conn.send("price", { data: new Uint8Array() });
  // @ts-expect-error -- its fields are missing
  server.broadcast("price");
  // @ts-expect-error -- a field of the wrong type
  server.broadcast("price", { of: "1", data: new Uint8Array() });
  // @ts-expect-error -- only a client sends it
  server.broadcast("ask", { number: 1 });
  // @ts-expect-error -- it is answered
  server.broadcast("check");
  // @ts-expect-error -- it is answered
  conn.send("check");
  // @ts-expect-error -- no policy
  conn.send("bell", undefined, "drop");
  // @ts-expect-error -- no payloads
  server.broadcast(new Uint8Array(1));
  void [outcome, reached];
}
void types;
