/** What a client that stays does by itself: with refusals, busy servers, servers that end, and lists that change. */

import t from "tap";
import type { Resolver } from "../../src/client/resolver.ts";
import type { StatusEvent } from "../../src/client/status.ts";
import { ack, frame, submit as submitFrame } from "../helpers/frames.ts";
import { answers, GO_AWAY } from "../helpers/hello.ts";
import type { Peer } from "../helpers/peer.ts";
import { connectAndStay as connect, turns, until } from "../helpers/runtime.ts";
import { ends, fate, listenAt, pass, world } from "../helpers/staying.ts";

t.test("it stays when it is told nothing; bytes are sent again as they were", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const { reconnect: _, ...others } = options;
  const client = await connect(urls[0]!, others);
  ends(t, client, clock);
  t.equal(client.status, "up");
  const first = await peers[0]!.next();
  // The link is full, so that the rest has not been given to it when it breaks.
  first.pause();
  const filling = fate(client.submit(new Uint8Array(200_000)));
  await turns();
  const payload = new Uint8Array([1, 2, 3]);
  const call = fate(client.submit(payload));
  payload.fill(9);
  await turns();
  first.reset();
  await turns();
  t.equal(filling.now, "CONNECTION_RESET unknown");
  t.equal(call.now, "waits");
  await pass(clock, 1500);
  const second = await peers[0]!.next();
  t.strictSame(await second.read(16), submitFrame(1, "\x01\x02\x03"));
  second.write(ack(1));
  await turns();
  t.equal(call.now, "ok");
});

t.test("after two equal refusals it tries no more, and says why", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const token = { ...options, hello: "required", token: "old" } as const;
  const connecting = connect(urls[0]!, token);
  const first = await answers(peers[0]!);
  const client = await connecting;
  const seen: StatusEvent[] = [];
  client.on("status", (event) => seen.push(event));
  first.peer.reset();
  await until(() => client.status === "down", "it is lost");
  const waits = fate(client.submit("x", { timeoutMs: 0 }));
  for (const result of [4, 3, 2, 2]) {
    const refusing = answers(peers[0]!, String.fromCharCode(result));
    await pass(clock, 2000);
    (await refusing).peer.end();
  }
  await turns();
  t.equal(client.status, "closed");
  t.equal(waits.now, "UNAUTHENTICATED not-sent");
  const reason = await client.closed;
  t.match(reason, { code: "UNAUTHENTICATED", error: { code: "UNAUTHENTICATED", result: 2 } });
  t.match(reason.message, /no further attempt is made/);
  await t.rejects(client.submit("y"), { code: "UNAUTHENTICATED", outcome: "not-sent" });
  const [lost, busy, other, once, twice, closed] = seen;
  const goesOn = [lost, busy, other, once].every((event) => event!.retryInMs! >= 0);
  t.ok(goesOn, "busy is no refusal, and another one says something else");
  t.match(twice, { status: "down", server: `127.0.0.1:${peers[0]!.port}` });
  t.equal(twice!.retryInMs, undefined);
  t.match(closed, { status: "closed", error: { code: "UNAUTHENTICATED" } });
  await client.close();
  t.equal(clock.pending, 0);
});

t.test("it goes on with the servers that take it", async (t) => {
  const { clock, peers, urls, options } = await world(t, 2);
  const refuse = async () => {
    for (let i = 0; i < 2; i++) (await answers(peers[0]!, "\x03")).peer.end();
  };
  const refusing = refuse();
  // The server that a test plays answers no heartbeats.
  const more = { hello: "required", firstConnect: "wait", heartbeatMs: 0 } as const;
  const connecting = connect(urls, { ...options, ...more });
  const peer = await answers(peers[1]!);
  await pass(clock, 500);
  await refusing;
  const client = await connecting;
  ends(t, client, clock);
  await pass(clock, 20_000, 100);
  t.equal(client.status, "up");
  const call = client.submit("x");
  await peer.next();
  peer.write(ack(1));
  await call;
});

t.test("a first connection that is waited for ends with two refusals", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const connecting = connect(urls[0]!, { ...options, hello: "required", firstConnect: "wait" });
  const failed = connecting.then(() => undefined, (error) => error);
  for (let i = 0; i < 2; i++) {
    const refusing = answers(peers[0]!, "\x03");
    await pass(clock, 500);
    (await refusing).peer.end();
  }
  t.match(await failed, { code: "FORBIDDEN" });
  t.equal(clock.pending, 0);
});

