/** The small client of framewire/client, against our server: by WebSocket, TCP and in memory. */

import t from "tap";
import { delimiter, type Framing, lengthField } from "../../src/codec/framing.ts";
import { connect as connectSmall, echo, FramewireError, submit } from "../../src/entry/client.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import { defineClient } from "../../src/protocol/defined/define_client.ts";
import { cstring, u16, u32 } from "../../src/protocol/defined/fields/mod.ts";
import { SUBMIT_FRAMING } from "../../src/protocol/defined/layouts.ts";
import { submit as wholeSubmit } from "../../src/protocol/submit/mod.ts";
import type { ClientProtocol } from "../../src/protocol/protocol.ts";
import { ack } from "../helpers/frames.ts";
import { listen } from "../helpers/peer.ts";
import { serve, tcp, turns } from "../helpers/runtime.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

type Test = { teardown(fn: () => unknown): unknown };

/** On real time a busy machine shall not be taken for a server that does not answer. */
const PATIENT = { connectTimeoutMs: 120_000, requestTimeoutMs: 120_000 };

/** What server and client share. */
const definition = {
  name: "greeter",
  framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
  header: { length: u32, type: u16, sequence: u16 },
  kind: "type",
  correlate: "sequence",
  packets: {
    greet: { kind: 1, reply: "greeting", body: { name: cstring(64) } },
    greeting: { kind: 2, body: { text: cstring(64) } },
    note: { kind: 3, from: "server", body: { text: cstring(64) } },
    ping: { kind: 4, from: "server", reply: "pong" },
    pong: { kind: 5, from: "client" },
    sorry: { kind: 6, from: "server", answersAny: true, body: { why: cstring(64) } },
  },
} as const;

const greeter = defineProtocol(definition);

// Node has a global WebSocket from 22 on, browsers and Deno always: this is that of `ws`.
if (!("WebSocket" in globalThis)) {
  Object.assign(globalThis, { WebSocket: (await import("ws")).default });
}

/** A server on WebSocket and TCP, and how a small client gets to each. */
async function places(t: Test, options: object, handlers?: object) {
  const server = await serve(
    { listen: ["ws://:0/wire", "tcp://:0"], ...options },
    handlers as never,
  );
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const [ws, overTcp] = server.addrs.map(({ url }) => url) as [string, string];
  return { server, ways: [[ws, PATIENT], [overTcp, { ...PATIENT, transport: tcp }]] as const };
}

/** A small client and the server it talks to, played by hand, on a clock that stands still. */
async function pair<Calls extends object>(
  t: Test,
  protocol: ClientProtocol<Calls>,
  options: object = {},
) {
  const transport = memoryNetwork();
  const clock = new VirtualClock();
  const server = await listen(transport);
  t.teardown(() => server.close());
  const url = `tcp://memory:${server.port}`;
  const client = await connectSmall(url, { protocol, transport, clock, ...options });
  return { client, peer: await server.next(), clock };
}

t.test("submit: payloads arrive, refusals come back, and close lets calls be answered", async (t) => {
  const seen: string[] = [];
  const { ways } = await places(t, {}, {
    submit(packet: { text(): string }) {
      if (packet.text() === "no") throw new Error("this one fails");
      seen.push(packet.text());
    },
  });
  for (const [url, options] of ways) {
    seen.length = 0;
    const client = await connectSmall(url, { ...options, protocol: submit });
    t.ok(client.open);
    await client.submit("hello");
    await client.submit(new Uint8Array(0));
    await t.rejects(client.submit("no"), { code: "RESULT_FAILED", result: 1, outcome: "answered" });
    const last = client.submit("last");
    await client.close();
    await last;
    t.strictSame(seen, ["hello", "", "last"], url);
    t.match(await client.closed, { code: "CLOSED" });
    await t.rejects(client.submit("late"), { code: "CONNECTION_CLOSED", outcome: "not-sent" });
  }
});

t.test("submit of the other entries: payloads alone", async (t) => {
  const { client, peer } = await pair(t, wholeSubmit);
  const sent = client.submit("hello");
  await peer.read(18);
  peer.write(ack(1));
  await sent;
  await t.rejects(client.submit(new Blob(["a"]).stream()), {
    code: "UNSUPPORTED",
    message: /the small client submits bytes and text/,
    outcome: "not-sent",
  });
});

