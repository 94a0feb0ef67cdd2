/** Decoders and encoders as programs use them, without a socket. */

import t from "tap";
import { createDecoder } from "../../src/codec/decoder.ts";
import { createEncoder } from "../../src/codec/encoder.ts";
import { custom, delimiter, fixed, lengthField, varint } from "../../src/codec/framing.ts";
import { decoderStream, encoderStream } from "../../src/codec/streams.ts";
import { bytesOf, fromHex, join, toHex } from "../helpers/frames.ts";
import { CODECS } from "../helpers/settings.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const lines = delimiter("\n", { maxFrameBytes: 16 });

for (const codec of CODECS) {
  t.test(`push gives the frames that are complete so far (${codec})`, (t) => {
    const decoder = createDecoder(lines, { codec });
    t.strictSame([...decoder.push(bytesOf("one\ntwo\nth"))].map(text), ["one", "two"]);
    t.equal(decoder.waitingBytes, 2);
    t.strictSame([...decoder.push(bytesOf("ree"))], []);
    t.strictSame([...decoder.push(bytesOf("\nfour\n"))].map(text), ["three", "four"]);
    t.equal(decoder.waitingBytes, 0);
    decoder.end();
    t.end();
  });

  t.test(`the frames before an error come first, and the error stays (${codec})`, (t) => {
    const decoder = createDecoder(lines, { codec });
    const frames = decoder.push(bytesOf("one\ntwo\nthis line is far too long\n"));
    t.equal(text(frames.next().value!), "one");
    t.equal(text(frames.next().value!), "two");
    t.throws(() => frames.next(), { code: "DELIMITER_NOT_FOUND", streamOffset: 8 });
    t.throws(() => decoder.push(bytesOf("x\n")), { code: "DELIMITER_NOT_FOUND" });
    t.throws(() => decoder.end(), { code: "DELIMITER_NOT_FOUND" });
    t.end();
  });

  t.test(`end in a frame is TRUNCATED (${codec})`, (t) => {
    const decoder = createDecoder(lines, { codec });
    for (const _ of decoder.push(bytesOf("one\ntw"))) { /* taken */ }
    t.throws(() => decoder.end(), { code: "TRUNCATED", streamOffset: 4 });
    t.end();
  });

  t.test(`frames of a chunk stay what they are when the next ones come (${codec})`, (t) => {
    const decoder = createDecoder(lengthField({ size: 1, strip: 1 }), { codec });
    const kept: Uint8Array[] = [];
    for (let i = 0; i < 50; i++) {
      const frame = join(Uint8Array.of(20), new Uint8Array(20).fill(i));
      kept.push(...decoder.push(frame.slice(0, 7)), ...decoder.push(frame.slice(7)));
    }
    t.strictSame(kept.map(toHex), Array.from(kept, (_, i) => toHex(new Uint8Array(20).fill(i))));
    t.end();
  });

  t.test(`a limit changed while it runs applies from the next header on (${codec})`, (t) => {
    const decoder = createDecoder(lengthField({ size: 1, strip: 1, maxFrameBytes: 20 }), { codec });
    t.equal([...decoder.push(fromHex("0a 01"))].length, 0);
    decoder.reconfigure({ maxFrameBytes: 5 });
    t.equal([...decoder.push(join(new Uint8Array(9), fromHex("02 aabb")))].length, 2);
    t.throws(() => [...decoder.push(fromHex("05"))], { code: "FRAME_TOO_LARGE", limitBytes: 5 });

    const other = createDecoder(lines, { codec });
    t.equal([...other.push(bytesOf("0123456789"))].length, 0);
    other.reconfigure({ maxFrameBytes: 4 });
    t.strictSame([...other.push(bytesOf("01\nab\n"))].map(text), ["012345678901", "ab"]);
    t.throws(() => [...other.push(bytesOf("abcd"))], { code: "DELIMITER_NOT_FOUND" });

    const within = createDecoder(lines, { codec });
    t.equal([...within.push(bytesOf("0123456789"))].length, 0);
    within.reconfigure({ maxFrameBytes: 4 });
    const rest = within.push(bytesOf("0\nabcd\n"));
    t.equal(text(rest.next().value!), "01234567890", "the frame that was under way");
    t.throws(() => rest.next(), { code: "DELIMITER_NOT_FOUND", limitBytes: 4, streamOffset: 12 });
    t.throws(() => createDecoder(lines, { codec }).reconfigure({ maxFrameBytes: 0 }), {
      code: "INVALID_CONFIG",
    });
    t.throws(() => createDecoder(fixed(8), { codec }).reconfigure({ maxFrameBytes: 7 }), {
      code: "INVALID_CONFIG",
    });
    t.end();
  });

  t.test(`the framing changes between two frames, however they are cut (${codec})`, (t) => {
    // As PostgreSQL: the first message has no type byte, the others have.
    const first = lengthField({ size: 4, counts: "frame", maxFrameBytes: 100 });
    const then = lengthField({ offset: 1, size: 4, adjust: -4, maxFrameBytes: 100 });
    const messages = ["00000008 00030000", "70 00000008 61626364", "58 00000004", "51 00000005 00"];
    const stream = join(...messages.map(fromHex));
    for (let cut = 0; cut <= stream.length; cut++) {
      const decoder = createDecoder(first, { codec });
      const got: string[] = [];
      for (const piece of [stream.slice(0, cut), stream.slice(cut)]) {
        for (const frame of decoder.push(piece)) {
          got.push(toHex(frame));
          if (got.length === 1) decoder.reframe(then);
        }
      }
      decoder.end();
      t.strictSame(got, messages.map((hex) => toHex(fromHex(hex))), `cut at ${cut}`);
    }
    t.end();
  });

  t.test(`the framing changes back and forth, byte by byte and whole (${codec})`, (t) => {
    const stream = bytesOf("line\n\x03abcline two\n\x00\n\x02xy");
    const framings = [lines, varint({ maxFrameBytes: 16 })];
    for (const step of [1, 2, 3, 5, stream.length]) {
      const decoder = createDecoder(lines, { codec });
      const got: string[] = [];
      for (let from = 0; from < stream.length; from += step) {
        for (const frame of decoder.push(stream.slice(from, from + step))) {
          got.push(text(frame));
          decoder.reframe(framings[got.length % 2]!);
        }
      }
      decoder.end();
      t.strictSame(got, ["line", "abc", "line two", "", "", "xy"], `pieces of ${step}`);
    }
    t.end();
  });

  t.test(`a custom scan may decode by the library itself (${codec})`, (t) => {
    const framing = custom((bytes, start, end) => {
      const inner = createDecoder(lines, { codec });
      const [line] = inner.push(bytes.slice(start, end));
      return line === undefined ? 0 : Number(text(line)) + line.length + 1;
    });
    const decoder = createDecoder(framing, { codec });
    const got = [...decoder.push(bytesOf("3\nabc2\nde")), ...decoder.push(bytesOf("0\n1\n"))];
    t.strictSame(got.map(text), ["3\nabc", "2\nde", "0\n"]);
    t.end();
  });
}

