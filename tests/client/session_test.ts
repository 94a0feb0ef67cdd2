/** A client's session: calls and pushes outlive their connection, and every call ends with a true outcome. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, CONN_ACK, frame, join, submit, SUBMIT_ACK } from "../helpers/frames.ts";
import { FramePeer, GO_AWAY, PUSH, RESPONSE } from "../helpers/hello.ts";
import { listen, type PeerServer } from "../helpers/peer.ts";
import { connectAndStay as connect, turns, until } from "../helpers/runtime.ts";
import { uniform } from "../helpers/uniform.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";
import type { ConnectOptions } from "../../src/client/connect.ts";
import { LAST_ID, writeId } from "../../src/protocol/submit/commands.ts";

type Test = { teardown(fn: () => Promise<unknown> | void): unknown };
type More = Omit<ConnectOptions, "reconnect" | "session" | "protocol">;
type Given = Record<string, unknown>;

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const SESSION = { id: "a1", secret: "b2", resumed: false, lastId: "00000000" };
const RESUMED = { ...SESSION, resumed: true };

/** A network in memory, a clock for the client, and a server that a test plays. */
async function world(t: Test) {
  const transport = memoryNetwork();
  const clock = new VirtualClock();
  const server = await listen(transport);
  t.teardown(() => server.close());
  const url = `tcp://127.0.0.1:${server.port}`;
  const options = {
    reconnect: true,
    session: true,
    transport,
    clock,
    random: uniform(1),
    lingerMs: 0,
  } as const;
  return { clock, server, url, options };
}

/** The same with a client whose session has begun. */
async function begun(t: Test, more: More = {}, welcome: Given = {}) {
  const made = await world(t);
  const { server, url, options, clock } = made;
  const connecting = connect(url, { ...options, ...more, session: true });
  const first = await greets(server, { session: SESSION, ...welcome });
  const client = await connecting;
  t.teardown(async () => {
    const closing = client.close({ deadlineMs: 0 });
    await pass(clock, 30);
    await closing;
  });
  /** The link breaks, and the client comes back. */
  const again = async (peer: FramePeer, welcome: Given = { session: RESUMED }) => {
    peer.peer.reset();
    await until(() => client.status === "down", "it is lost");
    const next = greets(server, welcome);
    await pass(clock, 5000);
    return await next;
  };
  return { ...made, client, peer: first.peer, hello: first.hello, again };
}

/** The next connection to a server that a test plays, once it is welcomed. */
async function greets(server: PeerServer, welcome: Given) {
  const peer = new FramePeer(await server.next());
  const conn = await peer.next();
  const hello = JSON.parse(text(conn!.body)) as { session: unknown; features: unknown };
  const json = JSON.stringify({ version: 1, features: hello.features, ...welcome });
  peer.write(frame(CONN_ACK, 0, `\0${json}`));
  return { peer, hello };
}

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 10) {
    clock.advance(10);
    await turns(2);
  }
}

/** What is known of calls: "ok", or code and outcome. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<string[]> {
  return (await Promise.allSettled(calls)).map((one) =>
    one.status === "fulfilled" ? "ok" : `${one.reason.code} ${one.reason.outcome}`
  );
}

/** The client's calls, which the server has not answered yet: nothing is to be left unhandled. */
function calls(made: readonly Promise<unknown>[]): readonly Promise<unknown>[] {
  for (const call of made) call.catch(() => {});
  return made;
}

