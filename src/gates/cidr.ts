/**
 * Lists of address blocks (CIDR, RFC 4632 3.1 and RFC 4291 2.3), looked up by binary search.
 *
 * @module
 */
import { type IpAddress, parseAddress } from "./address.ts";

/** Adjoining addresses, the first and the last included. */
interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

/** A block of addresses. */
interface Block extends Range {
  readonly family: 4 | 6;
}

/** A list of blocks. */
export class CidrList {
  readonly #ipv4: readonly Range[];
  readonly #ipv6: readonly Range[];

  /** @param entries Right ones: see {@linkcode wrongCidr}. */
  constructor(entries: readonly string[]) {
    const blocks = entries.map((entry) => parseCidr(entry) as Block);
    this.#ipv4 = merged(blocks.filter(({ family }) => family === 4));
    this.#ipv6 = merged(blocks.filter(({ family }) => family === 6));
  }

  /** Whether one of its blocks holds the address. */
  has({ family, bits }: IpAddress): boolean {
    const ranges = family === 4 ? this.#ipv4 : this.#ipv6;
    let [low, high] = [0, ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ranges[middle]!.last < bits) low = middle + 1;
      else high = middle;
    }
    return low < ranges.length && ranges[low]!.first <= bits;
  }
}

/** What is wrong with a block's text; undefined when it is right. */
export function wrongCidr(text: string): string | undefined {
  const block = parseCidr(text);
  return typeof block === "string" ? block : undefined;
}

/** Reads a block; an address alone is a block of one. What is wrong comes back as text. */
function parseCidr(text: string): Block | string {
  const slash = text.indexOf("/");
  const hostname = slash < 0 ? text : text.slice(0, slash);
  const address = /[[%]/.test(hostname) ? undefined : parseAddress(hostname);
  if (address === undefined) return `${JSON.stringify(hostname)} is no IPv4 or IPv6 address`;
  const { family, bits } = address;
  // The lengths that are written count the bits of the family that is written.
  const isMapped = family === 4 && hostname.includes(":");
  const most = family === 6 || isMapped ? 128 : 32;
  let length = most;
  if (slash >= 0) {
    const digits = text.slice(slash + 1);
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(digits) || Number(digits) > most) {
      return `the prefix length of ${
        JSON.stringify(text)
      } must be a whole number from 0 to ${most}`;
    }
    length = Number(digits);
  }
  if (isMapped && length < 96) {
    return `${JSON.stringify(text)} is wider than the IPv4-mapped addresses, ::ffff:0.0.0.0/96`;
  }
  const free = BigInt(most - length);
  const first = (bits >> free) << free;
  if (first !== bits) {
    return `${JSON.stringify(text)} has bits set behind its prefix of ${length} bits`;
  }
  return { family, first, last: first | ((1n << free) - 1n) };
}

/** The ranges in order, with those that touch made one. */
function merged(blocks: readonly Range[]): Range[] {
  const sorted = [...blocks].sort((a, b) => a.first < b.first ? -1 : a.first > b.first ? 1 : 0);
  const ranges: Range[] = [];
  for (const block of sorted) {
    const before = ranges.at(-1);
    if (before !== undefined && block.first <= before.last + 1n) {
      const last = block.last > before.last ? block.last : before.last;
      ranges[ranges.length - 1] = { first: before.first, last };
    } else {
      ranges.push({ first: block.first, last: block.last });
    }
  }
  return ranges;
}
