/** LZ4 blocks: other implementations' blocks both ways, any length, and nothing malformed gets through. */

import { Buffer } from "node:buffer";
import process from "node:process";
import { compressSync, uncompressSync } from "lz4-napi";
import t from "tap";
import * as abi from "../../codec-wasm/dist/abi.ts";
import { codecModule } from "#codec-module";
import { compressLz4, decompressLz4, maxPackedBytes } from "../../src/codec/lz4.ts";
import { WasmLz4 } from "../../src/codec/wasm_lz4.ts";
import { isFramewireError } from "../../src/errors.ts";
import { fromHex, random, randomBytes } from "../helpers/frames.ts";
import { readJson } from "../helpers/root.ts";
import { KINDS, makeInput, mutate } from "./lz4_inputs.ts";

interface Block {
  readonly name: string;
  readonly raw: string;
  readonly repeat?: number;
  readonly block: string;
}

interface Malformed {
  readonly name: string;
  readonly block: string;
  readonly rawBytes: number;
  readonly problem: string;
}

const vectors = readJson<{ blocks: Block[]; malformed: Malformed[] }>(
  "tests/vectors/lz4_blocks.json",
);

/** What an error's message says of each problem. */
const PROBLEMS: Readonly<Record<string, RegExp>> = {
  truncated: /ends inside a sequence/,
  "too long": /holds more/,
  "too short": /holds fewer/,
  distance: /begins before the first byte/,
};

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000);

const exports = new WebAssembly.Instance(codecModule().module!)
  .exports as unknown as abi.CodecExports;
const memory = new Uint8Array(exports.memory.buffer);
const wasm = new WasmLz4(exports);
const ts = { compress: compressLz4, decompress: decompressLz4 };
const codecs = { wasm, ts };

function equal(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}

/** The bytes, or the error's message. */
function outcome(codec: typeof ts | WasmLz4, block: Uint8Array, rawBytes: number): unknown {
  try {
    return codec.decompress(block, rawBytes);
  } catch (error) {
    if (!isFramewireError(error, "DECOMPRESSION_FAILED")) throw error;
    return error.message;
  }
}

function same(a: unknown, b: unknown): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array ? equal(a, b) : a === b;
}

/** What differs when an input is compressed and decompressed by both; undefined when nothing does. */
function differs(input: Uint8Array, limit: number): string | undefined {
  const block = ts.compress(input, limit);
  if (!equal(wasm.compress(input, limit), block)) return "the blocks differ";
  if (block === undefined) return undefined;
  if (block.length > limit) return `a block of ${block.length} bytes`;
  if (!equal(ts.decompress(block, input.length), input)) return "TypeScript does not get it back";
  if (!equal(wasm.decompress(block, input.length), input)) return "WASM does not get it back";
}

for (const [name, codec] of Object.entries(codecs)) {
  t.test(`the golden blocks (${name})`, (t) => {
    for (const { name, raw, repeat: times = 1, block } of vectors.blocks) {
      const all = repeat(fromHex(raw), times);
      t.ok(equal(codec.decompress(fromHex(block), all.length), all), name);
    }
    t.end();
  });

  t.test(`the golden malformed blocks are refused (${name})`, (t) => {
    for (const { name, block, rawBytes, problem } of vectors.malformed) {
      t.match(outcome(codec, fromHex(block), rawBytes), PROBLEMS[problem]!, name);
    }
    t.end();
  });

  t.test(`lz4-napi reads our blocks, and we read its (${name})`, (t) => {
    for (const kind of KINDS) {
      for (const length of [1, 12, 13, 100, 5000, 70_000, 600_000]) {
        const input = makeInput(length, length, kind);
        const block = codec.compress(input, maxPackedBytes(length))!;
        // Its blocks begin with the length, little endian.
        const sized = new Uint8Array(4 + block.length);
        new DataView(sized.buffer).setUint32(0, length, true);
        sized.set(block, 4);
        t.ok(equal(uncompressSync(sized), input), `${length} bytes of ${kind}: ours`);
        const theirs = compressSync(toBuffer(input)).subarray(4);
        t.ok(equal(codec.decompress(theirs, length), input), `${length} bytes of ${kind}: its`);
      }
    }
    t.end();
  });

  t.test(`a declared length that no such block has takes no memory (${name})`, (t) => {
    t.throws(() => codec.decompress(new Uint8Array(100), 2 ** 30), {
      code: "DECOMPRESSION_FAILED",
      declaredBytes: 2 ** 30,
    });
    t.end();
  });
}

t.test("both codecs make the same block of every short input, and get it back", (t) => {
  for (const kind of KINDS) {
    const bad: string[] = [];
    for (let length = 0; length <= 300; length++) {
      const problem = differs(makeInput(length, length, kind), maxPackedBytes(length));
      if (problem !== undefined) bad.push(`${length} bytes: ${problem}`);
    }
    t.strictSame(bad, [], kind);
  }
  t.end();
});

t.test("both codecs agree around every length at which something changes", (t) => {
  const edges = [8192, 65536, abi.LZ4_HISTORY_BYTES, abi.LZ4_PLAIN_BYTES, 2 * abi.LZ4_PLAIN_BYTES];
  for (const edge of edges) {
    for (const kind of KINDS) {
      for (const more of [-13, -1, 0, 1, 12, 500]) {
        const length = edge + more;
        t.equal(
          differs(makeInput(edge, length, kind), maxPackedBytes(length)),
          undefined,
          `${length} bytes of ${kind}`,
        );
      }
    }
  }
  t.end();
});

