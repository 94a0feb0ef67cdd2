/**
 * Sessions as peers of a server see them: what comes again is not handled again, what was pushed comes
 * again, and the connection may change in between. In memory, on a virtual clock.
 */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { SessionsOptions } from "../../src/options/sessions.ts";
import type { SubmitConnection } from "../../src/protocol/submit/server/handlers.ts";
import type { Refusal } from "../../src/server/refusal.ts";
import type { ServeOptions } from "../../src/server/serve.ts";
import type { Server } from "../../src/server/server.ts";
import type { SessionEvent } from "../../src/session/server_sessions.ts";
import type { SessionStore } from "../../src/session/store.ts";
import { memoryStore } from "../../src/session/memory_store.ts";
import { NO_DEADLINES } from "../helpers/no_deadlines.ts";
import { join, submit } from "../helpers/frames.ts";
import {
  CANCEL,
  type FramePeer,
  framePeer,
  goAway,
  hello,
  PUSH_ACK,
  request,
  response,
} from "../helpers/hello.ts";
import { frame } from "../helpers/frames.ts";
import { type Deferred, deferred, serve, turns, until } from "../helpers/runtime.ts";
import { CODECS, recordEvents, type Setting, start, type Teardown } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const FEATURES = ["request", "push", "drain"];

/** What a welcome says of a session. */
interface Given {
  readonly id: string;
  readonly secret: string;
  readonly resumed: boolean;
  readonly lastId: string;
}

/** A server with sessions, whose handlers wait for the test when they are told to. */
async function world(
  t: Teardown,
  sessions: SessionsOptions | false = {},
  options: ServeOptions = {},
  codec: "wasm" | "ts" = "wasm",
) {
  const clock = new VirtualClock();
  const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
  const open = new Map<string, Deferred<void>>();
  const handled: string[] = [];
  const changes: SessionEvent[] = [];
  const refusals: Refusal[] = [];
  const handle = (packet: { text(): string; readonly id: string }): Promise<void> | undefined => {
    const text = packet.text();
    handled.push(`${packet.id} ${text}`);
    if (text.startsWith("fail")) throw new Error("as asked");
    if (!text.startsWith("wait")) return undefined;
    const done = deferred();
    open.set(text, done);
    return done.promise;
  };
  const server = await start(t, setting, {
    submit: handle,
    request: (packet) => {
      const text = packet.text();
      return handle(packet)?.then(() => `after ${text}`) ?? `echo ${text}`;
    },
  }, {
    clock,
    ...NO_DEADLINES,
    ...(sessions !== false && { sessions }),
    on: {
      session: (event) => void changes.push(event),
      refuse: (refusal) => void refusals.push(refusal),
    },
    ...options,
  });
  return { clock, setting, server, open, handled, changes, refusals, ...recordEvents(server) };
}

/** A peer that has asked for a session, and what it was given. */
async function enter(
  server: Server,
  setting: Setting,
  session: object = {},
  members: object = {},
): Promise<{ peer: FramePeer; given: Given }> {
  const peer = await framePeer(server, setting);
  const welcome = await peer.greet({ features: FEATURES, session, ...members });
  return { peer, given: welcome["session"] as unknown as Given };
}

function again({ id, secret }: Given, lastPush?: string): object {
  return { id, secret, ...(lastPush !== undefined && { lastPush }) };
}

/** The first of the server's connections. */
function carrying(server: Server): SubmitConnection {
  return [...server.connections()][0] as SubmitConnection;
}

const push = (id: number, text: string) =>
  `06 ${String(id).padStart(8, "0")} ${
    Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16)).join("")
  }`;