t.test("what is not answered is sent again in order, with its old ids; what is answered is not", async (t) => {
  const { client, peer: first, hello, again, clock } = await begun(t);
  t.strictSame(hello.session, {}, "a new one is asked for");
  t.strictSame(client.session, {
    id: "a1",
    secret: "b2",
    lastPush: "00000000",
    resumed: false,
    lost: 0,
  });
  const made = calls([
    client.submit("one"),
    client.request("two"),
    client.submit("three"),
    client.submit(new Uint8Array([1, 2, 3])),
  ]);
  t.equal(await first.says(), "02 00000001 6f6e65");
  t.equal(await first.says(), "03 00000002 0000271074776f", "10,000 ms");
  t.equal(await first.says(), "02 00000003 7468726565");
  t.equal(await first.says(), "02 00000004 010203");
  first.write(join(ack(3), ack(1)));
  await made[0];
  await made[2];
  clock.advance(4000);
  const { peer: second, hello: next } = await again(first, {
    session: { ...RESUMED, lastId: "00000004" },
  }) as { peer: FramePeer; hello: { session: unknown } };
  t.strictSame(next.session, { id: "a1", secret: "b2", lastPush: "00000000" });
  const [, leftMs] = /^03 00000002 ([0-9a-f]{8})74776f$/.exec(await second.says())!;
  const left = parseInt(leftMs!, 16);
  t.ok(left > 5000 && left <= 7000, `${left} ms are left of 10,000, about 4,000 later`);
  t.equal(await second.says(), "02 00000004 010203");
  t.equal(client.session.resumed, true);
  const fifth = client.submit("five");
  t.equal(await second.says(), "02 00000005 66697665", "ids go on");
  second.write(join(frame(RESPONSE, 2, "\0fine"), ack(4), ack(5)));
  t.equal(text(await made[1] as Uint8Array), "fine");
  await Promise.all([...made, fifth]);
  t.equal(client.pending, 0);
});

t.test("calls made while there is no connection wait, and leave behind those sent again", async (t) => {
  const { client, peer, server, clock } = await begun(t);
  const before = client.submit("a");
  await peer.says();
  peer.peer.reset();
  await until(() => client.status === "down", "it is lost");
  const meanwhile = [client.submit("b"), client.submit("c", { timeoutMs: 60_000 })];
  t.equal(client.pending, 3);
  const next = greets(server, { session: RESUMED });
  await pass(clock, 5000);
  const { peer: second } = await next;
  t.equal(await second.says(), "02 00000001 61");
  t.equal(await second.says(), "02 00000002 62");
  t.equal(await second.says(), "02 00000003 63");
  second.write(join(ack(1), ack(2), ack(3)));
  await Promise.all([before, ...meanwhile]);
});

t.test("a server that has lost the session: what was sent is unknown, what was not is sent anew", async (t) => {
  const { client, peer, server, clock } = await begun(t);
  const sent = calls([client.submit("a"), client.submit("b")]);
  await peer.says();
  await peer.says();
  peer.peer.reset();
  await until(() => client.status === "down", "it is lost");
  const unsent = client.submit("c");
  const next = greets(server, { session: { ...SESSION, id: "c3", secret: "d4" } });
  await pass(clock, 5000);
  const { peer: second } = await next;
  t.strictSame(await outcomes(sent), ["SESSION_LOST unknown", "SESSION_LOST unknown"]);
  t.equal(await second.says(), "02 00000001 63", "the first of another session");
  second.write(ack(1));
  await unsent;
  t.match(client.session, { id: "c3", secret: "d4", resumed: false, lost: 1 });
  const more = client.submit("d");
  t.equal(await second.says(), "02 00000002 64");
  second.write(ack(2));
  await more;
});

t.test("nobody comes back in time: each call fails with what is known of it", async (t) => {
  const { client, peer, clock, server } = await begun(t, {
    sessionMaxAgeMs: 2000,
    requestTimeoutMs: 0,
  });
  const sent = calls([client.submit("a")]);
  await peer.says();
  await server.close();
  peer.peer.reset();
  await until(() => client.status === "down", "it is lost");
  const unsent = calls([client.submit("b")]);
  await pass(clock, 1900);
  t.equal(client.pending, 2);
  await pass(clock, 200);
  t.strictSame(await outcomes([...sent, ...unsent]), [
    "CONNECTION_CLOSED unknown",
    "CONNECTION_CLOSED not-sent",
  ]);
});

t.test("deadlines run on without a connection; what was given up is not sent again", async (t) => {
  const { client, peer, again, server, clock } = await begun(t);
  const giveUp = new AbortController();
  const made = calls([
    client.submit("a", { timeoutMs: 1000 }),
    client.submit("b", { signal: giveUp.signal }),
    client.submit("c", { timeoutMs: 60_000 }),
  ]);
  for (let i = 0; i < 3; i++) await peer.says();
  peer.peer.reset();
  await until(() => client.status === "down", "it is lost");
  const unsent = calls([client.submit("d", { timeoutMs: 500 })]);
  giveUp.abort();
  clock.advance(1100);
  t.strictSame(await outcomes([made[0]!, made[1]!, unsent[0]!]), [
    "DEADLINE_EXCEEDED unknown",
    "CANCELLED unknown",
    "DEADLINE_EXCEEDED not-sent",
  ]);
  const next = greets(server, { session: RESUMED });
  await pass(clock, 5000);
  const { peer: second } = await next;
  t.equal(await second.says(), "02 00000003 63");
  // A late answer to what was given up on the earlier connection disturbs nobody.
  second.write(join(ack(1), ack(3)));
  await made[2];
  void again;
});

