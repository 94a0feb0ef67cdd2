/**
 * Defined protocols: what a server and a client of one do, and the types that follow from it.
 *
 * @module
 */
import t from "tap";
import type { Client } from "../../src/client/client.ts";
import { delimiter, lengthField, varint } from "../../src/codec/framing.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { CallsOf, HandlersOf } from "../../src/protocol/choice.ts";
import { defineProtocol } from "../../src/protocol/define.ts";
import {
  bits,
  bytes,
  cstring,
  optional,
  rest,
  restText,
  u16,
  u32,
  u8,
} from "../../src/protocol/fields/mod.ts";
import { connect, deferred, serve } from "../helpers/runtime.ts";

/** A part of SMPP 3.4. */
const smpp = defineProtocol({
  name: "smpp",
  framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 64 * 1024 }),
  header: { length: u32, command: u32, status: u32, sequence: u32 },
  kind: "command",
  correlate: "sequence",
  replyBit: 0x8000_0000,
  packets: {
    genericNack: { kind: 0x8000_0000 },
    bindTransceiver: {
      kind: 0x09,
      from: "client",
      reply: "bindTransceiverResp",
      body: { systemId: cstring(16), password: cstring(9) },
    },
    bindTransceiverResp: { kind: 0x8000_0009, body: { systemId: cstring(16) } },
    submitSm: {
      kind: 0x04,
      from: "client",
      reply: "submitSmResp",
      body: { destination: cstring(21), shortMessage: bytes(u8), tlvs: rest() },
    },
    submitSmResp: { kind: 0x8000_0004, body: { messageId: optional(cstring(65)) } },
    deliverSm: {
      kind: 0x05,
      from: "server",
      reply: "deliverSmResp",
      body: { source: cstring(21), shortMessage: bytes(u8) },
    },
    deliverSmResp: { kind: 0x8000_0005, body: { messageId: cstring(65) } },
    enquireLink: { kind: 0x15, reply: "enquireLinkResp" },
    enquireLinkResp: { kind: 0x8000_0015 },
    outbind: { kind: 0x0b, from: "server", body: { systemId: cstring(16) } },
    alert: { kind: 0x0102, body: { source: cstring(65) } },
  },
  failure: (request) => ({ packet: `${request}Resp`, header: { status: 8 } }),
});

/** A server and a client of a protocol on a network in memory that cuts everything to pieces. */
const pieces = () => memoryNetwork({ pieceBytes: (count) => Math.ceil(count / 3) });

t.test("a call reaches its handler, and the reply the call", async (t) => {
  const transport = pieces();
  const server = await serve({ port: 0, protocol: smpp, transport }, {
    bindTransceiver: (packet) => ({ systemId: `smsc for ${packet.systemId}` }),
    async submitSm(packet) {
      await Promise.resolve();
      t.equal(packet.header.sequence > 0, true);
      return {
        messageId: `${packet.destination}/${packet.shortMessage.length}/${packet.tlvs.length}`,
      };
    },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: smpp, transport });
  const bound = await client.call("bindTransceiver", { systemId: "me", password: "x" });
  t.equal(bound.systemId, "smsc for me");
  t.strictSame(bound.toObject(), {
    packet: "bindTransceiverResp",
    header: { length: 16 + 12, command: 0x8000_0009, status: 0, sequence: 1 },
    systemId: "smsc for me",
  });
  const message = { destination: "123", shortMessage: new Uint8Array(7), tlvs: new Uint8Array(3) };
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => client.call("submitSm", message)),
  );
  t.ok(replies.every((reply) => reply.messageId === "123/7/3"));
  t.strictSame(replies.map((reply) => reply.header.sequence), replies.map((_, i) => i + 2));
  await client.close();
  await server.shutdown();
  const { requests, replies: sent, failures } = server.stats();
  t.strictSame({ requests, sent, failures }, { requests: 51, sent: 51, failures: 0 });
});

t.test("a request whose reply has no required field is answered without a handler", async (t) => {
  const transport = pieces();
  const server = await serve({ port: 0, protocol: smpp, transport }, {});
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: smpp, transport });
  t.equal((await client.call("enquireLink")).packet, "enquireLinkResp");
  await client.close();
  await server.shutdown();
});

