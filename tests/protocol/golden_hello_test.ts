/**
 * Byte for byte what endpoints say that have said hello: the golden frames under "hello" of
 * tests/vectors/submit_echo.json, in both directions.
 */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { Feature } from "../../src/protocol/submit/commands.ts";
import { RequestRefused } from "../../src/protocol/submit/server/refused.ts";
import type { SubmitConnection } from "../../src/protocol/submit/server/handlers.ts";
import { fromHex, toHex } from "../helpers/frames.ts";
import { listen, type Peer } from "../helpers/peer.ts";
import { readJson } from "../helpers/root.ts";
import { connect, turns } from "../helpers/runtime.ts";
import { CODECS, optionsOf, peerOf, type Setting, settings, start } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

interface Exchange {
  readonly name: string;
  readonly sent: string;
  readonly answered: string;
}

interface Step {
  readonly name: string;
  readonly sent: string;
  readonly received: string;
}

interface Vectors {
  readonly server: readonly Exchange[];
  readonly busy: Exchange;
  readonly goAway: Exchange;
  readonly heartbeat: Exchange;
  readonly client: readonly Step[];
  readonly clientSealed: readonly Step[];
}

const { hello: vectors } = readJson<{ readonly hello: Vectors }>("tests/vectors/submit_echo.json");
const digits = (hex: string) => hex.replaceAll(" ", "");
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function judge(said: string): void {
  if (said === "fail") throw new Error("asked to fail");
  if (said === "refuse") throw new RequestRefused("not you", { result: 3 });
  if (said === "busy") throw new RequestRefused("later", { result: 4, retryAfterMs: 258 });
}

const LIMITS = {
  maxFrameBytes: 65_536,
  maxInFlight: 8,
  maxInFlightBytes: 4096,
  heartbeatMs: 15_000,
};

function serverOf(t: Parameters<typeof start>[0], setting: Setting, options: object = {}) {
  return start(t, setting, {
    submit(packet, conn) {
      if (packet.text() === "push") (conn as SubmitConnection).push("news");
      judge(packet.text());
    },
    request(packet) {
      const said = packet.text();
      judge(said);
      return said;
    },
  }, { ...LIMITS, ...options });
}

/** Reads as many bytes as are expected, so that a test says what came instead. */
async function heard(peer: Peer, expected: string, from = 0): Promise<string> {
  const bytes = from + digits(expected).length / 2;
  return toHex((await peer.read(bytes)).subarray(from));
}

