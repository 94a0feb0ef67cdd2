/**
 * One spelling per address: what counts connections, rates and lists by address must not be fooled by
 * the several ways to write one.
 *
 * @module
 */

/** The first 96 bits of an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2), as groups. */
const MAPPED = [0, 0, 0, 0, 0, 0xffff] as const;

/**
 * An address in its one spelling: IPv4 as four decimal numbers, IPv6 as RFC 5952 asks (lower case, the
 * longest run of zero groups left out), an IPv4-mapped IPv6 address as its IPv4. A zone (`%eth0`) and
 * brackets are taken off. What is no IP address, such as `"memory"`, comes back as it is.
 *
 * @param hostname An address as a runtime or a user writes it.
 *
 * @example
 * ```ts
 * import { normaliseAddress } from "./address_text.ts";
 *
 * if (normaliseAddress("::ffff:127.0.0.1") !== "127.0.0.1") throw new Error("one address");
 * ```
 */
export function normaliseAddress(hostname: string): string {
  if (!hostname.includes(":")) {
    // Runtimes report IPv4 in its one spelling; only what users write needs the parser.
    return hostname;
  }
  const groups = parseIPv6(hostname);
  return groups === undefined ? hostname : mappedIPv4(groups) ?? formatIPv6(groups);
}

/**
 * Whom an address stands for where something is counted by IP: an IPv4 address for itself, an IPv6
 * address for its /64, all of which one host may use (RFC 8981); anything else for itself.
 *
 * @returns Text, the same for the same host.
 */
export function hostKey(hostname: string): string {
  if (!hostname.includes(":")) return hostname;
  const groups = parseIPv6(hostname);
  if (groups === undefined) return hostname;
  return mappedIPv4(groups) ?? `${formatIPv6([...groups.slice(0, 4), 0, 0, 0, 0])}/64`;
}

function mappedIPv4(groups: readonly number[]): string | undefined {
  if (!MAPPED.every((group, i) => groups[i] === group)) return undefined;
  const [high, low] = [groups[6]!, groups[7]!];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/**
 * The numbers of an IPv4 address; undefined when it is none. Leading zeros are refused: some read them
 * as octal.
 */
export function parseIPv4(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const numbers: number[] = [];
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    numbers.push(Number(part));
  }
  return numbers;
}

/** The eight groups of an IPv6 address, with or without brackets and zone; undefined when it is none. */
export function parseIPv6(text: string): readonly number[] | undefined {
  const bare = text.replace(/^\[(.*)\]$/, "$1").replace(/%.+$/, "");
  const halves = bare.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 1 ? [] : groupsOf(halves[1]!, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** @param last Whether the address ends here, where an IPv4 address may stand for two groups. */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes(".")) {
      const ipv4 = parseIPv4(part);
      if (ipv4 === undefined) return undefined;
      groups.push(ipv4[0]! << 8 | ipv4[1]!, ipv4[2]! << 8 | ipv4[3]!);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

function formatIPv6(groups: readonly number[]): string {
  let [from, length] = [0, 1]; // a single zero group is written out (RFC 5952, 4.2.2)
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) [from, length] = [i, end - i];
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  return length === 1
    ? text(groups)
    : `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}`;
}
