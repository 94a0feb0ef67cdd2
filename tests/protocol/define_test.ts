/**
 * Defined protocols: what a server and a client of one do, and the types that follow from it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import t from "tap";
import type { Client } from "../../src/client/client.ts";
import { delimiter, fixed, lengthField, varint } from "../../src/codec/framing.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { CallsOf, ConnOf, HandlersOf } from "../../src/protocol/choice.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import {
  array,
  bits,
  bytes,
  constant,
  cstring,
  optional,
  rest,
  restText,
  sized,
  string,
  u16,
  u32,
  u8,
  when,
} from "../../src/protocol/defined/fields/mod.ts";
import type { Server } from "../../src/server/server.ts";
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

/** Modbus has one number for a request and its reply. */
const modbus = defineProtocol({
  name: "modbus",
  framing: lengthField({ offset: 4, size: 2, maxFrameBytes: 260 }),
  header: { transaction: u16, protocol: constant(u16, 0), length: u16, unit: u8, code: u8 },
  kind: "code",
  correlate: "transaction",
  copy: ["unit"],
  packets: {
    read: {
      kind: 3,
      from: "client",
      reply: "registers",
      body: { address: u16, quantity: u16 },
      header: { unit: 255 },
    },
    registers: { kind: 3, from: "server", body: { values: sized(u8, array("rest", u16)) } },
    exception: {
      kind: Array.from({ length: 128 }, (_, i) => i + 128),
      from: "server",
      answersAny: true,
      body: { reason: u8 },
    },
  },
  failure: (_request, error, header) => ({
    packet: "exception",
    header: { code: header.code | 128 },
    body: { reason: (error as { reason?: number }).reason ?? 4 },
  }),
  unknown: (header) => ({
    packet: "exception",
    header: { code: header.code | 128 },
    body: { reason: 1 },
  }),
});

t.test("a request and its reply may have the same kind, and an error many", async (t) => {
  const transport = pieces();
  const units: number[] = [];
  const server = await serve({ port: 0, protocol: modbus, transport }, {
    read(packet) {
      units.push(packet.header.unit);
      if (packet.address > 9) throw Object.assign(new Error("no such address"), { reason: 2 });
      return { values: Array.from({ length: packet.quantity }, (_, i) => packet.address + i) };
    },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: modbus, transport });
  const reply = await client.call("read", { address: 1, quantity: 3 });
  t.strictSame(reply.values, [1, 2, 3]);
  t.equal(reply.header.unit, 255, "copied from the request");
  await t.rejects(client.call("read", { address: 10, quantity: 1, header: { unit: 7 } }), {
    code: "RESULT_FAILED",
    reply: { packet: "exception", reason: 2, header: { code: 0x83, transaction: 2, unit: 7 } },
  });
  t.strictSame(units, [255, 7], "a header's values come from the definition or the call");
  await client.close();
  await server.shutdown();
});

t.test("a packet of an unknown kind is answered, ignored, or ends the connection", async (t) => {
  const transport = pieces();
  const wider = defineProtocol({
    ...modbus.spec,
    packets: {
      ...modbus.spec.packets,
      other: { kind: 43, from: "client", reply: "otherReply" },
      otherReply: { kind: 43, from: "server" },
    },
  });
  const cases = [
    [modbus.spec.unknown, "RESULT_FAILED"],
    [() => "ignore" as const, "CONNECTION_CLOSED"],
    [() => undefined, "CONNECTION_CLOSED"],
  ] as const;
  for (const [unknown, code] of cases) {
    const ends: string[] = [];
    const protocol = defineProtocol({ ...modbus.spec, unknown: unknown! });
    const server = await serve({
      port: 0,
      protocol,
      transport,
      on: { disconnect: (_conn, info) => ends.push(info.code) },
    }, { read: () => ({ values: [] }) });
    const client = await connect(`tcp://memory:${server.addr.port}`, {
      protocol: wider,
      transport,
    });
    const other = client.call("other");
    const goesOn = client.call("read", { address: 0, quantity: 0 }).then(() => true, () => false);
    t.equal(await goesOn, unknown!({ code: 43 } as never) !== undefined);
    const closed = client.close({ deadlineMs: 0 });
    await t.rejects(other, { code });
    await closed;
    await server.shutdown();
    t.strictSame(ends, [
      code === "CONNECTION_CLOSED" && !await goesOn ? "UNKNOWN_PACKET" : "PEER_ENDED",
    ]);
  }
});

