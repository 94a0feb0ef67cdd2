/**
 * Access lists: which addresses may connect.
 *
 * @module
 */
import { parseAddress } from "./address.ts";
import { CidrList } from "./cidr.ts";

/** The gate that stops an address: its list. */
export type AccessGate = "deny" | "allow";

/** Both lists. `deny` wins over `allow`; an `allow` list denies the rest. */
export class AccessList {
  readonly #allow: CidrList | undefined;
  readonly #deny: CidrList | undefined;

  /** @param allow The blocks that may connect; without them all may. */
  constructor(allow: readonly string[] | undefined, deny: readonly string[] | undefined) {
    this.#allow = allow && new CidrList(allow);
    this.#deny = deny && new CidrList(deny);
  }

  /**
   * Which list stops a peer; undefined when it may connect. What is no IP address, such as a Unix
   * socket's peer, is on neither list.
   */
  stops(hostname: string): AccessGate | undefined {
    const address = parseAddress(hostname);
    if (address !== undefined && this.#deny?.has(address)) return "deny";
    if (this.#allow === undefined) return undefined;
    return address !== undefined && this.#allow.has(address) ? undefined : "allow";
  }

  /** Whether `deny` stops a peer, whatever `allow` says. */
  denies(hostname: string): boolean {
    return this.#deny !== undefined && this.stops(hostname) === "deny";
  }
}