t.test("the server is told what is given up, by its signal or at its deadline", async (t) => {
  const { client, peer, clock } = await begun(t);
  const giveUp = new AbortController();
  const made = calls([
    client.submit("a", { signal: giveUp.signal }),
    client.request("b", { timeoutMs: 1000 }),
  ]);
  await peer.says();
  t.equal(await peer.says(), "03 00000002 000003e862");
  giveUp.abort();
  t.equal(await peer.says(), "04 00000001");
  clock.advance(1000);
  t.equal(await peer.says(), "04 00000002");
  t.strictSame(await outcomes(made), ["CANCELLED unknown", "DEADLINE_EXCEEDED unknown"]);
});

t.test("pushes come once and in order, and are acknowledged when they are handled", async (t) => {
  const { client, peer: first, again, clock } = await begun(t);
  const pushed: string[] = [];
  const release: (() => void)[] = [];
  client.onPush((payload) => {
    pushed.push(text(payload));
    return new Promise<void>((resolve) => release.push(resolve));
  });
  first.write(join(frame(PUSH, 1, "a"), frame(PUSH, 2, "b"), frame(PUSH, 3, "c")));
  await until(() => pushed.length === 3, "pushes");
  release[0]!();
  t.equal(await first.says(), "86 00000001", "one is handled");
  t.equal(client.session.lastPush, "00000001");
  const { peer: second, hello } = await again(first) as {
    peer: FramePeer;
    hello: { session: { lastPush: string } };
  };
  t.equal(hello.session.lastPush, "00000001");
  second.write(join(frame(PUSH, 2, "b"), frame(PUSH, 3, "c"), frame(PUSH, 4, "d")));
  await until(() => pushed.length === 4, "the one that is new");
  for (const done of release) done();
  t.equal(await second.says(), "86 00000004");
  t.strictSame(pushed, ["a", "b", "c", "d"]);
  second.write(frame(PUSH, 6, "f"));
  await pass(clock, 30);
  await until(() => client.status === "down", "a gap ends the connection");
});

t.test("a push that is handled while no connection stands is acknowledged on the next one", async (t) => {
  const { client, peer: first, server, clock } = await begun(t);
  let handled!: () => void;
  client.onPush(() => new Promise<void>((resolve) => handled = resolve));
  first.write(frame(PUSH, 1, "a"));
  await until(() => handled !== undefined, "a push");
  first.peer.reset();
  await until(() => client.status === "down", "it is lost");
  const next = (async () => {
    const peer = new FramePeer(await server.next());
    const conn = await peer.next();
    const { session } = JSON.parse(text(conn!.body)) as { session: { lastPush: string } };
    handled();
    await turns(2);
    peer.write(frame(CONN_ACK, 0, `\0${JSON.stringify({ features: ["push"], session: RESUMED })}`));
    peer.write(frame(PUSH, 1, "a"));
    return { peer, lastPush: session.lastPush };
  })();
  await pass(clock, 5000);
  const { peer, lastPush } = await next;
  t.equal(lastPush, "00000000");
  t.equal(await peer.says(), "86 00000001");
});

t.test("another connection takes the session over: this client ends, says so, and does not come back", async (t) => {
  const { client, peer, clock, server } = await begun(t);
  const made = calls([client.submit("a")]);
  await peer.says();
  let came = 0;
  void server.next().then(() => came++);
  const reason = "another connection has taken over its session";
  peer.write(frame(GO_AWAY, 1, `\0\0\0\0\0\0\0\0${reason}`));
  t.strictSame(await outcomes(made), ["SESSION_TAKEN_OVER unknown"]);
  await pass(clock, 50);
  t.match(await client.closed, { code: "SESSION_TAKEN_OVER" });
  t.equal(client.status, "closed");
  await pass(clock, 20_000);
  t.equal(came, 0);
  t.strictSame(await outcomes([client.submit("b")]), ["SESSION_TAKEN_OVER not-sent"]);
});

