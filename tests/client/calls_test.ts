/** What bounds calls, and what is known of those that fail. Time passes when the test says so. */

import t from "tap";
import { lengthField } from "../../src/codec/framing.ts";
import { isFramewireError } from "../../src/errors.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { ClientOptions } from "../../src/options/client.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import { u32, u8 } from "../../src/protocol/defined/fields/mod.ts";
import { ack, echoFrame, join } from "../helpers/frames.ts";
import { listen } from "../helpers/peer.ts";
import { connect, turns } from "../helpers/runtime.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

type Test = { teardown(fn: () => Promise<unknown>): unknown };

const asking = defineProtocol({
  name: "asking",
  framing: lengthField({ size: 4, counts: "frame" }),
  header: { length: u32, command: u8, id: u32 },
  kind: "command",
  correlate: "id",
  packets: {
    ask: { kind: 1, from: "client", reply: "answer", body: { question: u8 } },
    answer: { kind: 2 },
    sorry: { kind: 3, from: "server", answersAny: true },
  },
});

/** A client and the server it talks to, played by hand, on a clock that stands still. */
async function pair<P extends "submit" | "echo">(
  t: Test,
  protocol: P,
  options: ClientOptions = {},
  windowBytes = 65_536,
) {
  const transport = memoryNetwork({ windowBytes });
  const clock = new VirtualClock();
  const server = await listen(transport);
  t.teardown(() => server.close());
  const url = `tcp://127.0.0.1:${server.port}`;
  const client = await connect(url, { protocol, transport, clock, lingerMs: 0, ...options });
  return { client, peer: await server.next(), clock };
}

/** How a call settled: "ok", or code and outcome of its error. */
function fate(call: Promise<unknown>): { now: string } {
  const state = { now: "waits" };
  call.then(() => state.now = "ok", (error) => {
    state.now = isFramewireError(error) ? `${error.code} ${error.outcome}` : `not ours: ${error}`;
  });
  return state;
}

const OVERDUE = "DEADLINE_EXCEEDED unknown";

t.test("a call ends after 10 s, at most a sixteenth late; its answer is no surprise then", async (t) => {
  const { client, peer, clock } = await pair(t, "submit");
  const first = fate(client.submit("a"));
  clock.advance(5000);
  const second = fate(client.submit("b"));
  await peer.read(28);
  clock.advance(4999);
  await turns();
  t.equal(first.now, "waits", "never early");
  clock.advance(626);
  await turns();
  t.strictSame([first.now, second.now], [OVERDUE, "waits"]);
  t.equal(client.pending, 1);
  peer.write(join(ack(1), ack(2)));
  await turns();
  t.equal(second.now, "ok");
  const third = fate(client.submit("c"));
  await peer.read(42);
  peer.write(ack(3));
  await turns();
  t.equal(third.now, "ok", "and the connection goes on");
  clock.advance(60_000);
  t.equal(clock.pending, 0, "no timer is left when nothing waits");
  const late = fate(client.submit("d"));
  clock.advance(9999);
  await turns();
  t.equal(late.now, "waits");
  clock.advance(627);
  await turns();
  t.equal(late.now, OVERDUE, "the sweeps begin again");
  void client.close({ deadlineMs: 0 });
});

t.test("every call ends on time, whenever it was made", async (t) => {
  const { client, peer, clock } = await pair(t, "submit", {
    requestTimeoutMs: 1000,
    deadAfterTimeouts: 1_000_000,
  });
  const calls: { made: number; ended: number | undefined }[] = [];
  for (let i = 0; i < 4000; i += 7) {
    const call = { made: clock.now(), ended: undefined as number | undefined };
    calls.push(call);
    client.submit("x").catch(() => call.ended = clock.now());
    await turns(1);
    clock.advance(7);
    peer.write(new Uint8Array(0));
  }
  for (let i = 0; i < 1200; i += 7) {
    clock.advance(7);
    await turns(1);
  }
  const took = calls.map(({ made, ended }) => ended === undefined ? Infinity : ended - made);
  t.ok(Math.min(...took) >= 1000, `${Math.min(...took)}`);
  t.ok(Math.max(...took) <= 1063 + 14, `${Math.max(...took)}`);
  void client.close({ deadlineMs: 0 });
});

t.test("a timeout of its own ends a call on time; 0 is none; wrong ones are refused", async (t) => {
  const { client, peer, clock } = await pair(t, "submit");
  const calls = [20, 500, 60_000, 0].map((timeoutMs) => fate(client.submit("x", { timeoutMs })));
  await peer.read(56);
  clock.advance(19);
  await turns();
  t.equal(calls[0]!.now, "waits");
  clock.advance(1);
  await turns();
  t.equal(calls[0]!.now, OVERDUE);
  clock.advance(480);
  await turns();
  t.equal(calls[1]!.now, OVERDUE);
  clock.advance(50_000);
  await turns();
  t.equal(calls[2]!.now, "waits", "longer than the usual one");
  clock.advance(9500);
  await turns();
  t.strictSame(calls.map(({ now }) => now), [OVERDUE, OVERDUE, OVERDUE, "waits"]);
  for (const timeoutMs of [-1, NaN, 2 ** 31, "5"]) {
    await t.rejects(client.submit("x", { timeoutMs: timeoutMs as number }), {
      code: "INVALID_OPTION",
      outcome: "not-sent",
      message: /timeoutMs must be a number from 0 to 2147483647/,
    });
  }
  await t.rejects(client.submit("x", { signal: {} as AbortSignal }), { code: "INVALID_OPTION" });
  void client.close({ deadlineMs: 0 });
  clock.advance(1);
});