t.test("both codecs agree on runs that are longer than the windows", (t) => {
  const noise = randomBytes(3, 400_000);
  const inputs = {
    "1 MiB of zeros": new Uint8Array(1 << 20),
    "noise, then zeros": concat(noise, new Uint8Array(500_000)),
    "noise, then its end again": concat(noise, noise.subarray(350_000)),
    "zeros, then noise": concat(new Uint8Array(500_000), noise),
    "a pattern of 65,535 bytes": repeat(noise.subarray(0, 65_535), 8),
    "a pattern of 65,536 bytes": repeat(noise.subarray(0, 65_536), 8),
    "a pattern of 3 bytes": repeat(noise.subarray(0, 3), 200_000),
  };
  for (const [name, input] of Object.entries(inputs)) {
    t.equal(differs(input, maxPackedBytes(input.length)), undefined, name);
  }
  t.end();
});

t.test("64 MiB round trip on both codecs, in fixed memory", (t) => {
  const before = memory.buffer.byteLength;
  const input = new Uint8Array(64 << 20);
  const pieces = (["mixed", "long literals", "long matches", "noise"] as const)
    .map((kind, i) => makeInput(i, 1 << 20, kind));
  // A quarter stays zeros, for the sake of time.
  for (let i = 0; i < 48; i++) {
    input.set(pieces[i % 8 === 7 ? 0 : 1 + i % 3]!, i << 20);
    input[(i << 20) + i] = i;
  }
  t.equal(differs(input, input.length - 1), undefined);
  t.equal(exports.memory.buffer.byteLength, before);
  t.ok(before <= 1 << 20, "no more than 1 MiB");
  t.end();
});

t.test("random inputs, and random limits: the same on both codecs", (t) => {
  const next = random(seed);
  const bad: string[] = [];
  for (let i = 0; i < 120; i++) {
    const length = next(next(10) === 0 ? 700_000 : 20_000);
    const kind = KINDS[next(KINDS.length)]!;
    const limit = next(2) === 0 ? next(length + 1) : maxPackedBytes(length);
    const problem = differs(makeInput(seed + i, length, kind), limit);
    if (problem !== undefined) bad.push(`${length} bytes of ${kind}, limit ${limit}: ${problem}`);
  }
  t.strictSame(bad, [], `SEED=${seed}`);
  t.end();
});

t.test("broken blocks come to the same on both codecs, and nothing is written elsewhere", (t) => {
  const next = random(seed);
  // Everything but the windows and the state of the kernels holds a mark.
  const own: readonly [number, number][] = [
    [abi.LZ4_PACKED, abi.LZ4_PACKED_BYTES + 64],
    [abi.LZ4_STATE, 64],
    [abi.LZ4_TABLE, abi.LZ4_TABLE_BYTES],
    [abi.LZ4_PLAIN, abi.LZ4_PLAIN_BYTES + 64],
  ];
  const kept = own.map(([from, length]) => memory.slice(from, from + length));
  memory.fill(0xa7);
  own.forEach(([from], i) => memory.set(kept[i]!, from));
  const bad: string[] = [];
  const outcomes: Record<string, number> = {};
  for (let i = 0; i < 2000; i++) {
    const length = 1 + next(next(100) === 0 ? 400_000 : 2000);
    const input = makeInput(seed + i, length, KINDS[next(KINDS.length)]!);
    let block = ts.compress(input, maxPackedBytes(length))!;
    for (let n = 1 + next(3); n > 0 && block.length > 0; n--) block = mutate(block, next);
    const rawBytes = next(4) === 0 ? next(2 * length) : length;
    const expected = outcome(ts, block, rawBytes);
    const got = outcome(wasm, block, rawBytes);
    if (!same(got, expected)) bad.push(`${i}: ${describe(got)} is not ${describe(expected)}`);
    const key = expected instanceof Uint8Array ? "bytes" : String(expected).replaceAll(/\d+/g, "N");
    outcomes[key] = (outcomes[key] ?? 0) + 1;
  }
  t.strictSame(bad, [], `SEED=${seed}`);
  t.equal(Object.keys(outcomes).length, 5, `all outcomes were met: ${JSON.stringify(outcomes)}`);
  own.forEach(([from, length]) => memory.fill(0xa7, from, from + length));
  t.ok(memory.every((byte) => byte === 0xa7), "the marks are as they were");
  t.end();
});

t.test("every prefix of a block is refused", (t) => {
  const input = makeInput(11, 2000, "mixed");
  const block = ts.compress(input, maxPackedBytes(input.length))!;
  for (const [name, codec] of Object.entries(codecs)) {
    const taken: number[] = [];
    for (let length = 0; length < block.length; length++) {
      if (outcome(codec, block.subarray(0, length), input.length) instanceof Uint8Array) {
        taken.push(length);
      }
    }
    t.strictSame(taken, [], name);
  }
  t.end();
});

function describe(value: unknown): string {
  return value instanceof Uint8Array ? `${value.length} bytes` : String(value);
}

function concat(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function repeat(part: Uint8Array, times: number): Uint8Array {
  const bytes = new Uint8Array(part.length * times);
  for (let i = 0; i < times; i++) bytes.set(part, i * part.length);
  return bytes;
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
