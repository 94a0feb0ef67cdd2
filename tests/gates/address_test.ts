/** One spelling per address. */

import t from "tap";
import { normaliseAddress, parseIPv4, parseIPv6 } from "../../src/gates/address_text.ts";

t.test("an IPv4-mapped address is its IPv4, however it is written", (t) => {
  for (
    const mapped of [
      "::ffff:192.0.2.1",
      "::FFFF:192.0.2.1",
      "::ffff:c000:201",
      "0:0:0:0:0:ffff:c000:0201",
      "[::ffff:192.0.2.1]",
      "192.0.2.1",
    ]
  ) {
    t.equal(normaliseAddress(mapped), "192.0.2.1", mapped);
  }
  t.equal(
    normaliseAddress("::192.0.2.1"),
    "::c000:201",
    "a compatible address is not a mapped one",
  );
  t.equal(normaliseAddress("1::ffff:192.0.2.1"), "1::ffff:c000:201");
  t.end();
});

t.test("an IPv6 address has one spelling, as RFC 5952 asks", (t) => {
  const spellings: Record<string, readonly string[]> = {
    "::1": ["::1", "0:0:0:0:0:0:0:1", "0000:0000::0001", "[::1]", "::1%lo"],
    "::": ["::", "0:0:0:0:0:0:0:0"],
    "2001:db8::1": ["2001:DB8::1", "2001:0db8:0:0:0:0:0:1", "2001:db8:0::1"],
    "2001:db8:0:1:1:1:1:1": ["2001:db8:0:1:1:1:1:1", "2001:db8::1:1:1:1:1"],
    "2001:0:0:1::1": ["2001:0:0:1:0:0:0:1"],
    "2001:db8::1:0:0:1": ["2001:db8:0:0:1:0:0:1"],
    "fe80::": ["fe80::", "fe80:0::0%eth0"],
  };
  for (const [one, others] of Object.entries(spellings)) {
    for (const other of others) t.equal(normaliseAddress(other), one, other);
  }
  t.end();
});

t.test("what is no address stays as it is, and has no numbers", (t) => {
  for (
    const text of ["memory", "localhost", "", "1:2", "::1::", ":::", "1:2:3:4:5:6:7:8:9", "::g"]
  ) {
    t.equal(normaliseAddress(text), text);
    t.equal(parseIPv6(text), undefined, text);
  }
  for (const text of ["1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.-4", "", "::1"]) {
    t.equal(parseIPv4(text), undefined, text);
  }
  t.equal(parseIPv6("::1.2.3.4:5"), undefined, "an IPv4 address only ends it");
  t.equal(parseIPv6("1:2:3:4:5:6:7::8"), undefined, ":: stands for one group at the least");
  t.equal(parseIPv6("1:2:3:4:5:6:1.2.3.400"), undefined);
  t.same(parseIPv4("192.0.2.255"), [192, 0, 2, 255]);
  t.same(parseIPv6("1:2:3:4:5:6:1.2.3.4"), [1, 2, 3, 4, 5, 6, 0x0102, 0x0304]);
  t.end();
});
