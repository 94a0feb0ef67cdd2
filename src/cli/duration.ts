/**
 * Times, as people write them.
 *
 * @module
 */

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Reads a time: a number and its unit, `500ms`, `30s`, `1.5m` or `2h`.
 *
 * @param bareUnit The unit of a number alone.
 * @returns Milliseconds; undefined when the text is none, or no whole number of milliseconds.
 */
export function parseDuration(text: string, bareUnit: "ms" | "s" = "ms"): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/i.exec(text);
  if (match === null) return undefined;
  const value = Number(match[1]) * UNIT_MS[(match[2] ?? bareUnit).toLowerCase()]!;
  // 0.1 s is 100.00000000000001 ms in some units.
  const whole = Math.round(value);
  return Number.isSafeInteger(whole) && Math.abs(value - whole) < 1e-6 ? whole : undefined;
}
