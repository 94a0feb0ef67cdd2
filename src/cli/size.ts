/**
 * Sizes in bytes and counts, as people write and read them.
 *
 * @module
 */

const UNITS = ["", "k", "m", "g"];

/**
 * Reads a size: a number, then `k`, `M` or `G` for powers of 1024, then `B` or `iB` if one likes:
 * `65536`, `64k`, `64KiB`, `1.5M`.
 *
 * @returns The size in bytes; undefined when the text is none or is no whole number of bytes.
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(?:([kmg])i?)?b?$/i.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * 1024 ** UNITS.indexOf((match[2] ?? "").toLowerCase());
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size for people: `812 B`, `1.2 KiB`, `64.0 MiB`. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  while (unit < 4 && bytes >= 1024) {
    bytes /= 1024;
    unit++;
  }
  return unit === 0 ? `${Math.round(bytes)} B` : `${bytes.toFixed(1)} ${" KMGT"[unit]}iB`;
}

/** A count for people: `1,234,567`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** A count and what is counted: `1 connection`, `2 connections`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