t.test("a constant of the header is checked of every packet", async (t) => {
  const transport = pieces();
  const ended = deferred<string>();
  const server = await serve({
    port: 0,
    protocol: modbus,
    transport,
    on: { disconnect: (_conn, info) => ended.resolve(`${info.code} ${info.message}`) },
  }, {});
  const strange = defineProtocol({
    name: "strange",
    framing: modbus.framing,
    header: { transaction: u16, protocol: u16, length: u16, unit: u8, code: u8 },
    kind: "code",
    correlate: "transaction",
    packets: { read: { kind: 3, reply: "done" }, done: { kind: 4 } },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, {
    protocol: strange,
    transport,
  });
  const call = client.call("read", { header: { protocol: 1 } });
  await t.rejects(call, { code: "CONNECTION_CLOSED" });
  t.match(await ended.promise, /^INVALID_FIELD header\.protocol must be 0, always and is 1$/);
  await server.shutdown();
});

/** The shape of PostgreSQL's protocol: only the first message has no type byte. */
const postgres = defineProtocol({
  name: "postgres",
  framing: lengthField({ offset: 1, size: 4, adjust: -4 }),
  header: { type: u8, length: u32 },
  kind: "type",
  packets: {
    startup: {
      opening: lengthField({ size: 4, counts: "frame", strip: 4, maxFrameBytes: 10_000 }),
      reply: "authentication",
      body: { version: constant(u32, 196_608), parameters: array("rest", cstring(64)) },
    },
    authentication: { kind: 0x52, from: "server", body: { status: u32 } },
    query: { kind: 0x51, from: "client", body: { text: cstring(1000) } },
    dataRow: { kind: 0x44, from: "server", body: { columns: array(u16, bytes(u32)) } },
    describe: { kind: 0x44, from: "client", body: { what: u8, name: cstring(64) } },
    ready: { kind: 0x5a, from: "server", body: { status: u8 } },
  },
});

t.test("a protocol may change its framing after a connection's first packet", async (t) => {
  for (const codec of ["ts", "wasm"] as const) {
    for (const transport of [memoryNetwork(), pieces(), memoryNetwork({ pieceBytes: () => 1 })]) {
      const seen: string[] = [];
      const server = await serve({ port: 0, protocol: postgres, transport, codec }, {
        startup(packet) {
          t.same(packet.header, {}, "it has no header");
          seen.push(packet.parameters.join());
          return { status: 0 };
        },
        query(packet, conn) {
          seen.push(packet.text);
          conn.send("dataRow", { columns: [new Uint8Array([1]), new Uint8Array(0)] });
          conn.send("ready", { status: 0x49 });
        },
        describe: (packet) => seen.push(`${packet.what}${packet.name}`),
      });
      const client = await connect(`tcp://memory:${server.addr.port}`, {
        protocol: postgres,
        transport,
        codec,
      });
      t.throws(() => client.send("query", { text: "early" }), { message: /startup comes first/ });
      const rows: number[][] = [];
      const ready = deferred();
      client.handle({
        dataRow: (packet) => rows.push(packet.columns.map((column) => column.length)),
        ready: () => ready.resolve(),
      });
      const authenticated = client.call("startup", { parameters: ["user", "me", ""] });
      client.send("describe", { what: 1, name: "x" });
      client.send("query", { text: "select 1" });
      t.equal((await authenticated).status, 0);
      await ready.promise;
      t.strictSame(rows, [[1, 0]]);
      t.strictSame(seen, ["user,me,", "1x", "select 1"]);
      await t.rejects(client.call("startup", { parameters: [] }), { message: /sent already/ });
      await client.close();
      await server.shutdown();
    }
  }
});

t.test("the limit of the opening ends with it", async (t) => {
  const transport = memoryNetwork();
  const ends: string[] = [];
  const server = await serve({
    port: 0,
    protocol: postgres,
    transport,
    on: { disconnect: (_conn, info) => ends.push(info.code) },
  }, { startup: () => ({ status: 0 }) });
  const loose = defineProtocol({
    ...postgres.spec,
    packets: {
      ...postgres.spec.packets,
      startup: {
        opening: lengthField({ size: 4, counts: "frame", strip: 4 }),
        reply: "authentication",
        body: { raw: rest() },
      },
      query: { kind: 0x51, from: "client", body: { raw: rest() } },
    },
  });
  for (const [opening, query] of [[9_996, 50_000], [9_997, 0]] as const) {
    const client = await connect(`tcp://memory:${server.addr.port}`, {
      protocol: loose,
      transport,
    });
    const started = client.call("startup", { raw: new Uint8Array(opening) });
    client.send("query", { raw: new Uint8Array(query) });
    const [outcome] = await Promise.allSettled([started]);
    t.equal(outcome!.status, query > 0 ? "fulfilled" : "rejected");
    await client.close();
  }
  await server.shutdown();
  t.strictSame(ends, ["PEER_ENDED", "FRAME_TOO_LARGE"]);
});

t.test("what a handler sends leaves behind the replies before it", async (t) => {
  const transport = memoryNetwork();
  const server = await serve({
    port: 0,
    protocol: smpp,
    transport,
    on: { connect: (conn) => conn.send("outbind", { systemId: "first" }) },
  }, {
    bindTransceiver: (packet) => ({ systemId: packet.systemId }),
    alert: (packet, conn) => conn.send("outbind", { systemId: packet.source }),
  });
  t.equal(server.stats().connections.open, 0);
  const peer = await transport.connect({ hostname: "memory", port: server.addr.port });
  const came = deferred<string>();
  const decoder = smpp.decoder({ from: "server" });
  const packets: string[] = [];
  peer.start({
    data(chunk) {
      for (const packet of decoder.push(chunk)) {
        packets.push(packet.packet === "outbind" ? packet.systemId : packet.packet);
      }
      if (packets.length === 4) came.resolve(packets.join());
      return false;
    },
    ended: () => peer.end(),
    written: () => {},
    closed: () => {},
  });
  const frames = [
    smpp.encode("bindTransceiver", { systemId: "a", password: "b", header: { sequence: 1 } }),
    smpp.encode("alert", { source: "pushed" }),
    smpp.encode("enquireLink", { header: { sequence: 2 } }),
  ];
  peer.write(new Uint8Array(frames.flatMap((frame) => [...frame])));
  t.equal(await came.promise, "first,bindTransceiverResp,pushed,enquireLinkResp");
  await server.shutdown();
});

t.test("packets are encoded and decoded without a connection", (t) => {
  const message = {
    destination: "42",
    shortMessage: new Uint8Array([1, 2]),
    tlvs: new Uint8Array(3),
  };
  const frame = smpp.encode("submitSm", { ...message, header: { sequence: 7 } });
  const packet = smpp.decode(frame);
  if (packet.packet !== "submitSm") throw new Error(packet.packet);
  t.equal(packet.destination, "42");
  t.same(packet.header, { length: frame.length, command: 4, status: 0, sequence: 7 });
  t.strictSame({ ...packet.toObject(), header: 0, packet: 0 }, {
    ...message,
    header: 0,
    packet: 0,
  });
  t.equal(smpp.decode(frame).header.sequence, 7, "again");
  const buffer = Buffer.from(frame);
  const copy = smpp.decode(buffer).toObject();
  buffer.fill(0);
  t.strictSame(copy["shortMessage"], message.shortMessage, "a copy is one, of a Buffer too");
  t.throws(() => smpp.decode(new Uint8Array(20).fill(1)), { code: "FRAME_TOO_LARGE" });
  t.throws(() => smpp.decode(frame.subarray(0, 20)), { code: "TRUNCATED" });
  t.throws(() => smpp.decode(new Uint8Array([...frame, ...frame])), { code: "INVALID_CONTENT" });
  t.throws(() => smpp.encode("nothing" as "enquireLink"), { code: "INVALID_OPTION" });
  const reply = modbus.encode("registers", { values: [1] });
  t.equal(modbus.decode(reply, "server").packet, "registers");
  t.equal(modbus.decode(reply, "client").packet, "read");
  t.throws(() => modbus.decode(modbus.encode("exception", { reason: 1 }), "client"), {
    code: "UNEXPECTED_PACKET",
  });
  t.end();
});

t.test("a stream is decoded to packets whichever way it is cut", (t) => {
  const stream = new Uint8Array([
    ...postgres.encode("startup", { parameters: ["a", "b"] }),
    ...postgres.encode("query", { text: "select" }),
    ...postgres.encode("describe", { what: 2, name: "n" }),
  ]);
  for (const codec of ["ts", "wasm"] as const) {
    for (let cut = 0; cut <= stream.length; cut++) {
      const decoder = postgres.decoder({ from: "client", codec });
      const packets = [stream.slice(0, cut), stream.slice(cut)].flatMap((part) =>
        decoder.push(part)
      );
      decoder.end();
      t.strictSame(packets.map(({ packet }) => packet), ["startup", "query", "describe"]);
      const [startup, query] = packets;
      t.strictSame(startup?.packet === "startup" && startup.parameters, ["a", "b"]);
      t.equal(query?.packet === "query" && query.text, "select");
    }
  }
  t.end();
});

t.test("fields of a body may depend on the header", async (t) => {
  const transport = pieces();
  const mqtt = defineProtocol({
    name: "mqtt",
    framing: varint({ offset: 1, maxBytes: 4 }),
    header: { type: bits(4), dup: bits(1), qos: bits(2), retain: bits(1) },
    kind: "type",
    packets: {
      publish: {
        kind: 3,
        body: {
          topic: string(u16),
          packetId: when((packet: { header: { qos: number } }) => packet.header.qos > 0, u16),
          payload: rest(),
        },
      },
      subscribe: { kind: 8, from: "client", header: { qos: 1 }, body: { packetId: u16 } },
    },
  });
  const seen: string[] = [];
  const done = deferred();
  const server = await serve({ port: 0, protocol: mqtt, transport }, {
    publish: (packet) => seen.push(`${packet.topic} ${packet.packetId} ${packet.payload.length}`),
    subscribe(packet) {
      seen.push(`${packet.header.qos} ${packet.packetId}`);
      done.resolve();
    },
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: mqtt, transport });
  client.send("publish", { topic: "a", payload: new Uint8Array(2) });
  client.send("publish", { topic: "b", packetId: 5, header: { qos: 1 } });
  t.throws(() => client.send("publish", { topic: "b", packetId: 5 }), {
    code: "INVALID_FIELD",
    message: /^publish\.packetId at byte \d+ of the frame must be left out/,
  });
  t.throws(() => client.send("publish", { topic: "b", header: { qos: 1 } }), {
    message: /is missing/,
  });
  client.send("subscribe", { packetId: 6 });
  await done.promise;
  t.strictSame(seen, ["a undefined 2", "b 5 0", "1 6"]);
  await client.close();
  await server.shutdown();
});

t.test("a header can be passed on", async (t) => {
  const transport = pieces();
  const server = await serve({ port: 0, protocol: modbus, transport }, {
    read: (packet) => ({ values: [], header: packet.header }),
  });
  const client = await connect(`tcp://memory:${server.addr.port}`, { protocol: modbus, transport });
  const reply = await client.call("read", { address: 0, quantity: 0, header: { unit: 9 } });
  t.equal(reply.header.unit, 9);
  t.same(JSON.parse(JSON.stringify(reply.header)), {
    transaction: 1,
    protocol: 0,
    length: 3,
    unit: 9,
    code: 3,
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
      /copy names kind, which has no place/,
      () =>
        defineProtocol({
          name: "x",
          framing,
          header: { length: u16, kind: bits(8) },
          copy: ["kind"],
          packets: {},
        }),
    ],
    [
      /only one packet can be a connection's first/,
      () =>
        defineProtocol({
          name: "x",
          framing: delimiter("\n"),
          packets: { a: { opening: fixed(2) }, b: { opening: fixed(2) } },
        }),
    ],
    [
      /it cannot have a kind/,
      () =>
        defineProtocol({
          name: "x",
          framing,
          header,
          kind: "kind",
          packets: { a: { opening: fixed(2), kind: 1 } },
        }),
    ],
    [
      /no reply can be found by its kind/,
      () =>
        defineProtocol({
          name: "x",
          framing,
          header,
          kind: "kind",
          correlate: "kind",
          packets: { a: { opening: fixed(2), reply: "b" }, b: { kind: 1 } },
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

/** Openings, packets without a connection, and the server's own view of a connection. */
async function more(
  database: Client & CallsOf<typeof postgres>,
  server: Server<ConnOf<typeof smpp>>,
): Promise<void> {
  const { status } = await database.call("startup", { parameters: ["user"] });
  const same: Same<typeof status, number> = true;
  database.handle({ dataRow: (packet) => packet.columns.length });
  server.on("connect", (conn) => {
    conn.send("outbind", { systemId: "x" });
    // @ts-expect-error -- only the client sends it
    void conn.call("submitSm", { destination: "1", shortMessage: new Uint8Array(1) });
  });
  const packet = smpp.decode(smpp.encode("enquireLink"));
  if (packet.packet === "submitSm") void packet.shortMessage.length;
  // @ts-expect-error -- not every packet has it
  void packet.shortMessage;
  // @ts-expect-error -- a field is missing
  smpp.encode("submitSm", { destination: "1" });
  // @ts-expect-error -- it may answer any request, and is none
  await (null as unknown as Client & CallsOf<typeof modbus>).call("exception", { reason: 1 });
  defineProtocol({
    name: "x",
    framing: delimiter("\n"),
    header: { kind: u8 },
    kind: "kind",
    // @ts-expect-error -- the header has no such type of field
    packets: { a: { kind: 1, header: { kind: "1" } } },
  });
  void same;
}

void [calls, handlers, more];