for (const codec of CODECS) {
  t.test(`a request that comes again is answered as before, without its handler (${codec})`, async (t) => {
    const { server, setting, handled, changes } = await world(t, {}, {}, codec);
    const { peer, given } = await enter(server, setting);
    t.match(given, { resumed: false, lastId: "00000000" });
    t.match(given.id, /^[0-9a-f]{32}$/);
    t.match(given.secret, /^[0-9a-f]{64}$/);
    peer.write(join(submit(1, "a"), request(2, "b"), submit(3, "fail"), request(4, "fail")));
    t.equal(await peer.says(), "82 00000001 00");
    t.equal(await peer.says(), response(2, 0, "echo b"));
    t.equal(await peer.says(), "82 00000003 01");
    t.equal(await peer.says(), response(4, 1, "failed"));
    peer.peer.reset();
    await until(() => server.stats().connections.open === 0, "the cut");
    const next = await enter(server, setting, again(given));
    t.same(next.given, { ...given, resumed: true, lastId: "00000004" });
    next.peer.write(join(request(2, "b"), submit(3, "fail"), request(4, "fail"), submit(5, "c")));
    t.equal(await next.peer.says(), response(2, 0, "echo b"));
    t.equal(await next.peer.says(), "82 00000003 01");
    t.equal(await next.peer.says(), response(4, 1, "failed"));
    t.equal(await next.peer.says(), "82 00000005 00");
    t.strictSame(handled, [
      "00000001 a",
      "00000002 b",
      "00000003 fail",
      "00000004 fail",
      "00000005 c",
    ]);
    t.match(server.stats().sessions, { open: 1, carried: 1, begun: 1, resumed: 1, repeats: 3 });
    t.strictSame(changes.map(({ change, id }) => [change, id === given.id]), [["begun", true], [
      "resumed",
      true,
    ]]);
  });
}

t.test("a request under way goes on when its connection is cut, and is answered where it comes again", async (t) => {
  const { server, setting, handled, open } = await world(t);
  const { peer, given } = await enter(server, setting);
  peer.write(join(request(1, "wait 1"), submit(2, "wait 2"), request(3, "wait 3")));
  await until(() => open.size === 3, "three handlers");
  peer.peer.reset();
  await until(() => server.stats().connections.open === 0, "the cut");
  open.get("wait 3")!.resolve();
  await turns();
  const next = await enter(server, setting, again(given));
  t.equal(next.given.lastId, "00000003");
  open.get("wait 2")!.resolve(); // answered before it comes again: it is not sent unasked
  await turns();
  next.peer.write(join(request(1, "wait 1"), submit(2, "wait 2"), request(3, "wait 3")));
  t.equal(await next.peer.says(), "82 00000002 00");
  t.equal(await next.peer.says(), response(3, 0, "after wait 3"));
  open.get("wait 1")!.resolve();
  t.equal(await next.peer.says(), response(1, 0, "after wait 1"));
  t.equal(handled.length, 3);
});

t.test("with ordered, replies leave in the order of their requests, over connections too", async (t) => {
  const { server, setting, open } = await world(t, {}, { ordered: true });
  const { peer, given } = await enter(server, setting);
  const all = join(submit(1, "wait 1"), request(2, "b"), submit(3, "wait 3"), submit(4, "d"));
  peer.write(all);
  await until(() => open.size === 2, "two handlers");
  open.get("wait 3")!.resolve();
  await turns();
  peer.peer.reset();
  await until(() => server.stats().connections.open === 0, "the cut");
  const next = await enter(server, setting, again(given));
  next.peer.write(all);
  await turns();
  open.get("wait 1")!.resolve();
  t.equal(await next.peer.says(), "82 00000001 00");
  t.equal(await next.peer.says(), response(2, 0, "echo b"));
  t.equal(await next.peer.says(), "82 00000003 00");
  t.equal(await next.peer.says(), "82 00000004 00");
});

t.test("a hello that was long on its way does not take the session from a later connection", async (t) => {
  const { server, setting, refusals, changes } = await world(t);
  const first = await enter(server, setting);
  first.peer.peer.reset();
  await until(() => server.stats().connections.open === 0, "the cut");
  const late = await framePeer(server, setting);
  await until(() => server.stats().connections.open === 1, "the connection");
  const third = await enter(server, setting, again(first.given));
  late.write(hello({ features: FEATURES, session: again(first.given) }));
  t.equal(await late.says(), "81 00000000 0400000064", "busy: on a new connection it may");
  t.equal(await late.says(), "end");
  t.match(refusals, [{ gate: "sessions" }]);
  third.peer.write(submit(1, "a"));
  t.equal(await third.peer.says(), "82 00000001 00", "and was not told to go");
  t.strictSame(changes.map(({ change }) => change), ["begun", "resumed"]);
});

