/** The packets of small clients are those of everybody else: the same bytes, the same fields, the same errors. */

import t from "tap";
import { ByteWriter } from "../../src/codec/byte_writer.ts";
import { findScans } from "../../src/codec/find_scans.ts";
import { delimiter, fixed, lengthField, varint } from "../../src/codec/framing.ts";
import { TsCodec } from "../../src/codec/ts_codec.ts";
import { isFramewireError } from "../../src/errors.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import {
  array,
  bits,
  bool,
  bytes,
  constant,
  cstring,
  enumeration,
  i16le,
  optional,
  record,
  rest,
  restText,
  string,
  u16,
  u32,
  u64,
  u8,
  when,
} from "../../src/protocol/defined/fields/mod.ts";
import { SmallPackets } from "../../src/protocol/defined/small_packets.ts";
import { toHex } from "../helpers/frames.ts";

type Retained = { readonly header: { readonly retained: number } };

const protocols = [
  defineProtocol({
    name: "fields of all kinds",
    framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
    header: {
      length: u32,
      version: bits(3),
      flags: bits(13),
      type: u16,
      magic: constant(u16, 0xcafe),
      sequence: u16,
    },
    kind: "type",
    correlate: "sequence",
    packets: {
      plain: { kind: 1, reply: "answer", body: { name: cstring(32), fields: u8, values: rest() } },
      answer: { kind: [2, 3], body: { high: bits(4), low: bits(12), text: string(u8) } },
      wide: {
        kind: 4,
        header: { flags: 77 },
        body: {
          is: bool,
          level: enumeration(u8, { low: 1, high: 2 }),
          small: i16le,
          large: u64,
          id: bytes(4),
          list: array(u8, record({ a: u16, b: cstring(9) })),
          more: optional(u8),
        },
      },
      nothing: { kind: 5 },
    },
  }),
  defineProtocol({
    name: "a header before a varint",
    framing: varint({ offset: 1, maxBytes: 4, maxFrameBytes: 1024 }),
    header: { type: bits(4), retained: bits(4) },
    kind: "type",
    packets: {
      publish: {
        kind: 3,
        body: {
          topic: string(u16),
          id: when((before) => (before as Retained).header.retained > 0, u16),
          message: restText(),
        },
      },
      ping: { kind: 12 },
    },
  }),
  defineProtocol({
    name: "lines without a kind",
    framing: delimiter("\n", { maxFrameBytes: 64 }),
    packets: {
      command: { from: "client", reply: "line", body: { text: restText() } },
      line: { from: "server", body: { text: restText() } },
    },
  }),
  defineProtocol({
    name: "stripped lengths, ids of text",
    framing: lengthField({ size: 2, strip: 2, maxFrameBytes: 256 }),
    header: { id: string(8), type: u8 },
    kind: "type",
    correlate: "id",
    replyBit: 0x80,
    packets: {
      ask: { kind: 1, reply: "told", body: { what: restText() } },
      told: { kind: 0x81, body: { what: restText() } },
      error: { kind: 0xff, body: { why: restText() } },
      hello: { opening: fixed(3), body: { bytes: bytes(3) } },
    },
  }),
] as const;

const samples: Readonly<Record<string, readonly (readonly [string, object?])[]>> = {
  "fields of all kinds": [
    ["plain", { name: "Ann", fields: 7, values: Uint8Array.of(1, 2), header: { version: 5 } }],
    ["plain", { name: "naïve", fields: 0 }],
    ["plain", { name: "x".repeat(32), fields: 0 }],
    ["plain", { fields: 0 }],
    ["answer", { high: 9, low: 0xabc, text: "hello" }],
    ["answer", { high: 1, low: 2, text: "", header: { type: 3, sequence: 9 } }],
    ["answer", { high: 16, low: 2, text: "" }],
    ["answer", { high: 1, low: 2, text: "", header: { type: 4 } }],
    ["wide", {
      is: true,
      level: "high",
      small: -2,
      large: 2n ** 60n,
      id: Uint8Array.of(1, 2, 3, 4),
      list: [{ a: 1, b: "one" }, { a: 2, b: "two" }],
      more: 6,
    }],
    ["wide", { is: false, level: "low", small: 2, large: 0n, id: new Uint8Array(4), list: [] }],
    ["wide", { is: 1, level: "low", small: 2, large: 0n, id: new Uint8Array(4), list: [] }],
    ["nothing"],
    ["plain", { name: "Ann", fields: 7, values: new Uint8Array(1100) }],
  ],
  "a header before a varint": [
    ["publish", { topic: "a/b", message: "hello" }],
    ["publish", { topic: "a/b", id: 7, message: "x".repeat(300), header: { retained: 1 } }],
    ["ping"],
  ],
  "lines without a kind": [["command", { text: "go" }], ["line", { text: "gone" }], ["line", {
    text: "two\nlines",
  }]],
  "stripped lengths, ids of text": [
    ["ask", { what: "time", header: { id: "00000001" } }],
    ["told", { what: "noon" }],
    ["error", { why: "no" }],
    ["hello", { bytes: Uint8Array.of(1, 2, 3) }],
  ],
};

