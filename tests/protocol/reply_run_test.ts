/**
 * Replies of a batch: however they are encoded together, their bytes are those of each alone.
 *
 * @module
 */
import t from "tap";
import { lengthField } from "../../src/codec/framing.ts";
import type { Link, LinkReceiver, Transport } from "../../src/link/link.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import {
  bits,
  bytes,
  cstring,
  i16,
  i32le,
  i8,
  u16,
  u16le,
  u24,
  u32,
  u32le,
  u8,
} from "../../src/protocol/defined/fields/mod.ts";
import { serve } from "../helpers/runtime.ts";

/** A transport with one link, which takes what it is given as one chunk, and keeps what is sent. */
function oneLink() {
  const sent: Uint8Array[] = [];
  let receiver: LinkReceiver | undefined;
  const address = { hostname: "one", port: 1 };
  const link: Link = {
    transport: "memory",
    local: address,
    remote: address,
    start: (given) => void (receiver = given),
    pause: () => {},
    resume: () => {},
    write: (chunk) => sent.push(chunk.slice()) > 0,
    end: () => {},
    abort: () => {},
  };
  const transport: Transport = {
    listen(_address, events) {
      events.accepted(link);
      const close = () => Promise.resolve();
      return Promise.resolve({ address, pause: () => {}, resume: () => {}, close });
    },
    connect: () => Promise.reject(new Error("nobody listens")),
  };
  return {
    transport,
    /** Gives the server a chunk; returns what it has sent by the end of that turn. */
    give(frames: readonly Uint8Array[]): Uint8Array {
      receiver!.data(joined(frames));
      return joined(sent.splice(0));
    },
    close: () => receiver!.closed(undefined),
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const mixed = defineProtocol({
  name: "mixed",
  framing: lengthField({ size: 2, counts: "frame", maxFrameBytes: 1024 }),
  header: { length: u16, kind: u8, shard: u8, id: bytes(8), flags: u16le },
  kind: "kind",
  correlate: "id",
  copy: ["flags"],
  packets: {
    ping: { kind: 1, reply: "pong" },
    pong: { kind: 0x81 },
    add: { kind: 2, reply: "sum", body: { a: u8, b: u8 } },
    sum: {
      kind: 0x82,
      header: { shard: 7 },
      body: { low: u8, word: u16, wordLe: u16le, small: i8, signed: i16, le: i32le, all: u32 },
    },
    name: { kind: 3, reply: "named", body: { index: u8 } },
    named: { kind: 0x83, body: { text: cstring(20), count: u32le } },
    odd: { kind: 4, reply: "three" },
    three: { kind: 0x84, body: { value: u24 } },
  },
  failure: () => ({ packet: "pong", header: { shard: 99 } }),
});

const idOf = (index: number) => Uint8Array.from({ length: 8 }, (_, i) => index * 31 + i * 7 & 0xff);
const headerOf = (index: number) => ({ id: idOf(index), flags: index * 257 & 0xffff });

const sumOf = (a: number, b: number) => ({
  low: a,
  word: a * 256 + b,
  wordLe: b * 256 + a,
  small: (a & 1) === 0 ? -128 : b & 0x7f,
  signed: (b & 1) === 0 ? -(2 ** 15) : a * 100,
  le: (a & 2) === 0 ? -(2 ** 31) + b : 2 ** 31 - 1,
  all: (b & 2) === 0 ? 2 ** 32 - 1 - a : a,
});

t.test("replies are written over those of longer batches and in new memory", async (t) => {
  const net = oneLink();
  const server = await serve({ port: 0, protocol: mixed, transport: net.transport }, {
    ping: () => {},
    add: ({ a, b }) => sumOf(a, b),
  });
  // The second is the first that has more replies than the writer has room for.
  const batches = [[0, 540], [0, 700], [600], [256, 300], [600]];
  for (const [pings = 0, adds = 0] of batches) {
    const requests: Uint8Array[] = [];
    const replies: Uint8Array[] = [];
    for (let i = 0; i < pings + adds; i++) {
      const header = headerOf(i);
      const a = i & 0xff, b = i * 7 & 0xff;
      requests.push(
        i < pings ? mixed.encode("ping", { header }) : mixed.encode("add", { header, a, b }),
      );
      replies.push(
        i < pings
          ? mixed.encode("pong", { header })
          : mixed.encode("sum", { header, ...sumOf(a, b) }),
      );
    }
    const sent = net.give(requests);
    const due = joined(replies);
    t.equal(sent.length, due.length);
    t.equal(sent.findIndex((byte, at) => byte !== due[at]), -1, `${pings} pings, ${adds} adds`);
  }
  net.close();
  await server.shutdown();
});

t.test("replies of all kinds in one chunk are those of each alone", async (t) => {
  const net = oneLink();
  const errors: string[] = [];
  const server = await serve({ port: 0, protocol: mixed, transport: net.transport }, {
    ping: () => {},
    add: ({ a, b }) => a === 13 ? { ...sumOf(a, b), small: 128 } : sumOf(a, b),
    name: ({ index }) => ({ text: "x".repeat(index % 20), count: index }),
    odd: () => ({ value: 0xabcdef }),
  });
  server.on("error", (error) => void errors.push(error.message));
  const requests: Uint8Array[] = [];
  const replies: Uint8Array[] = [];
  // Runs of every length, one kind after the other, with one that fails among them.
  for (let index = 0, run = 0; index < 3000; run++) {
    const length = run % 11 === 10 ? 300 : run % 7 + 1;
    for (let i = 0; i < length; i++, index++) {
      const header = headerOf(index);
      const a = index & 0xff, b = index * 7 & 0xff;
      if (run % 4 === 0) {
        requests.push(mixed.encode("ping", { header }));
        replies.push(mixed.encode("pong", { header }));
      } else if (run % 4 === 1) {
        requests.push(mixed.encode("add", { header, a, b }));
        replies.push(
          a === 13
            ? mixed.encode("pong", { header: { ...header, shard: 99 } })
            : mixed.encode("sum", { header, ...sumOf(a, b) }),
        );
      } else if (run % 4 === 2) {
        requests.push(mixed.encode("name", { header, index: a }));
        replies.push(mixed.encode("named", { header, text: "x".repeat(a % 20), count: a }));
      } else {
        requests.push(mixed.encode("odd", { header }));
        replies.push(mixed.encode("three", { header, value: 0xabcdef }));
      }
    }
  }
  const failed = replies.filter((frame) => frame[3] === 99).length;
  t.ok(failed > 0);
  t.strictSame(net.give(requests), joined(replies));
  t.equal(errors.length, failed);
  t.match(errors[0], /sum\.small at byte 19 of the frame must be .*127 and is 128/);
  t.equal(server.stats().replies, requests.length);
  t.equal(server.stats().failures, failed);
  t.strictSame(net.give(requests.slice(0, 1)), replies[0]);
  net.close();
  await server.shutdown();
});

t.test("nothing of a batch is left in the next ones", async (t) => {
  const net = oneLink();
  let settle = () => {};
  const server = await serve({ port: 0, protocol: mixed, transport: net.transport }, {
    ping: ({ header }) =>
      header.shard === 1 ? new Promise<void>((resolve) => void (settle = resolve)) : undefined,
    add: ({ a, b }) => sumOf(a, b),
    name: ({ index }) => ({ text: "x".repeat(index % 20), count: index }),
  });
  let seed = 1;
  const random = (below: number) => {
    seed = Math.imul(seed, 1103515245) + 12345 >>> 0;
    return (seed >>> 8) % below;
  };
  const batch = (batchNumber: number) => {
    const requests: Uint8Array[] = [];
    const replies: Uint8Array[] = [];
    const parts = random(4) + 1;
    for (let part = 0; part < parts; part++) {
      const kind = random(3);
      const length = random(40) === 0 ? 700 : random(12);
      for (let i = 0; i < length; i++) {
        const header = headerOf(batchNumber * 1000 + requests.length);
        const a = random(256), b = random(256);
        if (kind === 0) {
          requests.push(mixed.encode("ping", { header }));
          replies.push(mixed.encode("pong", { header }));
        } else if (kind === 1) {
          requests.push(mixed.encode("add", { header, a, b }));
          replies.push(mixed.encode("sum", { header, ...sumOf(a, b) }));
        } else {
          requests.push(mixed.encode("name", { header, index: a }));
          replies.push(mixed.encode("named", { header, text: "x".repeat(a % 20), count: a }));
        }
      }
    }
    return { requests, replies };
  };
  const wrongBatches = (): number => {
    let wrong = 0;
    for (let i = 0; i < 300; i++) {
      const { requests, replies } = batch(i);
      const sent = net.give(requests);
      const due = joined(replies);
      if (sent.length !== due.length || sent.some((byte, at) => byte !== due[at])) wrong++;
    }
    return wrong;
  };
  t.equal(wrongBatches(), 0);
  // A handler has taken its time: those after it are answered together again.
  const header = { ...headerOf(1), shard: 1 };
  t.equal(net.give([mixed.encode("ping", { header })]).length, 0);
  settle();
  for (let i = 0; i < 5; i++) await Promise.resolve();
  t.equal(net.give([]).length, mixed.encode("pong", { header }).length);
  t.equal(wrongBatches(), 0);
  net.close();
  await server.shutdown();
});

t.test("what a handler returns is read when it returns", async (t) => {
  const net = oneLink();
  const shared = { low: 0, word: 0, wordLe: 0, small: 0, signed: 0, le: 0, all: 0 };
  const server = await serve({ port: 0, protocol: mixed, transport: net.transport }, {
    add({ a }) {
      shared.low = a;
      return shared;
    },
    ping: () => {
      throw new Error("not now");
    },
    odd: () => ({
      get value(): number {
        throw new Error("not this");
      },
    }),
  });
  server.on("error", () => {});
  const header = headerOf(5);
  const failure = mixed.encode("pong", { header: { ...header, shard: 99 } });
  const sums = [1, 2, 3].map((low) => mixed.encode("sum", { header, ...shared, low }));
  const out = net.give([
    mixed.encode("add", { header, a: 1, b: 0 }),
    mixed.encode("add", { header, a: 2, b: 0 }),
    mixed.encode("ping", { header }),
    mixed.encode("odd", { header }),
    mixed.encode("add", { header, a: 3, b: 0 }),
  ]);
  t.strictSame(out, joined([sums[0]!, sums[1]!, failure, failure, sums[2]!]));
  net.close();
  await server.shutdown();
});

t.test("what a handler sends leaves between the replies around it", async (t) => {
  const events = defineProtocol({
    name: "events",
    framing: lengthField({ size: 2, counts: "frame", maxFrameBytes: 64 }),
    header: { length: u16, kind: u8, id: u8 },
    kind: "kind",
    correlate: "id",
    packets: {
      ask: { kind: 1, from: "client", reply: "answer" },
      answer: { kind: 2, body: { value: u8 } },
      event: { kind: 3, from: "server", body: { value: u8 } },
    },
  });
  const net = oneLink();
  let asked = 0;
  const server = await serve({ port: 0, protocol: events, transport: net.transport }, {
    ask(_packet, conn) {
      asked++;
      if (asked % 2 === 0) conn.send("event", { value: asked });
      return { value: asked };
    },
  });
  const out = net.give([1, 2, 3, 4].map((id) => events.encode("ask", { header: { id } })));
  const seen = events.decoder({ from: "server" }).push(out).map((packet) =>
    `${packet.packet} ${(packet as unknown as { value: number }).value}`
  );
  t.strictSame(seen, ["answer 1", "event 2", "answer 2", "answer 3", "event 4", "answer 4"]);
  net.close();
  await server.shutdown();
});

t.test("a correlation in bits reaches the reply", async (t) => {
  const nibble = defineProtocol({
    name: "nibble",
    framing: lengthField({ size: 2, counts: "frame", maxFrameBytes: 64 }),
    header: { length: u16, kind: u8, version: bits(4), id: bits(4) },
    kind: "kind",
    correlate: "id",
    packets: { ask: { kind: 1, reply: "answer" }, answer: { kind: 2, body: { value: u8 } } },
  });
  const net = oneLink();
  const server = await serve({ port: 0, protocol: nibble, transport: net.transport }, {
    ask: ({ header }) => ({ value: header.id }),
  });
  const out = net.give([3, 9].map((id) => nibble.encode("ask", { header: { version: 1, id } })));
  t.strictSame(out, Uint8Array.of(0, 5, 2, 3, 3, 0, 5, 2, 9, 9));
  net.close();
  await server.shutdown();
});

t.test("a promise is waited for, even where the reply has no fields", async (t) => {
  const net = oneLink();
  let settle = () => {};
  const server = await serve({ port: 0, protocol: mixed, transport: net.transport }, {
    ping: () => new Promise<void>((resolve) => void (settle = resolve)),
  });
  const header = headerOf(1);
  t.equal(net.give([mixed.encode("ping", { header })]).length, 0);
  settle();
  for (let i = 0; i < 5; i++) await Promise.resolve();
  t.strictSame(net.give([]), mixed.encode("pong", { header }));
  net.close();
  await server.shutdown();
});
