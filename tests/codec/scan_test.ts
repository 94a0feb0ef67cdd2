/** One scan of a chunk: golden tables, every length field, windows, big frames, random streams. */

import process from "node:process";
import t from "tap";
import { ScanStatus, TABLE_FRAMES } from "../../src/codec/codec.ts";
import { fixed, type KindField, lengthField } from "../../src/codec/framing.ts";
import type { LengthFieldFraming } from "../../src/codec/framing.ts";
import { borrow } from "../../src/codec/lend.ts";
import {
  ECHO_FRAMING,
  ECHO_KIND,
  SUBMIT_FRAMING,
  SUBMIT_KIND,
} from "../../src/protocol/defined/layouts.ts";
import { echoFrame, frame, join, random, submit, submits, u32 } from "../helpers/frames.ts";
import { type Expected, expectScan } from "./scan_oracle.ts";

const CODECS = ["wasm", "ts", "auto"] as const;
const LIMIT = 1 << 20;
const WINDOW = 65536;

function scan(
  choice: typeof CODECS[number],
  framing: LengthFieldFraming,
  kind: KindField | undefined,
  chunk: Uint8Array,
  start = 0,
  end = chunk.length,
  limit = LIMIT,
): Expected {
  const table = borrow(choice).scanner(framing, kind).scan(chunk, start, end, limit);
  const { words, count, consumed, need, status } = table;
  return {
    frames: Array.from({ length: count }, (_, i) => [...words.subarray(i * 4, i * 4 + 4)]),
    consumed,
    need,
    status,
    declared: status === ScanStatus.OK ? undefined : table.declared,
  };
}

/** Scans a whole chunk, pass by pass. */
function scanAll(
  choice: typeof CODECS[number],
  chunk: Uint8Array,
  limit = LIMIT,
): { offsets: number[]; passes: number; consumed: number; need: number } {
  const scanner = borrow(choice).scanner(SUBMIT_FRAMING, SUBMIT_KIND);
  const offsets: number[] = [];
  let at = 0;
  let need = 0;
  let passes = 0;
  while (at < chunk.length && need === 0) {
    const table = scanner.scan(chunk, at, chunk.length, limit);
    if (table.status !== ScanStatus.OK) throw new Error(`status ${table.status} at ${at}`);
    if (table.consumed === at && table.need === 0) throw new Error(`no progress at ${at}`);
    for (let i = 0; i < table.count; i++) offsets.push(table.words[i * 4]!);
    at = table.consumed;
    need = table.need;
    passes++;
  }
  return { offsets, passes, consumed: at, need };
}