t.test("a second connection takes the session over, and the first is told and closed", async (t) => {
  const { server, setting, open, changes, disconnects } = await world(t);
  const first = await enter(server, setting);
  first.peer.write(submit(1, "wait 1"));
  await until(() => open.size === 1, "a handler");
  const second = await enter(server, setting, again(first.given));
  const reason = "another connection has taken over its session";
  t.equal(await first.peer.says(), goAway("00000001", { deadlineMs: 0, spreadMs: 0, reason }));
  t.equal(await first.peer.says(), "end");
  first.peer.peer.end();
  await until(() => disconnects.length === 1, "the first is closed");
  t.match(disconnects[0], { code: "SESSION_TAKEN_OVER", message: reason });
  second.peer.write(submit(1, "wait 1"));
  await turns();
  open.get("wait 1")!.resolve();
  t.equal(await second.peer.says(), "82 00000001 00");
  t.strictSame(changes.map(({ change }) => change), ["begun", "taken-over"]);
  t.match(server.stats().sessions, { takenOver: 1, resumed: 1, carried: 1 });
});

t.test("pushes come again after the last one that the client has, in order, each once", async (t) => {
  const { server, setting } = await world(t);
  const { peer, given } = await enter(server, setting);
  const conn = carrying(server);
  const session = conn.session!;
  for (const text of ["a", "b", "c"]) t.equal(conn.push(text), "queued");
  for (const [at, text] of ["a", "b", "c"].entries()) {
    t.equal(await peer.says(), push(at + 1, text));
  }
  peer.write(frame(PUSH_ACK, 1));
  await until(() => session.unackedPushes === 2, "the acknowledgement");
  peer.peer.reset();
  await until(() => server.stats().connections.open === 0, "the cut");
  t.equal(conn.push("lost"), "dropped", "a closed connection pushes nothing");
  t.equal(session.push("d"), "queued", "its session does");
  t.notOk(session.carried);
  const next = await enter(server, setting, again(given, "00000002"));
  t.equal(await next.peer.says(), push(3, "c"));
  t.equal(await next.peer.says(), push(4, "d"));
  t.equal(session.push("e"), "queued");
  t.equal(await next.peer.says(), push(5, "e"));
  next.peer.write(frame(PUSH_ACK, 5));
  await until(() => session.unackedPushes === 0, "the acknowledgement");
  t.equal(server.stats().sessions!.replayed, 2);
  t.equal(server.stats().sessions!.bytes, 0);
});

t.test("pushes wait for acknowledgements, and are dropped when no more can be kept", async (t) => {
  const { server, setting } = await world(t, { maxPushBytes: 1024 }, { maxUnackedPushes: 2 });
  const { peer } = await enter(server, setting);
  const conn = carrying(server);
  const outcomes = Array.from({ length: 20 }, (_, i) => conn.push(`p${i % 10}`));
  t.equal(outcomes.indexOf("dropped"), 15, "each takes 64 bytes and its payload");
  t.equal(server.stats().drops, 5);
  t.equal(await peer.says(), push(1, "p0"));
  t.equal(await peer.says(), push(2, "p1"));
  const isDrained = { value: false };
  void conn.drained().then(() => isDrained.value = true);
  for (let id = 3; id <= 15; id++) {
    t.equal(isDrained.value, id === 15, "once the last one is on its way");
    peer.write(frame(PUSH_ACK, id - 1));
    t.equal(await peer.says(), push(id, `p${(id - 1) % 10}`));
  }
  peer.write(frame(PUSH_ACK, 16));
  t.equal(await peer.says(), "end", "nobody can acknowledge what was not sent");
});

