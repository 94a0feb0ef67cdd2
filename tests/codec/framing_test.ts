/** What each framing takes for a frame, and which errors it gives; the same on both codecs. */

import t from "tap";
import { createDecoder } from "../../src/codec/decoder.ts";
import {
  custom,
  delimiter,
  fixed,
  type Framing,
  lengthField,
  type LengthFieldOptions,
  varint,
} from "../../src/codec/framing.ts";
import { type FramewireError, isFramewireError } from "../../src/errors.ts";
import { bytesOf, fromHex, join, toHex } from "../helpers/frames.ts";
import { CODECS } from "../helpers/settings.ts";

/** Decodes a stream in one piece: the contents in hexadecimal, and the error. */
function decode(
  framing: Framing,
  stream: Uint8Array,
  codec: "wasm" | "ts",
  onSkipped?: (error: FramewireError) => void,
): { frames: string[]; error: FramewireError | undefined } {
  const decoder = createDecoder(framing, { codec, ...(onSkipped && { onSkipped }) });
  const frames: string[] = [];
  try {
    for (const frame of decoder.push(stream)) frames.push(toHex(frame));
    decoder.end();
  } catch (error) {
    if (!isFramewireError(error)) throw error;
    return { frames, error };
  }
  return { frames, error: undefined };
}

/** The examples in the documentation of Netty's LengthFieldBasedFrameDecoder. */
const NETTY: readonly [string, LengthFieldOptions, string, string][] = [
  ["2 bytes length at offset 0, not stripped", { size: 2 }, "000c 48454c4c4f2c20574f524c44", "all"],
  [
    "2 bytes length at offset 0, stripped",
    { size: 2, strip: 2 },
    "000c 48454c4c4f2c20574f524c44",
    "48454c4c4f2c20574f524c44",
  ],
  [
    "the length counts the whole message",
    { size: 2, adjust: -2 },
    "000e 48454c4c4f2c20574f524c44",
    "all",
  ],
  [
    "3 bytes length at the end of a header of 5",
    { offset: 2, size: 3 },
    "cafe 00000c 48454c4c4f2c20574f524c44",
    "all",
  ],
  [
    "3 bytes length at the beginning of a header of 5",
    { size: 3, adjust: 2 },
    "00000c cafe 48454c4c4f2c20574f524c44",
    "all",
  ],
  [
    "2 bytes length in the middle of a header of 4, the first and the length stripped",
    { offset: 1, size: 2, adjust: 1, strip: 3 },
    "ca 000c fe 48454c4c4f2c20574f524c44",
    "fe48454c4c4f2c20574f524c44",
  ],
  [
    "the same, the length counting the whole message",
    { offset: 1, size: 2, adjust: -3, strip: 3 },
    "ca 0010 fe 48454c4c4f2c20574f524c44",
    "fe48454c4c4f2c20574f524c44",
  ],
];