t.test("a signal gives a call up, before it is sent or after", async (t) => {
  const { client, peer } = await pair(t, "submit", { maxInFlight: 1 });
  const reason = new Error("enough");
  await t.rejects(client.submit("x", { signal: AbortSignal.abort(reason) }), {
    code: "CANCELLED",
    outcome: "not-sent",
    cause: reason,
  });
  const abort = new AbortController();
  const sent = fate(client.submit("a", { signal: abort.signal }));
  const queued = fate(client.submit("b", { signal: abort.signal }));
  const other = fate(client.submit("c"));
  await peer.read(14);
  abort.abort(reason);
  await turns();
  t.strictSame([sent.now, queued.now, other.now], [
    "CANCELLED unknown",
    "CANCELLED not-sent",
    "waits",
  ]);
  peer.write(ack(1));
  await peer.read(28);
  peer.write(ack(2));
  await turns();
  t.equal(other.now, "ok");
  t.equal(peer.receivedBytes, 28, "what was given up in the queue never left");
  void client.close();
});

t.test("calls over the window wait in order, within their deadline, or fail", async (t) => {
  const { client, peer, clock } = await pair(t, "submit", { maxInFlight: 2, maxQueued: 3 });
  const payload = new Uint8Array([65]);
  const calls = [0, 1, 2, 3, 4, 5].map(() => {
    const call = fate(client.submit(payload));
    payload[0]!++;
    return call;
  });
  await turns();
  t.equal(calls[5]!.now, "WINDOW_FULL not-sent");
  t.equal(client.pending, 5);
  await peer.read(28);
  t.equal(peer.receivedBytes, 28);
  peer.write(ack(1));
  await peer.read(42);
  t.equal(peer.received[41], 67, "the payload is what it was when the call was made");
  clock.advance(10_700);
  await turns();
  t.strictSame(calls.slice(1, 5).map(({ now }) => now), [
    OVERDUE,
    OVERDUE,
    "DEADLINE_EXCEEDED not-sent",
    "DEADLINE_EXCEEDED not-sent",
  ]);
  // What was given up is still under way: there is room when its answer has come.
  const next = fate(client.submit("n"));
  await turns();
  t.equal(peer.receivedBytes, 42);
  peer.write(join(ack(2), ack(3)));
  await peer.read(56);
  peer.write(ack(4));
  await turns();
  t.equal(next.now, "ok");
  void client.close();

  const strict = await pair(t, "submit", { maxInFlight: 1, overflow: "fail" });
  void strict.client.submit("a").catch(() => {});
  await t.rejects(strict.client.submit("b"), { code: "WINDOW_FULL", outcome: "not-sent" });
  void strict.client.close({ deadlineMs: 0 });
  strict.clock.advance(1);
});

t.test("the wait for room is a part of a call's time; who has a higher priority waits less", async (t) => {
  const { client, peer, clock } = await pair(t, "submit", { maxInFlight: 1 });
  const first = fate(client.submit("a", { timeoutMs: 0 }));
  const usual = fate(client.submit("b"));
  const own = fate(client.submit("c", { timeoutMs: 12_000, priority: -1 }));
  const high = fate(client.submit("d", { priority: 1 }));
  await peer.read(14);
  clock.advance(8000);
  for (const [id, letter] of [[1, "d"], [2, "b"]] as const) {
    peer.write(ack(id));
    const came = await peer.read(14 * (id + 1));
    t.equal(String.fromCharCode(came.at(-1)!), letter);
  }
  t.strictSame([first.now, high.now, usual.now, own.now], ["ok", "ok", "waits", "waits"]);
  clock.advance(2700);
  await turns();
  t.equal(usual.now, OVERDUE, "10 s after it was made, not after it left");
  peer.write(ack(3));
  await peer.read(56);
  t.equal(own.now, "waits");
  clock.advance(1350);
  await turns();
  t.match(own.now, "DEADLINE_EXCEEDED unknown");
  void client.close({ deadlineMs: 0 });
  clock.advance(1);
});

t.test("when the connection breaks, only what was given to the link may have arrived", async (t) => {
  const { client, peer } = await pair(t, "submit", {}, 16);
  peer.pause();
  const sent = [1, 2, 3].map((n) => fate(client.submit(String(n))));
  await turns();
  // The link is full: what is called now waits behind it.
  const kept = [4, 5].map((n) => fate(client.submit(String(n))));
  await turns();
  peer.reset();
  await turns();
  t.strictSame(sent.map(({ now }) => now), Array(3).fill("CONNECTION_RESET unknown"));
  t.strictSame(kept.map(({ now }) => now), Array(2).fill("CONNECTION_RESET not-sent"));
  const after = fate(client.submit("6"));
  await turns();
  t.equal(after.now, "CONNECTION_RESET not-sent");
});

