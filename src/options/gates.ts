/**
 * Options of the gates: who may connect.
 *
 * @module
 */
import { wrongCidr } from "../gates/cidr.ts";
import { type OptionSpec, type OptionSpecs, special } from "./spec.ts";

/** Options of the gates. */
export interface GatesOptions {
  /**
   * Address blocks that may connect, all others may not: IPv4 and IPv6 addresses and CIDR blocks such
   * as `"10.0.0.0/8"` and `"2001:db8::/32"`. An empty list lets nobody in. An IPv4-mapped address is
   * its IPv4 address. Without it all may connect.
   */
  readonly allow?: readonly string[];
  /** Address blocks that may not connect, written as in `allow`, over which this list wins. */
  readonly deny?: readonly string[];
}

/** The specs of {@linkcode GatesOptions}. */
export const GATES: OptionSpecs<GatesOptions> = {
  allow: cidrs(),
  deny: cidrs(),
};

const CIDRS_SCHEMA = { type: "array", items: { type: "string", minLength: 1 } };

/** What is wrong with a list of address blocks; undefined when it is right. */
function wrongCidrs(given: unknown): string | undefined {
  const wanted = 'a list of IP addresses and CIDR blocks such as "10.0.0.0/8"';
  if (!Array.isArray(given)) return wanted;
  for (const entry of given) {
    if (typeof entry !== "string") return `${wanted}, all of them texts,`;
    const wrong = wrongCidr(entry);
    if (wrong !== undefined) return `${wanted} (${wrong})`;
  }
  return undefined;
}

function cidrs(): OptionSpec<readonly string[]> {
  return special(wrongCidrs, { live: true, schema: CIDRS_SCHEMA });
}
