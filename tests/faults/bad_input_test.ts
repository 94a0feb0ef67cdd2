/** Peers that send what no peer should: one error, that connection closed, nobody else touched. */

import t from "tap";
import {
  ack,
  acks,
  CONN_ACK,
  echoFrame,
  frame,
  join,
  randomBytes,
  submit,
  SUBMIT_ACK,
  submits,
  toHex,
  u32,
} from "../helpers/frames.ts";
import type { Peer } from "../helpers/peer.ts";
import { runtime, until } from "../helpers/runtime.ts";
import {
  clientOf,
  CODECS,
  peerOf,
  recordEvents,
  type Setting,
  settings,
  start,
} from "../helpers/settings.ts";

/** The beginning of a ClientHello as OpenSSL sends it: record header, handshake header, random. */
const CLIENT_HELLO = join(
  Uint8Array.of(0x16, 3, 1, 1, 0x3e, 1, 0, 1, 0x3a, 3, 3),
  randomBytes(9, 312),
);
const text = (words: string) => new TextEncoder().encode(words);

/** What an actor does: its name, what it sends, the code its connection ends with. */
interface Actor {
  readonly name: string;
  readonly act: (peer: Peer) => void;
  readonly code: string;
  /** What the error must say besides. */
  readonly detail?: Record<string, unknown>;
}

const sends = (name: string, bytes: Uint8Array, code: string, detail = {}): Actor => ({
  name,
  act: (peer) => peer.write(bytes),
  code,
  detail,
});
const sendsAndEnds = (name: string, bytes: Uint8Array): Actor => ({
  name,
  act(peer) {
    peer.write(bytes);
    peer.end();
  },
  code: "TRUNCATED",
});

/** Its reset is sent once its bytes are read: libuv reports bytes and a reset at once as an end. */
const resetter: Actor = sends("a reset", u32(20), "CONNECTION_RESET");

/** Actors of the submit protocol, each after one good request with id 1. */
const SUBMIT_ACTORS: readonly Actor[] = [
  ...Array.from(
    { length: 13 },
    (_, total) =>
      sends(`total ${total}`, frame(2, 2, "", total), "LENGTH_UNDERFLOW", {
        declaredBytes: total,
        limitBytes: 13,
        streamOffset: 13,
      }),
  ),
  sends("total over the limit", frame(2, 2, "", 65_537), "FRAME_TOO_LARGE", {
    declaredBytes: 65_537,
    limitBytes: 65_536,
  }),
  sends("a total of 4 GiB", u32(0xffffffff), "FRAME_TOO_LARGE", { declaredBytes: 0xffffffff }),
  sends("command 0", frame(0, 2), "UNKNOWN_PACKET"),
  sends("command 3", frame(3, 2, "body"), "UNKNOWN_PACKET"),
  sends("command 0x42", frame(0x42, 2), "UNKNOWN_PACKET"),
  sends("command 0x7f", frame(0x7f, 2), "UNKNOWN_PACKET"),
  sends("a SubmitAck", frame(SUBMIT_ACK, 2, "\0"), "UNEXPECTED_PACKET"),
  sends("a ConnAck", frame(CONN_ACK, 2, "\0"), "UNEXPECTED_PACKET"),
  sendsAndEnds("the end in a header", u32(20).subarray(0, 2)),
  sendsAndEnds("the end behind the length", u32(20)),
  sendsAndEnds("the end in a body", submit(2, "hello").subarray(0, 15)),
  sends("a TLS ClientHello", CLIENT_HELLO, "FRAME_TOO_LARGE", { looksLike: "TLS" }),
  sends("an HTTP request", text("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "FRAME_TOO_LARGE", {
    looksLike: "HTTP",
  }),
  sends("a megabyte of random bytes", randomBytes(4, 1 << 20), "FRAME_TOO_LARGE"),
  resetter,
];