for (const codec of CODECS) {
  for (const [name, options, hex, content] of NETTY) {
    t.test(`as Netty: ${name} (${codec})`, (t) => {
      const whole = toHex(fromHex(hex));
      const expected = content === "all" ? whole : content;
      const { frames, error } = decode(lengthField(options), fromHex(hex + hex), codec);
      t.strictSame(frames, [expected, expected]);
      t.equal(error, undefined);
      t.end();
    });
  }

  t.test(`lengths of 1 to 8 bytes, both byte orders, signed and not (${codec})`, (t) => {
    for (let size = 1; size <= 8; size++) {
      for (const endian of ["big", "little"] as const) {
        for (const signed of [false, true]) {
          const field = new Uint8Array(size);
          field[endian === "big" ? size - 1 : 0] = 3;
          const framing = lengthField({ size, endian, signed, strip: size });
          const { frames } = decode(framing, join(field, Uint8Array.of(7, 8, 9)), codec);
          t.strictSame(frames, ["070809"], `${size} bytes, ${endian}, ${signed}`);

          const { error } = decode(framing, new Uint8Array(size + 4).fill(0xff), codec);
          const unsigned = size === 1 ? "TRUNCATED" : size === 2 ? "TRUNCATED" : "FRAME_TOO_LARGE";
          t.equal(error?.code, signed ? "NEGATIVE_LENGTH" : unsigned);
          if (signed) t.equal(error?.declaredBytes, -1);
        }
      }
    }
    t.end();
  });

  t.test(`counts: "frame" is the length of all of it (${codec})`, (t) => {
    const framing = lengthField({ offset: 1, size: 2, counts: "frame" });
    t.strictSame(decode(framing, fromHex("ca 0004 fe ca 0003"), codec).frames, [
      "ca0004fe",
      "ca0003",
    ]);
    const { error } = decode(framing, fromHex("ca 0002 fe"), codec);
    t.match(error, { code: "LENGTH_UNDERFLOW", declaredBytes: 2, limitBytes: 3, streamOffset: 0 });
    t.end();
  });

  t.test(`every error says how large, which limit, where and what came (${codec})`, (t) => {
    const cases: [Framing, string, Record<string, unknown>][] = [
      [
        lengthField({ maxFrameBytes: 100 }),
        "00000001 aa 00000061 bb",
        { code: "FRAME_TOO_LARGE", declaredBytes: 101, limitBytes: 100, streamOffset: 5 },
      ],
      [
        lengthField({ minFrameBytes: 8 }),
        "00000004 aabbccdd 00000003",
        { code: "LENGTH_UNDERFLOW", declaredBytes: 7, limitBytes: 8, streamOffset: 8 },
      ],
      [
        lengthField({ size: 2, signed: true }),
        "0001 aa fffe",
        { code: "NEGATIVE_LENGTH", declaredBytes: -2, limitBytes: 0, streamOffset: 3 },
      ],
      [
        lengthField({ size: 1, strip: 4 }),
        "03 aabbcc 02 aabb",
        { code: "STRIP_EXCEEDS_FRAME", declaredBytes: 3, limitBytes: 4, streamOffset: 4 },
      ],
      [
        varint({ maxBytes: 2 }),
        "01 aa 80 80 01",
        { code: "VARINT_TOO_LONG", declaredBytes: 2, limitBytes: 2, streamOffset: 2 },
      ],
      [
        varint({ maxFrameBytes: 200 }),
        "01 aa c7 01",
        { code: "FRAME_TOO_LARGE", declaredBytes: 201, limitBytes: 200, streamOffset: 2 },
      ],
      [
        delimiter("\n", { maxFrameBytes: 4 }),
        "6162630a 61626364 0a",
        { code: "DELIMITER_NOT_FOUND", declaredBytes: 4, limitBytes: 4, streamOffset: 4 },
      ],
      [
        custom(() => {
          throw new Error("no such type");
        }),
        "01",
        { code: "INVALID_FRAME", streamOffset: 0, message: /no such type/ },
      ],
      [
        custom(() => NaN),
        "01",
        { code: "INVALID_FRAME", message: /returned NaN/ },
      ],
      [lengthField(), "00000002 aa", { code: "TRUNCATED", declaredBytes: 6, streamOffset: 0 }],
      [varint(), "02 aa", { code: "TRUNCATED", declaredBytes: 3, streamOffset: 0 }],
      [delimiter("\n"), "610a 61", { code: "TRUNCATED", streamOffset: 2, message: /not its end/ }],
      [fixed(4), "01020304 05", { code: "TRUNCATED", declaredBytes: 4, streamOffset: 4 }],
    ];
    for (const [framing, hex, expected] of cases) {
      const { error } = decode(framing, fromHex(hex), codec);
      t.match(error, expected, String(expected["code"]));
      const at = error?.streamOffset ?? 0;
      t.equal(
        error?.firstBytes && toHex(error.firstBytes),
        toHex(fromHex(hex).subarray(at, at + 16)),
        "the first bytes",
      );
    }
    t.end();
  });

  t.test(`a limit under what every frame has makes every frame too large (${codec})`, (t) => {
    const framing = lengthField({ adjust: 100 });
    const decoder = createDecoder(framing, { codec, maxFrameBytes: 50 });
    t.throws(() => [...decoder.push(new Uint8Array(4))], {
      code: "FRAME_TOO_LARGE",
      declaredBytes: 104,
      limitBytes: 50,
    });
    t.end();
  });

  t.test(`varints: shortest, longest, needlessly long, and MQTT's (${codec})`, (t) => {
    t.strictSame(decode(varint(), fromHex("00 01aa 8100 bb"), codec).frames, ["", "aa", "bb"]);
    const long = join(fromHex("ac02"), new Uint8Array(300).fill(5));
    t.equal(decode(varint(), long, codec).frames[0]?.length, 600);
    const { error } = decode(varint({ maxBytes: 9 }), fromHex("ffffffffffffffff7f"), codec);
    t.match(error, { code: "FRAME_TOO_LARGE", declaredBytes: 2 ** 63 });

    // PINGREQ, then PUBLISH "a/b" "hi".
    const mqtt = fromHex("c000 30 07 0003 612f62 6869");
    t.strictSame(decode(varint({ offset: 1, maxBytes: 4 }), mqtt, codec).frames, [
      "c000",
      "30070003612f626869",
    ]);
    t.strictSame(decode(varint({ offset: 1, maxBytes: 4, strip: true }), mqtt, codec).frames, [
      "",
      "0003612f626869",
    ]);
    t.end();
  });

  t.test(`a frame ends where the first delimiter is complete (${codec})`, (t) => {
    const text = (framing: Framing, stream: string) =>
      decode(framing, bytesOf(stream), codec).frames.map((hex) =>
        new TextDecoder().decode(fromHex(hex))
      );
    t.strictSame(text(delimiter("\n"), "one\n\ntwo\n"), ["one", "", "two"]);
    t.strictSame(text(delimiter(["\r\n", "\n"]), "one\r\ntwo\nthree\r\r\n"), [
      "one",
      "two",
      "three\r",
    ]);
    t.strictSame(text(delimiter("\n", { strip: false }), "one\ntwo\n"), ["one\n", "two\n"]);
    t.strictSame(text(delimiter("aab"), "aaab aab"), ["a", " "], "a false start is no match");
    t.strictSame(text(delimiter(["abcd", "cd", "x"]), "1abcd2cd3x"), ["1", "2", "3"]);
    t.strictSame(
      text(delimiter(["\r\n", "\n"]), "\n\r\n"),
      ["", ""],
      "a delimiter does not reach into the frame before",
    );
    for (const length of [1, 2, 3, 17, 64]) {
      const end = "=".repeat(length - 1) + "!";
      const frames = Array.from({ length: 40 }, (_, i) => "-".repeat(i * 3) + "=".repeat(i % 3));
      const stream = frames.map((frame) => frame + end).join("");
      t.strictSame(text(delimiter(end), stream), frames, `a delimiter of ${length} bytes`);
    }
    t.end();
  });

  t.test(`frames of one length (${codec})`, (t) => {
    t.strictSame(decode(fixed(3), fromHex("010203 040506"), codec).frames, ["010203", "040506"]);
    t.strictSame(decode(fixed(1), fromHex("0102"), codec).frames, ["01", "02"]);
    t.end();
  });

  t.test(`onOversize "skip": what is too long is reported and left out (${codec})`, (t) => {
    const skip = { onOversize: "skip", maxFrameBytes: 6 } as const;
    const cases: [string, Framing, string, string[], string[]][] = [
      [
        "lengthField",
        lengthField({ size: 2, strip: 2, ...skip }),
        "0001 aa 0005 0102030405 0002 bbcc 0064" + "00".repeat(100) + "0001 dd",
        ["aa", "bbcc", "dd"],
        ["FRAME_TOO_LARGE 7 at 3", "FRAME_TOO_LARGE 102 at 14"],
      ],
      [
        "varint",
        varint(skip),
        "01aa 8001" + "00".repeat(128) + "02bbcc",
        ["aa", "bbcc"],
        ["FRAME_TOO_LARGE 130 at 2"],
      ],
      [
        "delimiter",
        delimiter(["\r\n", "\n"], skip),
        toHex(bytesOf("ab\n01234567890\r\ncd\r\n012345\r\nx\n")),
        ["6162", "6364", "78"],
        ["DELIMITER_NOT_FOUND 6 at 3", "DELIMITER_NOT_FOUND 6 at 20"],
      ],
      [
        "delimiter across the limit",
        delimiter("====", skip),
        toHex(bytesOf("abcd====ef====")),
        ["6566"],
        ["DELIMITER_NOT_FOUND 6 at 0"],
      ],
    ];
    for (const [name, framing, hex, frames, skipped] of cases) {
      const errors: string[] = [];
      const got = decode(
        framing,
        fromHex(hex),
        codec,
        (e) => errors.push(`${e.code} ${e.declaredBytes} at ${e.streamOffset}`),
      );
      t.strictSame(got.frames, frames, name);
      t.strictSame(errors, skipped, `${name}: reported`);
      t.equal(got.error, undefined, name);
    }
    const open = decode(lengthField({ size: 2, ...skip }), fromHex("0064 00"), codec);
    t.match(open.error, { code: "TRUNCATED", message: /skipped/ });
    t.end();
  });
}

