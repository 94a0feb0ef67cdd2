/** Frames out of a stream in pieces: however it is cut, the same frames and the same errors. */

import process from "node:process";
import t from "tap";
import type { Codec, FrameTable } from "../../src/codec/codec.ts";
import type { FrameConsumer } from "../../src/codec/frame_consumer.ts";
import { FrameDecoder } from "../../src/codec/frame_decoder.ts";
import { codecsOf } from "../../src/codec/lend.ts";
import { isFramewireError } from "../../src/errors.ts";
import type { KindField, LengthFieldFraming } from "../../src/codec/framing.ts";
import {
  ECHO_FRAMING,
  ECHO_KIND,
  SUBMIT_FRAMING,
  SUBMIT_KIND,
} from "../../src/protocol/defined/layouts.ts";
import {
  ack,
  echoFrame,
  frame,
  join,
  random,
  submit,
  submits,
  toHex,
  u32,
} from "../helpers/frames.ts";
import { canCollect, collect } from "../helpers/runtime.ts";
import { CODECS } from "../helpers/settings.ts";

const LIMIT = 1 << 20;

/** A framing and where its kind stands. */
interface Layout {
  readonly framing: LengthFieldFraming;
  readonly kind: KindField;
}

const SUBMIT: Layout = { framing: SUBMIT_FRAMING, kind: SUBMIT_KIND };
const ECHO: Layout = { framing: ECHO_FRAMING, kind: ECHO_KIND };

/** What a stream came to: its frames, then the error or the end. */
interface Outcome {
  readonly frames: string[];
  readonly error: string | undefined;
  readonly streamOffset: number | undefined;
  readonly firstBytes: string | undefined;
}

/** Keeps a copy of each frame; takes at most `room` frames a batch. */
class Collector implements FrameConsumer {
  readonly frames: Uint8Array[] = [];
  readonly kinds: number[] = [];
  keepsChunk = false;
  batches = 0;
  room = Infinity;

  batch(_codec: Codec, chunk: Uint8Array, { words, count }: FrameTable): number {
    this.batches++;
    const taken = Math.min(count, this.room);
    for (let i = 0; i < taken; i++) {
      const offset = words[i * 4]!;
      this.frames.push(chunk.slice(offset, offset + words[i * 4 + 1]!));
      this.kinds.push(words[i * 4 + 2]! >>> 0);
    }
    return taken;
  }
}

/** Decodes a stream that is cut at the given offsets, each piece in memory overwritten after use. */
function decode(
  codec: "wasm" | "ts",
  layout: Layout,
  stream: Uint8Array,
  cuts: readonly number[],
  maxFrameBytes = LIMIT,
): Outcome {
  const collector = new Collector();
  const decoder = new FrameDecoder(
    layout.framing,
    layout.kind,
    codecsOf(codec),
    maxFrameBytes,
    collector,
  );
  let error: unknown;
  try {
    let from = 0;
    for (const to of [...cuts, stream.length]) {
      const piece = stream.slice(from, to);
      const taken = decoder.push(piece);
      if (taken !== piece.length) throw new Error(`${taken} of ${piece.length} bytes taken`);
      piece.fill(0xa5);
      from = to;
    }
    decoder.end();
  } catch (caught) {
    error = caught;
  }
  decoder.close();
  if (error !== undefined && !isFramewireError(error)) throw error;
  return {
    frames: collector.frames.map(toHex),
    error: error === undefined
      ? undefined
      : error.code === "TRUNCATED"
      ? error.message.replace(/:.*/, "")
      : `${error.code} ${error.declaredBytes} ${error.limitBytes}`,
    streamOffset: error?.streamOffset,
    firstBytes: error?.code === "TRUNCATED" || error?.firstBytes === undefined
      ? undefined
      : toHex(error.firstBytes.subarray(0, 4)),
  };
}

/** What a stream must come to, by the plainest reading of the format. */
function oracle(layout: Layout, stream: Uint8Array, maxFrameBytes = LIMIT): Outcome {
  const frames: string[] = [];
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  const header = layout.framing.offset + 4;
  let at = 0;
  while (stream.length - at >= header) {
    const total = view.getUint32(at + layout.framing.offset) + (layout === SUBMIT ? 0 : 8);
    const small = total < layout.framing.minFrameBytes;
    if (small || total > maxFrameBytes) {
      const limit = small ? layout.framing.minFrameBytes : maxFrameBytes;
      return {
        frames,
        error: `${small ? "LENGTH_UNDERFLOW" : "FRAME_TOO_LARGE"} ${total} ${limit}`,
        streamOffset: at,
        firstBytes: toHex(stream.subarray(at, at + 4)),
      };
    }
    if (total > stream.length - at) break;
    frames.push(toHex(stream.subarray(at, at + total)));
    at += total;
  }
  const inside = at === stream.length
    ? undefined
    : stream.length - at >= header
    ? "body"
    : "header";
  return {
    frames,
    error: inside && `the stream ended inside a frame's ${inside}`,
    streamOffset: inside && at,
    firstBytes: undefined,
  };
}