/** Actors of the echo protocol, each after one good frame. */
const ECHO_ACTORS: readonly Actor[] = [
  sends("a length over the limit", join(u32(1), u32(65_529)), "FRAME_TOO_LARGE", {
    declaredBytes: 65_537,
    limitBytes: 65_536,
  }),
  sends("a length that overflows 32 bits", join(u32(1), u32(0xffffffff)), "FRAME_TOO_LARGE", {
    declaredBytes: 0xffffffff + 8,
  }),
  sends("type 0", echoFrame(0, "x"), "UNKNOWN_PACKET"),
  sends("type 3", echoFrame(3, ""), "UNKNOWN_PACKET"),
  sends("type 257", echoFrame(257, "x"), "UNKNOWN_PACKET"),
  sends("type 0xffffffff", echoFrame(0xffffffff, "x"), "UNKNOWN_PACKET"),
  sends("an echo", echoFrame(2, "x"), "UNEXPECTED_PACKET"),
  sendsAndEnds("the end in a header", join(u32(1), u32(4).subarray(0, 3))),
  sendsAndEnds("the end in the data", echoFrame(1, "hello").subarray(0, 10)),
  sends("a TLS ClientHello", CLIENT_HELLO, "FRAME_TOO_LARGE", { looksLike: "TLS" }),
  sends("an HTTP request", text("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "FRAME_TOO_LARGE", {
    looksLike: "HTTP",
  }),
  sends("a megabyte of random bytes", randomBytes(5, 1 << 20), "FRAME_TOO_LARGE"),
  resetter,
];