t.test("a server that is busy says when to come back, and then it is not before", async (t) => {
  const { clock, peers, urls, options, links } = await world(t, 1);
  const connecting = connect(urls[0]!, { ...options, hello: "required", firstConnect: "wait" });
  (await answers(peers[0]!, "\x04\0\0\x27\x10")).peer.end(); // 10,000 ms
  await pass(clock, 9_990);
  t.equal(links.length, 1, "nobody has come");
  const peer = answers(peers[0]!);
  await pass(clock, 6_000);
  await peer;
  ends(t, await connecting, clock);
});

t.test("an idempotent call that is refused as busy goes elsewhere, or waits", async (t) => {
  const { clock, peers, urls, options } = await world(t, 2);
  const connecting = connect(urls, { ...options, hello: "required" });
  const both = await Promise.all(peers.map((peer) => answers(peer)));
  const client = await connecting;
  ends(t, client, clock);
  await until(() => client.status === "up", "up");
  await turns();
  const busy = frame(0x82, 1, "\x04\0\0\x03\xe8"); // 1,000 ms
  const greeted = both.map(({ peer }) => peer.receivedBytes);
  const asked = () => both.map(({ peer }, i) => (peer.receivedBytes - greeted[i]!) / 14);
  const call = fate(client.submit("x", { idempotent: true, timeoutMs: 60_000 }));
  await turns();
  const at = asked().indexOf(1);
  both[at]!.write(busy);
  await turns();
  await pass(clock, 30);
  t.strictSame(asked(), [1, 1], "the other one is asked soon");
  both[1 - at]!.write(busy);
  await turns();
  await pass(clock, 900);
  t.strictSame([call.now, ...asked()], ["waits", 1, 1]);
  await pass(clock, 200);
  const again = asked().indexOf(2);
  t.not(again, -1, "one of them is asked again");
  both[again]!.write(frame(0x82, 2, "\0"));
  await turns();
  t.equal(call.now, "ok");
  const before = asked();
  const once = client.submit("y");
  once.catch(() => {});
  await turns();
  const now = asked().findIndex((count, i) => count > before[i]!);
  both[now]!.write(frame(0x82, asked()[now]!, "\x04\0\0\0\x09"));
  await t.rejects(once, { code: "RESULT_FAILED", outcome: "answered", retryAfterMs: 9 });
});

t.test("a server's notice moves new calls elsewhere; those under way are answered", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const connecting = connect(urls[0]!, { ...options, hello: "required" });
  const old = await answers(peers[0]!);
  const client = await connecting;
  ends(t, client, clock);
  const seen: string[] = [];
  client.on("status", ({ status, error }) => {
    seen.push(`${status} ${(error as { code?: string } | undefined)?.code}`);
  });
  const before = fate(client.submit("a"));
  await old.next();
  old.write(frame(GO_AWAY, 1, "\0\0\x75\x30\0\0\x03\xe8bye")); // 30 s, spread over 1 s
  await turns();
  const after = fate(client.submit("b"));
  const coming = answers(peers[0]!);
  await pass(clock, 1010);
  const next = await coming;
  await next.next();
  next.write(ack(1));
  await turns();
  t.strictSame([before.now, after.now], ["waits", "ok"]);
  old.write(ack(1));
  await turns();
  t.equal(before.now, "ok");
  await old.peer.ended;
  t.strictSame(seen, ["down DRAINING", "up undefined"]);
  const more = fate(client.submit("c"));
  await next.next();
  next.write(ack(2));
  await turns();
  t.equal(more.now, "ok");
});

t.test("calls that wait go in the order of their priority", async (t) => {
  const { clock, peers, urls, options, transport } = await world(t, 1);
  const client = await connect(urls[0]!, { ...options, maxInFlight: 2 });
  ends(t, client, clock);
  const first = await peers[0]!.next();
  const { port } = peers[0]!;
  await peers[0]!.close();
  first.reset();
  await until(() => client.status === "down", "it is lost");
  const made = [["a", 0], ["b", -5], ["c", 7], ["d", 0], ["e", 7]] as const;
  const calls = made.map(([text, priority]) => client.submit(text, { priority }));
  await t.rejects(client.submit("x", { priority: 1001 }), {
    code: "INVALID_OPTION",
    message: /priority must be a whole number from -1000 to 1000/,
  });
  const server = await listenAt(transport, port);
  t.teardown(() => server.close());
  await pass(clock, 3000);
  const peer: Peer = await server.next();
  let order = "";
  for (let i = 1; i <= made.length; i++) {
    const all = await peer.read(14 * i);
    order += String.fromCharCode(all[14 * i - 1]!);
    peer.write(ack(i));
    await turns();
  }
  await Promise.all(calls);
  t.equal(order, "ceadb");
});