t.test("what has left the window is answered so, and not handled", async (t) => {
  const { server, setting, handled } = await world(t, { window: 4 }, { maxInFlight: 4 });
  const { peer } = await enter(server, setting);
  for (let id = 1; id <= 6; id++) peer.write(submit(id, `${id}`));
  for (let id = 1; id <= 6; id++) t.equal(await peer.says(), `82 0000000${id} 00`);
  peer.write(join(submit(2, "2"), request(1, "1"), submit(3, "3")));
  t.equal(await peer.says(), "82 00000002 0a");
  t.equal(await peer.says(), "83 00000001 0a");
  t.equal(await peer.says(), "82 00000003 00");
  t.equal(handled.length, 6);
});

t.test("answers over the limit are given up, and are not made again", async (t) => {
  const { server, setting, handled } = await world(t, { maxResponseBytes: 12 });
  const { peer } = await enter(server, setting);
  peer.write(join(request(1, "aaaaa"), request(2, "b")));
  t.equal(await peer.says(), response(1, 0, "echo aaaaa"));
  t.equal(await peer.says(), response(2, 0, "echo b"));
  peer.write(join(request(1, "aaaaa"), request(2, "b")));
  t.equal(await peer.says(), "83 00000001 0a");
  t.equal(await peer.says(), response(2, 0, "echo b"));
  t.equal(handled.length, 2);
});

t.test("what sessions keep counts as memory; with half of the budget they keep no more", async (t) => {
  const memoryBudgetBytes = 100_000;
  const limits = { window: 2048, retentionMs: 1000 };
  const { server, setting, clock, handled } = await world(t, limits, {
    memoryBudgetBytes,
    maxInFlight: 64,
  });
  const used = () => server.stats().memory.used;
  const first = await enter(server, setting);
  t.equal(used(), 0);
  const long = "x".repeat(10_000);
  for (let id = 1; id <= 6; id++) {
    first.peer.write(request(id, long));
    t.equal(await first.peer.says(), response(id, 0, `echo ${long}`));
  }
  t.equal(used(), 2048 + 5 * 10_005, "five answers and the window, and the sixth is not kept");
  first.peer.write(join(request(5, long), request(6, long)));
  t.equal(await first.peer.says(), response(5, 0, `echo ${long}`));
  t.equal(await first.peer.says(), "83 00000006 0a", "which it says when the request comes again");
  t.equal(handled.length, 6);
  t.equal(carrying(server).push("news"), "dropped", "no push is kept either");
  first.peer.write(submit(7, "short"));
  t.equal(await first.peer.says(), "82 00000007 00", "what needs no memory goes on");
  first.peer.peer.reset();
  await until(() => server.stats().connections.open === 0, "the cut");
  const second = await enter(server, setting);
  t.equal(carrying(server).push("news"), "dropped", "it is the memory of all of them");
  clock.advance(1300);
  t.equal(used(), 0, "the first is forgotten");
  t.equal(carrying(server).push("news"), "queued");
  t.equal(await second.peer.says(), push(1, "news"));
  t.equal(used(), 64 + 4);
  second.peer.write(frame(PUSH_ACK, 1, new Uint8Array(0)));
  await until(() => used() === 0, "the push is acknowledged");
});

t.test("a session is lost when its time has passed, and a new one is given", async (t) => {
  const { server, setting, clock, changes, open } = await world(t, { retentionMs: 1000 });
  const { peer, given } = await enter(server, setting);
  clock.advance(5000);
  t.equal(server.stats().sessions!.open, 1, "one in use has all the time there is");
  peer.write(submit(1, "wait 1"));
  await until(() => open.size === 1, "a handler");
  peer.peer.reset();
  await until(() => server.stats().connections.open === 0, "the cut");
  clock.advance(900);
  const next = await enter(server, setting, again(given));
  t.ok(next.given.resumed);
  next.peer.peer.reset();
  await until(() => server.stats().connections.open === 0, "the cut");
  clock.advance(1300);
  t.match(changes.at(-1), { change: "expired", id: given.id, conn: undefined });
  t.match(server.stats().sessions, { open: 0, expired: 1 });
  const late = await enter(server, setting, again(given));
  t.notOk(late.given.resumed);
  t.not(late.given.id, given.id);
  t.equal(late.given.lastId, "00000000");
  open.get("wait 1")!.resolve();
  await turns();
  t.equal(server.stats().errors["SESSION_STORE_FAILED"], undefined);
});