for (const setting of settings()) {
  for (const protocol of ["submit", "echo"] as const) {
    const actors = protocol === "submit" ? SUBMIT_ACTORS : ECHO_ACTORS;
    t.test(`bad input on the ${protocol} protocol (${setting.name})`, async (t) => {
      const options = { maxFrameBytes: 65_536, lingerMs: 5000 };
      const server = protocol === "submit"
        ? await start(t, setting, { submit: () => {} }, options)
        : await start<"echo">(t, setting, {}, { protocol, ...options });
      const { errors, disconnects } = recordEvents(server);
      const good = protocol === "submit" ? submit(1) : echoFrame(1, "12345");
      const answer = protocol === "submit" ? ack(1) : echoFrame(2, "12345");

      // The healthy one beside them all: a frame in two halves, one before and one after each.
      const healthy = await peerOf(server, setting);
      healthy.write(good.subarray(0, 7));
      let healthyFrames = 0;

      for (const { name, act, code, detail } of actors) {
        const peer = await peerOf(server, setting);
        peer.write(good);
        await peer.read(answer.length);
        const { bytesIn } = server.stats();
        act(peer);
        if (code === "CONNECTION_RESET") {
          await until(() => server.stats().bytesIn >= bytesIn + 4, "read");
          peer.reset();
        } else {
          t.equal(
            toHex(await peer.readToEnd()),
            toHex(answer),
            `${name}: what was good is answered`,
          );
          peer.end();
        }
        healthyFrames++;
        healthy.write(join(good.subarray(7), good.subarray(0, 7)));
        await healthy.read(answer.length * healthyFrames);
        await until(() => disconnects.length === 1, `${name}: the connection is closed`);
        t.strictSame(errors.map((error) => error.code), [code], `${name}: one error`);
        t.match(errors[0], { name: "FramewireError", code, ...detail }, name);
        t.match(disconnects[0], { code, requests: 1 }, name);
        if (code !== "CONNECTION_RESET") t.equal(disconnects[0]!.bytesOut, answer.length, name);
        errors.length = disconnects.length = 0;
      }
      t.equal(healthy.isEnded, false);
      t.equal(
        toHex(healthy.received),
        toHex(join(...Array(healthyFrames).fill(answer))),
        "the healthy peer lost nothing",
      );
      const stats = server.stats();
      t.equal(stats.connections.open, 1);
      t.equal(stats.requests, actors.length + healthyFrames);
      healthy.write(good.subarray(7));
      healthy.end();
      await healthy.ended;
    });
  }

  t.test(`bad input in the same chunk as good: the good is answered, whatever the handler (${setting.name})`, async (t) => {
    for (const kind of ["sync", "async", "mixed"]) {
      const server = await start(t, setting, {
        submit: (packet) =>
          kind === "async" || (kind === "mixed" && packet.payload[0]! % 2 === 1)
            ? Promise.resolve()
            : undefined,
      });
      const { errors, disconnects } = recordEvents(server);
      const bad: [Uint8Array, string][] = [
        [frame(2, 9, "", 5), "LENGTH_UNDERFLOW"],
        [frame(2, 9, "", 2 ** 31), "FRAME_TOO_LARGE"],
        [frame(9, 9), "UNKNOWN_PACKET"],
        [ack(9), "UNEXPECTED_PACKET"],
      ];
      for (const [bytes, code] of bad) {
        const peer = await peerOf(server, setting);
        const good = join(...Array.from({ length: 20 }, (_, i) => submit(i, Uint8Array.of(i))));
        peer.write(join(good, bytes, submits(5, 100)));
        t.equal(toHex(await peer.readToEnd()), toHex(acks(20, 0)), `${kind}: ${code}`);
        peer.end();
        await until(() => disconnects.length === 1, "closed");
        t.strictSame(errors.map((error) => error.code), [code]);
        t.match(disconnects[0], { code, requests: 20 });
        errors.length = disconnects.length = 0;
      }
    }
  });

  t.test(`a dribbler, one byte a packet, is served like anybody (${setting.name})`, async (t) => {
    const server = await start(t, setting, {
      submit: (packet) => packet.text() === "later" ? Promise.resolve() : undefined,
    });
    const peer = await peerOf(server, setting);
    const stream = join(submit(1, "hello"), submit(2, "later"), submit(3), submit(4, "later"));
    for (const byte of stream) {
      peer.write(Uint8Array.of(byte));
      // A turn of the event loop between bytes: they do arrive one by one.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    peer.end();
    t.equal(toHex(await peer.readToEnd()), toHex(acks(4)));
  });

  t.test(`a flooder that goes on after its error is cut, and the server lives (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit: () => {} }, { lingerMs: 60_000 });
    const { errors, disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(new Uint8Array(20));
    const chunk = new Uint8Array(65_536);
    // Over the 4 MiB that a lingering connection throws away.
    for (let i = 0; i < 100; i++) peer.write(chunk);
    await until(() => disconnects.length === 1, "cut");
    t.equal(disconnects[0]!.code, "LENGTH_UNDERFLOW");
    t.equal(errors.length, 1);
    t.ok(server.stats().bytesIn < 6 << 20, `${server.stats().bytesIn} bytes read`);
    const client = await clientOf(server, setting);
    await client.submit("still here");
    await client.close();
    peer.reset();
  });
}

for (const codec of CODECS) {
  t.test(`random bytes, many seeds: an error or an end, never a crash (${codec}, ${runtime})`, async (t) => {
    const setting = { ...settings()[1]!, codec } as Setting;
    const server = await start(t, setting, { submit: () => {} }, { maxFrameBytes: 65_536 });
    const { disconnects } = recordEvents(server);
    const count = 60;
    for (let seed = 0; seed < count; seed++) {
      const peer = await peerOf(server, setting);
      const bytes = randomBytes(seed, 600);
      // Small lengths, so that some of it gets by as frames.
      for (let at = 0; at + 4 < bytes.length; at += 13 + bytes[at + 3]! % 20) {
        bytes.set([0, 0, 0, 13 + bytes[at + 3]! % 20], at);
        if (seed % 3 > 0) bytes[at + 4] = 2;
      }
      peer.write(bytes);
      peer.end();
      await peer.ended;
    }
    await until(() => disconnects.length === count, "all closed");
    const codes = new Set(disconnects.map(({ code }) => code));
    t.ok(codes.has("UNKNOWN_PACKET") && codes.size <= 6, [...codes].join(" "));
    const client = await clientOf(server, setting);
    await client.submit("still here");
    await client.close();
  });
}
