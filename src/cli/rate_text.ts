/**
 * Rates, as people write them.
 *
 * @module
 */
import type { RateLimits, RateOptions } from "../options/rate.ts";
import type { AcceptRate } from "../options/admission.ts";
import { parseSize } from "./size.ts";

/** What {@linkcode parseRates} takes, for messages. */
export const RATES_EXPECTED: string =
  "a list of SCOPE=NUMBER/s for requests and SCOPE=SIZEB/s for bytes, SCOPE one of connection, ip " +
  "and server, with :BURST behind it if one likes, such as connection=1000/s,ip=8MB/s:16MB";

const SCOPES: readonly string[] = ["connection", "ip", "server"];

/**
 * Reads limits of rates: `connection=1000/s`, `ip=5000/s:10000`, `server=64MB/s`, separated by commas.
 * What ends in `B` is bytes; a scope may have both.
 *
 * @returns Undefined when the text is none, or says something twice.
 */
export function parseRates(text: string): RateOptions | undefined {
  const rates: Record<string, Record<string, number>> = {};
  for (const part of text.split(",")) {
    const match = /^\s*(\w+)\s*=\s*([\d.]+)([kmg]?i?b)?\/s(?::([\d.]+)([kmg]?i?b)?)?\s*$/i.exec(
      part,
    );
    if (match === null) return undefined;
    const [, scope = "", number = "", unit, burst, burstUnit] = match;
    if (!SCOPES.includes(scope)) return undefined;
    const limits: Record<string, number> = rates[scope] ??= {};
    const [rateName, burstName] = unit === undefined
      ? ["requestsPerSecond", "requestBurst"] as const
      : ["bytesPerSecond", "byteBurst"] as const;
    const rate = amount(number, unit);
    if (rate === undefined || limits[rateName] !== undefined) return undefined;
    limits[rateName] = rate;
    if (burst === undefined) continue;
    // A burst of bytes is in bytes: 1000/s:2MB would be neither.
    if ((unit === undefined) !== (burstUnit === undefined)) return undefined;
    const most = amount(burst, burstUnit);
    if (most === undefined) return undefined;
    limits[burstName] = most;
  }
  return rates as { readonly [Scope in keyof RateOptions]: RateLimits };
}

/** Reads `10/s:20`: so many connections a second, and so many at once. */
export function parseAcceptRate(text: string): AcceptRate | undefined {
  const match = /^(\d+(?:\.\d+)?)\/s:(\d+)$/.exec(text.trim());
  return match === null ? undefined : { perSecond: Number(match[1]), burst: Number(match[2]) };
}

function amount(number: string, unit: string | undefined): number | undefined {
  if (unit !== undefined) return parseSize(number + unit);
  return /^(\d+(\.\d*)?|\.\d+)$/.test(number) ? Number(number) : undefined;
}