t.test("a resolver's list is followed: new servers are called, old ones end in order", async (t) => {
  const { clock, peers, options } = await world(t, 3);
  const targets = peers.map(({ port }) => ({ hostname: "127.0.0.1", port }));
  let changed: (servers: typeof targets) => void = () => {};
  let stopped = 0;
  const resolver: Resolver = {
    resolve: () => Promise.resolve(targets.slice(0, 1)),
    watch(listener) {
      changed = listener;
      return () => void stopped++;
    },
  };
  const client = await connect(resolver, options);
  ends(t, client, clock);
  const [a] = await Promise.all([peers[0]!.next()]);
  const old = fate(client.submit("a"));
  await a!.read(14);
  changed(targets.slice(1, 3));
  const [b, c] = await Promise.all([peers[1]!.next(), peers[2]!.next()]);
  await turns();
  const calls = Array.from({ length: 8 }, () => fate(client.submit("b")));
  await turns();
  t.equal(a!.receivedBytes, 14);
  t.equal(b!.receivedBytes + c!.receivedBytes, 8 * 14);
  t.equal(old.now, "waits");
  a!.write(ack(1));
  await turns();
  t.equal(old.now, "ok");
  await a!.ended;
  for (const peer of [b!, c!]) {
    for (let i = 1; i <= peer.receivedBytes / 14; i++) peer.write(ack(i));
  }
  await turns();
  t.ok(calls.every(({ now }) => now === "ok"));
  await Promise.all([client.close(), pass(clock, 30)]);
  t.equal(stopped, 1);
});

t.test("without watch, a resolver is asked again when servers fail; one that cannot tell changes nothing", async (t) => {
  const { clock, peers, options } = await world(t, 2);
  const targets = peers.map(({ port }) => ({ hostname: "127.0.0.1", port }));
  let asked = 0;
  const resolver: Resolver = {
    resolve() {
      if (++asked === 2) return Promise.reject(new Error("no answer"));
      return Promise.resolve(asked === 1 ? targets.slice(0, 1) : targets.slice(1));
    },
  };
  const client = await connect(resolver, options);
  ends(t, client, clock);
  const errors: string[] = [];
  client.on("status", ({ error }) => errors.push(error?.message ?? "up"));
  const peer = await peers[0]!.next();
  await pass(clock, 60_000, 1000);
  t.equal(asked, 1, "while all is well nobody asks");
  await peers[0]!.close();
  peer.reset();
  await pass(clock, 5000);
  t.ok(asked >= 3);
  t.ok(errors.includes("no answer"));
  await peers[1]!.next();
  t.equal(client.status, "up");
  t.equal(client.remote.port, targets[1]!.port);
});

t.test("a resolver that finds nothing fails the first connection, or is asked again", async (t) => {
  const { clock, peers, options } = await world(t, 1);
  await t.rejects(connect({ resolve: () => Promise.resolve([]) }, options), {
    code: "HOST_UNREACHABLE",
    message: "the resolver found no server",
  });
  await t.rejects(connect({ resolve: () => Promise.reject(new Error("down")) }, options), {
    message: "down",
  });
  t.equal(clock.pending, 0);
  let asked = 0;
  const target = { hostname: "127.0.0.1", port: peers[0]!.port };
  const resolve = () => Promise.resolve(++asked < 4 ? [] : [target]);
  const connecting = connect({ resolve }, { ...options, firstConnect: "wait" });
  await pass(clock, 3000);
  ends(t, await connecting, clock);
  t.equal(asked, 4);
});

t.test("a resolver that does not answer is not waited for longer than for a server", async (t) => {
  const { clock, peers, options } = await world(t, 1);
  const target = { hostname: "127.0.0.1", port: peers[0]!.port };
  const reasons: unknown[] = [];
  const resolve = (signal: AbortSignal) => {
    if (reasons.length === 2) return Promise.resolve([target]);
    return new Promise<never>(() => signal.onabort = () => void reasons.push(signal.reason.code));
  };
  const failed = connect({ resolve }, options);
  const seen = fate(failed);
  await pass(clock, 4990);
  t.equal(seen.now, "waits");
  await pass(clock, 10);
  await t.rejects(failed, { code: "CONNECT_TIMEOUT", message: /5000 ms \(connectTimeoutMs\)/ });
  t.equal(clock.pending, 0);
  const connecting = connect({ resolve }, { ...options, firstConnect: "wait" });
  await pass(clock, 6000);
  ends(t, await connecting, clock);
  t.strictSame(reasons, ["CONNECT_TIMEOUT", "CONNECT_TIMEOUT"]);
});