t.test("a session is given to nobody but its owner, and nobody learns why", async (t) => {
  const { server, setting } = await world(t, {}, {
    authenticate: ({ auth }) =>
      auth !== undefined && "token" in auth ? { name: auth.token } : false,
  });
  const { given } = await enter(server, setting, {}, { auth: { token: "ann" } });
  const tries: [object, string][] = [
    [{ id: given.id, secret: given.secret }, "bob"],
    [{ id: given.id, secret: "0".repeat(64) }, "ann"],
    [{ id: "0".repeat(32), secret: given.secret }, "ann"],
    [{ id: given.id, secret: given.secret, lastPush: "00000001" }, "ann"],
  ];
  for (const [session, token] of tries) {
    const other = await enter(server, setting, session, { auth: { token } });
    t.notOk(other.given.resumed);
    t.not(other.given.id, given.id);
  }
  const { given: right } = await enter(server, setting, again(given), { auth: { token: "ann" } });
  t.ok(right.resumed);
  t.equal(server.stats().sessions!.missed, 4);
});

t.test("a principal without a name gets no session, and the program is told why", async (t) => {
  const { server, setting, errors } = await world(t, {}, { authenticate: () => ({ number: 7 }) });
  const peer = await framePeer(server, setting);
  peer.write(hello({ session: {} }));
  t.equal(await peer.says(), "81 00000000 01");
  t.equal(await peer.says(), "end");
  t.match(errors.map(({ message }) => message), [/sessions\.owner/]);
});

t.test("what is meant for one session is not done in another: a resuming hello comes alone", async (t) => {
  const { server, setting, handled } = await world(t);
  const { given } = await enter(server, setting);
  const peer = await framePeer(server, setting);
  peer.write(join(hello({ session: again(given) }), submit(1, "a")));
  t.equal(await peer.says(), "end");
  const fresh = await framePeer(server, setting);
  fresh.write(join(hello({ session: {} }), submit(1, "b")));
  t.match(await fresh.says(), /^81 /);
  t.equal(await fresh.says(), "82 00000001 00");
  t.strictSame(handled, ["00000001 b"]);
});

t.test("when all sessions are carried, the next peer is told to come again", async (t) => {
  const { server, setting, refusals } = await world(t, { maxSessions: 1 });
  const { peer } = await enter(server, setting);
  const other = await framePeer(server, setting);
  other.write(hello({ session: {} }));
  t.equal(await other.says(), "81 00000000 04000003e8");
  t.equal(await other.says(), "end");
  t.match(refusals, [{ gate: "sessions" }]);
  other.peer.end();
  peer.peer.reset();
  await until(() => server.stats().connections.open === 0, "the cut");
  t.notOk((await enter(server, setting)).given.resumed, "one that nobody carries gives way");
});

t.test("without the option there are no sessions, and a hello that asks for one is welcome", async (t) => {
  const { server, setting } = await world(t, false);
  const { peer, given } = await enter(server, setting, { id: "x", secret: "y" });
  t.equal(given, undefined);
  t.equal(carrying(server).session, undefined);
  t.equal(server.stats().sessions, undefined);
  peer.write(join(submit("anything", "a"), submit("anything", "a")));
  t.equal(await peer.says(), "82 anything 00");
  t.equal(await peer.says(), "82 anything 00");
});

t.test("ids of a session are numbers", async (t) => {
  const { server, setting, errors } = await world(t);
  for (const id of ["0000000a", "00000000"]) {
    const { peer } = await enter(server, setting);
    peer.write(join(submit(1, "a"), submit(id, "b")));
    t.equal(await peer.says(), "82 00000001 00", "what came before is answered");
    t.equal(await peer.says(), "end");
    peer.peer.end();
    await until(() => server.stats().connections.open === 0, "the end");
    t.match(errors.at(-1), { code: "INVALID_FIELD", message: /eight digits/ });
  }
});

