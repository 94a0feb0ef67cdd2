/** What encoders make is what decoders of the same framing take apart; what cannot be is refused. */

import t from "tap";
import { ByteWriter } from "../../src/codec/byte_writer.ts";
import { createDecoder } from "../../src/codec/decoder.ts";
import { createEncoder } from "../../src/codec/encoder.ts";
import { frameWriter } from "../../src/codec/frame_writer.ts";
import {
  custom,
  delimiter,
  fixed,
  type Framing,
  lengthField,
  varint,
} from "../../src/codec/framing.ts";
import { bytesOf, fromHex, join, random, toHex } from "../helpers/frames.ts";

const pairs = custom((bytes, start) => bytes[start]! + 1, {
  encode: (payload) => join(Uint8Array.of(payload.length), payload),
  maxFrameBytes: 256,
});

/** What a call throws. */
function refusal(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return "nothing thrown";
}

t.test("frames as they are on the wire", (t) => {
  const cases: [Framing, string, string][] = [
    [lengthField({ size: 2, strip: 2 }), "aabb", "0002aabb"],
    [lengthField({ size: 2, strip: 2, endian: "little" }), "aabb", "0200aabb"],
    [lengthField({ size: 3, strip: 3, counts: "frame" }), "aa", "000004aa"],
    [lengthField({ size: 8, strip: 8 }), "aa", "0000000000000001aa"],
    [lengthField({ size: 2, strip: 2, adjust: -4, maxFrameBytes: 9 }), "aa", "0005aa"],
    [lengthField({ offset: 1, size: 2 }), "ca 0000 aabb", "ca0002aabb"],
    [lengthField({ offset: 1, size: 2, strip: 1 }), "0000 aabb", "000002aabb"],
    [lengthField({ offset: 2, size: 1, strip: 3 }), "aa", "000001aa"],
    [varint(), "aabb", "02aabb"],
    [varint({ offset: 1 }), "30 6869", "30026869"],
    [varint({ offset: 1, strip: true }), "6869", "00026869"],
    [delimiter(["\r\n", "\n"]), "6869", "68690d0a"],
    [delimiter("\n", { strip: false }), "68690a", "68690a"],
    [fixed(2), "6869", "6869"],
    [pairs, "6869", "026869"],
  ];
  for (const [framing, content, wire] of cases) {
    t.equal(toHex(createEncoder(framing).encode(fromHex(content))), wire);
  }
  const long = createEncoder(varint()).encode(new Uint8Array(300).fill(7));
  t.equal(toHex(long.subarray(0, 4)), "ac020707");
  t.equal(long.length, 302);
  t.end();
});

t.test("random contents come back whole, in every framing", (t) => {
  const framings: Framing[] = [
    lengthField({ strip: 4 }),
    lengthField({ offset: 2, size: 3, strip: 5, endian: "little", counts: "frame" }),
    lengthField({ offset: 1, size: 5, strip: 6, signed: true, adjust: -2 }),
    lengthField({ size: 7, strip: 9 }),
    varint(),
    varint({ offset: 3, strip: true, maxBytes: 9 }),
    delimiter("\n"),
    delimiter([Uint8Array.of(1, 2), Uint8Array.of(2)]),
  ];
  const next = random(20_261);
  for (const framing of framings) {
    const encoder = createEncoder(framing);
    const out = new ByteWriter(16);
    const contents: string[] = [];
    for (let i = 0; i < 200; i++) {
      const content = new Uint8Array(next(i % 20 === 0 ? 250 : 20)).map(() => 11 + next(240));
      contents.push(toHex(content));
      const before = out.at;
      const bytes = encoder.encodeInto(content, out);
      if (out.at - before !== bytes) t.fail("encodeInto says how much it wrote");
    }
    const decoder = createDecoder(framing);
    const got: string[] = [];
    const stream = out.bytes.slice(0, out.at);
    for (let from = 0; from < stream.length; from += 37) {
      for (const frame of decoder.push(stream.slice(from, from + 37))) got.push(toHex(frame));
    }
    decoder.end();
    t.strictSame(got, contents, framing.kind);
  }
  t.end();
});