t.test("what is kept is bounded: in bytes and in how far ids reach", async (t) => {
  for (
    const bounds of [{ sessionBufferBytes: 1024 }, { sessionWindow: 8 }] as const
  ) {
    const { client, peer } = await begun(t, { ...bounds, overflow: "fail" });
    const payload = new Uint8Array(128);
    const made = calls(Array.from({ length: 9 }, () => client.submit(payload)));
    t.strictSame((await outcomes(made.slice(8)))[0], "WINDOW_FULL not-sent");
    peer.write(join(ack(2), ack(3)));
    await made[2];
    const one = calls([client.submit(payload)]);
    await turns();
    // Bytes are free at once; an id that is not answered holds back those too far behind it.
    const free = "sessionBufferBytes" in bounds;
    t.equal(client.pending, free ? 7 : 6);
    peer.write(ack(1));
    await made[0];
    if (!free) t.strictSame(await outcomes(one), ["WINDOW_FULL not-sent"]);
    calls([client.submit(payload)]);
    t.equal(client.pending, free ? 7 : 6);
  }
});

t.test("calls over the bound wait for answers, then leave in order", async (t) => {
  const { client, peer } = await begun(t, { sessionWindow: 2 });
  const made = calls(["a", "b", "c", "d"].map((one) => client.submit(one)));
  t.equal(await peer.says(), "02 00000001 61");
  t.equal(await peer.says(), "02 00000002 62");
  await turns();
  t.equal(peer.peer.receivedBytes, peer.peer.received.length);
  peer.write(join(ack(1), ack(2)));
  t.equal(await peer.says(), "02 00000003 63");
  t.equal(await peer.says(), "02 00000004 64");
  peer.write(join(ack(3), ack(4)));
  await Promise.all(made);
});

t.test("the server's window holds for what is sent again too", async (t) => {
  const { client, peer: first, again } = await begun(t, { features: ["credit"] });
  const made = calls(["a", "b", "c", "d"].map((one) => client.submit(one)));
  for (let i = 0; i < 4; i++) await first.says();
  const { peer: second } = await again(first, {
    session: RESUMED,
    window: { requests: 2, bytes: 1000 },
  });
  t.equal(await second.says(), "02 00000001 61");
  t.equal(await second.says(), "02 00000002 62");
  const before = second.peer.receivedBytes;
  second.write(join(ack(1), ack(2)));
  await made[1];
  await turns();
  t.equal(second.peer.receivedBytes, before, "answers alone grant nothing");
  second.write(frame(8, 0, "\0\0\0\x02\0\0\0\x64"));
  t.equal(await second.says(), "02 00000003 63");
  t.equal(await second.says(), "02 00000004 64");
  second.write(join(ack(3), ack(4)));
  await Promise.all(made);
});

t.test("forgotten by the server is unknown; not taken, for it is draining, is sent again", async (t) => {
  const { client, peer: first, again } = await begun(t);
  const made = calls([client.submit("a"), client.request("b"), client.submit("c")]);
  for (let i = 0; i < 3; i++) await first.says();
  first.write(join(ack(1, 10), frame(RESPONSE, 2, "\x0aforgotten"), ack(3, 8)));
  t.strictSame(await outcomes(made.slice(0, 2)), ["SESSION_LOST unknown", "SESSION_LOST unknown"]);
  await turns();
  t.equal(client.pending, 1);
  const { peer: second } = await again(first);
  t.equal(await second.says(), "02 00000003 63");
  second.write(ack(3));
  await made[2];
});

t.test("answers that nobody can wait for end the connection", async (t) => {
  for (const bytes of [ack(2), ack(0), ack("0000000x"), frame(RESPONSE, 1, "\0")]) {
    const { client, peer, clock } = await begun(t);
    const made = calls([client.submit("a")]);
    await peer.says();
    peer.write(bytes);
    await pass(clock, 30);
    await until(() => client.status === "down", "the connection has ended");
    t.equal(client.pending, 1, "the call is still under way");
    void made;
  }
});