t.test("streams of frames, both ways", async (t) => {
  const framing = varint({ maxFrameBytes: 1000 });
  const contents = ["one", "", "three", "x".repeat(500)];
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const content of contents) controller.enqueue(bytesOf(content));
      controller.close();
    },
  });
  // Cuts every chunk in two.
  const halves = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk.slice(0, chunk.length >> 1));
      controller.enqueue(chunk.slice(chunk.length >> 1));
    },
  });
  const got: string[] = [];
  const frames = source.pipeThrough(encoderStream(framing)).pipeThrough(halves)
    .pipeThrough(decoderStream(framing));
  for await (const frame of frames) got.push(text(frame));
  t.strictSame(got, contents);
});

t.test("a stream fails with the error, after the frames before it", async (t) => {
  const encoded = createEncoder(lines).encode(bytesOf("one"));
  for (
    const [tail, code] of [
      ["and no end", "TRUNCATED"],
      ["a line that is far too long", "DELIMITER_NOT_FOUND"],
    ] as const
  ) {
    const body = new Response(text(encoded) + tail).body!;
    const got: string[] = [];
    const reading = async () => {
      for await (const frame of body.pipeThrough(decoderStream(lines))) got.push(text(frame));
    };
    await t.rejects(reading(), { code });
    t.ok(got.length <= 1);
  }
});

t.test("a codec that is not there is refused at once", (t) => {
  t.throws(() => createDecoder(lines, { maxFrameBytes: 0 }), { code: "INVALID_CONFIG" });
  t.end();
});