t.test("a request that fails, or has no handler, gets the protocol's failure reply", async (t) => {
  const transport = pieces();
  const codes: string[] = [];
  const server = await serve({
    port: 0,
    protocol: smpp,
    transport,
    on: { error: (error) => codes.push(error.code) },
  }, {
    submitSm(packet) {
      if (packet.destination === "throw") throw new Error("no");
      if (packet.destination === "reject") return Promise.reject(new Error("no"));
      return { messageId: "x".repeat(65) }; // too long for its field
    },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: smpp, transport });
  for (const destination of ["throw", "reject", "encode"]) {
    const reply = await client.call("submitSm", { destination, shortMessage: new Uint8Array(0) });
    t.equal(reply.header.status, 8);
    t.equal(reply.messageId, undefined);
  }
  // The failure reply of a bind cannot be encoded: it stays unanswered, and the others go on.
  const unanswered = client.call("bindTransceiver", { systemId: "a", password: "b" });
  unanswered.catch(() => {});
  t.equal((await client.call("enquireLink")).packet, "enquireLinkResp");
  t.equal(client.pending, 1);
  await client.close({ deadlineMs: 0 });
  await t.rejects(unanswered, { code: "CONNECTION_CLOSED" });
  await server.shutdown();
  t.strictSame(new Set(codes), new Set(["HANDLER_FAILED"]));
  t.equal(server.stats().failures, 3);
});

t.test("replies leave when they are ready, or in order when asked to", async (t) => {
  for (const ordered of [false, true]) {
    const slow = deferred();
    const transport = pieces();
    const protocol = defineProtocol({
      name: "pair",
      framing: lengthField({ size: 2, counts: "frame" }),
      header: { length: u16, kind: u8, id: u16 },
      kind: "kind",
      correlate: "id",
      ordered,
      packets: {
        ask: { kind: 1, reply: "tell", body: { n: u8 } },
        tell: { kind: 2, body: { n: u8 } },
      },
    });
    const server = await serve({ port: 0, protocol, transport }, {
      async ask({ n }) {
        if (n === 0) await slow.promise;
        return { n };
      },
    });
    const client = await connect(`tcp://memory:${server.addr.port}`, { protocol, transport });
    const order: number[] = [];
    const calls = [0, 1, 2].map((n) =>
      client.call("ask", { n }).then((reply) => order.push(reply.n))
    );
    if (!ordered) await Promise.all(calls.slice(1));
    slow.resolve();
    await Promise.all(calls);
    t.strictSame(order, ordered ? [0, 1, 2] : [1, 2, 0]);
    await client.close();
    await server.shutdown();
  }
});

t.test("the server calls and sends too", async (t) => {
  const transport = pieces();
  const answers: string[] = [];
  const done = deferred();
  const server = await serve({ port: 0, protocol: smpp, transport }, {
    bindTransceiver(packet, conn) {
      conn.send("outbind", { systemId: "hello" });
      void conn.call("deliverSm", { source: "42", shortMessage: new Uint8Array([1, 2]) })
        .then((reply) => {
          answers.push(reply.messageId);
          done.resolve();
        });
      return { systemId: packet.systemId };
    },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: smpp, transport });
  const pushed: string[] = [];
  client.handle({
    outbind: (packet) => pushed.push(packet.systemId),
    deliverSm: (packet) => ({ messageId: `${packet.source}:${packet.shortMessage}` }),
  });
  await client.call("bindTransceiver", { systemId: "me", password: "x" });
  await done.promise;
  t.strictSame(pushed, ["hello"]);
  t.strictSame(answers, ["42:1,2"]);
  await client.close();
  await server.shutdown();
});

t.test("packets are valid until the handler's promise settles, and copies for ever", async (t) => {
  const transport = pieces();
  const kept: unknown[] = [];
  const server = await serve({ port: 0, protocol: smpp, transport }, {
    async submitSm(packet) {
      const early = packet.shortMessage;
      await new Promise<void>((resolve) => setImmediate(resolve));
      t.equal(new TextDecoder().decode(early), `text for ${packet.destination}`);
      kept.push(packet.toObject());
      return { messageId: packet.destination };
    },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: smpp, transport });
  const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => {
    const destination = String(i);
    const shortMessage = new TextEncoder().encode(`text for ${i}`);
    return client.call("submitSm", { destination, shortMessage });
  }));
  t.strictSame(replies.map((reply) => reply.messageId), replies.map((_, i) => String(i)));
  t.strictSame(
    (kept as { destination: string }[]).map((packet) => packet.destination),
    replies.map((_, i) => String(i)),
  );
  await client.close();
  await server.shutdown();
});