for (const codec of CODECS) {
  t.test(`${codec}: submit frames, and an incomplete one behind them`, (t) => {
    const chunk = join(frame(1, 7), submit(8, "hello"), frame(0x3f, 9, "x"), submit(10, "12345"));
    t.strictSame(scan(codec, SUBMIT_FRAMING, SUBMIT_KIND, chunk, 0, chunk.length - 1), {
      frames: [[0, 13, 1, 0], [13, 18, 2, 0], [31, 14, 0x3f, 0]],
      consumed: 45,
      need: 18,
      status: ScanStatus.OK,
      declared: undefined,
    });
    t.end();
  });

  t.test(`${codec}: echo frames, whose kinds have 32 bits`, (t) => {
    const chunk = join(echoFrame(1, "ab"), echoFrame(0x80000002, ""), echoFrame(2, "c"));
    t.strictSame(scan(codec, ECHO_FRAMING, ECHO_KIND, chunk).frames, [
      [0, 10, 1, 0],
      [10, 8, 0x80000002 | 0, 0],
      [18, 9, 2, 0],
    ]);
    t.end();
  });

  t.test(`${codec}: a chunk that ends at any byte of a frame`, (t) => {
    const chunk = submit(1, "abc");
    for (let end = 1; end < chunk.length; end++) {
      const { frames, consumed, need } = scan(codec, SUBMIT_FRAMING, SUBMIT_KIND, chunk, 0, end);
      t.strictSame([frames, consumed, need], [[], 0, end < 4 ? 4 : 16], `${end} bytes`);
    }
    t.strictSame(scan(codec, SUBMIT_FRAMING, SUBMIT_KIND, chunk, 16, 16).frames, []);
    t.end();
  });

  t.test(`${codec}: totals around the shortest and the longest frame`, (t) => {
    const verdict = (total: number, limit: number) => {
      const chunk = join(submit(1), u32(total), new Uint8Array(40));
      return scan(codec, SUBMIT_FRAMING, SUBMIT_KIND, chunk, 0, 13 + 40, limit);
    };
    for (let total = 0; total <= 12; total++) {
      t.match(verdict(total, 1024), {
        frames: [[0, 13, 2, 0]],
        consumed: 13,
        need: 0,
        status: ScanStatus.LENGTH_UNDERFLOW,
        declared: total,
      }, `total ${total}`);
    }
    t.match(verdict(13, 1024), { status: ScanStatus.LENGTH_UNDERFLOW, declared: 0 });
    t.match(verdict(1024, 1024), { status: ScanStatus.OK, need: 1024 });
    for (const total of [1025, 0x7fffffff, 0x80000000, 0xffffffff]) {
      t.match(
        verdict(total, 1024),
        { status: ScanStatus.FRAME_TOO_LARGE, declared: total, need: 0 },
        `total ${total}`,
      );
    }
    t.match(verdict(0x7fffffff, Infinity), { status: ScanStatus.OK, need: 0x7fffffff });
    t.match(verdict(0x80000000, Infinity), { status: ScanStatus.FRAME_TOO_LARGE });
    t.match(verdict(12, 5), { status: ScanStatus.FRAME_TOO_LARGE });
    t.end();
  });

  t.test(`${codec}: a malformed frame after a run of equal ones`, (t) => {
    const chunk = join(submits(100, 1, "abcd"), u32(5), new Uint8Array(100));
    const { frames, status, consumed } = scan(codec, SUBMIT_FRAMING, SUBMIT_KIND, chunk);
    t.strictSame(
      [frames.length, status, consumed],
      [100, ScanStatus.LENGTH_UNDERFLOW, 1700],
    );
    t.end();
  });

  t.test(`${codec}: length fields of 1 to 8 bytes, both byte orders, every kind`, (t) => {
    const kinds = [
      undefined,
      { offset: 9, bytes: 1, littleEndian: false },
      { offset: 0, bytes: 2, littleEndian: true },
      { offset: 10, bytes: 4, littleEndian: false },
    ] as const;
    for (const size of [1, 2, 3, 4, 5, 6, 7, 8] as const) {
      for (const endian of ["big", "little"] as const) {
        for (const adjust of [-1, 0, 3]) {
          for (const kind of kinds) {
            const framing = lengthField({ offset: 2, size, endian, adjust });
            const parts = [20, 21, 21, 21, 40, 17].map((length, i) => {
              const bytes = new Uint8Array(length).map((_, n) => n * 7 + i + 1);
              const field = [...bytes.keys()].slice(0, size).map((n) =>
                n === (endian === "big" ? size - 1 : 0) ? length - 2 - size - adjust : 0
              );
              bytes.set(field, 2);
              return bytes;
            });
            const chunk = join(...parts);
            const found = scan(codec, framing, kind, chunk);
            t.strictSame(
              found,
              expectScan(framing, kind, chunk, 0, chunk.length, LIMIT),
              `${size} bytes, ${endian}, ${adjust}, kind ${kind?.bytes}`,
            );
            t.equal(found.frames.length, 6);
          }
        }
      }
    }
    t.end();
  });

  t.test(`${codec}: a length of 8 bytes never wraps to one that is allowed`, (t) => {
    for (const endian of ["big", "little"] as const) {
      for (const adjust of [-8, 0, 1000]) {
        const framing = lengthField({ size: 8, endian, adjust });
        for (
          const field of [2n ** 64n - 1n, 2n ** 64n - 8n, 2n ** 63n, 2n ** 53n + 1n, 2n ** 32n]
        ) {
          const chunk = new Uint8Array(64);
          new DataView(chunk.buffer).setBigUint64(0, field, endian === "little");
          t.match(scan(codec, framing, undefined, chunk), {
            frames: [],
            status: ScanStatus.FRAME_TOO_LARGE,
            declared: Number(field) + 8 + adjust,
          }, `${field}, ${endian}, ${adjust}`);
        }
      }
    }
    t.end();
  });

  t.test(`${codec}: frames that begin and end around the end of the window`, (t) => {
    for (let length = WINDOW - 20; length <= WINDOW + 20; length++) {
      const chunk = join(submit(1, new Uint8Array(length - 13)), submits(5, 2, "abc"));
      const { offsets, consumed, need } = scanAll(codec, chunk);
      const expected = [0, ...[0, 1, 2, 3, 4].map((i) => length + i * 16)];
      t.strictSame([offsets, consumed, need], [expected, chunk.length, 0], `first of ${length}`);
    }
    t.end();
  });

  t.test(`${codec}: a chunk of many windows has every frame once`, (t) => {
    const next = random(5);
    const parts = Array.from({ length: 20_000 }, (_, i) => submit(i, new Uint8Array(next(100))));
    const expected: number[] = [];
    let at = 0;
    for (const { length } of parts) {
      expected.push(at);
      at += length;
    }
    const { offsets, passes } = scanAll(codec, join(...parts));
    t.strictSame(offsets, expected);
    t.ok(passes <= Math.ceil(at / WINDOW) + 1, "a pass takes a whole window");
    t.end();
  });

  t.test(`${codec}: a frame of 64 MiB costs one pass`, (t) => {
    const length = 64 << 20;
    const chunk = new Uint8Array(length + 26);
    chunk.set(submit(1));
    chunk.set(u32(length));
    chunk.set(join(submit(2), submit(3)), length);
    const { offsets, passes } = scanAll(codec, chunk, length);
    t.strictSame(offsets, [0, length, length + 13]);
    t.equal(passes, 2);
    t.match(scan(codec, SUBMIT_FRAMING, SUBMIT_KIND, chunk, 0, length - 1, length), {
      frames: [],
      need: length,
    });
    t.end();
  });

  t.test(`${codec}: a full table ends the scan, which goes on from there`, (t) => {
    const framing = lengthField({ size: 1, counts: "frame" });
    const chunk = new Uint8Array(TABLE_FRAMES + 10).fill(1);
    const full = scan(codec, framing, undefined, chunk);
    t.strictSame([full.frames.length, full.consumed, full.need], [TABLE_FRAMES, TABLE_FRAMES, 0]);
    t.equal(scan(codec, framing, undefined, chunk, full.consumed).frames.length, 10);
    t.end();
  });

  t.test(`${codec}: only what is between start and end counts`, (t) => {
    const chunk = join(new Uint8Array(1000).fill(0xff), submits(40), new Uint8Array(50).fill(0xff));
    const found = scan(codec, SUBMIT_FRAMING, SUBMIT_KIND, chunk, 1000, 1520);
    t.equal(found.frames.length, 40);
    t.strictSame(found.frames[39], [1507, 13, 2, 0]);
    const view = chunk.subarray(500);
    t.equal(scan(codec, SUBMIT_FRAMING, SUBMIT_KIND, view, 500, 1020).frames.length, 40);
    t.end();
  });

  t.test(`${codec}: a kind that no frame has room for is refused`, (t) => {
    const kind = { offset: 5, bytes: 4, littleEndian: false } as const;
    t.throws(() => borrow(codec).scanner(fixed(8), kind), { code: "INVALID_CONFIG" });
    t.end();
  });
}