t.test("what is said not to be sent is not sent when the server ends first", async (t) => {
  const { client, peer } = await pair(t, "submit", { maxInFlight: 4 }, 16);
  peer.pause();
  const calls = [1, 2, 3].map((n) => fate(client.submit(String(n))));
  await turns();
  calls.push(...[4, 5].map((n) => fate(client.submit(String(n)))));
  await turns();
  peer.end();
  await turns();
  t.strictSame(calls.map(({ now }) => now), [
    ...Array(3).fill("CONNECTION_CLOSED unknown"),
    ...Array(2).fill("CONNECTION_CLOSED not-sent"),
  ]);
  peer.resume();
  await peer.ended;
  t.equal(peer.receivedBytes, 42);
});

t.test("a server that says no has answered", async (t) => {
  const { client, peer } = await pair(t, "submit");
  const call = client.submit("x");
  await peer.read(14);
  peer.write(ack(1, 3));
  await t.rejects(call, { code: "RESULT_FAILED", outcome: "answered", result: 3 });
  await t.rejects(client.submit(new Uint8Array(2 << 20)), {
    code: "FRAME_TOO_LARGE",
    outcome: "not-sent",
  });
  void client.close();
});

t.test("a server that falls silent is taken for dead, one that is slow is not", async (t) => {
  for (const silent of [true, false]) {
    const { client, peer, clock } = await pair(t, "submit", { requestTimeoutMs: 1600 });
    const waits = fate(client.submit("long", { timeoutMs: 0 }));
    const answered = client.submit("a");
    await peer.read(28);
    peer.write(ack(2));
    await answered;
    let closed: string | undefined;
    client.closed.then(({ code }) => closed = code);
    for (let i = 0; i < 60 && closed === undefined; i++) {
      client.submit("x").catch(() => {});
      await turns(1);
      clock.advance(100);
      // The slow one gives a sign now and then: it answers one that was given up.
      if (!silent && i % 8 === 7) peer.write(ack(3 + (i >> 3)));
      await turns(2);
    }
    t.equal(closed, silent ? "PEER_SILENT" : undefined);
    t.equal(waits.now, silent ? "PEER_SILENT unknown" : "waits");
    void client.close({ deadlineMs: 0 });
    clock.advance(1);
  }
});

t.test("echoes have deadlines, a window and outcomes too, and stay in step", async (t) => {
  const { client, peer, clock } = await pair(t, "echo", { maxInFlight: 2 });
  const calls = ["a", "b", "c"].map((text) => fate(client.echo(text, { timeoutMs: 100 })));
  await peer.read(18);
  clock.advance(100);
  await turns();
  t.strictSame(calls.map(({ now }) => now), [OVERDUE, OVERDUE, "DEADLINE_EXCEEDED not-sent"]);
  const next = client.echo("d");
  peer.write(join(echoFrame(2, "a"), echoFrame(2, "b")));
  await peer.read(27);
  peer.write(echoFrame(2, "d"));
  t.equal(new TextDecoder().decode(await next), "d", "not what the ones given up were sent");
  void client.close();
});

t.test("calls of defined protocols: deadline, signal, window and outcome", async (t) => {
  const transport = memoryNetwork();
  const clock = new VirtualClock();
  const server = await listen(transport);
  t.teardown(() => server.close());
  const client = await connect(`tcp://127.0.0.1:${server.port}`, {
    protocol: asking,
    transport,
    clock,
    maxInFlight: 3,
    lingerMs: 0,
  });
  const peer = await server.next();
  const abort = new AbortController();
  const one = fate(client.call("ask", { question: 1 }, { timeoutMs: 50 }));
  const two = fate(client.call("ask", { question: 2 }, { signal: abort.signal }));
  const three = fate(client.call("ask", { question: 3 }));
  const four = fate(client.call("ask", { question: 4 }));
  await peer.read(30);
  clock.advance(50);
  abort.abort();
  await turns();
  t.strictSame([one.now, two.now, three.now, four.now], [
    OVERDUE,
    "CANCELLED unknown",
    "waits",
    "waits",
  ]);
  await t.rejects(client.call("ask", { question: 999 }, {}), {
    code: "INVALID_FIELD",
    outcome: "not-sent",
  });
  peer.write(new Uint8Array([0, 0, 0, 9, 2, 0, 0, 0, 1]));
  await peer.read(40);
  peer.write(new Uint8Array([0, 0, 0, 9, 3, 0, 0, 0, 3]));
  await turns();
  t.equal(three.now, "RESULT_FAILED answered");
  peer.reset();
  await turns();
  t.equal(four.now, "CONNECTION_RESET unknown");
});