t.test("submit: thousands at once, whichever codec scans their answers", async (t) => {
  const { server, ways } = await places(t, {}, { submit: () => {} });
  for (const [url, options] of ways) {
    for (const codec of ["auto", "wasm", "ts"] as const) {
      const before = server.stats().requests;
      const client = await connectSmall(url, { ...options, protocol: submit, codec });
      await Promise.all(Array.from({ length: 3000 }, () => client.submit("some payload")));
      t.equal(client.pending, 0);
      await client.close();
      t.equal(server.stats().requests - before, 3000, `${url} ${codec}`);
    }
  }
});

t.test("echo, and a protocol of one's own", async (t) => {
  const echoing = await places(t, { protocol: "echo" });
  for (const [url, options] of echoing.ways) {
    const client = await connectSmall(url, { ...options, protocol: echo });
    t.equal(new TextDecoder().decode(await client.echo("hello")), "hello");
    await client.close();
  }
  const greeting = await places(t, { protocol: greeter }, {
    greet(packet: { name: string }, conn: { send(name: string, fields: object): void }) {
      conn.send("note", { text: `for ${packet.name}` });
      return { text: `hello, ${packet.name}` };
    },
  });
  for (const [url, options] of greeting.ways) {
    const client = await connectSmall(url, { ...options, protocol: greeter });
    const notes: string[] = [];
    client.handle({ note: (packet) => void notes.push(packet.text) });
    const { text } = await client.call("greet", { name: "world" });
    t.strictSame([text, notes], ["hello, world", ["for world"]]);
    await t.rejects(client.call("greet", { name: "x".repeat(99) }), {
      code: "INVALID_FIELD",
      outcome: "not-sent",
    });
    await client.close();
  }
});

t.test("defineClient: calls, sends and is told, by the definition that the server has", async (t) => {
  const { ways } = await places(t, {
    protocol: defineProtocol({
      ...definition,
      failure: () => ({ packet: "sorry", body: { why: "it failed" } }),
    }),
  }, {
    greet(packet: { name: string }, conn: { send(name: string, fields: object): void }) {
      if (packet.name === "nobody") throw new Error("nobody is there");
      conn.send("note", { text: `for ${packet.name}` });
      return { text: `hello, ${packet.name}` };
    },
  });
  for (const [url, options] of ways) {
    const errors: FramewireError[] = [];
    const onError = (error: FramewireError) => errors.push(error);
    const protocol = defineClient(definition);
    const client = await connectSmall(url, { ...options, protocol, onError });
    const notes: string[] = [];
    client.handle({
      note(packet) {
        notes.push(packet.text);
        if (packet.text === "for Eve") throw new Error("not her");
      },
    });
    const names = ["Ann", "Bob", "Eve"];
    const replies = await Promise.all(names.map((name) => client.call("greet", { name })));
    t.strictSame(replies.map(({ text }) => text), ["hello, Ann", "hello, Bob", "hello, Eve"]);
    t.strictSame(notes, ["for Ann", "for Bob", "for Eve"], url);
    t.match(errors, [{ code: "HANDLER_FAILED", message: "the handler of note failed: not her" }]);
    await t.rejects(client.call("greet", { name: "nobody" }), {
      code: "RESULT_FAILED",
      outcome: "answered",
      reply: { why: "it failed" },
    });
    await t.rejects(client.call("greet", { name: "x".repeat(99) }), {
      code: "INVALID_FIELD",
      outcome: "not-sent",
    });
    await client.close();
    await t.rejects(client.call("greet", { name: "late" }), {
      code: "CONNECTION_CLOSED",
      outcome: "not-sent",
    });
  }
});