t.test("a field that cannot be encoded is refused by packet, field, offset and value", async (t) => {
  const transport = pieces();
  const server = await serve({ port: 0, protocol: smpp, transport }, {});
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: smpp, transport });
  await t.rejects(
    client.call("submitSm", { destination: "1".repeat(30), shortMessage: new Uint8Array(0) }),
    {
      code: "INVALID_FIELD",
      message: /^submitSm\.destination at byte 16 .*at most 20 bytes.* is "1{30}"$/,
    },
  );
  await t.rejects(
    client.call("submitSm", { destination: "1", shortMessage: new Uint8Array(256) }),
    { code: "INVALID_FIELD", message: /submitSm\.shortMessage at byte 18/ },
  );
  t.throws(() => client.send("alert", { source: 5 as unknown as string }), {
    code: "INVALID_FIELD",
  });
  t.equal((await client.call("enquireLink")).packet, "enquireLinkResp", "nothing was half sent");
  await client.close();
  await server.shutdown();
});

t.test("a body that is too short or too long fails its request alone", async (t) => {
  const transport = pieces();
  const messages: string[] = [];
  const loose = defineProtocol({
    ...smpp.spec,
    packets: { ...smpp.spec.packets, bindTransceiver: { kind: 9, body: { raw: rest() } } },
  });
  const server = await serve({
    port: 0,
    protocol: smpp,
    transport,
    on: {
      error: (error) => messages.push(`${(error.cause as { code: string }).code} ${error.message}`),
    },
  }, { bindTransceiver: (packet) => ({ systemId: packet.systemId }) });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: loose, transport });
  const body = (text: string) => ({ raw: new TextEncoder().encode(text) });
  client.send("bindTransceiver", body("me"));
  client.send("bindTransceiver", body("me\0pw\0more"));
  t.equal((await client.call("enquireLink")).packet, "enquireLinkResp");
  t.match(messages.join("\n"), /BODY_TOO_SHORT .*bindTransceiver\.systemId at byte 0 needs/);
  t.match(
    messages.join("\n"),
    /BODY_TOO_LONG .*bindTransceiver\.password at byte 6 ends 4 bytes before/,
  );
  await client.close();
  await server.shutdown();
});

