/** Which addresses may connect. */

import t from "tap";
import { AccessList } from "../../src/gates/access.ts";
import { parseAddress } from "../../src/gates/address.ts";
import { hostKey } from "../../src/gates/address_text.ts";
import { CidrList, wrongCidr } from "../../src/gates/cidr.ts";

/** A source of numbers that is the same in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

/** The naive way: the bits as text, and a prefix of that text. */
function bitsOf(address: string): string {
  const { family, bits } = parseAddress(address)!;
  return `${family}:${bits.toString(2).padStart(family === 4 ? 32 : 128, "0")}`;
}

t.test("an address alone and a block hold what they should", (t) => {
  const list = new CidrList(["10.0.0.0/8", "192.0.2.7", "::1", "2001:db8::/32", "127.0.0.1/32"]);
  const has = (address: string) => list.has(parseAddress(address)!);
  for (
    const inside of [
      "10.0.0.0",
      "10.255.255.255",
      "192.0.2.7",
      "::1",
      "2001:db8::",
      "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
      "127.0.0.1",
      "::ffff:10.1.2.3",
      "::ffff:c000:207",
    ]
  ) t.equal(has(inside), true, inside);
  for (
    const outside of [
      "9.255.255.255",
      "11.0.0.0",
      "192.0.2.6",
      "192.0.2.8",
      "::",
      "::2",
      "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
      "2001:db9::",
      "::10.1.2.3", // compatible is not mapped
    ]
  ) t.equal(has(outside), false, outside);
  t.end();
});

t.test("the families are apart: 0.0.0.0/0 is all of IPv4, ::/0 all of IPv6", (t) => {
  const four = new CidrList(["0.0.0.0/0"]);
  const six = new CidrList(["::/0"]);
  for (const address of ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"]) {
    t.equal(four.has(parseAddress(address)!), true, address);
    t.equal(six.has(parseAddress(address)!), false, address);
  }
  for (const address of ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]) {
    t.equal(six.has(parseAddress(address)!), true, address);
    t.equal(four.has(parseAddress(address)!), false, address);
  }
  const mapped = new CidrList(["::ffff:10.0.0.0/104"]);
  t.equal(mapped.has(parseAddress("10.9.9.9")!), true);
  t.equal(mapped.has(parseAddress("11.0.0.0")!), false);
  t.end();
});

t.test("what is no block is refused, and what is wrong is said", (t) => {
  const wrong: Record<string, RegExp> = {
    "": /"" is no IPv4 or IPv6 address/,
    "10.0.0": /no IPv4/,
    "10.0.0.256": /no IPv4/,
    "010.0.0.1": /no IPv4/,
    "10.0.0.0/": /prefix length .* whole number from 0 to 32/,
    "10.0.0.0/33": /0 to 32/,
    "10.0.0.0/08": /0 to 32/,
    "10.0.0.0/-1": /0 to 32/,
    "10.0.0.0/8/8": /0 to 32/,
    "10.0.0.0/255.0.0.0": /0 to 32/,
    "10.0.0.1/8": /bits set behind its prefix of 8 bits/,
    "::1/129": /0 to 128/,
    "2001:db8::1/32": /bits set behind/,
    "[::1]": /no IPv4/,
    "fe80::1%eth0": /no IPv4/,
    "localhost": /no IPv4/,
    " 10.0.0.1": /no IPv4/,
    "1:2:3:4:5:6:7:8:9": /no IPv4/,
    "::1::": /no IPv4/,
    "::ffff:0.0.0.0/95": /wider than the IPv4-mapped/,
  };
  for (const [text, message] of Object.entries(wrong)) t.match(wrongCidr(text), message, text);
  for (const right of ["0.0.0.0/0", "::/0", "1.2.3.4", "1.2.3.4/32", "::ffff:1.2.3.4/128"]) {
    t.equal(wrongCidr(right), undefined, right);
  }
  t.end();
});

t.test("blocks of any kind agree with comparing prefixes bit by bit", (t) => {
  const next = random(20_261_121);
  // Few different numbers, so that blocks overlap, adjoin and are hit.
  const octet = () => [0, 1, 127, 128, 254, 255][next(6)]!;
  const group = () => [0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff][next(6)]!.toString(16);
  const address = (isFour: boolean) =>
    isFour
      ? [octet(), octet(), octet(), octet()].join(".")
      : Array.from({ length: 8 }, group).join(":");
  let hits = 0;
  for (let round = 0; round < 400; round++) {
    const prefixes: string[] = [];
    const entries: string[] = [];
    for (let count = next(8); count > 0; count--) {
      const isFour = next(2) === 0;
      const base = bitsOf(address(isFour));
      const [family, bits] = base.split(":") as [string, string];
      const length = next(bits.length + 1);
      const kept = bits.slice(0, length);
      const whole = BigInt(`0b${kept.padEnd(bits.length, "0")}`);
      const size = family === "4" ? 8 : 16;
      const parts = Array.from(
        { length: bits.length / size },
        (_, i) => whole >> BigInt(bits.length - size * (i + 1)) & (1n << BigInt(size)) - 1n,
      );
      const text = family === "4"
        ? parts.join(".")
        : parts.map((part) => part.toString(16)).join(":");
      if (family === "6" && text.startsWith("0:0:0:0:0:ffff")) continue;
      entries.push(`${text}/${length}`);
      prefixes.push(`${family}:${kept}`);
    }
    const list = new CidrList(entries);
    for (let probe = 0; probe < 30; probe++) {
      const text = address(next(2) === 0);
      const expected = prefixes.some((prefix) => bitsOf(text).startsWith(prefix));
      if (expected) hits++;
      if (list.has(parseAddress(text)!) !== expected) {
        t.fail(`${text} in ${entries.join(" ")} is not ${expected}`);
      }
    }
  }
  t.ok(hits > 500, `${hits} of 12,000 were inside`);
  t.end();
});

t.test("deny wins over allow, and an allow list denies the rest", (t) => {
  const both = new AccessList(["10.0.0.0/8"], ["10.1.0.0/16", "192.0.2.1"]);
  t.equal(both.stops("10.0.0.1"), undefined);
  t.equal(both.stops("::ffff:10.0.0.1"), undefined);
  t.equal(both.stops("10.1.0.1"), "deny");
  t.equal(both.stops("::ffff:a01:1"), "deny");
  t.equal(both.stops("11.0.0.1"), "allow");
  t.equal(both.stops("memory"), "allow", "no address is on no list");
  t.equal(both.denies("10.1.0.1"), true);
  t.equal(both.denies("11.0.0.1"), false);
  const none = new AccessList(undefined, undefined);
  t.equal(none.stops("10.0.0.1"), undefined);
  t.equal(none.stops("memory"), undefined);
  t.equal(new AccessList([], undefined).stops("10.0.0.1"), "allow", "an empty list lets nobody in");
  t.equal(new AccessList(undefined, []).stops("10.0.0.1"), undefined);
  t.end();
});

t.test("one host has one key: an IPv4 address, or the /64 of an IPv6 address", (t) => {
  t.equal(hostKey("192.0.2.1"), "192.0.2.1");
  t.equal(hostKey("::ffff:192.0.2.1"), "192.0.2.1");
  t.equal(hostKey("2001:db8::1"), hostKey("2001:db8:0:0:ffff::"));
  t.not(hostKey("2001:db8::1"), hostKey("2001:db8:0:1::1"));
  t.equal(hostKey("2001:db8::1"), "2001:db8::/64");
  t.equal(hostKey("::1"), "::/64", "and not an IPv4 address");
  t.equal(hostKey("memory"), "memory");
  t.end();
});