t.test("defineClient: deadlines, a full window, a question that it cannot answer", async (t) => {
  const errors: FramewireError[] = [];
  const { client, peer, clock } = await pair(t, defineClient(definition), {
    maxInFlight: 1,
    onError: (error: FramewireError) => errors.push(error),
  });
  const first = client.call("greet", { name: "a" }, { timeoutMs: 100 });
  const second = client.call("greet", { name: "b" });
  t.equal(client.pending, 2);
  const sent = await peer.read(10);
  t.equal(client.pending, 2, "the second one waits for room");
  clock.advance(100);
  await t.rejects(first, { code: "DEADLINE_EXCEEDED", outcome: "unknown" });
  const answer = greeter.encode("greeting", { text: "late", header: { sequence: sent[7]! } });
  peer.write(answer);
  const next = await peer.read(20);
  peer.write(greeter.encode("greeting", { text: "hi", header: { sequence: next[17]! } }));
  t.equal((await second).text, "hi");
  peer.write(greeter.encode("ping"));
  await turns();
  t.match(errors, [{
    code: "HANDLER_FAILED",
    message: /the server asks ping.* take defineProtocol/,
  }]);
  t.ok(client.open);
  const lost = client.call("greet", { name: "c" });
  await peer.read(30);
  peer.reset();
  await t.rejects(lost, { code: "CONNECTION_RESET", outcome: "unknown" });
});

t.test("defineClient refuses what it does not know", (t) => {
  for (
    const more of [
      { checksum: "crc32c" },
      { compression: { algorithm: "lz4", bit: 0x8000 } },
      { unknown: () => "ignore" },
    ]
  ) {
    t.throws(() => defineClient({ ...definition, ...more } as never), {
      code: "UNSUPPORTED",
      message: /which defineClient does not know: take defineProtocol/,
    });
  }
  t.throws(() => defineClient({ ...definition, kind: "nothing" } as never), {
    code: "INVALID_CONFIG",
  });
  t.end();
});

t.test("deadlines: of connecting, of all calls, of one call", async (t) => {
  const clock = new VirtualClock();
  const never = {
    ...memoryNetwork(),
    connect: () => new Promise<never>(() => {}),
  };
  const connecting = connectSmall("tcp://memory:1", { protocol: submit, transport: never, clock });
  clock.advance(5000);
  await t.rejects(connecting, {
    code: "CONNECT_TIMEOUT",
    message: "tcp://memory:1 did not answer within 5000 ms (connectTimeoutMs)",
  });
  const { client, peer, clock: time } = await pair(t, submit, { requestTimeoutMs: 1600 });
  const usual = client.submit("a");
  const short = client.submit("b", { timeoutMs: 100 });
  await peer.read(28);
  const overdue = { code: "DEADLINE_EXCEEDED", outcome: "unknown" };
  time.advance(100);
  await t.rejects(short, overdue);
  t.equal(client.pending, 1);
  time.advance(1600);
  await t.rejects(usual, overdue);
  peer.write(ack(1));
  peer.write(ack(2));
  await turns();
  t.ok(client.open, "late answers are no surprise");
  const controller = new AbortController();
  const given = client.submit("c", { signal: controller.signal });
  controller.abort(new Error("enough"));
  await t.rejects(given, { code: "CANCELLED", outcome: "unknown" });
});

t.test("a lost connection: calls say what is known of them, closed says why", async (t) => {
  const { client, peer } = await pair(t, submit);
  const sent = client.submit("a");
  await peer.read(14);
  peer.reset();
  await t.rejects(sent, { code: "CONNECTION_RESET", outcome: "unknown" });
  t.match(await client.closed, { code: "CONNECTION_RESET" });
  t.notOk(client.open);
  await t.rejects(client.submit("b"), { code: "CONNECTION_RESET", outcome: "not-sent" });
});

t.test("what is no frame closes the connection, with the bytes that came", async (t) => {
  const { client, peer, clock } = await pair(t, submit);
  peer.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request"));
  await peer.ended;
  clock.advance(2000);
  t.match(await client.closed, {
    code: "FRAME_TOO_LARGE",
    message: "frame of 1213486160 bytes is over the limit of 1048576 (maxFrameBytes); the first " +
      "bytes are 48 54 54 50 2f 31 2e 31 20 34 30 30 20 42 61 64",
  });
});

