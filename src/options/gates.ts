/**
 * Options of the gates: who may connect, and how peers say who they are.
 *
 * @module
 */
import { wrongCidr } from "../gates/cidr.ts";
import { MAX_TIMER_MS, type OptionSpec, type OptionSpecs, special, whole } from "./spec.ts";

/** Proxies that say whom they connect for. */
export interface ProxyProtocolOptions {
  /** The proxies' addresses: IP addresses and CIDR blocks, written as in `allow`. */
  readonly trusted: readonly string[];
  /**
   * Whether each connection of a trusted proxy must begin with a header. If not, one without it is
   * the proxy's own; the peer must speak first then, and the protocol must not begin like a header.
   *
   * @default {true}
   */
  readonly required?: boolean;
}

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
  /**
   * Takes the peers' addresses from proxies that send them in a PROXY header, version 1 or 2. Only
   * those named are believed; a header from elsewhere is a malformed stream. `allow` and `deny` are
   * asked for the address in the header, and `deny` for the proxy's own before.
   */
  readonly proxyProtocol?: ProxyProtocolOptions;
  /**
   * How long `authenticate` may take, in milliseconds: 1 to 2,147,483,647. Then the peer is refused
   * with result 1.
   *
   * @default {5000}
   */
  readonly authTimeoutMs?: number;
  /**
   * Failed attempts to authenticate in a row that an address has free (a /64 of IPv6): 0 to 1,000,000,
   * where 0 is any number. The next ones have to wait a second, two, four, up to a minute, and are
   * answered with result 4 when they come earlier.
   *
   * @default {10}
   */
  readonly authFailures?: number;
  /**
   * Packets of a defined protocol that a peer may send before one of their handlers has called
   * `conn.authenticated(principal)`; handlers of others are not called until then. Such a request is
   * answered by the protocol's `failure`, with the code UNAUTHENTICATED. The `submit` protocol has
   * `authenticate` instead.
   */
  readonly packetsBeforeAuth?: readonly string[];
}

/** The options of {@linkcode GatesOptions} that have no default. */
export type OptionalGates = "allow" | "deny" | "proxyProtocol" | "packetsBeforeAuth";

const CIDRS_SCHEMA = { type: "array", items: { type: "string", minLength: 1 } };

/** The specs of {@linkcode GatesOptions}. */
export const GATES: OptionSpecs<GatesOptions> = {
  allow: cidrs(),
  deny: cidrs(),
  proxyProtocol: special(wrongProxyProtocol, {
    schema: {
      type: "object",
      properties: { trusted: CIDRS_SCHEMA, required: { type: "boolean" } },
      required: ["trusted"],
      additionalProperties: false,
    },
  }),
  authTimeoutMs: whole(5000, 1, MAX_TIMER_MS),
  authFailures: whole(10, 0, 1_000_000),
  packetsBeforeAuth: special<readonly string[]>(
    (given) =>
      Array.isArray(given) && given.every((name) => typeof name === "string")
        ? undefined
        : "a list of packets' names",
    { schema: { type: "array", items: { type: "string" } } },
  ),
};

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

function wrongProxyProtocol(given: unknown): string | undefined {
  const wanted = "an object { trusted, required? }";
  if (typeof given !== "object" || given === null) return wanted;
  const { trusted, required, ...others } = given as Record<string, unknown>;
  const wrong = wrongCidrs(trusted);
  if (wrong !== undefined) return `${wanted} whose trusted is ${wrong}`;
  if (required !== undefined && typeof required !== "boolean") {
    return `${wanted} whose required is true or false`;
  }
  const [unknown] = Object.keys(others);
  return unknown === undefined ? undefined : `${wanted}, without ${unknown},`;
}

/** Whether links have to pass anything. */
export function guarded({ allow, deny, proxyProtocol }: GatesOptions): boolean {
  return allow !== undefined || deny !== undefined || proxyProtocol !== undefined;
}

function cidrs(): OptionSpec<readonly string[]> {
  return special(wrongCidrs, { live: true, schema: CIDRS_SCHEMA });
}