t.test("a peer that has ended its side gets what it is owed", async (t) => {
  const { server, setting, open } = await world(t);
  const { peer } = await enter(server, setting);
  peer.write(join(submit(1, "wait 1"), submit(1, "wait 1"), submit(2, "b")));
  peer.peer.end();
  t.equal(await peer.says(), "82 00000002 00");
  open.get("wait 1")!.resolve();
  t.equal(await peer.says(), "82 00000001 00", "once, though it came twice");
  t.equal(await peer.says(), "end");
});

t.test("Cancel reaches the handler on any connection; a cut alone does not", async (t) => {
  const signals: AbortSignal[] = [];
  const clock = new VirtualClock();
  const setting: Setting = { name: "ts", codec: "ts", transport: memoryNetwork() };
  const server = await start(t, setting, {
    submit() {},
    request(packet) {
      signals.push(packet.signal);
      return new Promise((_, reject) => packet.signal.addEventListener("abort", reject));
    },
  }, { clock, ...NO_DEADLINES, sessions: {} });
  const { peer, given } = await enter(server, setting);
  peer.write(join(request(1, "a"), request(2, "b", 5000)));
  await until(() => signals.length === 2, "two handlers");
  peer.peer.reset();
  await until(() => server.stats().connections.open === 0, "the cut");
  t.notOk(signals[0]!.aborted);
  const next = await enter(server, setting, again(given));
  next.peer.write(join(request(1, "a"), frame(CANCEL, 1)));
  t.equal(await next.peer.says(), response(1, 1, "cancelled"));
  clock.advance(5000);
  await turns();
  t.ok(signals[1]!.aborted, "its deadline counts from when it came first");
  next.peer.write(request(2, "b", 5000));
  t.equal(await next.peer.says(), response(2, 6, "deadline exceeded"));
});

t.test("while the server drains, what came is answered and nothing new is taken", async (t) => {
  const { server, setting, open, handled, clock } = await world(t);
  const { peer } = await enter(server, setting);
  peer.write(join(submit(1, "a"), submit(2, "wait 2")));
  t.equal(await peer.says(), "82 00000001 00");
  const stopped = server.shutdown({ deadlineMs: 10_000, spreadMs: 1000, reason: "upgrade" });
  await turns();
  t.equal(
    await peer.says(),
    goAway("00000002", { deadlineMs: 10_000, spreadMs: 1000, reason: "upgrade" }),
  );
  open.get("wait 2")!.resolve();
  t.equal(await peer.says(), "82 00000002 00");
  clock.advance(1000);
  t.equal(await peer.says(), "end");
  peer.peer.end();
  await stopped;
  t.equal(handled.length, 2);
});

/** A store that outlives its server, as a database does. */
function lasting(): SessionStore & { fails: boolean } {
  type Kept = {
    -readonly [K in keyof NonNullable<ReturnType<SessionStore["load"]>>]: NonNullable<
      ReturnType<SessionStore["load"]>
    >[K];
  };
  const all = new Map<string, Kept>();
  return {
    ...memoryStore(),
    fails: false,
    create: (session) => void all.set(session.id, session),
    load: (id) => all.get(id),
    commit(changes) {
      if (this.fails) throw new Error("disk full");
      for (const { id, usedAt, answers, pushes, pushesDone } of changes) {
        const kept = all.get(id);
        if (kept === undefined) continue;
        kept.usedAt = usedAt;
        kept.answers = [...kept.answers, ...answers].sort((a, b) => a.seq - b.seq);
        kept.lastPush = pushes.at(-1)?.seq ?? kept.lastPush;
        kept.pushes = [...kept.pushes, ...pushes].filter(({ seq }) => seq > pushesDone);
      }
    },
    remove: (id) => void all.delete(id),
  };
}