/** What something comes to: its result, or the error. */
function tried(what: () => unknown): unknown {
  try {
    return what();
  } catch (error) {
    if (!isFramewireError(error)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

t.test("the same bytes, and the same fields", (t) => {
  const codec = new TsCodec(findScans);
  for (const protocol of protocols) {
    const small = new SmallPackets(protocol.spec as never);
    for (const [name, fields] of samples[protocol.name]!) {
      const encode = protocol.encode as (name: string, fields?: object) => Uint8Array;
      const writer = new ByteWriter(16);
      const written = tried(() => {
        small.write(writer, small.named(name)!, fields as never, undefined);
        return toHex(writer.bytes.subarray(0, writer.at));
      });
      t.equal(written, tried(() => toHex(encode(name, fields))), `${protocol.name}: ${name}`);
      if (writer.at === 0 || small.named(name)!.opens || small.named(name)!.from === "client") {
        continue;
      }
      const frame = writer.bytes.slice(0, writer.at);
      const { count, words } = codec.scanner(protocol.framing).scan(frame, 0, frame.length, 1024);
      if (count === 0) continue;
      const { type, packet } = small.read(frame, words, 0);
      t.equal(type.name, name);
      const known = protocol.decode(frame, "server");
      t.strictSame(packet.toObject(), known.toObject());
      t.strictSame(
        JSON.parse(JSON.stringify(packet, plain)),
        JSON.parse(JSON.stringify(known, plain)),
      );
      for (const field of Object.keys(fields ?? {})) {
        const [ours, theirs] = [packet, known].map((one) => (one as never)[field]);
        if (field !== "header") t.strictSame(ours, theirs, `${name}.${field}`);
      }
      for (let end = 0; end < frame.length; end++) {
        // Cut short, as no scan would give it: what is wrong is said.
        const cut = Int32Array.from([0, end, words[2]!, Math.min(words[3]!, end)]);
        if (protocol.framing.kind === "varint" && end < 2) continue;
        t.doesNotThrow(() => tried(() => small.read(frame, cut, 0).packet.toObject()));
      }
    }
  }
  t.end();
});

function plain(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

t.test("a field may have any name that packets do not have already", (t) => {
  const small = new SmallPackets(protocols[0].spec as never);
  const frame = protocols[0].encode("plain", { name: "Ann", fields: 7 });
  const words = Int32Array.of(0, frame.length, 1, 0);
  const { packet } = small.read(frame, words, 0);
  const { fields, name } = packet as unknown as { readonly fields: number; readonly name: string };
  t.strictSame([fields, name, packet.packet], [7, "Ann", "plain"]);
  t.end();
});

t.test("what cannot be is told", (t) => {
  const [all, , lines] = protocols;
  const small = new SmallPackets(all.spec as never);
  const frame = all.encode("nothing");
  const read = (bytes: Uint8Array) =>
    tried(() => small.read(bytes, Int32Array.of(0, bytes.length, 0, 0), 0).packet.toObject());
  const other = frame.slice();
  other[7] = 9;
  t.equal(
    read(other),
    "UNKNOWN_PACKET: a packet of kind 9 (0x9) came: expected plain (1), answer (2, …), wide (4), nothing (5)",
  );
  const magic = frame.slice();
  magic[8] = 0;
  t.match(read(magic), /^INVALID_FIELD: header\.magic must be/);
  const longer = new Uint8Array(frame.length + 1);
  longer.set(frame);
  t.match(read(longer), /^BODY_TOO_LONG: nothing\.\(no field\) at byte 0 ends 1 bytes before/);
  t.match(read(frame.slice(0, 9)), /^BODY_TOO_SHORT: header\.magic needs 2 bytes/);
  const line = lines.encode("command", { text: "go" });
  const sent = new SmallPackets(
    { ...lines.spec, packets: { go: { from: "client", body: {} } } } as never,
  );
  t.equal(
    tried(() => sent.read(line, Int32Array.of(0, line.length, 0, 1 << 16), 0)),
    "UNKNOWN_PACKET: the server sends nothing in this protocol, and a frame came",
  );
  t.throws(() => new SmallPackets({ ...all.spec, kind: "nothing" } as never), {
    code: "INVALID_CONFIG",
    message: "there is no nothing",
  });
  t.end();
});
