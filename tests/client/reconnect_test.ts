/** A client that stays: it comes back, waits with calls, and repeats only what may be repeated. */

import t from "tap";
import { FramewireError } from "../../src/errors.ts";
import { connect, serve, turns, until } from "../helpers/runtime.ts";
import { faultProxy } from "../helpers/fault_proxy.ts";
import { ack, submit as submitFrame } from "../helpers/frames.ts";
import { ends, fate, listenAt, pass, world } from "../helpers/staying.ts";

t.test("a lost connection is made again, and says so; calls wait meanwhile", async (t) => {
  const { clock, peers, urls, options, transport } = await world(t, 1);
  const client = await connect(urls[0]!, options);
  ends(t, client, clock);
  const seen: string[] = [];
  client.on("status", ({ status, error, retryInMs }) => {
    seen.push(`${status}${error === undefined ? "" : " " + (error as FramewireError).code}`);
    if (error !== undefined && !(retryInMs! >= 0 && retryInMs! <= 10_000)) t.fail("retryInMs");
  });
  t.equal(client.status, "up");
  const first = await peers[0]!.next();
  const port = peers[0]!.port;
  await peers[0]!.close();
  first.reset();
  await turns();
  t.equal(client.status, "down");
  t.equal(client.open, true);
  const payload = new Uint8Array([65]);
  const call = fate(client.submit(payload));
  payload[0] = 66;
  await pass(clock, 3000);
  t.equal(call.now, "waits");
  t.equal(client.pending, 1);
  const again = await listenAt(transport, port);
  t.teardown(() => again.close());
  await pass(clock, 5000);
  const second = await again.next();
  const frame = await second.read(14);
  t.strictSame(frame, submitFrame(1, "A"), "the payload of when the call was made");
  second.write(ack(1));
  await turns();
  t.equal(call.now, "ok");
  t.equal(client.status, "up");
  t.equal(seen[0], "down CONNECTION_RESET");
  t.ok(seen.slice(1, -1).every((one) => one === "down CONNECTION_REFUSED"), seen.join());
  t.equal(seen.at(-1), "up");
  t.ok(seen.length < 20, `${seen.length} events in three seconds`);
});

t.test("a call that waits for a connection ends in time, by its signal, or with the client", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const client = await connect(urls[0]!, { ...options, maxQueued: 4 });
  const peer = await peers[0]!.next();
  await peers[0]!.close();
  peer.reset();
  await turns();
  const abort = new AbortController();
  const calls = [
    client.submit("a", { timeoutMs: 100 }),
    client.submit("b", { signal: abort.signal }),
    client.submit("c"),
    client.submit("d", { timeoutMs: 0 }),
    client.submit("e"),
  ].map(fate);
  await turns();
  t.equal(calls[4]!.now, "WINDOW_FULL not-sent");
  await pass(clock, 100);
  t.equal(calls[0]!.now, "DEADLINE_EXCEEDED not-sent");
  abort.abort();
  await turns();
  t.equal(calls[1]!.now, "CANCELLED not-sent");
  await pass(clock, 10_000, 100);
  t.strictSame(calls.slice(2, 4).map(({ now }) => now), ["DEADLINE_EXCEEDED not-sent", "waits"]);
  await client.close();
  await turns();
  t.equal(calls[3]!.now, "CONNECTION_CLOSED not-sent");
  t.equal(client.status, "closed");
  t.equal((await client.closed).code, "CLOSED");
  t.equal(clock.pending, 0, "and nothing goes on");
  await t.rejects(client.submit("f"), { code: "CONNECTION_CLOSED", outcome: "not-sent" });
});

t.test("only what is idempotent or certainly not sent is made again", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const client = await connect(urls[0]!, options);
  ends(t, client, clock);
  const first = await peers[0]!.next();
  const once = fate(client.submit("once"));
  const timed = fate(client.submit("time", { timeoutMs: 60_000 }));
  const twice = fate(client.submit("twice", { idempotent: true }));
  await first.read(17 + 17 + 18);
  first.reset();
  await turns();
  t.strictSame([once.now, timed.now], ["CONNECTION_RESET unknown", "CONNECTION_RESET unknown"]);
  t.equal(twice.now, "waits");
  await pass(clock, 1200);
  const second = await peers[0]!.next();
  t.strictSame(await second.read(18), submitFrame(1, "twice"));
  second.write(ack(1));
  await turns();
  t.equal(twice.now, "ok");
  const refused = fate(client.submit("no", { idempotent: true }));
  await second.read(18 + 15);
  second.write(ack(2, 1));
  await turns();
  t.equal(refused.now, "RESULT_FAILED answered", "an answer is an answer");
});