t.test("sessions outlive their server in a store that does", async (t) => {
  const store = lasting();
  const before = await world(t, { store });
  const { peer, given } = await enter(before.server, before.setting);
  peer.write(join(submit(1, "a"), request(2, "b"), submit(3, "wait 3"), submit(4, "d")));
  t.equal(await peer.says(), "82 00000001 00");
  t.equal(await peer.says(), response(2, 0, "echo b"));
  t.equal(await peer.says(), "82 00000004 00");
  carrying(before.server).push("p");
  t.equal(await peer.says(), push(1, "p"));
  const gone = before.server.shutdown({ deadlineMs: 0 });
  before.clock.advance(1);
  await gone;
  before.open.get("wait 3")!.resolve();
  await turns();
  const after = await world(t, { store });
  const next = await enter(after.server, after.setting, again(given));
  t.match(next.given, { resumed: true, lastId: "00000004" });
  t.equal(await next.peer.says(), push(1, "p"));
  next.peer.write(join(request(2, "b"), submit(3, "c"), submit(4, "d"), submit(5, "e")));
  t.equal(await next.peer.says(), response(2, 0, "echo b"));
  t.equal(await next.peer.says(), "82 00000004 00", "what is remembered need not be committed");
  t.equal(await next.peer.says(), "82 00000003 00");
  t.equal(await next.peer.says(), "82 00000005 00");
  t.strictSame(after.handled, ["00000003 c", "00000005 e"], "what was not acknowledged is done");
});

t.test("a store that fails ends the connection, and nothing of it was acknowledged", async (t) => {
  const store = lasting();
  const { server, setting, errors, handled } = await world(t, { store });
  const { peer, given } = await enter(server, setting);
  await turns();
  store.fails = true;
  peer.write(submit(1, "a"));
  t.equal(await peer.says(), "end");
  t.match(errors[0], { code: "SESSION_STORE_FAILED", message: /disk full/ });
  store.fails = false;
  const next = await enter(server, setting, again(given));
  t.match(next.given, { resumed: true, lastId: "00000000" });
  next.peer.write(submit(1, "a"));
  t.equal(await next.peer.says(), "82 00000001 00");
  t.equal(handled.length, 2);
});

t.test("what is logged of sessions has their names, and no secret", async (t) => {
  const lines: string[] = [];
  const logger = () => {
    const log = (message: string, properties?: unknown) =>
      void lines.push(`${message} ${JSON.stringify(properties)}`);
    return { debug: log, info: log, warn: log, error: log };
  };
  const { server, setting, clock } = await world(t, { retentionMs: 1000 }, { logger });
  const { peer, given } = await enter(server, setting);
  const next = await enter(server, setting, again(given));
  next.peer.peer.reset();
  peer.peer.reset();
  await until(() => server.stats().connections.open === 0, "the cut");
  clock.advance(2000);
  const named = lines.filter((line) => line.startsWith(`session ${given.id}: `));
  t.strictSame(named.map((line) => line.split(" ")[2]), ["begun", "taken-over", "expired"]);
  t.notOk(lines.some((line) => line.includes(given.secret)));
});

t.test("options of sessions are checked", async (t) => {
  const wrong: [unknown, RegExp][] = [
    [true, /sessions must be an object/],
    [{ window: 0 }, /whose window is a whole number from 1 to 1048576/],
    [{ windows: 1 }, /without windows/],
    [{ store: {} }, /whose store is a session store, with create, load/],
    [{ owner: "ann" }, /whose owner is a function/],
    [{ window: 16 }, /sessions\.window must be at least maxInFlight, which is 1024, and is 16/],
  ];
  for (const [sessions, message] of wrong) {
    const options = { port: 0, transport: memoryNetwork(), sessions } as never;
    await t.rejects(serve(options, { submit() {} }), { code: "INVALID_OPTION", message });
  }
  const echo = serve({ port: 0, transport: memoryNetwork(), protocol: "echo", sessions: {} });
  await t.rejects(echo, { code: "UNSUPPORTED", message: "the protocol echo has no sessions" });
});