for (const setting of settings()) {
  t.test(`server: every exchange, in one piece and byte by byte (${setting.name})`, async (t) => {
    const server = await serverOf(t, setting);
    for (const { name, sent, answered } of vectors.server) {
      for (const inPieces of [false, true]) {
        const peer = await peerOf(server, setting);
        // A peer that offers a checksum waits for the welcome: its frames have none before.
        const [first, rest] = [sent.slice(0, firstFrame(sent)), sent.slice(firstFrame(sent))];
        peer.write(fromHex(first));
        await peer.read(14);
        if (inPieces) { for (const byte of fromHex(rest)) peer.write(Uint8Array.of(byte)); }
        else peer.write(fromHex(rest));
        peer.end();
        t.equal(toHex(await peer.readToEnd()), digits(answered), name);
      }
    }
  });

  t.test(`server: busy, and going away (${setting.name})`, async (t) => {
    const full = await serverOf(t, setting, { maxConnections: 1, onMaxConnections: "refuse" });
    const first = await peerOf(full, setting);
    first.write(fromHex(vectors.server[0]!.sent));
    await first.read(14);
    const second = await peerOf(full, setting);
    second.write(fromHex(vectors.busy.sent));
    t.equal(toHex(await second.readToEnd()), digits(vectors.busy.answered));
    second.end();

    const leaving = await serverOf(t, setting);
    const { sent, answered } = vectors.goAway;
    const peer = await peerOf(leaving, setting);
    peer.write(fromHex(sent));
    const before = digits(answered).length / 2 - 30;
    await peer.read(before);
    const over = leaving.shutdown({ deadlineMs: 5000, reason: "an update" });
    t.equal(toHex(await peer.readToEnd()), digits(answered));
    peer.end();
    await over;
  });

  t.test(`client: what it says, and what it makes of the answers (${setting.name})`, async (t) => {
    const server = await listen(setting.transport);
    t.teardown(() => server.close());
    const connecting = connect(`tcp://127.0.0.1:${server.port}`, {
      ...optionsOf(setting),
      hello: "required",
      token: "s3cret",
      agent: "t/1",
    });
    const peer = await server.next();
    let at = 0;
    let step = 0;
    /** The client says what the step has, and is answered. */
    const next = async () => {
      const { name, sent, received } = vectors.client[step++]!;
      t.equal(await heard(peer, sent, at), digits(sent), name);
      at += digits(sent).length / 2;
      peer.write(fromHex(received));
    };
    await next();
    const client = await connecting;
    t.teardown(() => client.close({ deadlineMs: 0 }));
    const untimed = { timeoutMs: 0 };

    const asked = client.request("hi", untimed);
    await next();
    t.equal(text(await asked), "ho");
    const refused = client.request("grüß", untimed);
    await next();
    await t.rejects(refused, { code: "RESULT_FAILED", result: 3, message: /not you/ });
    const busy = client.request("", untimed);
    await next();
    await t.rejects(busy, { result: 4, retryAfterMs: 258, message: /later/ });
    const controller = new AbortController();
    const given = client.request("x", { ...untimed, signal: controller.signal });
    controller.abort();
    await t.rejects(given, { code: "CANCELLED" });
    await next();
    const ping = client.ping(untimed);
    await next();
    t.ok(await ping >= 0);
    const pushed: string[] = [];
    client.onPush((payload) => void pushed.push(text(payload)));
    // Here the server speaks first.
    const { name, sent, received } = vectors.client[step++]!;
    peer.write(fromHex(received));
    t.equal(await heard(peer, sent, at), digits(sent), name);
    at += digits(sent).length / 2;
    t.strictSame(pushed, ["news"]);
    const going = new Promise((resolve) => client.onGoAway(resolve));
    await next();
    t.strictSame(await going, {
      deadlineMs: 5000,
      spreadMs: 1000,
      reason: "an update",
      lastId: "00000005",
    });
    t.equal(step, vectors.client.length);
    const closing = client.close();
    await peer.ended;
    peer.end();
    await closing;
    t.equal(peer.receivedBytes, at, "and nothing else");
  });

  t.test(`client: frames with checksums and compression (${setting.name})`, async (t) => {
    const server = await listen(setting.transport);
    t.teardown(() => server.close());
    const features: Feature[] = ["request", "crc32c", "lz4"];
    const connecting = connect(`tcp://127.0.0.1:${server.port}`, {
      ...optionsOf(setting),
      hello: "required",
      features,
    });
    const peer = await server.next();
    let at = 0;
    const calls = [
      () => connecting,
      async () => await (await connecting).submit("x", { timeoutMs: 0 }),
      async () => text(await (await connecting).request("a".repeat(100), { timeoutMs: 0 })),
    ];
    const results: unknown[] = [];
    for (const [i, { name, sent, received }] of vectors.clientSealed.entries()) {
      const result = calls[i]!();
      t.equal(await heard(peer, sent, at), digits(sent), name);
      at += digits(sent).length / 2;
      peer.write(fromHex(received));
      results.push(await result);
    }
    t.equal(results[2], "a".repeat(100));
    const closing = (await connecting).close();
    await peer.ended;
    peer.end();
    await closing;
  });
}

for (const codec of CODECS) {
  t.test(`server: a heartbeat (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const server = await serverOf(t, setting, { clock, idleTimeoutMs: 0 });
    const peer = await peerOf(server, setting);
    const { sent, answered } = vectors.heartbeat;
    peer.write(fromHex(sent));
    const welcome = digits(answered).length / 2 - 13;
    await peer.read(welcome);
    for (let i = 0; i < 25; i++) {
      clock.advance(1000);
      await turns();
    }
    t.equal(toHex(peer.received), digits(answered));
    peer.end();
    await peer.closed;
  });
}

/** Where in a text of hexadecimal digits and spaces the first frame ends. */
function firstFrame(hex: string): number {
  const total = parseInt(hex.slice(0, 8), 16);
  let at = 0;
  for (let left = total * 2; left > 0; at++) if (hex[at] !== " ") left--;
  return at;
}