t.test("a ticket lets another client go on, with the ids behind the last one", async (t) => {
  const { server, url, options, clock } = await world(t);
  const ticket = { id: "a1", secret: "b2", lastPush: "00000041" };
  const connecting = connect(url, { ...options, session: ticket });
  const { peer, hello } = await greets(server, { session: { ...RESUMED, lastId: "99999999" } });
  const client = await connecting;
  t.teardown(async () => {
    const closing = client.close({ deadlineMs: 0 });
    await pass(clock, 30);
    await closing;
  });
  t.strictSame(hello.session, ticket);
  const made = calls([client.submit("a"), client.submit("b")]);
  t.equal(await peer.says(), "02 00000001 61", "round again behind the last id");
  t.equal(await peer.says(), "02 00000002 62");
  peer.write(join(ack(2), ack(1), frame(PUSH, 42, "x")));
  await Promise.all(made);
  const pushed: string[] = [];
  client.onPush((payload) => void pushed.push(text(payload)));
  t.equal(await peer.says(), "86 00000042");
  t.strictSame(pushed, ["x"]);
  t.equal(client.session.lastPush, "00000042");
});

t.test("closing waits for answers, and settles what does not come", async (t) => {
  const { client, peer, clock } = await begun(t);
  const made = calls([client.submit("a"), client.submit("b")]);
  await peer.says();
  await peer.says();
  peer.write(ack(1));
  await made[0];
  const closing = client.close({ deadlineMs: 0 });
  t.strictSame(await outcomes([client.submit("c")]), ["CONNECTION_CLOSED not-sent"]);
  peer.peer.reset();
  await pass(clock, 30);
  await closing;
  t.strictSame(await outcomes(made), ["ok", "CONNECTION_CLOSED unknown"]);
});

t.test("a session that cannot be is refused, with the reason", async (t) => {
  const { server, url, options } = await world(t);
  const refused: readonly [ConnectOptions, RegExp][] = [
    [{ reconnect: false }, /reconnect: true/],
    [{ connectionsPerServer: 2 }, /connectionsPerServer 1/],
    [{ session: 1 as never }, /ticket/],
    [{ session: { id: "a" } as never }, /ticket/],
    [{ session: { id: "a", secret: "b", lastPush: "4" } }, /ticket/],
    [{ sessionBufferBytes: 1 }, /sessionBufferBytes/],
    [{ sessionMaxAgeMs: 0 }, /sessionMaxAgeMs/],
    [{ sessionWindow: 0 }, /sessionWindow/],
  ];
  for (const [wrong, message] of refused) {
    await t.rejects(connect(url, { ...options, ...wrong } as ConnectOptions), {
      code: "INVALID_OPTION",
      message,
    });
  }
  await t.rejects(connect([url, "tcp://127.0.0.1:1"], { ...options }), { code: "INVALID_OPTION" });
  await t.rejects(connect(url, { ...options, protocol: "echo" }), { code: "UNSUPPORTED" });
  const connecting = connect(url, { ...options });
  const refusal = t.rejects(connecting, { code: "UNSUPPORTED", message: /no sessions/ });
  await greets(server, {});
  await refusal;
});

t.test("ids of a session run over their last one, and answers find their calls there", async (t) => {
  const id = (number: number) => {
    const bytes = new Uint8Array(8);
    writeId(number, bytes, 0);
    return text(bytes);
  };
  const { server, url, options, clock } = await world(t);
  const connecting = connect(url, { ...options, session: { id: "a1", secret: "b2" } });
  const lastId = id(LAST_ID - 2);
  const { peer } = await greets(server, { session: { ...RESUMED, lastId } });
  const client = await connecting;
  t.teardown(async () => {
    const closing = client.close({ deadlineMs: 0 });
    await pass(clock, 30);
    await closing;
  });
  const made = calls(["a", "b", "c", "d"].map((one) => client.submit(one)));
  const ids = [LAST_ID - 1, LAST_ID, 1, 2].map(id);
  for (const expected of ids) t.match(await peer.says(), `02 ${expected}`);
  peer.peer.reset();
  await until(() => client.status === "down", "it is lost");
  const next = greets(server, { session: { ...RESUMED, lastId: id(1) } });
  await pass(clock, 5000);
  const { peer: second } = await next;
  for (const expected of ids) t.match(await second.says(), `02 ${expected}`);
  second.write(join(...ids.map((one) => frame(SUBMIT_ACK, one, "\0"))));
  await Promise.all(made);
  t.strictSame(submit(1).length, 13);
});