t.test("a framing that cannot be is refused when it is made", (t) => {
  const cases: [() => Framing, RegExp][] = [
    [() => lengthField({ size: 0 }), /size is 0: it must be a whole number from 1 to 8/],
    [() => lengthField({ size: 9 }), /size/],
    [() => lengthField({ offset: -1 }), /offset/],
    [() => lengthField({ offset: 253 }), /offset is 253/],
    [() => lengthField({ adjust: 0.5 }), /adjust/],
    [() => lengthField({ strip: 65_536 }), /strip/],
    [() => lengthField({ endian: "middle" as "big" }), /endian is "middle"/],
    [() => lengthField({ counts: "all" as "frame" }), /counts/],
    [() => lengthField({ onOversize: "drop" as "skip" }), /onOversize/],
    [() => lengthField({ maxFrameBytes: 3 }), /maxFrameBytes is 3/],
    [() => lengthField({ maxFrameBytes: 2 ** 31 }), /maxFrameBytes/],
    [() => lengthField({ maxFrameBytes: 64, strip: 65 }), /strip/],
    [() => lengthField({ minFrameBytes: 3 }), /minFrameBytes/],
    [() => lengthField({ minFrameBytes: 65, maxFrameBytes: 64 }), /minFrameBytes/],
    [() => lengthField({ size: 1, minFrameBytes: 300 }), /256 bytes at the most/],
    [() => lengthField({ size: 1, signed: true, counts: "frame", minFrameBytes: 128 }), /127/],
    [() => lengthField({ adjust: 100, maxFrameBytes: 64 }), /a length of 0/],
    [() => varint({ maxBytes: 10 }), /maxBytes/],
    [() => varint({ offset: 241 }), /offset/],
    [() => delimiter([]), /number of delimiters/],
    [() => delimiter(""), /length is 0/],
    [() => delimiter("x".repeat(65)), /length is 65/],
    [() => delimiter(["a", "b", "c", "d", "e", "f", "g", "h", "i"]), /number/],
    [() => delimiter(["\r", "\r\n"]), /could never be found/],
    [() => delimiter(["abc", "b"]), /could never be found/],
    [() => delimiter(["a", "a"]), /could never be found/],
    [() => delimiter("long", { maxFrameBytes: 3 }), /maxFrameBytes/],
    [() => delimiter(7 as unknown as string), /bytes or text/],
    [() => fixed(0), /frameBytes/],
    [() => custom(7 as never), /scan is 7/],
  ];
  for (const [make, message] of cases) {
    t.throws(make, { code: "INVALID_CONFIG", message }, String(message));
  }
  t.end();
});

t.test("a framing is frozen, and one written by hand is checked when it is used", (t) => {
  t.ok(Object.isFrozen(lengthField()));
  t.ok(Object.isFrozen(delimiter("\n")));
  const copied = { ...lengthField({ size: 2, endian: "little" }) };
  t.strictSame(decode(copied, fromHex("0100 aa"), "ts").frames, ["0100aa"]);
  const wrong = { ...lengthField(), size: 12 };
  t.throws(() => createDecoder(wrong), { code: "INVALID_CONFIG", message: /size is 12/ });
  t.throws(() => createDecoder({} as Framing), { code: "INVALID_CONFIG", message: /lengthField/ });
  t.end();
});
