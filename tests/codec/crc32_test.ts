/** CRC-32C and CRC-32: the published values, and the same in WebAssembly and in TypeScript. */

import process from "node:process";
import t from "tap";
import {
  type Checksum,
  type ChecksumName,
  checksumOf,
  crc32,
  crc32c,
  verifyChecksum,
  writeChecksum,
} from "../../src/codec/checksum.ts";
import { isFramewireError } from "../../src/errors.ts";
import { fromHex, random, randomBytes } from "../helpers/frames.ts";
import { read, readJson } from "../helpers/root.ts";

const NAMES: readonly ChecksumName[] = ["crc32c", "crc32"];
const CODECS = ["wasm", "ts", "auto"] as const;
const WINDOW_BYTES = 65536;

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly repeat?: number;
  readonly crc32c: string;
  readonly crc32: string;
}

const { checksums: vectors } = readJson<{ checksums: Vector[] }>("tests/vectors/checksums.json");

function bytesOf({ hex, repeat = 1 }: Vector): Uint8Array {
  const once = fromHex(hex);
  const bytes = new Uint8Array(once.length * repeat);
  for (let i = 0; i < repeat; i++) bytes.set(once, i * once.length);
  return bytes;
}

function whole(checksum: Checksum, bytes: Uint8Array): number {
  return checksum.compute(bytes, 0, bytes.length);
}

for (const name of NAMES) {
  for (const codec of CODECS) {
    t.test(`${name} of the golden vectors (${codec})`, (t) => {
      const checksum = checksumOf(name, codec);
      t.equal(checksum.name, name);
      t.equal(checksum.bytes, 4);
      for (const vector of vectors) {
        t.equal(whole(checksum, bytesOf(vector)), parseInt(vector[name], 16), vector.name);
      }
      t.end();
    });
  }

  t.test(`${name} is the same on both codecs for every short length and alignment`, (t) => {
    const wasm = checksumOf(name, "wasm");
    const ts = checksumOf(name, "ts");
    const auto = checksumOf(name);
    const bytes = randomBytes(7, 2100);
    const different: string[] = [];
    for (let length = 0; length < 2048; length++) {
      const from = length % 7;
      const sum = ts.compute(bytes, from, from + length);
      if (
        wasm.compute(bytes, from, from + length) !== sum ||
        auto.compute(bytes, from, from + length) !== sum
      ) different.push(`${length} bytes from ${from}`);
    }
    t.strictSame(different, []);
    t.end();
  });

  t.test(`${name} is the same around the window's length`, (t) => {
    const bytes = randomBytes(8, 3 * WINDOW_BYTES + 600);
    for (const windows of [1, 2, 3]) {
      for (const more of [-400, -273, -1, 0, 1, 7, 64, 383, 384, 385, 599]) {
        const length = windows * WINDOW_BYTES + more;
        t.equal(
          checksumOf(name, "wasm").compute(bytes, 0, length),
          checksumOf(name, "ts").compute(bytes, 0, length),
          `${length} bytes`,
        );
      }
    }
    t.end();
  });

  t.test(`${name} of 64 MiB is the same on both codecs, and leaves its input alone`, (t) => {
    const bytes = new Uint8Array(64 << 20);
    for (let i = 0; i < bytes.length; i += 61) bytes[i] = i >>> 5;
    const before = crc32(bytes.subarray(1 << 20, 2 << 20));
    t.equal(whole(checksumOf(name, "wasm"), bytes), whole(checksumOf(name, "ts"), bytes));
    t.equal(crc32(bytes.subarray(1 << 20, 2 << 20)), before);
    t.end();
  });
}

t.test("random pieces of random bytes give the same on both codecs", (t) => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000);
  const next = random(seed);
  const bytes = randomBytes(seed, 300_000);
  const wasm = NAMES.map((name) => checksumOf(name, "wasm"));
  const ts = NAMES.map((name) => checksumOf(name, "ts"));
  const different: string[] = [];
  for (let i = 0; i < 400; i++) {
    const from = next(200_000);
    const to = from + next(next(10) === 0 ? 100_000 : 4000);
    const which = next(2);
    if (wasm[which]!.compute(bytes, from, to) !== ts[which]!.compute(bytes, from, to)) {
      different.push(`${NAMES[which]} of [${from}, ${to})`);
    }
  }
  t.strictSame(different, [], `SEED=${seed}`);
  t.end();
});