const CASES: readonly [name: string, layout: Layout, stream: Uint8Array][] = [
  ["nothing", SUBMIT, new Uint8Array(0)],
  ["the shortest frame", SUBMIT, submit(1)],
  ["three frames", SUBMIT, join(submit(1, "a"), submit(2, ""), submit(3, "hello"))],
  ["requests and replies", SUBMIT, join(frame(1, 1), ack(1), ack(2, 1), submit(2, "x"))],
  ["kinds that nobody knows", SUBMIT, join(frame(0, 1), frame(0xff, 2))],
  ["total 0 behind a frame", SUBMIT, join(submit(1, "ab"), new Uint8Array(20))],
  ["total 12", SUBMIT, join(submit(1), u32(12), new Uint8Array(9))],
  ["total over the limit", SUBMIT, join(submit(1), u32(LIMIT + 1), submit(2))],
  ["total of 32 bits", SUBMIT, join(submit(1), u32(0xffffffff), submit(2))],
  ["the end in a header", SUBMIT, join(submit(1), u32(20).subarray(0, 3))],
  ["the end right behind the length", SUBMIT, join(submit(1), u32(20))],
  ["the end in a body", SUBMIT, join(submit(1), submit(2, "hello").subarray(0, 17))],
  ["echo frames", ECHO, join(echoFrame(1, ""), echoFrame(2, "abc"), echoFrame(1, "d"))],
  ["echo over the limit", ECHO, join(echoFrame(1, "abc"), u32(1), u32(LIMIT - 7))],
  ["echo of a length that overflows", ECHO, join(echoFrame(1, ""), u32(1), u32(0xffffffff))],
  ["the end in an echo header", ECHO, join(echoFrame(1, "ab"), u32(1), u32(4).subarray(1))],
  [
    "the end in echo data",
    ECHO,
    join(echoFrame(1, "ab"), u32(1), u32(4), u32(9).subarray(1)),
  ],
];

