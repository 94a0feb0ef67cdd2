/**
 * IP addresses as numbers.
 *
 * @module
 */
import { parseIPv4, parseIPv6 } from "./address_text.ts";

/** An IP address. An IPv4-mapped IPv6 address is its IPv4 address. */
export interface IpAddress {
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** Its 32 or 128 bits. */
  readonly bits: bigint;
}

/** What the high 96 bits of an IPv4-mapped address are (RFC 4291, 2.5.5.2). */
const MAPPED = 0xffffn;

/**
 * Reads an address.
 *
 * @returns undefined when the text is no address.
 */
export function parseAddress(text: string): IpAddress | undefined {
  if (!text.includes(":")) {
    const octets = parseIPv4(text);
    if (octets === undefined) return undefined;
    return { family: 4, bits: octets.reduce((bits, octet) => bits << 8n | BigInt(octet), 0n) };
  }
  const groups = parseIPv6(text);
  if (groups === undefined) return undefined;
  const bits = groups.reduce((bits, group) => bits << 16n | BigInt(group), 0n);
  return bits >> 32n === MAPPED ? { family: 4, bits: bits & 0xffff_ffffn } : { family: 6, bits };
}