t.test("a checksum goes on where an earlier one ended", (t) => {
  const bytes = randomBytes(9, 3000);
  for (const sum of [crc32c, crc32]) {
    const all = sum(bytes);
    const different: number[] = [];
    for (let cut = 0; cut <= bytes.length; cut++) {
      if (sum(bytes.subarray(cut), sum(bytes.subarray(0, cut))) !== all) different.push(cut);
    }
    t.strictSame(different, []);
  }
  t.end();
});

t.test("a trailer that was written is verified, and any flipped bit is noticed", (t) => {
  for (const codec of CODECS) {
    for (const name of NAMES) {
      const checksum = checksumOf(name, codec);
      const frame = randomBytes(10, 2 + 700 + 4 + 2);
      const untouched = [frame[0], frame[1], frame.at(-2), frame.at(-1)];
      writeChecksum(checksum, frame, 2, 702);
      t.strictSame([frame[0], frame[1], frame.at(-2), frame.at(-1)], untouched);
      t.doesNotThrow(() => verifyChecksum(checksum, frame, 2, 706));
      let unnoticed = 0;
      for (let bit = 0; bit < 704 * 8; bit++) {
        const at = 2 + (bit >>> 3);
        frame[at]! ^= 1 << (bit & 7);
        try {
          verifyChecksum(checksum, frame, 2, 706);
          unnoticed++;
        } catch (error) {
          if (!isFramewireError(error, "CHECKSUM_MISMATCH")) throw error;
        }
        frame[at]! ^= 1 << (bit & 7);
      }
      t.equal(unnoticed, 0);
    }
  }
  t.end();
});

t.test("a mismatch tells both sums, where it was and how the frame began", (t) => {
  const frame = new TextEncoder().encode("123456789\0\0\0\0");
  t.throws(() => verifyChecksum(checksumOf("crc32c"), frame, 0, 13, 4096), {
    code: "CHECKSUM_MISMATCH",
    message: "the crc32c of a frame of 13 bytes is 0xe3069283, but it ends in 0x00000000",
    streamOffset: 4096,
    firstBytes: frame,
  });
  t.throws(() => verifyChecksum(checksumOf("crc32c"), frame, 0, 3), {
    code: "CHECKSUM_MISMATCH",
    message: "the crc32c of a frame of 3 bytes is missing",
  });
  t.end();
});

t.test("a checksum of another name is refused", (t) => {
  t.throws(() => checksumOf("md5" as ChecksumName), { code: "INVALID_OPTION" });
  t.end();
});

t.test("the sparse polynomials of the kernel are multiples of the generators", (t) => {
  const source = read("codec-wasm/assembly/crc32.ts");
  const sparse = [...source.matchAll(/^\/\/ +((?:x\^\d+ \+ )+1)[,.]$/gm)].map(([, text]) => text!);
  t.equal(sparse.length, 2);
  for (const [i, generator] of [0x11edc6f41n, 0x104c11db7n].entries()) {
    const exponents = [...sparse[i]!.matchAll(/x\^(\d+)/g)].map(([, digits]) => BigInt(digits!));
    const polynomial = exponents.reduce((sum, exponent) => sum | 1n << exponent, 1n);
    t.equal(remainder(polynomial, generator), 0n, sparse[i]!);
    // The kernel looks back by the top exponent less each of the others.
    const [degree, ...others] = exponents.map(Number);
    for (const other of others) {
      t.match(source, `v128.load(from, ${other})`);
      t.ok(degree! - other >= 16, "no distance is shorter than a step");
    }
  }
  t.end();
});

/** The remainder of a division of polynomials over GF(2). */
function remainder(dividend: bigint, divisor: bigint): bigint {
  const degree = (value: bigint) => value.toString(2).length - 1;
  let rest = dividend;
  while (rest !== 0n && degree(rest) >= degree(divisor)) {
    rest ^= divisor << BigInt(degree(rest) - degree(divisor));
  }
  return rest;
}
