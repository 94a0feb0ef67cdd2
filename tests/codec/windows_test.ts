/**
 * Streams longer than a scan's window and with more frames than its table: both codecs stop at the
 * same frames, and report the same words.
 */

import t from "tap";
import { ByteWriter } from "../../src/codec/byte_writer.ts";
import { type FrameTable, type Scanner, TABLE_FRAMES } from "../../src/codec/codec.ts";
import { frameWriter } from "../../src/codec/frame_writer.ts";
import {
  delimiter,
  fixed,
  type Framing,
  type KindField,
  lengthField,
  varint,
} from "../../src/codec/framing.ts";
import { borrow } from "../../src/codec/lend.ts";
import { random } from "../helpers/frames.ts";

const LIMIT = 1 << 20;
const KIND: KindField = { offset: 0, bytes: 2, littleEndian: false };
const STREAM_BYTES = 150_000;

/** A framing and the shortest content it can carry with a kind. */
const FRAMINGS: readonly [string, Framing, number][] = [
  ["lengthField of 1 byte", lengthField({ size: 1, strip: 1 }), 1],
  ["lengthField of 3 bytes", lengthField({ size: 3, strip: 3, endian: "little" }), 0],
  ["lengthField of 4 bytes", lengthField({ strip: 4 }), 0],
  ["lengthField of 4 bytes that counts all", lengthField({ strip: 4, counts: "frame" }), 0],
  ["lengthField of 8 bytes", lengthField({ size: 8, strip: 8, signed: true }), 0],
  ["lengthField behind 5 bytes", lengthField({ offset: 5, size: 2, strip: 7 }), 0],
  ["varint", varint(), 2],
  ["varint behind 3 bytes", varint({ offset: 3, strip: true }), 0],
  ["delimiter", delimiter("\n"), 2],
  ["delimiters", delimiter(["\r\n", "\n", "--", "~~~~~~~~~~~~~~~~~~~~"]), 2],
];

/** Frames of contents of the given lengths, in turn: at least so many bytes. */
function streamOf(framing: Framing, lengths: readonly number[], bytes: number): Uint8Array {
  const writer = frameWriter(framing, LIMIT);
  const out = new ByteWriter(1024);
  for (const [i, length] of [...lengths, ...lengths, ...lengths].entries()) {
    const mark = writer.begin(out);
    // No byte of it is in a delimiter.
    out.append(new Uint8Array(length).fill(0x61 + i));
    writer.end(out, mark);
  }
  const turn = out.bytes.subarray(0, out.at);
  const stream = new Uint8Array(Math.ceil(bytes / turn.length) * turn.length);
  for (let at = 0; at < stream.length; at += turn.length) stream.set(turn, at);
  return stream;
}

/** Scans to the end, each scan where the last one stopped; one line per scan. */
function scans(scanner: Scanner, stream: Uint8Array, start: number, limit = LIMIT): string[] {
  const lines: string[] = [];
  for (let at = start; at < stream.length;) {
    const table = scanner.scan(stream, at, stream.length, limit);
    lines.push(lineOf(table));
    if (
      table.status !== 0 || table.consumed === at || table.need > stream.length - table.consumed
    ) {
      break;
    }
    at = table.consumed;
  }
  return lines;
}

function lineOf({ words, count, consumed, need, status, declared }: FrameTable): string {
  let sum = 7;
  for (let i = 0; i < count * 4; i++) sum = Math.imul(sum, 31) + words[i]! | 0;
  const last = words.subarray(count * 4 - 4, count * 4).join(" ");
  return `${count} frames (${sum}, last ${last}) to ${consumed}, need ${need}, ` +
    `status ${status}, declared ${declared}`;
}

for (const [name, framing, least] of FRAMINGS) {
  t.test(`${name}: equal and mixed frames over windows and tables`, (t) => {
    const wasm = borrow("wasm").scanner(framing, KIND);
    const ts = borrow("ts").scanner(framing, KIND);
    const most = framing.kind === "lengthField" && framing.size === 1 ? 255 : 70_000;
    const shapes = [
      ...Array.from({ length: 14 }, (_, i) => [least + i]),
      [100],
      [4093],
      [40_000],
      [65_530],
      [least, least, least, 30],
      [least + 1, 9000, least],
    ].map((lengths) => lengths.map((length) => Math.min(length, most)));
    const next = random(77);
    let full = 0;
    for (const lengths of shapes) {
      const stream = streamOf(framing, lengths, STREAM_BYTES);
      const first = scans(ts, stream, 0);
      full += first.filter((line) => line.startsWith(`${TABLE_FRAMES} `)).length;
      t.strictSame(scans(wasm, stream, 0), first, `contents of ${lengths.join(", ")} bytes`);
      // An incomplete frame at the end, and a beginning that is none.
      const cut = stream.subarray(0, stream.length - 1 - next(3));
      if (String(scans(wasm, cut, 0)) !== String(scans(ts, cut, 0))) t.fail(`cut, ${lengths}`);
      const start = next(50);
      if (String(scans(wasm, cut, start)) !== String(scans(ts, cut, start))) {
        t.fail(`from ${start}, ${lengths}`);
      }
    }
    t.equal(full > 0, least + framingBytes(framing) <= 12, "a table was full");
    t.end();
  });
}

t.test("fixed: over windows and tables", (t) => {
  for (const bytes of [2, 3, 12, 13, 1000, 65_536, 70_000]) {
    const stream = new Uint8Array(STREAM_BYTES).map((_, i) => i);
    const wasm = scans(borrow("wasm").scanner(fixed(bytes), KIND), stream, 0);
    t.strictSame(
      wasm,
      scans(borrow("ts").scanner(fixed(bytes), KIND), stream, 0),
      `${bytes} bytes`,
    );
  }
  t.end();
});

t.test("lengths that are wrong behind many that are right", (t) => {
  const MAX = 2 ** 31 - 1;
  const framings = [
    lengthField({ strip: 4, minFrameBytes: 6 }),
    lengthField({ strip: 8, minFrameBytes: 6 }),
    lengthField({ strip: 4, counts: "frame", maxFrameBytes: MAX }),
    lengthField({ adjust: -4, maxFrameBytes: MAX }),
    lengthField({ adjust: 96, counts: "frame", maxFrameBytes: MAX }),
    lengthField({ size: 2, endian: "little", strip: 2, minFrameBytes: 6 }),
  ];
  for (const [index, framing] of framings.entries()) {
    const lengths = framing.adjust > 0 ? [100] : [8];
    const many = streamOf(framing, lengths, 9000);
    for (const field of [0, 1, 5, 4100, 70_000, MAX - 4, MAX, 2 ** 31, 2 ** 31 + 4, 2 ** 32 - 1]) {
      const stream = new Uint8Array(many.length + 12);
      stream.set(many);
      new DataView(stream.buffer).setUint32(many.length, field);
      for (const limit of [64, 100_000, MAX]) {
        const [wasm, ts] = [borrow("wasm"), borrow("ts")].map((codec) =>
          scans(codec.scanner(framing), stream, 0, limit)
        );
        if (String(wasm) !== String(ts)) {
          t.strictSame(wasm, ts, `framing ${index}, a length of ${field}, a limit of ${limit}`);
        }
      }
    }
  }
  t.pass("both codecs report the same");
  t.end();
});

/** What a framing adds to a content. */
function framingBytes(framing: Framing): number {
  return streamOf(framing, [2], 1).length / 3 - 2;
}