t.test("an idempotent call that was lost and finds no server again stays unknown", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const client = await connect(urls[0]!, options);
  ends(t, client, clock);
  const first = await peers[0]!.next();
  const call = fate(client.submit("x", { idempotent: true, timeoutMs: 2000 }));
  await first.read(14);
  await peers[0]!.close();
  first.reset();
  await pass(clock, 2500);
  t.equal(call.now, "CONNECTION_RESET unknown", "not what the last attempt says");
});

t.test("a repeated call that is answered, or is then too late, says what is known", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const client = await connect(urls[0]!, options);
  ends(t, client, clock);
  const first = await peers[0]!.next();
  const answered = fate(client.submit("a", { idempotent: true }));
  const late = fate(client.submit("b", { idempotent: true, timeoutMs: 5000 }));
  await first.read(28);
  first.reset();
  await pass(clock, 1500);
  const second = await peers[0]!.next();
  const frames = await second.read(28);
  second.write(ack(frames[13] === 97 ? 1 : 2, 3));
  await pass(clock, 5000, 50);
  t.equal(answered.now, "RESULT_FAILED answered");
  t.equal(late.now, "CONNECTION_RESET unknown", "the first failure, which says more");
});

t.test("a call is repeated on another server, though its own has a connection left", async (t) => {
  const { clock, peers, urls, options } = await world(t, 2);
  const client = await connect(urls, { ...options, connectionsPerServer: 2, balancer: "hash" });
  ends(t, client, clock);
  const all = await Promise.all(peers.map(async (peer) => [await peer.next(), await peer.next()]));
  await turns();
  const call = client.submit("x", { key: "one", idempotent: true });
  await until(() => all.flat().some((peer) => peer.receivedBytes > 0), "it arrives");
  const at = all.findIndex((pair) => pair.some((peer) => peer.receivedBytes > 0));
  all[at]!.find((peer) => peer.receivedBytes > 0)!.reset();
  await pass(clock, 50);
  const other = all[1 - at]!.find((peer) => peer.receivedBytes > 0);
  t.ok(other, "it went to the other server");
  other?.write(ack(1));
  await call;
});

t.test("with several servers calls go on elsewhere at once", async (t) => {
  const { clock, peers, urls, options } = await world(t, 3);
  const client = await connect(urls, { ...options, balancer: "roundRobin" });
  ends(t, client, clock);
  const ends3 = await Promise.all(peers.map((peer) => peer.next()));
  await turns();
  const calls = Array.from(
    { length: 6 },
    (_, i) => fate(client.submit(String(i), { idempotent: true })),
  );
  await Promise.all(ends3.map((peer) => peer.read(28)));
  t.ok(ends3.every((peer) => peer.receivedBytes === 28), "two each");
  ends3[1]!.reset();
  await pass(clock, 100);
  const other = [ends3[0]!, ends3[2]!];
  t.equal(other[0]!.receivedBytes + other[1]!.receivedBytes, 84, "its two went to the others");
  for (const peer of other) {
    for (let id = 1; id * 14 <= peer.receivedBytes; id++) peer.write(ack(id));
  }
  await turns();
  t.ok(calls.every(({ now }) => now === "ok"), calls.map(({ now }) => now).join());
});

t.test("keys stay on their server with the hash balancer", async (t) => {
  const { clock, peers, urls, options } = await world(t, 3);
  const client = await connect(urls, { ...options, balancer: "hash" });
  ends(t, client, clock);
  const all = await Promise.all(peers.map((peer) => peer.next()));
  await turns();
  for (let i = 0; i < 9; i++) {
    const before = all.map((peer) => peer.receivedBytes);
    const call = client.submit("x", { key: "one customer" });
    await until(() => all.some((peer, i) => peer.receivedBytes > before[i]!), "it arrives");
    const at = all.findIndex((peer, i) => peer.receivedBytes > before[i]!);
    all[at]!.write(ack(i + 1));
    await call;
  }
  t.equal(all.filter((peer) => peer.receivedBytes > 0).length, 1);
});

t.test("the first connection fails or is waited for, as asked", async (t) => {
  const { clock, peers, urls, options, transport } = await world(t, 1);
  const port = peers[0]!.port;
  await peers[0]!.close();
  await t.rejects(connect(urls[0]!, options), { code: "CONNECTION_REFUSED" });
  t.equal(clock.pending, 0, "a client that failed does not go on");
  const abort = new AbortController();
  const given = connect(urls[0]!, { ...options, firstConnect: "wait", signal: abort.signal });
  const waiting = connect(urls[0]!, { ...options, firstConnect: "wait" });
  await pass(clock, 5000, 50);
  abort.abort(new Error("enough"));
  await t.rejects(given, { message: "enough" });
  const server = await listenAt(transport, port);
  t.teardown(() => server.close());
  await pass(clock, 10_000, 50);
  const client = await waiting;
  ends(t, client, clock);
  t.equal(client.status, "up");
  t.equal(client.remote.port, port);
});