t.test("what cannot be is refused at once, and the message says what can", async (t) => {
  const invalid = async (
    options: object,
    expected: { code: string; message?: string | RegExp },
    url = "ws://127.0.0.1:1/",
  ) => {
    await t.rejects(connectSmall(url, { protocol: submit, ...options }), expected);
  };
  await invalid({ protocol: "submit" }, {
    code: "INVALID_OPTION",
    message: /must be a protocol itself, such as `submit` of framewire\/client.* is "submit"/,
  });
  await invalid({ requestTimeoutMs: -1 }, {
    code: "INVALID_OPTION",
    message: "requestTimeoutMs must be a whole number from 0 to 2147483647 and is -1",
  });
  await invalid({ reconnect: true }, {
    code: "INVALID_OPTION",
    message: /connect knows no option reconnect; it knows clock, codec, connectTimeoutMs, /,
  });
  await invalid({}, { code: "INVALID_OPTION", message: /the address must be tcp:/ }, "nowhere");
  await invalid({}, {
    code: "UNSUPPORTED",
    message: "the small client cannot connect over tcp://; it can connect over ws://, wss://",
  }, "tcp://127.0.0.1:1");
  const skipping = lengthField({ onOversize: "skip" });
  await invalid({ protocol: { ...submit, framing: skipping } }, {
    code: "UNSUPPORTED",
    message: /the small client has no onOversize: "skip"/,
  });
  const reason = new Error("no more");
  await t.rejects(
    connectSmall("ws://127.0.0.1:1/", { protocol: submit, signal: AbortSignal.abort(reason) }),
    reason,
  );
  const transport = memoryNetwork();
  await invalid({ transport }, { code: "CONNECTION_REFUSED" }, "tcp://memory:1");
  // What nobody listens at; runtimes differ in what they tell of it.
  await t.rejects(
    connectSmall("ws://127.0.0.1:1/", { ...PATIENT, protocol: submit }),
    FramewireError,
  );
});

t.test("framings that are cut otherwise are scanned, and those made by hand are not", async (t) => {
  const lines = defineProtocol({
    name: "lines",
    framing: delimiter("\n"),
    packets: {
      ask: { from: "client", reply: "answer", body: { text: cstring(64) } },
      answer: { from: "server", body: { text: cstring(64) } },
    },
  });
  const { ways } = await places(t, { protocol: lines }, {
    ask: ({ text }: { text: string }) => ({ text: text.toUpperCase() }),
  });
  for (const codec of ["auto", "wasm", "ts"] as const) {
    const [url, options] = ways[1];
    const client = await connectSmall(url, { ...options, protocol: lines, codec });
    const calls = Array.from({ length: 100 }, (_, i) => client.call("ask", { text: `line ${i}` }));
    t.equal((await Promise.all(calls)).at(-1)!.text, "LINE 99", codec);
    await client.close();
  }
  const byHand: Framing = { ...SUBMIT_FRAMING };
  const { client, closed } = await pair(t, { ...submit, framing: byHand }).then(
    ({ client }) => ({ client, closed: undefined }),
    (error: Error) => ({ client: undefined, closed: error }),
  );
  t.equal(client, undefined);
  t.match(closed, { code: "INVALID_CONFIG", message: /a framing is what lengthField, varint, / });
});

t.test("the framing of submit is that of every other client", (t) => {
  t.strictSame(submit.framing, SUBMIT_FRAMING);
  t.ok(Object.isFrozen(submit.framing));
  t.end();
});

t.test("a stream is refused: an upload takes more than the small client has", async (t) => {
  const { client } = await pair(t, submit);
  const source = new ReadableStream<Uint8Array>() as never;
  await t.rejects(client.submit(source, { bytes: 4 } as never), {
    code: "UNSUPPORTED",
    outcome: "not-sent",
    message: /the small client submits bytes and text/,
  });
});

t.test("without a WebSocket it says what to do", async (t) => {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "WebSocket")!;
  t.teardown(() => Object.defineProperty(globalThis, "WebSocket", descriptor));
  delete (globalThis as { WebSocket?: unknown }).WebSocket;
  await t.rejects(connectSmall("ws://127.0.0.1:1/", { protocol: submit }), {
    code: "UNSUPPORTED",
    message: /takes the runtime's WebSocket, and there is none .* give it a transport/,
  });
});
