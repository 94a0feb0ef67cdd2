/**
 * When what is put out is written.
 *
 * @module
 */
import { describe } from "../protocol/protocol.ts";

/** Writes wait for more to come with them. */
export interface DelayedWrites {
  /** How long the first byte waits at the most, in milliseconds: 1 to 60,000. */
  readonly delayMs: number;
  /** How much is written without waiting, in bytes: 1 to 1 GiB. */
  readonly bytes: number;
}

/**
 * When what is put out is written:
 *
 * - `"batch"`: at the end of the turn, so that what a turn of the event loop has produced shares a write,
 *   and a peer is woken once. The fastest under load.
 * - `"immediate"`: at once. The acknowledgements of requests that came together still leave together.
 * - `{ delayMs, bytes }`: when so much waits, or when the first of it has waited so long: fewer and larger
 *   writes, for peers that pay for each packet.
 */
export type WriteMode = "batch" | "immediate" | DelayedWrites;

const MOST_DELAY_MS = 60_000;
const MOST_BYTES = 1 << 30;

/** What is expected of a write mode, in words, when a value is none. */
export function wrongWriteMode(value: unknown): string | undefined {
  if (value === "batch" || value === "immediate") return undefined;
  const expected = `"batch", "immediate" or { delayMs: 1 to ${MOST_DELAY_MS}, bytes: 1 to ` +
    `${MOST_BYTES} }`;
  if (typeof value !== "object" || value === null) return expected;
  const { delayMs, bytes } = value as Partial<DelayedWrites>;
  for (
    const [name, given, most] of [["delayMs", delayMs, MOST_DELAY_MS], [
      "bytes",
      bytes,
      MOST_BYTES,
    ]] as const
  ) {
    if (!Number.isInteger(given) || given! < 1 || given! > most) {
      return `${expected}, and its ${name} is ${describe(given)};`;
    }
  }
  return undefined;
}
