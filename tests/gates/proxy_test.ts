/** The PROXY protocol: its header, and servers behind a proxy. */

import t from "tap";
import { isFramewireError } from "../../src/errors.ts";
import { readProxyHeader } from "../../src/gates/proxy_header.ts";
import type { Refusal } from "../../src/server/refusal.ts";
import type { Server } from "../../src/server/server.ts";
import { addressedNetwork } from "../helpers/addresses.ts";
import { acks, bytesOf, fromHex, join, submits, toHex } from "../helpers/frames.ts";
import { turns, until } from "../helpers/runtime.ts";
import { peerOf, recordEvents, settings, start } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

/** The twelve bytes that version 2 begins with (2.2). */
const V2 = "0d0a0d0a000d0a515549540a";

/** Headers and what they say; undefined: the proxy's own address. */
const RIGHT: Record<string, readonly [Uint8Array, { hostname: string; port: number } | undefined]> =
  {
    // 2.1: the worst cases of each family that the specification counts bytes of.
    "v1, IPv4, 56 bytes": [
      bytesOf("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
      { hostname: "255.255.255.255", port: 65_535 },
    ],
    "v1, IPv6, 104 bytes": [
      bytesOf(`PROXY TCP6 ${full()} ${full()} 65535 65535\r\n`),
      { hostname: full(), port: 65_535 },
    ],
    "v1, unknown, short": [bytesOf("PROXY UNKNOWN\r\n"), undefined],
    "v1, unknown, the longest line": [
      bytesOf(`PROXY UNKNOWN ${full()} ${full()} 65535 65535\r\n`),
      undefined,
    ],
    "v1, IPv4": [
      bytesOf("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
      { hostname: "192.168.0.1", port: 56_324 },
    ],
    "v2, IPv4": [
      fromHex(`${V2} 21 11 000c c0a80001 c0a8000b dc04 01bb`),
      { hostname: "192.168.0.1", port: 56_324 },
    ],
    "v2, IPv6": [
      fromHex(
        `${V2} 21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 dc04 01bb`,
      ),
      { hostname: "2001:db8:0:0:0:0:0:1", port: 56_324 },
    ],
    "v2, IPv4, with TLVs": [
      // PP2_TYPE_ALPN "h2", PP2_TYPE_AUTHORITY "a", PP2_TYPE_NOOP.
      fromHex(`${V2} 21 11 0019 c0a80001 c0a8000b dc04 01bb 010002 6832 020001 61 040001 00`),
      { hostname: "192.168.0.1", port: 56_324 },
    ],
    "v2, LOCAL": [fromHex(`${V2} 20 00 0000`), undefined],
    "v2, LOCAL, whose addresses are skipped": [
      fromHex(`${V2} 20 11 000c c0a80001 c0a8000b dc04 01bb`),
      undefined,
    ],
    "v2, UNSPEC": [fromHex(`${V2} 21 00 0003 040000`), undefined],
    "v2, Unix": [fromHex(`${V2} 21 31 00d8 ${"00".repeat(216)}`), undefined],
    "v2, datagrams": [fromHex(`${V2} 21 12 000c c0a80001 c0a8000b dc04 01bb`), undefined],
    "v2, the longest": [
      fromHex(`${V2} 21 11 0ff0 c0a80001 c0a8000b dc04 01bb ${"00".repeat(4068)}`),
      { hostname: "192.168.0.1", port: 56_324 },
    ],
  };

/** What begins as a header and is none. */
const WRONG: Record<string, Uint8Array> = {
  "a family that is none": bytesOf("PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n"),
  "lower case": bytesOf("PROXY tcp4 1.2.3.4 1.2.3.4 1 1\r\n"),
  "nothing behind the signature": bytesOf("PROXY \r\n"),
  "one address": bytesOf("PROXY TCP4 1.2.3.4 1 1\r\n"),
  "two spaces": bytesOf("PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n"),
  "a space at the end": bytesOf("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n"),
  "leading zeros": bytesOf("PROXY TCP4 1.2.3.04 1.2.3.4 1 1\r\n"),
  "a port with leading zeros": bytesOf("PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n"),
  "a port too high": bytesOf("PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n"),
  "a port that is negative": bytesOf("PROXY TCP4 1.2.3.4 1.2.3.4 1 -1\r\n"),
  "IPv6 as TCP4": bytesOf("PROXY TCP4 ::1 ::1 1 1\r\n"),
  "IPv4 as TCP6": bytesOf("PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n"),
  "a zone": bytesOf("PROXY TCP6 fe80::1%a fe80::1 1 1\r\n"),
  "brackets": bytesOf("PROXY TCP6 [::1] ::1 1 1\r\n"),
  "CR alone": bytesOf("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r "),
  "a line without end": bytesOf(`PROXY UNKNOWN ${"x".repeat(93)}`),
  "a line of 108 bytes": bytesOf(`PROXY UNKNOWN ${"x".repeat(92)}\r\n`),
  "version 1 in the new form": fromHex(`${V2} 11 11 000c c0a80001 c0a8000b dc04 01bb`),
  "version 3": fromHex(`${V2} 31 11 000c c0a80001 c0a8000b dc04 01bb`),
  "command 2": fromHex(`${V2} 22 11 000c c0a80001 c0a8000b dc04 01bb`),
  "family 4": fromHex(`${V2} 21 41 000c c0a80001 c0a8000b dc04 01bb`),
  "transport 3": fromHex(`${V2} 21 13 000c c0a80001 c0a8000b dc04 01bb`),
  "IPv4 in 11 bytes": fromHex(`${V2} 21 11 000b c0a80001 c0a8000b dc04 01`),
  "IPv6 in 12 bytes": fromHex(`${V2} 21 21 000c c0a80001 c0a8000b dc04 01bb`),
  "over 4 KiB": fromHex(`${V2} 21 11 0ff1`),
};

function full(): string {
  return Array<string>(8).fill("ffff").join(":");
}

t.test("headers as the specification has them, and what follows them is not theirs", (t) => {
  for (const [name, [header, source]] of Object.entries(RIGHT)) {
    for (const rest of ["", "PROXY and so on"]) {
      t.strictSame(
        readProxyHeader(join(header, bytesOf(rest))),
        { length: header.length, source },
        name,
      );
    }
    for (let bytes = 0; bytes < header.length; bytes++) {
      if (readProxyHeader(header.subarray(0, bytes)) === undefined) continue;
      t.fail(`${name}: ${bytes} of ${header.length} bytes are not the whole`);
    }
  }
  t.end();
});

t.test("a header that is wrong is refused, however little of it has come", (t) => {
  for (const [name, header] of Object.entries(WRONG)) {
    let refused: unknown;
    for (let bytes = 0; bytes <= header.length && refused === undefined; bytes++) {
      try {
        const read = readProxyHeader(header.subarray(0, bytes));
        if (read !== undefined) t.fail(`${name}: taken`);
      } catch (error) {
        refused = error;
      }
    }
    t.ok(isFramewireError(refused, "PROXY_HEADER_INVALID"), name);
  }
  for (const none of ["x", "PROXY\t", "PR0", "\r\n\r\r", "GET / HTTP/1.1\r\n"]) {
    t.equal(readProxyHeader(bytesOf(none)), "none", JSON.stringify(none));
  }
  t.end();
});

/** Records the refusals of a server. */
function refusalsOf(server: Server): Refusal[] {
  const refusals: Refusal[] = [];
  server.on("refuse", (refusal) => refusals.push(refusal));
  return refusals;
}

const PROXY = { proxyProtocol: { trusted: ["10.0.0.0/8"] } };

t.test("the header may be cut anywhere; the connection has the peer's address", async (t) => {
  for (const [name, [header, source]] of Object.entries(RIGHT)) {
    // The long ones are cut in fewer places.
    const step = Math.max(1, Math.floor(header.length / 60));
    for (let cut = 1; cut <= header.length; cut += step) {
      let written = 0;
      const transport = addressedNetwork("10.0.0.9", {
        // The first piece ends at the cut, the next one behind the header's next byte.
        pieceBytes: (bytes) => written++ === 0 ? cut : written === 2 ? 1 : bytes,
      });
      const seen: string[] = [];
      const server = await start(t, { name, codec: "ts", transport }, {
        submit: (_packet, conn) => void seen.push(`${conn.remote.hostname} ${conn.remote.port}`),
      }, PROXY);
      let connected = "";
      server.on("connect", ({ remote }) => connected = `${remote.hostname} ${remote.port}`);
      const peer = await peerOf(server, { name, codec: "ts", transport });
      peer.write(join(header, submits(2)));
      const answered = toHex(await peer.read(28));
      const spelled = source?.hostname === "2001:db8:0:0:0:0:0:1"
        ? "2001:db8::1"
        : source?.hostname;
      const expected = source === undefined
        ? /^10\.0\.0\.9 /
        : new RegExp(`^${spelled} ${source.port}$`);
      if (answered !== toHex(acks(2))) t.fail(`${name} cut at ${cut}: ${answered}`);
      if (!seen.every((one) => expected.test(one)) || !expected.test(connected)) {
        t.fail(`${name} cut at ${cut}: ${seen} ${connected}`);
      }
      await server.shutdown({ deadlineMs: 0 });
    }
    t.pass(name);
  }
});

for (const setting of settings().filter(({ transport }) => transport === undefined)) {
  t.test(`a proxy over TCP (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit: () => {} }, {
      proxyProtocol: { trusted: ["127.0.0.0/8"] },
      deny: ["192.0.2.66"],
    });
    const refusals = refusalsOf(server);
    const remotes: string[] = [];
    server.on("connect", ({ remote }) => remotes.push(remote.hostname));
    const peer = await peerOf(server, setting);
    peer.write(bytesOf("PROXY TCP4 203.0.113.7 192.0.2.1 4711 8888\r\n"));
    await until(() => remotes.length === 1, "the header");
    peer.write(submits(3));
    t.equal(toHex(await peer.read(42)), toHex(acks(3)));
    const denied = await peerOf(server, setting);
    denied.write(join(bytesOf("PROXY TCP4 192.0.2.66 192.0.2.1 1 1\r\n"), submits(1)));
    await denied.ended;
    t.equal(denied.receivedBytes, 0);
    const headless = await peerOf(server, setting);
    headless.write(submits(1));
    await headless.ended;
    t.strictSame(remotes, ["203.0.113.7"], "no other has become a connection");
    t.match(refusals, [
      { gate: "deny", category: "refused", remote: { hostname: "192.0.2.66" } },
      {
        gate: "proxyProtocol",
        category: "malformed",
        code: "PROXY_HEADER_INVALID",
        remote: { hostname: "127.0.0.1" },
      },
    ]);
    t.match(server.stats(), { connections: { open: 1, accepted: 1 }, requests: 3 });
  });
}

t.test("from an address that is not trusted the header is a malformed stream", async (t) => {
  const transport = addressedNetwork("192.0.2.1");
  const setting = { name: "", codec: "ts", transport } as const;
  const server = await start(t, setting, { submit: () => {} }, PROXY);
  const { errors } = recordEvents(server);
  for (
    const header of [bytesOf("PROXY TCP4 10.0.0.1 10.0.0.2 1 1\r\n"), fromHex(`${V2} 20 00 0000`)]
  ) {
    const peer = await peerOf(server, setting);
    peer.write(header);
    await peer.ended;
    t.equal(peer.receivedBytes, 0);
    peer.end();
    await peer.closed;
  }
  await until(() => errors.length === 2, "the errors");
  t.match(errors, [{ code: "FRAME_TOO_LARGE" }, { code: "FRAME_TOO_LARGE" }]);
  for (const { looksLike } of errors) t.match(looksLike, /PROXY/);
});

t.test("allow names the peers, not their proxies; deny stops both", async (t) => {
  const transport = addressedNetwork("10.0.0.9");
  const setting = { name: "", codec: "ts", transport } as const;
  const server = await start(t, setting, { submit: () => {} }, {
    ...PROXY,
    allow: ["203.0.113.0/24"],
    deny: ["203.0.113.66", "10.6.0.0/16"],
  });
  const refusals = refusalsOf(server);
  const answered = async (from: string, header: string) => {
    transport.from = from;
    const peer = await peerOf(server, setting);
    peer.write(join(bytesOf(header), submits(1)));
    return (await peer.read(14)).length === 14;
  };
  const line = (address: string) => `PROXY TCP4 ${address} 192.0.2.1 1 1\r\n`;
  t.equal(await answered("10.0.0.9", line("203.0.113.1")), true);
  t.equal(await answered("10.0.0.9", line("203.0.113.66")), false, "denied");
  t.equal(await answered("10.0.0.9", line("203.0.114.1")), false, "not allowed");
  t.equal(await answered("10.6.0.1", line("203.0.113.1")), false, "a denied proxy");
  t.equal(await answered("10.0.0.9", "PROXY UNKNOWN\r\n"), false, "the proxy's own address");
  t.equal(await answered("203.0.113.1", ""), true, "a peer without a proxy");
  t.strictSame(refusals.map(({ gate, remote }) => `${gate} ${remote.hostname}`), [
    "deny 203.0.113.66",
    "allow 203.0.114.1",
    "deny 10.6.0.1",
    "allow 10.0.0.9",
  ]);
  t.strictSame(server.stats().refusals, { deny: 2, allow: 2 });
});

t.test("without required a proxy's connection without header is its own", async (t) => {
  for (const first of [1, 4, 30]) {
    const transport = addressedNetwork("10.0.0.9", { pieceBytes: () => first });
    const setting = { name: "", codec: "ts", transport } as const;
    const seen: string[] = [];
    const server = await start(t, setting, {
      submit: (_packet, { remote }) => void seen.push(remote.hostname),
    }, { proxyProtocol: { trusted: ["10.0.0.0/8"], required: false } });
    const peer = await peerOf(server, setting);
    peer.write(submits(3));
    t.equal(toHex(await peer.read(42)), toHex(acks(3)));
    const proxied = await peerOf(server, setting);
    proxied.write(join(bytesOf("PROXY TCP4 192.0.2.7 192.0.2.1 1 1\r\n"), submits(1)));
    t.equal(toHex(await proxied.read(14)), toHex(acks(1)));
    t.strictSame(seen, ["10.0.0.9", "10.0.0.9", "10.0.0.9", "192.0.2.7"]);
  }
});

t.test("a proxy that does not finish its header is cut at the deadline", async (t) => {
  const clock = new VirtualClock();
  const transport = addressedNetwork("10.0.0.9");
  const setting = { name: "", codec: "ts", transport } as const;
  const server = await start(t, setting, { submit: () => {} }, { ...PROXY, clock });
  const refusals = refusalsOf(server);
  const peers = [await peerOf(server, setting), await peerOf(server, setting)];
  peers[1]!.write(bytesOf("PROXY TCP4 1"));
  await turns();
  clock.advance(9_999);
  await turns();
  t.strictSame(peers.map(({ isClosed }) => isClosed), [false, false]);
  clock.advance(1);
  await Promise.all(peers.map(({ closed }) => closed));
  t.match(refusals, [{ gate: "proxyProtocol" }, { gate: "proxyProtocol" }]);
  // One that ends, and one that breaks off, leave no timer behind.
  const ending = await peerOf(server, setting);
  const breaking = await peerOf(server, setting);
  await turns();
  ending.write(bytesOf("PROXY"));
  ending.end();
  breaking.reset();
  await until(() => refusals.length === 4, "both");
  t.equal(clock.pending, 0);
  t.equal(server.stats().connections.accepted, 0);
});

t.test("the header and the introduction have one deadline together", async (t) => {
  const clock = new VirtualClock();
  const transport = addressedNetwork("10.0.0.9");
  const setting = { name: "", codec: "ts", transport } as const;
  const server = await start(t, setting, { submit: () => {} }, {
    ...PROXY,
    clock,
    lingerMs: 0,
    handshakeTimeoutMs: 10_000,
  });
  const { disconnects, errors } = recordEvents(server);
  const late = await peerOf(server, setting);
  const quick = await peerOf(server, setting);
  const header = bytesOf("PROXY TCP4 192.0.2.7 192.0.2.1 1 1\r\n");
  quick.write(header);
  await turns();
  clock.advance(8000);
  late.write(header);
  quick.write(submits(1));
  await until(() => server.stats().connections.open === 2, "both headers");
  t.equal(toHex(await quick.read(14)), toHex(acks(1)));
  clock.advance(1500);
  await turns();
  t.strictSame(disconnects, [], "not a moment early");
  clock.advance(1500);
  await late.ended;
  await until(() => disconnects.length === 1, "the one that took too long over both");
  t.match(disconnects, [{ code: "HANDSHAKE_TIMEOUT" }]);
  t.match(errors, [{ message: /has sent nothing within 10000 ms/ }]);
  t.equal(quick.isEnded, false);
});

t.test("shutdown closes the links that wait for a header, and says nothing of them", async (t) => {
  const transport = addressedNetwork("10.0.0.9");
  const setting = { name: "", codec: "ts", transport } as const;
  const server = await start(t, setting, { submit: () => {} }, PROXY);
  const refusals = refusalsOf(server);
  const peer = await peerOf(server, setting);
  await turns();
  await server.shutdown();
  await peer.closed;
  t.strictSame(refusals, []);
});
