/**
 * What the benches of checksums and compression work on.
 *
 * @module
 */
import { createRequire } from "node:module";
import process from "node:process";

/** Lengths of a body, in bytes. */
export const LENGTHS: readonly number[] = [64, 256, 1024, 4096, 16384, 65536, 1 << 20];

/** JSON records as a service would send them, and noise, which does not compress. */
export const DATA = ["json", "noise"] as const;

/** One of {@linkcode DATA}. */
export type Data = (typeof DATA)[number];

/** What lz4-napi does: a block after its length, in 4 bytes. */
export interface Native {
  /** Compresses. */
  compressSync(bytes: Uint8Array): Uint8Array;
  /** Decompresses. */
  uncompressSync(bytes: Uint8Array): Uint8Array;
}

/** lz4-napi, or undefined where it is not installed; found from the current directory. */
export function loadNative(): Native | undefined {
  try {
    return createRequire(`${process.cwd()}/package.json`)("lz4-napi") as Native;
  } catch {
    return undefined;
  }
}

/** The same bytes in every run. */
export function makeBody(data: Data, length: number): Uint8Array {
  let state = 1;
  const next = () => (state = Math.imul(state, 1103515245) + 12345 & 0x7fffffff) / 0x80000000;
  if (data === "noise") return Uint8Array.from({ length }, () => next() * 256);
  let text = "[";
  for (let id = 1; text.length < length; id++) {
    text += JSON.stringify({
      id,
      user: `user${Math.floor(next() * 1000)}`,
      time: 1_700_000_000 + id * 7,
      amount: (next() * 10_000).toFixed(2),
      paid: next() < 0.9,
      tags: ["new", "vip", "export"].slice(0, next() * 4),
    }) + ",";
  }
  return new TextEncoder().encode(text).slice(0, length);
}
