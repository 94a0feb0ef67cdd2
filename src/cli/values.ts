/**
 * Values of options: text to what it stands for, or an error that says what it must be.
 *
 * @module
 */
import { closest } from "./closest.ts";
import { UsageError } from "./failure.ts";
import { formatBytes, parseSize } from "./size.ts";

/** Reads a whole number. */
export function readInteger(option: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new UsageError(`--${option} must be a whole number ${range} and is "${text}"`);
}

/** Reads a number over 0. */
export function readPositive(option: string, text: string, example: string): number {
  const value = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (value > 0) return value;
  throw new UsageError(`--${option} must be a number over 0, such as ${example}, and is "${text}"`);
}

/** Reads a size in bytes, such as `64k`. */
export function readSize(option: string, text: string, least: number, most: number): number {
  const value = parseSize(text);
  if (value !== undefined && value >= least && value <= most) return value;
  throw new UsageError(
    `--${option} must be a size from ${formatBytes(least)} to ${formatBytes(most)}, ` +
      `such as 65536, 64k or 1M, and is "${text}"`,
  );
}

/** Reads one of a few words. */
export function readChoice<Choice extends string>(
  option: string,
  text: string,
  choices: readonly Choice[],
): Choice {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const guess = closest(text.toLowerCase(), choices);
  const hint = guess === undefined ? "" : `; did you mean ${guess}?`;
  throw new UsageError(`--${option} must be ${choices.join(" or ")} and is "${text}"${hint}`);
}
