/**
 * Checksums and LZ4: WebAssembly, TypeScript and lz4-napi against each other, interleaved.
 *
 * `node bench/bytes_rows.mjs` prints the rows of Deno and of Node.
 *
 * @module
 */
import { checksumOf } from "../../src/codec/checksum.ts";
import { lz4 } from "../../src/codec/compression.ts";
import { DATA, type Data, LENGTHS, loadNative, makeBody } from "./bytes_workload.ts";

/** What is done with a body. */
export type BytesTask = "crc32c" | "crc32" | "lz4 compress" | "lz4 decompress";

/** One combination. */
export interface BytesRow {
  /** The task. */
  readonly name: BytesTask;
  /** What the body is made of. */
  readonly data: Data;
  /** The body's length, in bytes; for `lz4 decompress` that of what comes out. */
  readonly bytes: number;
  /** How much smaller it gets; undefined for checksums. */
  readonly ratio?: number;
  /** Median nanoseconds in WebAssembly, the copies in and out included. */
  readonly wasmNs: number;
  /** Median nanoseconds in TypeScript. */
  readonly tsNs: number;
  /** Median nanoseconds of lz4-napi; undefined for checksums, and where it is not installed. */
  readonly nativeNs?: number;
}

/** How long to measure. */
export interface BytesOptions {
  /** Timings per row and implementation. */
  readonly rounds?: number;
  /** Milliseconds that one timing takes, about. */
  readonly sliceMs?: number;
  /** Which rows to measure; all without it. */
  readonly only?: (name: BytesTask, data: Data, bytes: number) => boolean;
}

/** Measures every combination of task, data and length. */
export function measureBytes(options: BytesOptions = {}): BytesRow[] {
  const { rounds = 15, sliceMs = 2, only = () => true } = options;
  const rows: BytesRow[] = [];
  const wanted: { row: Pick<BytesRow, "name" | "data" | "bytes" | "ratio">; fns: Fns }[] = [];
  for (const data of DATA) {
    for (const bytes of LENGTHS) {
      for (const { name, ratio, fns } of tasksOf(data, bytes)) {
        if (only(name, data, bytes)) {
          wanted.push({ row: { name, data, bytes, ...(ratio !== undefined && { ratio }) }, fns });
        }
      }
    }
  }
  // The compiler sees every shape of input before the first timing.
  for (const { fns } of wanted) fns.forEach((fn) => timeNs(fn, 20));
  for (const { row, fns } of wanted) {
    const [wasmNs, tsNs, nativeNs] = medians(fns, rounds, sliceMs);
    rows.push({
      ...row,
      wasmNs: wasmNs!,
      tsNs: tsNs!,
      ...(nativeNs !== undefined && { nativeNs }),
    });
  }
  return rows;
}

/** WebAssembly, TypeScript, and lz4-napi where there is something to compare with. */
type Fns = readonly (() => unknown)[];

/** Every task on one body. */
export function tasksOf(
  data: Data,
  bytes: number,
): { name: BytesTask; ratio?: number; fns: Fns }[] {
  const body = makeBody(data, bytes);
  const tasks: { name: BytesTask; ratio?: number; fns: Fns }[] = [];
  if (data === "json") {
    for (const name of ["crc32c", "crc32"] as const) {
      const [wasm, ts] = [checksumOf(name, "wasm"), checksumOf(name, "ts")];
      const fns = [() => wasm.compute(body, 0, bytes), () => ts.compute(body, 0, bytes)];
      tasks.push({ name, fns });
    }
  }
  const native = loadNative();
  const [wasm, ts] = [lz4("wasm"), lz4("ts")];
  const packed = ts.compress(body);
  tasks.push({
    name: "lz4 compress",
    ratio: packed === undefined ? 1 : bytes / packed.length,
    fns: [
      () => wasm.compress(body),
      () => ts.compress(body),
      ...(native === undefined ? [] : [() => native.compressSync(body)]),
    ],
  });
  if (packed !== undefined) {
    const sized = native?.compressSync(body);
    tasks.push({
      name: "lz4 decompress",
      ratio: bytes / packed.length,
      fns: [
        () => wasm.decompress(packed, bytes),
        () => ts.decompress(packed, bytes),
        ...(native === undefined ? [] : [() => native.uncompressSync(sized!)]),
      ],
    });
  }
  return tasks;
}

function medians(fns: Fns, rounds: number, sliceMs: number): number[] {
  const counts = fns.map((fn) => {
    for (let count = 1;; count *= 2) {
      const ms = timeNs(fn, count) * count / 1e6;
      if (ms >= sliceMs / 2) return Math.max(1, Math.round(count * sliceMs / ms));
    }
  });
  const samples: number[][] = fns.map(() => []);
  for (let round = 0; round < rounds; round++) {
    fns.forEach((_, i) => {
      const turn = (i + round) % fns.length;
      samples[turn]!.push(timeNs(fns[turn]!, counts[turn]!));
    });
  }
  return samples.map((times) => times.sort((a, b) => a - b)[times.length >> 1]!);
}

function timeNs(fn: () => unknown, count: number): number {
  const start = performance.now();
  for (let i = 0; i < count; i++) fn();
  return (performance.now() - start) * 1e6 / count;
}