t.test("random streams: every codec finds what the oracle finds", (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9);
  t.comment(`SEED=${seed}`);
  const next = random(seed);
  for (let round = 0; round < 3000; round++) {
    const framing = round % 2 === 0 ? SUBMIT_FRAMING : randomFraming(next);
    const kind = round % 2 === 0 ? SUBMIT_KIND : randomKind(next);
    const chunk = randomStream(next, framing);
    const start = next(4) === 0 ? next(chunk.length) : 0;
    const end = next(4) === 0 ? start + next(chunk.length - start + 1) : chunk.length;
    const limit = next(3) === 0 ? 30 + next(200) : LIMIT;
    const expected = expectScan(framing, kind, chunk, start, end, limit);
    for (const codec of CODECS) {
      const found = scan(codec, framing, kind, chunk, start, end, limit);
      if (JSON.stringify(found) === JSON.stringify(expected)) continue;
      t.strictSame(found, expected, `SEED=${seed}, round ${round}, ${codec}`);
      t.comment(JSON.stringify({ framing, kind, start, end, limit }));
      return t.end();
    }
  }
  t.pass(`SEED=${seed}`);
  t.end();
});

function randomFraming(next: (below: number) => number): LengthFieldFraming {
  return lengthField({
    offset: next(6),
    size: (1 + next(8)) as 1,
    endian: next(2) === 0 ? "big" : "little",
    counts: next(2) === 0 ? "frame" : "payload",
    adjust: next(4) - 1,
    minFrameBytes: 14 + next(10),
  });
}

function randomKind(next: (below: number) => number): KindField | undefined {
  const bytes = ([0, 1, 2, 4] as const)[next(4)]!;
  return bytes === 0 ? undefined : { offset: next(12), bytes, littleEndian: next(2) === 0 };
}

/** Mostly well-formed frames, in runs of one length; now and then a byte is wrong. */
function randomStream(next: (below: number) => number, framing: LengthFieldFraming): Uint8Array {
  const { offset, size, littleEndian, adjust } = framing;
  const base = adjust + (framing.counts === "frame" ? 0 : offset + size);
  const parts: Uint8Array[] = [];
  for (let runs = 1 + next(12); runs > 0; runs--) {
    const length = Math.max(framing.minFrameBytes, 16) + next(next(8) === 0 ? 2000 : 60);
    for (let count = 1 + next(next(4) === 0 ? 200 : 4); count > 0; count--) {
      const bytes = new Uint8Array(length).map(() => next(256));
      const field = new Uint8Array(8);
      new DataView(field.buffer).setBigUint64(0, BigInt(length - base), littleEndian);
      bytes.set(littleEndian ? field.subarray(0, size) : field.subarray(8 - size), offset);
      parts.push(bytes);
    }
  }
  const chunk = join(...parts);
  if (next(3) === 0) chunk[next(chunk.length)] = next(256);
  return chunk;
}
