/** Compressions as protocols use them: what they return, what they refuse, and who supplies them. */

import { Buffer } from "node:buffer";
import process from "node:process";
import t from "tap";
import { type Compression, compressionFrom, lz4 } from "../../src/codec/compression.ts";
import { deflate, zstd } from "../../src/entry/zlib.ts";
import { FramewireError, isFramewireError } from "../../src/errors.ts";
import { random, randomBytes } from "../helpers/frames.ts";
import { makeInput, mutate } from "./lz4_inputs.ts";

const hasZstd = "zstdCompressSync" in process.getBuiltinModule("node:zlib");

const compressions: Compression[] = [
  lz4("wasm"),
  lz4("ts"),
  lz4(),
  deflate(),
  deflate({ level: 9 }),
];
if (hasZstd) compressions.push(zstd(), zstd({ level: 1 }));

for (const [i, compression] of compressions.entries()) {
  const { name } = compression;

  t.test(`a body comes back as it went (${name}, ${i})`, (t) => {
    for (const length of [64, 1000, 70_000, 1 << 20]) {
      const body = makeInput(length, length, "mixed");
      const packed = compression.compress(body);
      t.ok(packed !== undefined && packed.length < length, `${length} bytes get fewer`);
      t.equal(Buffer.compare(compression.decompress(packed!, length), body), 0);
    }
    t.end();
  });

  t.test(`what does not get smaller is not compressed (${name}, ${i})`, (t) => {
    for (const length of [0, 1, 5, 12, 1000, 100_000]) {
      t.equal(compression.compress(randomBytes(length, length)), undefined, `${length} bytes`);
    }
    t.end();
  });

  t.test(`a body of another length than declared is refused (${name}, ${i})`, (t) => {
    const packed = compression.compress(new Uint8Array(5000).fill(7))!;
    for (const rawBytes of [0, 1, 4999, 5001, 1 << 20]) {
      t.throws(() => compression.decompress(packed, rawBytes), {
        code: "DECOMPRESSION_FAILED",
        declaredBytes: rawBytes,
      });
    }
    t.end();
  });

  t.test(`a length that no body has is refused (${name}, ${i})`, (t) => {
    const packed = compression.compress(new Uint8Array(5000))!;
    for (const rawBytes of [-1, 1.5, NaN, 2 ** 30 + 1, Infinity]) {
      t.throws(() => compression.decompress(packed, rawBytes), { code: "INVALID_OPTION" });
    }
    t.end();
  });

  t.test(`broken bytes give the declared length or an error (${name}, ${i})`, (t) => {
    const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000);
    const next = random(seed);
    const body = makeInput(seed, 3000, "mixed");
    const packed = new Uint8Array(compression.compress(body)!);
    const bad: unknown[] = [];
    for (let n = 0; n < 500; n++) {
      try {
        const { length } = compression.decompress(mutate(packed, next), body.length);
        if (length !== body.length) bad.push(length);
      } catch (error) {
        if (!isFramewireError(error, "DECOMPRESSION_FAILED")) bad.push(error);
      }
    }
    t.strictSame(bad, [], `SEED=${seed}`);
    t.end();
  });

  t.test(`a body may be a part of a larger buffer (${name}, ${i})`, (t) => {
    const buffer = makeInput(4, 4000, "mixed");
    const body = buffer.subarray(500, 3500);
    const copy = body.slice();
    const packed = compression.compress(body)!;
    const padded = new Uint8Array(packed.length + 20);
    padded.set(packed, 10);
    const raw = compression.decompress(padded.subarray(10, 10 + packed.length), body.length);
    t.equal(Buffer.compare(raw, copy), 0);
    t.equal(Buffer.compare(body, copy), 0, "the input is as it was");
    t.end();
  });
}

t.test("what lz4 returns is its own, and outlives the next call", (t) => {
  for (const codec of ["wasm", "ts"] as const) {
    const compression = lz4(codec);
    const first = compression.compress(new Uint8Array(1000).fill(1))!;
    const raw = compression.decompress(first, 1000);
    compression.decompress(compression.compress(new Uint8Array(2000).fill(2))!, 2000);
    t.ok(raw.every((byte) => byte === 1));
    t.ok(compression.decompress(first, 1000).every((byte) => byte === 1));
  }
  t.end();
});

t.test("a runtime without zstd says so", { skip: hasZstd && "this one has it" }, (t) => {
  t.throws(() => zstd(), { code: "UNSUPPORTED", message: /zstd/ });
  t.end();
});

t.test("compressionFrom passes the library's error on as the cause", (t) => {
  const cause = new RangeError("no");
  const broken = compressionFrom({
    name: "broken",
    compress: (bytes) => bytes.subarray(1),
    decompress: () => {
      throw cause;
    },
  });
  t.equal(broken.compress(new Uint8Array(9))?.length, 8);
  try {
    broken.decompress(new Uint8Array(1), 9);
    t.fail("it was not refused");
  } catch (error) {
    t.ok(isFramewireError(error, "DECOMPRESSION_FAILED"));
    t.equal((error as FramewireError).cause, cause);
  }
  t.end();
});