t.test("unknown, misdirected and unasked packets end the connection by name", async (t) => {
  const frames: readonly (readonly [string, readonly number[]])[] = [
    ["UNKNOWN_PACKET", [0, 0, 0, 16, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["UNEXPECTED_PACKET", [0, 0, 0, 16, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["UNEXPECTED_PACKET", [0, 0, 0, 16, 128, 0, 0, 21, 0, 0, 0, 0, 0, 0, 0, 7]],
    ["LENGTH_UNDERFLOW", [0, 0, 0, 3, 0, 0, 0, 21]],
    ["BODY_TOO_SHORT", [0, 0, 0, 12, 0, 0, 0, 21, 0, 0, 0, 0]],
  ];
  for (const [code, frame] of frames) {
    const transport = memoryNetwork();
    const ended = deferred<string>();
    const on = { disconnect: (_: unknown, info: { code: string }) => ended.resolve(info.code) };
    const server = await serve({ port: 0, protocol: smpp, transport, on }, {});
    const link = await transport.connect({ hostname: "memory", port: server.addr.port });
    link.start({
      data: () => false,
      ended: () => link.end(),
      written: () => {},
      closed: () => {},
    });
    link.write(new Uint8Array(frame));
    t.equal(await ended.promise, code);
    await server.shutdown();
  }
});

t.test("replies without a correlation come in order; lines need no header", async (t) => {
  const transport = pieces();
  const lines = defineProtocol({
    name: "lines",
    framing: delimiter(["\r\n", "\n"]),
    packets: {
      command: { from: "client", reply: "answer", body: { text: restText() } },
      answer: { from: "server", body: { text: restText() } },
    },
  });
  const server = await serve({ port: 0, protocol: lines, transport }, {
    command({ text }) {
      return text === "slow"
        ? new Promise((resolve) => setImmediate(() => resolve({ text: "SLOW" })))
        : { text: text.toUpperCase() };
    },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: lines, transport });
  const answers = await Promise.all(
    ["a", "slow", "", "c"].map((text) => client.call("command", { text })),
  );
  t.strictSame(answers.map(({ text }) => text), ["A", "SLOW", "", "C"]);
  await client.close();
  await server.shutdown();
});

t.test("an unanswerable failure closes a connection whose replies come in order", async (t) => {
  const transport = pieces();
  const lines = defineProtocol({
    name: "lines",
    framing: delimiter("\n"),
    packets: {
      command: { from: "client", reply: "answer", body: { text: restText() } },
      answer: { from: "server", body: { text: restText() } },
    },
  });
  const server = await serve({ port: 0, protocol: lines, transport }, {
    command({ text }) {
      if (text === "bad") throw new Error("no");
      return { text };
    },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: lines, transport });
  const [good, bad] = await Promise.allSettled(
    ["good", "bad"].map((text) => client.call("command", { text })),
  );
  t.equal(good!.status, "fulfilled");
  t.match(bad, { status: "rejected", reason: { code: "CONNECTION_CLOSED" } });
  await server.shutdown();
});

t.test("a kind in some bits of the byte before a varint works, as MQTT has it", async (t) => {
  const transport = pieces();
  const mqtt = defineProtocol({
    name: "mqtt",
    framing: varint({ offset: 1, maxBytes: 4 }),
    header: { type: bits(4), flags: bits(4) },
    kind: "type",
    packets: {
      connect: { kind: 1, from: "client", reply: "connack", body: { payload: rest() } },
      connack: { kind: 2, from: "server", body: { flags: u8, code: u8 } },
      publish: { kind: 3, body: { payload: rest() } },
    },
  });
  const seen: string[] = [];
  const server = await serve({ port: 0, protocol: mqtt, transport }, {
    connect: (packet) => ({ flags: 0, code: packet.payload.length % 256 }),
    publish: (packet) => seen.push(`${packet.header.flags}/${packet.payload.length}`),
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: mqtt, transport });
  t.equal((await client.call("connect", { payload: new Uint8Array(300) })).code, 300 % 256);
  client.send("publish", { payload: new Uint8Array(20_000), header: { flags: 5 } });
  client.send("publish", { payload: new Uint8Array(0) });
  t.equal((await client.call("connect", { payload: new Uint8Array(0) })).code, 0);
  t.strictSame(seen, ["5/20000", "0/0"]);
  await client.close();
  await server.shutdown();
});

t.test("one of several replies is named by the handler", async (t) => {
  const transport = pieces();
  const redis = defineProtocol({
    name: "choice",
    framing: lengthField({ size: 2, strip: 2 }),
    header: { kind: u8 },
    kind: "kind",
    packets: {
      get: { kind: 1, from: "client", reply: ["found", "missing"], body: { key: restText() } },
      found: { kind: 2, body: { value: restText() } },
      missing: { kind: 3 },
    },
  });
  const server = await serve({ port: 0, protocol: redis, transport }, {
    get: ({ key }) => key === "a" ? { packet: "found", value: "1" } : { packet: "missing" },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: redis, transport });
  const found = await client.call("get", { key: "a" });
  t.equal(found.packet === "found" && found.value, "1");
  t.equal((await client.call("get", { key: "b" })).packet, "missing");
  await client.close();
  await server.shutdown();
});

t.test("a reply that is none of the expected ones rejects the call with it", async (t) => {
  const transport = pieces();
  const protocol = defineProtocol({
    ...smpp.spec,
    failure: () => ({ packet: "genericNack", header: { status: 3 } }),
  });
  const server = await serve({ port: 0, protocol, transport }, {});
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: smpp, transport });
  await t.rejects(client.call("bindTransceiver", { systemId: "a", password: "b" }), {
    code: "RESULT_FAILED",
    reply: { packet: "genericNack", header: { status: 3 } },
  });
  await client.close();
  await server.shutdown();
});

t.test("a definition that contradicts itself is refused", (t) => {
  const framing = lengthField({ size: 2, counts: "frame" });
  const header = { length: u16, kind: u8 };
  const refused: readonly (readonly [RegExp, () => unknown])[] = [
    [
      /kind names the header field kynd/,
      () => defineProtocol({ name: "x", framing, header, kind: "kynd" as "kind", packets: {} }),
    ],
    [
      /no packet/,
      () =>
        defineProtocol({
          name: "x",
          framing,
          header,
          kind: "kind",
          packets: { a: { kind: 1, reply: "b" } },
        }),
    ],
    [
      /b has kind 1, which is a's/,
      () =>
        defineProtocol({
          name: "x",
          framing,
          header,
          kind: "kind",
          packets: { a: { kind: 1 }, b: { kind: 1 } },
        }),
    ],
    [
      /a has no kind/,
      () => defineProtocol({ name: "x", framing, header, kind: "kind", packets: { a: {} } }),
    ],
    [
      /the framing strips nothing/,
      () => defineProtocol({ name: "x", framing, header: { kind: u8 }, kind: "kind", packets: {} }),
    ],
    [
      /a\.header: every packet has/,
      () =>
        defineProtocol({
          name: "x",
          framing,
          header,
          kind: "kind",
          packets: { a: { kind: 1, body: { header: u8 } } },
        }),
    ],
    [
      /cannot be told apart/,
      () => defineProtocol({ name: "x", framing: delimiter("\n"), packets: { a: {}, b: {} } }),
    ],
    [
      /lacks the replyBit/,
      () =>
        defineProtocol({
          name: "x",
          framing,
          header,
          kind: "kind",
          replyBit: 128,
          packets: { a: { kind: 1, reply: "b" }, b: { kind: 2 } },
        }),
    ],
    [
      /before the varint/,
      () =>
        defineProtocol({
          name: "x",
          framing: varint({ offset: 1 }),
          header: { kind: u16 },
          kind: "kind",
          packets: {},
        }),
    ],
    [
      /must fill whole bytes/,
      () =>
        defineProtocol({
          name: "x",
          framing,
          header: { length: u16, kind: bits(4) },
          kind: "kind",
          packets: {},
        }),
    ],
  ];
  for (const [message, define] of refused) t.throws(define, { code: "INVALID_CONFIG", message });
  t.end();
});

// The types: checked by `deno check`, never run.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true
  : false;

/** Arguments and results of calls. */
async function calls(client: Client & CallsOf<typeof smpp>): Promise<void> {
  const bound = await client.call("bindTransceiver", { systemId: "me", password: "secret" });
  const systemId: string = bound.systemId;
  const status: number = bound.header.status;
  const name: "bindTransceiverResp" = bound.packet;
  const sent = await client.call("submitSm", {
    destination: "1",
    shortMessage: new Uint8Array(1),
    header: { status: 0 },
  });
  const same: Same<typeof sent.messageId, string | undefined> = true;
  await client.call("enquireLink");
  client.send("alert", { source: "x" });
  void [systemId, status, name, same];

  // @ts-expect-error -- a field is missing
  await client.call("bindTransceiver", { systemId: "me" });
  // @ts-expect-error -- a required argument is missing
  await client.call("bindTransceiver");
  // @ts-expect-error -- a field of the wrong type
  await client.call("submitSm", { destination: 1, shortMessage: new Uint8Array(1) });
  // @ts-expect-error -- a field that the packet has not
  await client.call("enquireLink", { nothing: 1 });
  // @ts-expect-error -- a reply is no request
  await client.call("submitSmResp", { messageId: "1" });
  // @ts-expect-error -- only the server sends it
  await client.call("deliverSm", { source: "1", shortMessage: new Uint8Array(1) });
  // @ts-expect-error -- it is not answered
  await client.call("alert", { source: "x" });
  // @ts-expect-error -- it is answered
  client.send("enquireLink");
  // @ts-expect-error -- no such packet
  await client.call("nothing");
  // @ts-expect-error -- the reply has no such field
  void (await client.call("enquireLink")).messageId;
}

/** Arguments and results of handlers. */
function handlers(
  client: Client & CallsOf<typeof smpp>,
  serve: (handlers: HandlersOf<typeof smpp>) => void,
): void {
  serve({
    bindTransceiver(packet, conn) {
      const password: string = packet.password;
      const sequence: number = packet.header.sequence;
      void conn.call("deliverSm", { source: "1", shortMessage: new Uint8Array(1) });
      conn.send("outbind", { systemId: "x" });
      // @ts-expect-error -- only the client sends it
      void conn.call("submitSm", { destination: "1", shortMessage: new Uint8Array(1) });
      // @ts-expect-error -- the packet has no such field
      void packet.messageId;
      void [password, sequence];
      return { systemId: "smsc" };
    },
    async submitSm(packet) {
      await Promise.resolve();
      return { messageId: packet.destination, header: { status: 0 } };
    },
    enquireLink() {},
    alert(packet) {
      void packet.source;
    },
  });
  serve({});
  serve({
    // @ts-expect-error -- the reply needs its fields
    bindTransceiver() {},
  });
  serve({
    // @ts-expect-error -- a field of the wrong type
    bindTransceiver: () => ({ systemId: 1 }),
  });
  serve({
    // @ts-expect-error -- the same in a promise
    bindTransceiver: () => Promise.resolve({ systemId: 1 }),
  });
  serve({
    // @ts-expect-error -- the server does not receive what only it sends
    deliverSm: () => ({ messageId: "1" }),
  });
  serve({
    // @ts-expect-error -- no such packet
    nothing() {},
  });
  client.handle({
    deliverSm: (packet) => ({ messageId: packet.source }),
    outbind() {},
    enquireLink() {},
  });
  client.handle({
    // @ts-expect-error -- only the client sends it
    submitSm: () => ({}),
  });
}

void [calls, handlers];
