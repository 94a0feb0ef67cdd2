/**
 * Every field: what it encodes to, that it decodes to the same, and what it refuses.
 *
 * @module
 */
import t from "tap";
import { ByteWriter } from "../../src/codec/byte_writer.ts";
import { type Field, FieldProblem, FieldReader } from "../../src/protocol/defined/fields/field.ts";
import * as f from "../../src/protocol/defined/fields/mod.ts";
import { ShapeCodec } from "../../src/protocol/defined/fields/shape.ts";
import type { Shape } from "../../src/protocol/defined/fields/field.ts";

type Loose = Field<unknown, unknown, boolean>;

function encode(field: unknown, value: unknown, record = {}): string {
  const writer = new ByteWriter(1);
  (field as Loose).write(writer, value, record);
  return hex(writer.bytes.subarray(0, writer.at));
}

function decode(field: unknown, text: string): unknown {
  const reader = new FieldReader();
  // Foreign bytes on both sides: a field that leaves its record would read them.
  const body = fromHex(text);
  const memory = new Uint8Array([0xee, ...body, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee]);
  reader.open(memory, 1, 1 + body.length);
  const value = (field as Loose).read(reader);
  t.equal(reader.at, reader.end, "the field takes exactly its bytes");
  return value;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(text: string): number[] {
  return (text.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
}

const { u8, u16 } = f;

const ROUND_TRIPS: readonly (readonly [string, unknown, unknown, string])[] = [
  ["u8", f.u8, 255, "ff"],
  ["u16", f.u16, 0x1234, "1234"],
  ["u24", f.u24, 0x123456, "123456"],
  ["u32", f.u32, 0xfedcba98, "fedcba98"],
  ["u64", f.u64, 2n ** 64n - 1n, "ffffffffffffffff"],
  ["u16le", f.u16le, 0x1234, "3412"],
  ["u24le", f.u24le, 0x123456, "563412"],
  ["u32le", f.u32le, 0xfedcba98, "98badcfe"],
  ["u64le", f.u64le, 1n, "0100000000000000"],
  ["i8", f.i8, -128, "80"],
  ["i16", f.i16, -2, "fffe"],
  ["i32", f.i32, -(2 ** 31), "80000000"],
  ["i64", f.i64, -1n, "ffffffffffffffff"],
  ["i16le", f.i16le, -2, "feff"],
  ["i32le", f.i32le, -2, "feffffff"],
  ["i64le", f.i64le, -(2n ** 63n), "0000000000000080"],
  ["f32", f.f32, 1.5, "3fc00000"],
  ["f64", f.f64, -0.1, "bfb999999999999a"],
  ["f32le", f.f32le, 1.5, "0000c03f"],
  ["f64le", f.f64le, -0.1, "9a9999999999b9bf"],
  ["uvarint of one byte", f.uvarint, 127, "7f"],
  ["uvarint of two bytes", f.uvarint, 300, "ac02"],
  ["uvarint, the largest", f.uvarint, Number.MAX_SAFE_INTEGER, "ffffffffffffff0f"],
  ["bool", f.bool, true, "01"],
  ["enumeration", f.enumeration(u8, { low: 1, high: 9 }), "high", "09"],
  ["bytes of a fixed length", f.bytes(3), new Uint8Array([1, 2, 3]), "010203"],
  ["bytes behind their length", f.bytes(u16), new Uint8Array([7]), "000107"],
  ["no bytes behind their length", f.bytes(u8), new Uint8Array(0), "00"],
  ["string of a fixed length", f.string(2), "é", "c3a9"],
  ["string behind its length", f.string(u8), "héllo", "0668c3a96c6c6f"],
  ["a long string", f.string(u8), "x".repeat(40), `28${"78".repeat(40)}`],
  ["cstring", f.cstring(6), "hello", "68656c6c6f00"],
  ["an empty cstring", f.cstring(1), "", "00"],
  ["padded with spaces", f.padded(5), "ab", "6162202020"],
  ["padded with zeros", f.padded(3, 0), "abc", "616263"],
  ["rest", f.rest(), new Uint8Array([1, 2]), "0102"],
  ["an empty rest", f.rest(), new Uint8Array(0), ""],
  ["restText", f.restText(), "hi", "6869"],
  ["array of a fixed count", f.array(2, u8), [1, 2], "0102"],
  ["array behind its count", f.array(u8, u16), [1, 2], "0200010002"],
  ["array to the end", f.array("rest", f.cstring(9)), ["a", "b"], "61006200"],
  ["record", f.record({ a: u8, b: u16 }), { a: 1, b: 2 }, "010002"],
  ["array of records", f.array(u8, f.record({ a: u8 })), [{ a: 1 }, { a: 2 }], "020102"],
  [
    "union",
    f.union(u8, { circle: [1, { r: u16 }], none: [2, {}] }),
    { type: "circle", r: 5 },
    "010005",
  ],
  ["union without fields", f.union(u8, { circle: [1, { r: u16 }], none: [2, {}] }), {
    type: "none",
  }, "02"],
  ["optional that is there", f.optional(u16), 5, "0005"],
  ["optional that is missing", f.optional(u16), undefined, ""],
  ["constant", f.constant(u16, 0xcafe), 0xcafe, "cafe"],
  [
    "constant bytes",
    f.constant(f.bytes(2), new Uint8Array([1, 2])),
    new Uint8Array([1, 2]),
    "0102",
  ],
  ["a default that is not used", f.withDefault(u8, 7), 9, "09"],
  ["sized by a u8", f.sized(u8, f.array("rest", u16)), [1, 2], "0400010002"],
  [
    "sized by a varint",
    f.sized(f.uvarint, f.restText()),
    "x".repeat(130),
    `8201${"78".repeat(130)}`,
  ],
  ["sized within sized", f.sized(u8, f.sized(f.uvarint, f.rest())), new Uint8Array([9]), "020109"],
  ["sized, empty", f.sized(u16, f.rest()), new Uint8Array(0), "0000"],
  [
    "tagged values",
    f.tlvs(u16, u16, { text: [0x1e, f.cstring(9)], state: [0x427, u8] }),
    { state: 2, text: "ab" },
    "0427000102001e0003616200",
  ],
  [
    "tagged values that are not known, or came before",
    f.tlvs(u8, u8, { n: [1, u8] }),
    {
      n: 7,
      others: [{ tag: 9, value: new Uint8Array([5]) }, { tag: 1, value: new Uint8Array(0) }],
    },
    "01010709010501" + "00",
  ],
  ["no tagged values", f.tlvs(u8, u8, { n: [1, u8] }), {}, ""],
];

for (const [name, field, value, bytes] of ROUND_TRIPS) {
  t.test(`${name} round-trips exactly`, (t) => {
    t.equal(encode(field, value), bytes);
    t.strictSame(decode(field, bytes), value);
    t.end();
  });
}

const REFUSED: readonly (readonly [string, unknown, unknown, RegExp])[] = [
  ["u8", f.u8, 256, /from 0 to 255 and is 256/],
  ["u8", f.u8, -1, /is -1/],
  ["u8", f.u8, 1.5, /is 1.5/],
  ["u8", f.u8, "1", /is "1"/],
  ["i8", f.i8, 128, /from -128 to 127/],
  ["u64", f.u64, 5, /a bigint/],
  ["u64", f.u64, 2n ** 64n, /is 18446744073709551616n/],
  ["f64", f.f64, null, /a number/],
  ["uvarint", f.uvarint, 2 ** 53, /2\^53/],
  ["bool", f.bool, 1, /true or false/],
  ["enumeration", f.enumeration(u8, { a: 1 }), "b", /one of a \(1\) and is "b"/],
  ["bytes(2)", f.bytes(2), new Uint8Array(3), /2 bytes and is 3 bytes/],
  ["bytes(u8)", f.bytes(u8), new Uint8Array(256), /is 256/],
  ["bytes(u8)", f.bytes(u8), "abc", /a Uint8Array/],
  ["string(u8)", f.string(u8), 5, /a string/],
  ["cstring(3)", f.cstring(3), "abc", /at most 2 bytes/],
  ["cstring(9)", f.cstring(9), "a\0b", /without a zero/],
  ["padded(2)", f.padded(2), "abc", /at most 2 bytes/],
  ["padded(4)", f.padded(4), "ab ", /does not end in byte 32/],
  ["array(2)", f.array(2, u8), [1], /array of 2/],
  ["array(u8)", f.array(u8, u8), 5, /an array/],
  ["array item", f.array(u8, u8), [1, 999], /is 999/],
  ["record", f.record({ a: u8 }), 5, /an object/],
  ["record field", f.record({ a: u8 }), {}, /is missing/],
  ["union", f.union(u8, { a: [1, {}] }), { type: "b" }, /type is one of a \(1\)/],
  ["constant", f.constant(u8, 7), 8, /7, always and is 8/],
  ["sized(u8)", f.sized(u8, f.rest()), new Uint8Array(256), /is 256/],
  ["tlvs", f.tlvs(u8, u8, { n: [1, u8] }), { n: 300 }, /is 300/],
  ["tlvs", f.tlvs(u8, u8, { n: [1, u8] }), { m: 1 }, /an object of n and others and is "m"/],
  [
    "tlvs",
    f.tlvs(u8, u8, { n: [1, u8] }),
    { others: [{ tag: 1, value: new Uint8Array(1) }] },
    /given as n/,
  ],
];

for (const [name, field, value, message] of REFUSED) {
  t.test(`${name} refuses to encode ${String(value)}`, (t) => {
    t.throws(() => encode(field, value), { message, code: "INVALID_FIELD" });
    t.end();
  });
}

const MALFORMED: readonly (readonly [string, unknown, string, string])[] = [
  ["u16 of one byte", f.u16, "01", "BODY_TOO_SHORT"],
  ["u64 of seven bytes", f.u64, "01020304050607", "BODY_TOO_SHORT"],
  ["uvarint without an end", f.uvarint, "8080", "BODY_TOO_SHORT"],
  ["uvarint of nine bytes", f.uvarint, "808080808080808001", "INVALID_FIELD"],
  ["uvarint over 2^53", f.uvarint, "ffffffffffffff7f", "INVALID_FIELD"],
  ["bool of 2", f.bool, "02", "INVALID_FIELD"],
  ["an unknown enumeration", f.enumeration(u8, { a: 1 }), "02", "INVALID_FIELD"],
  ["bytes cut off", f.bytes(u8), "0301", "BODY_TOO_SHORT"],
  ["a huge length", f.bytes(f.u32), "ffffffff00", "BODY_TOO_SHORT"],
  ["a cstring without an end", f.cstring(9), "6161", "BODY_TOO_SHORT"],
  ["a cstring over its maximum", f.cstring(2), "616100", "INVALID_FIELD"],
  ["an array cut off", f.array(u8, u16), "020001", "BODY_TOO_SHORT"],
  ["a huge count of records", f.array(f.u32, f.record({ a: u8 })), "ffffffff01", "BODY_TOO_SHORT"],
  ["a huge count of nothing", f.array(f.u32, f.record({})), "ffffffff", "INVALID_FIELD"],
  ["an unknown union tag", f.union(u8, { a: [1, {}] }), "02", "INVALID_FIELD"],
  ["another constant", f.constant(u8, 1), "02", "INVALID_FIELD"],
  ["sized over the end", f.sized(u8, f.rest()), "0201", "BODY_TOO_SHORT"],
  ["a field over its size", f.sized(u8, u16), "010102", "BODY_TOO_SHORT"],
  ["a field under its size", f.sized(u8, u8), "020102", "BODY_TOO_LONG"],
  ["a tagged value of another length", f.tlvs(u8, u8, { n: [1, u16] }), "010101", "BODY_TOO_SHORT"],
  ["a tagged value cut off", f.tlvs(u8, u8, {}), "010201", "BODY_TOO_SHORT"],
];

for (const [name, field, bytes, code] of MALFORMED) {
  t.test(`${name} is refused with ${code}`, (t) => {
    t.throws(() => decode(field, bytes), { code });
    t.end();
  });
}

function shape(fields: Shape): ShapeCodec {
  return new ShapeCodec(fields, "test");
}

t.test("in a record a field is what it is alone, whole and cut off", (t) => {
  for (const [name, anyField, value, expected] of ROUND_TRIPS) {
    const field = anyField as Loose;
    const tail = field.trailing ? {} : { after: u16 };
    const inLine = shape({ before: u8, it: field, ...tail } as unknown as Shape);
    const called = shape(
      { before: u8, it: { ...field, inline: undefined }, ...tail } as unknown as Shape,
    );
    const record = { before: 1, it: value, ...(field.trailing ? {} : { after: 2 }) };
    const [bytes, twin] = [inLine, called].map((codec) => {
      const writer = new ByteWriter(1);
      codec.write(writer, record);
      return writer.bytes.slice(0, writer.at);
    });
    t.equal(hex(bytes!), `01${expected}${field.trailing ? "" : "0002"}`, name);
    t.strictSame(bytes, twin);
    for (let cut = 0; cut <= bytes!.length; cut++) {
      const [outcome, other] = [inLine, called].map((codec) => {
        const reader = new FieldReader();
        reader.open(bytes!, 0, cut);
        try {
          return { record: codec.readRecord(reader), at: reader.at };
        } catch (problem) {
          const { code, message, path } = problem as FieldProblem;
          return { code, message, path, at: reader.at };
        }
      });
      t.strictSame(outcome, other, `${name} cut at ${cut}`);
      if (cut === bytes!.length) t.strictSame(outcome, { record, at: cut });
    }
  }
  t.end();
});

t.test("text of any length and alphabet comes back", (t) => {
  const fields = [f.string(u16), f.cstring(500), f.restText(), f.sized(u8, f.restText())];
  for (const field of fields) {
    for (let length = 0; length <= 70; length++) {
      const ascii = Array.from({ length }, (_, i) => String.fromCharCode(33 + i)).join("");
      const texts = [ascii, `${ascii}é`, `é${ascii}`, `${ascii}\u{1f600}`];
      const half = length >> 1;
      texts.push(`${ascii.slice(0, half)}ü${ascii.slice(half)}`);
      for (const text of texts) {
        const back = decode(field, encode(field, text));
        if (back !== text) t.equal(back, text);
      }
    }
  }
  t.pass("each of them");
  t.end();
});

t.test("bit fields share bytes, the first in the highest bits", (t) => {
  const codec = shape({ a: f.bits(4), b: f.bits(1), c: f.bits(11), d: u8 });
  const writer = new ByteWriter(1);
  codec.write(writer, { a: 0b1010, b: 1, c: 0b100_0000_0001, d: 7 });
  t.equal(hex(writer.bytes.subarray(0, writer.at)), "ac0107");
  const reader = new FieldReader();
  reader.open(writer.bytes, 0, writer.at);
  t.strictSame(codec.readRecord(reader), { a: 0b1010, b: 1, c: 0b100_0000_0001, d: 7 });
  t.equal(codec.width, 3);
  t.equal(codec.offsetOf("d"), 2);
  t.throws(() => codec.write(writer, { a: 16, b: 0, c: 0, d: 0 }), { code: "INVALID_FIELD" });
  t.throws(() => shape({ a: f.bits(3), b: u8 }), { code: "INVALID_CONFIG" });
  t.end();
});

t.test("32 bits that cross bytes come back", (t) => {
  const codec = shape({ a: f.bits(3), b: f.bits(32), c: f.bits(5) });
  const writer = new ByteWriter(1);
  const value = { a: 5, b: 0xdeadbeef, c: 17 };
  codec.write(writer, value);
  const reader = new FieldReader();
  reader.open(writer.bytes, 0, writer.at);
  t.strictSame(codec.readRecord(reader), value);
  t.end();
});

t.test("computed fields and defaults are filled in", (t) => {
  const codec = shape({
    count: f.computed(u8, (record) => (record["items"] as number[]).length),
    version: f.withDefault(u8, 3),
    items: f.array("rest", u8),
  });
  const writer = new ByteWriter(1);
  codec.write(writer, { items: [9, 8] });
  t.equal(hex(writer.bytes.subarray(0, writer.at)), "02030908");
  t.end();
});

t.test("a field that depends on others is there when they say so", (t) => {
  const codec = shape({
    flags: u8,
    more: f.when((before: { flags: number }) => before.flags === 1, u16),
    tail: f.when((before: { more?: number }) => before.more !== undefined, f.rest()),
  });
  const values = [
    [{ flags: 1, more: 5, tail: new Uint8Array([9]) }, "01000509"],
    [{ flags: 0, more: undefined, tail: undefined }, "00"],
  ] as const;
  for (const [value, bytes] of values) {
    const writer = new ByteWriter(1);
    codec.write(writer, value);
    t.equal(hex(writer.bytes.subarray(0, writer.at)), bytes);
    const reader = new FieldReader();
    reader.open(writer.bytes, 0, writer.at);
    t.strictSame(codec.readRecord(reader), value);
  }
  const write = (value: Record<string, unknown>) => () => codec.write(new ByteWriter(1), value);
  t.throws(write({ flags: 1 }), { code: "INVALID_FIELD", path: "more", message: "is missing" });
  t.throws(write({ flags: 0, more: 1 }), { code: "INVALID_FIELD", message: /must be left out/ });
  t.end();
});

t.test("tags that clash are refused", (t) => {
  const code = "INVALID_CONFIG";
  t.throws(() => f.tlvs(u8, u8, { a: [1, u8], b: [1, u8] }), { code, message: /b has tag 1/ });
  t.throws(() => f.tlvs(u8, u8, { others: [1, u8] }), { code, message: /others/ });
  t.end();
});

t.test("a problem names the path to its field", (t) => {
  const codec = shape({ list: f.array(u8, f.record({ inner: f.record({ x: u8 }) })) });
  try {
    codec.write(new ByteWriter(1), { list: [{ inner: { x: 1 } }, { inner: { x: 300 } }] });
    t.fail("300 is no u8");
  } catch (problem) {
    t.type(problem, FieldProblem);
    t.equal((problem as FieldProblem).path, "list[1].inner.x");
  }
  t.end();
});

t.test("a field that takes the rest must stand last", (t) => {
  t.throws(() => shape({ a: f.rest(), b: u8 }), { code: "INVALID_CONFIG", message: /test\.a/ });
  t.throws(() => shape({ a: f.optional(u8), b: u8 }), { code: "INVALID_CONFIG" });
  t.doesNotThrow(() => shape({ a: f.optional(u8), b: f.optional(u8), c: f.rest() }));
  t.end();
});