for (const codec of CODECS) {
  for (const [name, layout, stream] of CASES) {
    t.test(`${name}: whole, byte by byte and at every split (${codec})`, (t) => {
      const expected = oracle(layout, stream);
      t.strictSame(decode(codec, layout, stream, []), expected, "whole");
      const everywhere = Array.from({ length: stream.length }, (_, i) => i);
      t.strictSame(decode(codec, layout, stream, everywhere), expected, "byte by byte");
      for (let cut = 1; cut < stream.length; cut++) {
        const got = decode(codec, layout, stream, [cut]);
        // One assertion a case, not one a split: the first difference tells all.
        if (JSON.stringify(got) !== JSON.stringify(expected)) {
          t.strictSame(got, expected, `split at ${cut}`);
          break;
        }
      }
      t.end();
    });
  }

  t.test(`random streams, randomly cut, decode as the oracle says (${codec})`, (t) => {
    const first = Number(`0x${"f7a3e"}`);
    for (let seed = first; seed < first + 300; seed++) {
      const next = random(seed);
      const layout = next(2) === 0 ? SUBMIT : ECHO;
      const maxFrameBytes = 64 + next(400);
      const parts: Uint8Array[] = [];
      for (let count = next(60); count > 0; count--) {
        const body = new Uint8Array(next(next(12) === 0 ? 500 : 60)).map(() => next(256));
        parts.push(
          layout === SUBMIT
            ? frame(next(256), next(100_000_000), body, next(150) === 0 ? next(14) : undefined)
            : echoFrame(next(4), body),
        );
      }
      const whole = join(...parts);
      const stream = next(3) === 0 ? whole.subarray(0, next(whole.length + 1)) : whole;
      const cuts: number[] = [];
      for (let at = next(40); at < stream.length; at += next(next(4) === 0 ? 400 : 20)) {
        cuts.push(at);
      }
      const got = JSON.stringify(decode(codec, layout, stream, cuts, maxFrameBytes));
      const expected = JSON.stringify(oracle(layout, stream, maxFrameBytes));
      if (got !== expected) {
        t.equal(got, expected, `seed ${seed}`);
        break;
      }
    }
    t.pass(`seeds from ${first}`);
    t.end();
  });

  t.test(`chunks over 64 KiB and more frames than one scan reports (${codec})`, (t) => {
    const count = 20_000;
    const collector = new Collector();
    const decoder = new FrameDecoder(
      SUBMIT_FRAMING,
      SUBMIT_KIND,
      codecsOf(codec),
      LIMIT,
      collector,
    );
    const stream = submits(count, 1, "xyz");
    t.ok(stream.length > 4 * 65_536);
    t.equal(decoder.push(stream), stream.length);
    decoder.end();
    t.equal(collector.frames.length, count);
    t.equal(toHex(join(...collector.frames)) === toHex(stream), true, "every byte, in order");
    t.ok(collector.batches < 10, `${collector.batches} batches`);
    t.end();
  });

  t.test(`frames over 64 KiB between short ones, in chunks of 1000 bytes (${codec})`, (t) => {
    const stream = join(
      submit(1, "a"),
      submit(2, new Uint8Array(200_000).fill(7)),
      submit(3, "b"),
      submit(4, new Uint8Array(65_536 - 13).fill(8)),
      submit(5, new Uint8Array(65_537 - 13).fill(9)),
      submit(6),
    );
    const cuts = Array.from({ length: Math.floor(stream.length / 1000) }, (_, i) => i * 1000);
    t.strictSame(decode(codec, SUBMIT, stream, cuts).frames.map((f) => f.length / 2), [
      14,
      200_013,
      14,
      65_536,
      65_537,
      13,
    ]);
    t.equal(decode(codec, SUBMIT, stream, []).error, undefined);
    t.end();
  });

  t.test(`a frame of 64 MiB in chunks of 64 KiB is copied a bounded number of times (${codec})`, (t) => {
    const total = 64 << 20;
    let copied = 0;
    let frames = 0;
    const { set } = Uint8Array.prototype;
    // What is copied is counted, not timed: growing by doubling copies each byte about twice.
    Uint8Array.prototype.set = function (source: ArrayLike<number>, at?: number): void {
      copied += source.length;
      set.call(this, source, at);
    };
    t.teardown(() => void (Uint8Array.prototype.set = set));
    const decoder = new FrameDecoder(SUBMIT_FRAMING, SUBMIT_KIND, codecsOf(codec), total, {
      keepsChunk: false,
      batch: (_codec, chunk, { words, count }) => {
        for (let i = 0; i < count; i++) {
          frames++;
          if (words[1] !== total || chunk[words[0]! + total - 1] !== 0xee) throw new Error("wrong");
        }
        return count;
      },
    });
    const chunk = new Uint8Array(65_536).fill(0xee);
    const first = chunk.slice();
    first.set(frame(2, 1, "", total));
    decoder.push(first);
    let waited = true;
    for (let sent = 65_536; sent < total; sent += 65_536) {
      waited &&= decoder.waitingBytes === sent;
      decoder.push(chunk);
    }
    t.ok(waited, "all of it waits until the last chunk");
    t.equal(frames, 1);
    t.equal(decoder.waitingBytes, 0);
    t.ok(copied < 4 * total, `${(copied / total).toFixed(2)} bytes copied per byte`);
    t.end();
  });

  t.test(`what waits grows with what came, not with the length declared (${codec})`, (t) => {
    const many: FrameDecoder[] = [];
    const before = memoryOf();
    for (let i = 0; i < 64; i++) {
      const decoder = new FrameDecoder(
        SUBMIT_FRAMING,
        SUBMIT_KIND,
        codecsOf(codec),
        64 << 20,
        new Collector(),
      );
      decoder.push(frame(2, i, new Uint8Array(87), 64 << 20));
      many.push(decoder);
    }
    t.strictSame([...new Set(many.map((decoder) => decoder.waitingBytes))], [100]);
    const grown = memoryOf() - before;
    // 64 declared frames are 4 GiB; each decoder may hold a kilobyte, the rest is noise.
    t.ok(grown < 16 << 20, `${(grown / 1048576).toFixed(1)} MiB for 64 decoders`);
    for (const decoder of many) decoder.close();
    t.end();
  });

  t.test(`a changed limit applies from the next header on (${codec})`, (t) => {
    const collector = new Collector();
    const decoder = new FrameDecoder(SUBMIT_FRAMING, SUBMIT_KIND, codecsOf(codec), 200, collector);
    const long = submit(1, new Uint8Array(100));
    decoder.push(long.subarray(0, 50));
    decoder.maxFrameBytes = 64;
    decoder.push(join(long.subarray(50), submit(2, "within")));
    t.equal(collector.frames.length, 2, "the frame under way was taken");
    t.throws(() => decoder.push(long), { code: "FRAME_TOO_LARGE", limitBytes: 64 });

    const raised = new FrameDecoder(SUBMIT_FRAMING, SUBMIT_KIND, codecsOf(codec), 64, collector);
    raised.push(long.subarray(0, 3)); // not a whole header yet
    raised.maxFrameBytes = 200;
    raised.push(long.subarray(3));
    t.equal(collector.frames.length, 3);
    t.end();
  });

  t.test(`a consumer that takes less than a batch is resumed, frame by frame (${codec})`, (t) => {
    const stream = join(
      submits(50, 1, "payload"),
      submit(51, new Uint8Array(70_000)),
      submits(9, 52),
    );
    for (const pieceBytes of [1, 7, 20, 33, 100, 1000, 70_000, stream.length]) {
      for (const room of [1, 2, 3]) {
        const collector = new Collector();
        const decoder = new FrameDecoder(
          SUBMIT_FRAMING,
          SUBMIT_KIND,
          codecsOf(codec),
          LIMIT,
          collector,
        );
        let refused = 0;
        for (let from = 0; from < stream.length; from += pieceBytes) {
          let chunk = stream.slice(from, from + pieceBytes);
          for (;;) {
            // Every other time the consumer has no room at all.
            collector.room = refused++ % 2 === 0 ? 0 : room;
            const taken = decoder.push(chunk);
            chunk = chunk.slice(taken);
            if (chunk.length === 0 && !decoder.stopped) break;
          }
        }
        decoder.end();
        const got = toHex(join(...collector.frames));
        if (got !== toHex(stream)) t.fail(`pieces of ${pieceBytes}, room for ${room}`);
      }
    }
    t.pass("nothing lost, nothing twice");
    t.end();
  });

  t.test(`the kind of each frame is told, 4 bytes of it as an unsigned number (${codec})`, (t) => {
    const collector = new Collector();
    const submitting = new FrameDecoder(
      SUBMIT_FRAMING,
      SUBMIT_KIND,
      codecsOf(codec),
      LIMIT,
      collector,
    );
    submitting.push(join(frame(0, 1), frame(0x7f, 1), frame(0xff, 1)));
    const echoing = new FrameDecoder(ECHO_FRAMING, ECHO_KIND, codecsOf(codec), LIMIT, collector);
    echoing.push(join(echoFrame(1, "a"), echoFrame(0xfffffffe, "b"), echoFrame(0x80000000, "")));
    t.strictSame(collector.kinds, [0, 0x7f, 0xff, 1, 0xfffffffe, 0x80000000]);
    t.end();
  });

  t.test(`a decoder used within a batch of another disturbs nothing (${codec})`, (t) => {
    const outer: string[] = [];
    const inner = new Collector();
    const kinds: string[] = [];
    const nested = new FrameDecoder(SUBMIT_FRAMING, SUBMIT_KIND, codecsOf(codec), LIMIT, inner);
    const decoder = new FrameDecoder(SUBMIT_FRAMING, SUBMIT_KIND, codecsOf(codec), LIMIT, {
      keepsChunk: false,
      batch: (used, chunk, table) => {
        kinds.push(used.kind);
        for (let i = 0; i < table.count; i++) {
          nested.push(submit(900 + i, "inner"));
          new FrameDecoder(ECHO_FRAMING, ECHO_KIND, codecsOf(codec), LIMIT, new Collector()).push(
            echoFrame(1, "z"),
          );
          const offset = table.words[i * 4]!;
          outer.push(toHex(chunk.slice(offset, offset + table.words[i * 4 + 1]!)));
          used.results[i] = i;
        }
        const acks = new Uint8Array(14 * table.count);
        used.encodeAcks(chunk, 0, table.count, acks, 0);
        t.equal(toHex(acks), toHex(join(ack(1, 0), ack(2, 1), ack(3, 2))));
        return table.count;
      },
    });
    const stream = join(submit(1, "one"), submit(2, "two"), submit(3, "three"));
    decoder.push(stream);
    t.equal(outer.join(""), toHex(stream));
    t.equal(inner.frames.length, 3);
    t.strictSame(kinds, [codec]);
    t.end();
  });

  t.test(`what the consumer throws comes out of push, and the codec is free again (${codec})`, (t) => {
    const decoder = new FrameDecoder(SUBMIT_FRAMING, SUBMIT_KIND, codecsOf(codec), LIMIT, {
      keepsChunk: false,
      batch: () => {
        throw new Error("refused");
      },
    });
    t.throws(() => decoder.push(submit(1)), { message: "refused" });
    let used = "";
    new FrameDecoder(SUBMIT_FRAMING, SUBMIT_KIND, codecsOf(codec), LIMIT, {
      keepsChunk: false,
      batch: (codec, _chunk, { count }) => {
        used = codec.kind;
        return count;
      },
    }).push(submit(2));
    t.equal(used, codec);
    t.end();
  });
}

t.test("an error names what the bytes look like", (t) => {
  const decoder = new FrameDecoder(
    SUBMIT_FRAMING,
    SUBMIT_KIND,
    codecsOf("ts"),
    LIMIT,
    new Collector(),
  );
  const get = new TextEncoder().encode("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  t.throws(() => decoder.push(get), { code: "FRAME_TOO_LARGE", looksLike: "HTTP" });
  t.end();
});

function memoryOf(): number {
  if (canCollect) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
