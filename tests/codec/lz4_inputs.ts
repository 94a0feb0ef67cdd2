/**
 * Bytes to compress, and ways to break what came of it.
 *
 * @module
 */
import { random } from "../helpers/frames.ts";

/** What an input is mostly made of. */
export type Kind = "noise" | "mixed" | "long matches" | "long literals";

/** The kinds of input. */
export const KINDS: readonly Kind[] = ["noise", "mixed", "long matches", "long literals"];

/** Runs of random bytes, and copies of what was before, near and far, short and long. */
export function makeInput(seed: number, length: number, kind: Kind): Uint8Array {
  const next = random(seed);
  const bytes = new Uint8Array(length);
  const longest = {
    noise: [length, 1],
    mixed: [40, 300],
    "long matches": [40, 300_000],
    "long literals": [300_000, 100],
  }[kind];
  // Most are short, a few are as long as can be.
  const upTo = (most: number) => 1 + next(next(12) === 0 ? most : Math.min(most, 30));
  for (let at = 0; at < length;) {
    const isRun = kind === "noise" || at === 0 || next(3) === 0;
    const end = Math.min(length, at + upTo(isRun ? longest[0]! : longest[1]!));
    const distance = Math.min(at, 1 + next(next(4) === 0 ? 70_000 : 200));
    for (; at < end; at++) bytes[at] = isRun ? next(256) : bytes[at - distance]!;
  }
  return bytes;
}

/** A block with something wrong, most of the time. */
export function mutate(block: Uint8Array, next: (below: number) => number): Uint8Array {
  const bytes = block.slice();
  const at = next(bytes.length);
  switch (next(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      bytes[at]! ^= 1 << next(8);
      return bytes;
    case 2:
      return bytes.fill(0xff, at, at + 1 + next(64));
    case 3:
      return bytes.fill(0, at, at + 1 + next(4));
    case 4:
      return bytes.map((byte, i) => i >= at && i < at + 8 ? next(256) : byte);
    default:
      bytes.copyWithin(at, next(bytes.length));
      return bytes;
  }
}