t.test("a client that connects once takes one server, and none is none", async (t) => {
  const { urls, options } = await world(t, 2);
  const connectAny = connect as unknown as (...args: unknown[]) => Promise<unknown>;
  await t.rejects(connectAny(urls, { ...options, reconnect: false }), {
    code: "INVALID_OPTION",
    message: /one server with reconnect: false; what came is 2/,
  });
  await t.rejects(connectAny([], options), { code: "INVALID_OPTION" });
  await t.rejects(connectAny(urls, { ...options, balancer: "best" }), { code: "INVALID_OPTION" });
});

t.test("a host of several addresses is raced", async (t) => {
  const { clock, peers, options, transport } = await world(t, 1);
  const tried: string[] = [];
  const client = await connect(`tcp://example.net:${peers[0]!.port}`, {
    ...options,
    transport: {
      ...transport,
      connect: (target) => {
        tried.push(target.hostname);
        if (target.hostname === "::1") {
          return Promise.reject(new FramewireError("HOST_UNREACHABLE", "no IPv6 here"));
        }
        return transport.connect(target);
      },
    },
    lookup: (_name, family) => Promise.resolve(family === 6 ? ["::1"] : ["127.0.0.1"]),
  });
  ends(t, client, clock);
  t.strictSame(tried, ["::1", "127.0.0.1"]);
});

t.test("over TCP: cuts, resets and a server that is away lose no idempotent call", async (t) => {
  const seen = new Set<string>();
  const handlers = { submit: (packet: { text(): string }) => void seen.add(packet.text()) };
  const server = await serve({ port: 0 }, handlers);
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const proxy = await faultProxy(t, {
    target: server.addr.port,
    seed: 5,
    script: (_number, random) => {
      const at = 1 + random(3000);
      return random(2) === 0 ? { up: { cutAt: at } } : { down: { resetAt: at } };
    },
  });
  const client = await connect(`tcp://127.0.0.1:${proxy.port}`, {
    reconnect: true,
    backoffMinMs: 1,
    backoffMaxMs: 20,
    requestTimeoutMs: 20_000,
  });
  const all = 600;
  for (let i = 0; i < all; i += 20) {
    const calls = Array.from(
      { length: 20 },
      (_, n) => client.submit(`call ${i + n}`, { idempotent: true }),
    );
    await Promise.all(calls);
    if (i === 300) {
      proxy.refusing = true;
      proxy.connections.forEach((connection) => connection.reset());
      setImmediate(() => proxy.refusing = false);
    }
  }
  t.equal(seen.size, all);
  t.ok(proxy.accepted > 5, `over ${proxy.accepted} connections`);
  await client.close();
});

t.test("over TCP: what is said of each call is true, under random faults", async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const seen = new Map<string, number>();
    const server = await serve({ port: 0 }, {
      submit(packet: { text(): string }) {
        seen.set(packet.text(), (seen.get(packet.text()) ?? 0) + 1);
      },
    });
    t.teardown(() => server.shutdown({ deadlineMs: 0 }));
    const proxy = await faultProxy(t, {
      target: server.addr.port,
      seed,
      script: (_number, random) => {
        const at = 1 + random(2000);
        const faults = [{ cutAt: at }, { resetAt: at }, { halfOpenAt: at }, { pieceBytes: 7 }];
        const fault = faults[random(4)]!;
        return random(2) === 0 ? { up: fault, down: { pieceBytes: 5 } } : { down: fault };
      },
    });
    const client = await connect(`tcp://127.0.0.1:${proxy.port}`, {
      reconnect: true,
      firstConnect: "wait",
      backoffMinMs: 1,
      backoffMaxMs: 20,
      requestTimeoutMs: 300,
      deadAfterTimeouts: 1,
    });
    const outcomes: Record<string, number> = {};
    let lies = 0;
    for (let i = 0; i < 300; i += 10) {
      await Promise.all(Array.from({ length: 10 }, async (_, n) => {
        const name = `call ${i + n}`;
        const outcome = await client.submit(name).then(() => "ok", (error) => error.outcome);
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        const times = seen.get(name) ?? 0;
        if (outcome === "ok" && times !== 1) lies++;
        if (outcome === "not-sent" && times !== 0) lies++;
        if (!["ok", "not-sent", "unknown"].includes(outcome)) lies++;
      }));
    }
    await turns(20);
    t.ok([...seen.values()].every((times) => times === 1), "none was done twice");
    t.equal(lies, 0, JSON.stringify(outcomes));
    t.ok(outcomes["ok"]! > 100, "and most succeed");
    await client.close({ deadlineMs: 0 });
  }
});
