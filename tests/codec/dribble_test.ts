/**
 * Input that dribbles in costs time in proportion to its bytes. Work is counted, not timed: the
 * bytes that scans look at and the bytes that are copied, on either codec. The exponent of work over
 * bytes is fitted to streams of growing length; 1 is linear.
 */

import t from "tap";
import type { Codec, FrameTable, Scanner } from "../../src/codec/codec.ts";
import type { FrameConsumer } from "../../src/codec/frame_consumer.ts";
import { FrameDecoder } from "../../src/codec/frame_decoder.ts";
import {
  custom,
  delimiter,
  fixed,
  type Framing,
  lengthField,
  varint,
} from "../../src/codec/framing.ts";
import { borrow, codecsOf } from "../../src/codec/lend.ts";
import { CODECS } from "../helpers/settings.ts";

const MOST_EXPONENT = 1.2;
const LENGTHS = [1 << 12, 1 << 14, 1 << 16, 1 << 18];
const LIMIT = 1 << 20;

/** Bytes looked at and copied since it was made; undone by `stop`. */
class WorkCounter {
  work = 0;
  readonly #set = Uint8Array.prototype.set;
  readonly #copyWithin = Uint8Array.prototype.copyWithin;
  readonly #codec: Codec;
  readonly #scanner: Codec["scanner"];

  constructor(kind: "wasm" | "ts") {
    const count = (bytes: number) => this.work += bytes;
    const { set, copyWithin } = Uint8Array.prototype;
    Uint8Array.prototype.set = function (source: ArrayLike<number>, at?: number): void {
      count(source.length);
      set.call(this, source, at);
    };
    Uint8Array.prototype.copyWithin = function (to: number, from: number, end?: number) {
      count((end ?? this.length) - from);
      return copyWithin.call(this, to, from, end);
    };
    this.#codec = borrow(kind);
    this.#scanner = this.#codec.scanner;
    this.#codec.scanner = (framing, kind) => {
      const inner = this.#scanner.call(this.#codec, framing, kind);
      const counting: Scanner = {
        headerBytes: inner.headerBytes,
        exact: inner.exact,
        scan: (chunk, start, end, max, searched = start) => {
          const table = inner.scan(chunk, start, end, max, searched);
          // A frame whose length its header tells is not looked through.
          count(inner.exact ? 32 * (table.count + 1) : end - Math.max(start, searched) + 64);
          return table;
        },
      };
      return counting;
    };
  }

  stop(): void {
    Uint8Array.prototype.set = this.#set;
    Uint8Array.prototype.copyWithin = this.#copyWithin;
    this.#codec.scanner = this.#scanner;
  }
}

const consumer: FrameConsumer = {
  keepsChunk: false,
  batch: (_codec: Codec, _chunk: Uint8Array, table: FrameTable) => table.count,
};

/** The work of a stream that comes in pieces. */
function workOf(codec: "wasm" | "ts", framing: Framing, stream: Uint8Array, piece: number): number {
  const counter = new WorkCounter(codec);
  try {
    const limit = framing.kind === "fixed" ? LIMIT : framing.maxFrameBytes;
    const decoder = new FrameDecoder(framing, undefined, codecsOf(codec), limit, consumer);
    for (let from = 0; from < stream.length; from += piece) {
      decoder.push(stream.subarray(from, Math.min(from + piece, stream.length)));
      counter.work++;
    }
    decoder.close();
    return counter.work;
  } finally {
    counter.stop();
  }
}

/** The slope of a line through the logarithms: the exponent. */
function exponentOf(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length;
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length;
  const over = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return over / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

/** One frame of about `length` bytes. */
const ONE_FRAME: readonly [string, Framing, (length: number) => Uint8Array][] = [
  ["lengthField", lengthField({ maxFrameBytes: LIMIT }), (length) => {
    const bytes = new Uint8Array(length).fill(1);
    new DataView(bytes.buffer).setUint32(0, length - 4);
    return bytes;
  }],
  ["varint", varint({ maxFrameBytes: LIMIT }), (length) => {
    const bytes = new Uint8Array(length).fill(1);
    const rest = length - 3;
    bytes.set([rest & 0x7f | 0x80, rest >> 7 & 0x7f | 0x80, rest >> 14]);
    return bytes;
  }],
  ["delimiter", delimiter("\n", { maxFrameBytes: LIMIT }), (length) => {
    const bytes = new Uint8Array(length).fill(1);
    bytes[length - 1] = 10;
    return bytes;
  }],
  ["delimiters nearly found everywhere", delimiter(["abcabcabd", "bd"]), (length) => {
    const bytes = new Uint8Array(length).map((_, i) => 97 + i % 3);
    bytes.set([98, 100], length - 2);
    return bytes;
  }],
  ["skipped lengthField", lengthField({ maxFrameBytes: 100, onOversize: "skip" }), (length) => {
    const bytes = new Uint8Array(length).fill(1);
    new DataView(bytes.buffer).setUint32(0, LIMIT + length - 4);
    return bytes;
  }],
  ["skipped delimiter", delimiter("\r\n", { maxFrameBytes: 100, onOversize: "skip" }), (length) => {
    return new Uint8Array(length).fill(13);
  }],
];

/** Many frames, of 1 to 100 bytes. */
const MANY_FRAMES: readonly [string, Framing, (length: number) => Uint8Array][] = [
  ["short lengthField frames", lengthField({ size: 1 }), (length) => {
    return new Uint8Array(length).map((_, i) => i % 101 === 0 ? 100 : 9);
  }],
  ["empty lines", delimiter("\n"), (length) => new Uint8Array(length).fill(10)],
  ["lines", delimiter("\n"), (length) => {
    return new Uint8Array(length).map((_, i) => i % 97 === 0 ? 10 : 65);
  }],
  ["lines over the limit", delimiter("\n", { maxFrameBytes: 20, onOversize: "skip" }), (length) => {
    return new Uint8Array(length).map((_, i) => i % 23 === 0 ? 10 : 65);
  }],
  ["frames of 7 bytes", fixed(7), (length) => new Uint8Array(length)],
  ["custom", custom((bytes, start) => bytes[start]! + 1), (length) => {
    return new Uint8Array(length).fill(6);
  }],
];

for (const codec of CODECS) {
  for (const piece of [1, 7, 1000]) {
    for (const [name, framing, make] of [...ONE_FRAME, ...MANY_FRAMES]) {
      t.test(`${name} in pieces of ${piece}: linear (${codec})`, (t) => {
        const points = LENGTHS.map((length) =>
          [length, workOf(codec, framing, make(length), piece)] as const
        );
        const exponent = exponentOf(points);
        const perByte = points.map(([bytes, work]) => (work / bytes).toFixed(1)).join(", ");
        t.ok(exponent < MOST_EXPONENT, `exponent ${exponent.toFixed(2)}; work per byte ${perByte}`);
        t.end();
      });
    }
  }
}