t.test("what cannot be a frame is refused, and nothing of it stays in the writer", (t) => {
  const cases: [Framing, Uint8Array, Record<string, unknown>][] = [
    [
      lengthField({ size: 1, strip: 1 }),
      new Uint8Array(256),
      { code: "FRAME_TOO_LARGE", declaredBytes: 257, limitBytes: 256 },
    ],
    [
      lengthField({ size: 1, strip: 1, signed: true }),
      new Uint8Array(128),
      { code: "FRAME_TOO_LARGE", limitBytes: 128 },
    ],
    [
      lengthField({ strip: 4, maxFrameBytes: 10 }),
      new Uint8Array(7),
      { code: "FRAME_TOO_LARGE", declaredBytes: 11, limitBytes: 10 },
    ],
    [
      lengthField({ strip: 4, minFrameBytes: 8 }),
      new Uint8Array(3),
      { code: "LENGTH_UNDERFLOW", declaredBytes: 7, limitBytes: 8 },
    ],
    [lengthField(), new Uint8Array(3), { code: "LENGTH_UNDERFLOW", limitBytes: 4 }],
    [
      lengthField({ adjust: 4, strip: 4 }),
      new Uint8Array(3),
      { code: "LENGTH_UNDERFLOW", declaredBytes: 7, limitBytes: 8 },
    ],
    [varint({ maxBytes: 1 }), new Uint8Array(128), { code: "FRAME_TOO_LARGE", limitBytes: 128 }],
    [varint({ maxFrameBytes: 8 }), new Uint8Array(8), { code: "FRAME_TOO_LARGE", limitBytes: 8 }],
    [varint({ offset: 2 }), new Uint8Array(1), { code: "LENGTH_UNDERFLOW" }],
    [
      delimiter("\n"),
      bytesOf("two\nlines"),
      { code: "INVALID_CONTENT", message: /complete at byte 4/ },
    ],
    [
      delimiter(["\n", "\r\n"]),
      bytesOf("ends in \r"),
      { code: "INVALID_CONTENT" },
    ],
    [delimiter("\n", { strip: false }), bytesOf("no end"), { code: "INVALID_CONTENT" }],
    [delimiter("\n", { maxFrameBytes: 4 }), bytesOf("four"), { code: "FRAME_TOO_LARGE" }],
    [fixed(4), new Uint8Array(5), { code: "INVALID_CONTENT", declaredBytes: 5, limitBytes: 4 }],
    [pairs, new Uint8Array(256), { code: "FRAME_TOO_LARGE", declaredBytes: 257 }],
  ];
  for (const [framing, content, expected] of cases) {
    const out = new ByteWriter(4);
    out.append(Uint8Array.of(1, 2, 3));
    t.match(refusal(() => createEncoder(framing).encodeInto(content, out)), expected);
    t.equal(out.at, 3, `${framing.kind}: nothing stays`);
  }
  t.throws(() => createEncoder(custom(() => 1)).encode(new Uint8Array(1)), {
    code: "INVALID_CONFIG",
    message: /no encode/,
  });
  t.end();
});

t.test("a writer's own limit must be one that the framing can have", (t) => {
  t.throws(() => frameWriter(fixed(9), 8), { code: "INVALID_CONFIG" });
  t.throws(() => createEncoder(lengthField(), { maxFrameBytes: 3 }), { code: "INVALID_CONFIG" });
  const encoder = createEncoder(lengthField({ strip: 4 }), { maxFrameBytes: 5 });
  t.equal(encoder.encode(Uint8Array.of(1)).length, 5);
  t.throws(() => encoder.encode(Uint8Array.of(1, 2)), { code: "FRAME_TOO_LARGE", limitBytes: 5 });
  t.end();
});
