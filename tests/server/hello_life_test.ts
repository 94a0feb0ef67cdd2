/**
 * What peers that have said hello are told of their connection's life: that the server is full, that
 * it goes away, and that it wants a sign of life. On a virtual clock, in memory.
 */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { sealSubmitFrame } from "../../src/protocol/submit/seal.ts";
import { NO_DEADLINES } from "../helpers/no_deadlines.ts";
import { frame, join, submit, toHex, u32 } from "../helpers/frames.ts";
import { framePeer, goAway, greeted, hello, PING, PONG, request } from "../helpers/hello.ts";
import { connect, type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import {
  CODECS,
  optionsOf,
  recordEvents,
  type Setting,
  start,
  type Teardown,
  urlOf,
} from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";
import type { ServeOptions } from "../../src/server/serve.ts";

/** A server whose handlers wait for the test when they are told to. */
async function world(t: Teardown, codec: "wasm" | "ts", options: ServeOptions = {}) {
  const clock = new VirtualClock();
  const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
  const open: Deferred<void>[] = [];
  const handle = (packet: { text(): string }): Promise<void> | undefined => {
    if (packet.text() !== "wait") return undefined;
    const done = deferred();
    open.push(done);
    return done.promise;
  };
  const server = await start(t, setting, {
    submit: handle,
    request: (packet) => handle(packet)?.then(() => "waited") ?? "at once",
  }, { clock, ...NO_DEADLINES, ...options });
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(left, 100));
      await turns(2);
    }
  };
  return { clock, setting, server, open, pass, ...recordEvents(server) };
}

for (const codec of CODECS) {
  t.test(`a full server tells who says hello when to come again (${codec})`, async (t) => {
    const options = { maxConnections: 1, onMaxConnections: "refuse" } as const;
    const asked: unknown[] = [];
    for (const authenticate of [undefined, (hello: unknown) => asked.push(hello)]) {
      const { server, setting, pass, disconnects } = await world(t, codec, {
        ...options,
        ...(authenticate !== undefined && { authenticate }),
      });
      const first = await greeted(server, setting, ["request"]);
      asked.length = 0;
      const second = await framePeer(server, setting);
      const conn = hello({ features: ["request"] }, 7);
      second.write(authenticate === undefined ? join(conn, request(8, "x")) : conn);
      t.equal(await second.says(), `81 00000007 04${toHex(u32(1000))}`);
      t.equal(await second.says(), "end", "and nothing more is answered");
      second.peer.end();
      const mute = await framePeer(server, setting);
      await pass(900);
      t.equal(mute.peer.isEnded, false, "it may still say something");
      await pass(200);
      t.equal(mute.peer.isEnded, true);
      await t.rejects(connect(urlOf(server), { ...optionsOf(setting), hello: "required" }), {
        code: "BUSY",
        result: 4,
        retryAfterMs: 1000,
      });
      t.equal(server.stats().refusals["maxConnections"], 3);
      t.equal(asked.length, 0, "nobody is asked who they are");
      t.equal(disconnects.length, 0);
      first.write(request(1, "x"));
      t.match(await first.says(), /^83 00000001 00/, "who was there is served");
      first.peer.end();
      await until(() => disconnects.length === 1, "it leaves");
      await greeted(server, setting); // now there is room
    }
  });

  t.test(`a shutdown tells peers with drain what it took last, and refuses the rest (${codec})`, async (t) => {
    const { server, setting, open, pass } = await world(t, codec, { maxInFlight: 2 });
    const features = ["request", "drain"];
    const idle = await greeted(server, setting, features);
    const busy = await greeted(server, setting, features);
    const sealed = await greeted(server, setting, ["drain", "lz4"]);
    const deaf = await greeted(server, setting, ["request"]);
    const plain = await framePeer(server, setting);
    plain.write(submit(1));
    t.equal(await plain.says(), "82 00000001 00");
    // Its window has room for two: the third is not taken, though it has come.
    busy.write(join(request(1, "x"), request(41, "wait"), submit(42, "wait"), submit(43, "x")));
    t.match(await busy.says(), /^83 00000001 00/);
    sealed.write(submit("\0\xff\x80last!", "x"));
    await sealed.next();
    await until(() => open.length === 2, "they are taken");

    const notice = { deadlineMs: 20_000, spreadMs: 10_000, reason: "an update" };
    const over = server.shutdown(notice);
    t.equal(await idle.says(), goAway("00000000", notice));
    t.equal(await busy.says(), goAway("00000042", notice));
    t.equal(await sealed.says(), goAway("\0\xff\x80last!", notice));
    // Served in this order, their connections end from the first one on, 2 s apart.
    for (const [peer, what] of [[busy, "with drain"], [deaf, "without drain"]] as const) {
      peer.write(join(request(50, "x"), submit(51, "x")));
      if (peer === busy) continue;
      t.match(await peer.says(), /^83 00000050 08/, what);
      t.equal(await peer.says(), "82 00000051 08", what);
    }
    plain.write(submit(2));
    t.equal(await plain.says(), "82 00000002 00", "a plain peer knows nothing of it");
    for (const done of open) done.resolve();
    const said = new Set<string>();
    for (let i = 0; i < 5; i++) said.add((await busy.says()).slice(0, 14).trim());
    t.strictSame(
      [...said].sort(),
      ["82 00000042 00", "82 00000043 08", "82 00000051 08", "83 00000041 00", "83 00000050 08"],
      "what was taken is answered, what came later is refused",
    );
    t.equal(open.length, 2, "no handler ran for the others");
    for (const { peer } of [idle, busy, sealed, deaf, plain]) {
      void peer.ended.then(() => peer.end());
    }
    await pass(10_000);
    t.match(await over, { completed: 5, moved: 0, cut: [] });
  });

  t.test(`a client hears of it, and what it asks then was not taken (${codec})`, async (t) => {
    const { server, setting, open, pass } = await world(t, codec);
    const client = await connect(urlOf(server), { ...optionsOf(setting), hello: "required" });
    const waits = client.request("wait");
    await until(() => open.length === 1, "it is taken");
    const heard = new Promise((resolve) => client.onGoAway(resolve));
    const over = server.shutdown({ deadlineMs: 9000, spreadMs: 1000, reason: "an update" });
    t.strictSame(await heard, {
      deadlineMs: 9000,
      spreadMs: 1000,
      reason: "an update",
      lastId: "00000001",
    });
    await t.rejects(client.submit("late"), { code: "DRAINING" });
    open[0]!.resolve();
    t.equal(new TextDecoder().decode(await waits), "waited");
    await pass(1000);
    t.match(await over, { cut: [] });
    await client.closed;
  });

  t.test(`what crosses with the notice was not taken, and its caller knows at once (${codec})`, async (t) => {
    const { server, setting, open, pass } = await world(t, codec, { handlerTimeoutMs: 0 });
    const client = await connect(urlOf(server), { ...optionsOf(setting), hello: "required" });
    const none = await connect(urlOf(server), { ...optionsOf(setting), hello: "required" });
    const waits = client.request("wait");
    await until(() => open.length === 1, "it is taken");
    const over = server.shutdown({ deadlineMs: 9000 });
    const crossing: Promise<unknown>[] = [
      client.submit("1"),
      client.request("2"),
      none.submit("3"),
    ];
    const ping = client.ping().then(() => "answered", ({ code }) => code);
    for (const call of crossing) {
      await t.rejects(call, { code: "DRAINING", outcome: "not-sent" });
    }
    t.equal(server.stats().requests, 3, "two hellos and one request");
    open[0]!.resolve();
    t.equal(new TextDecoder().decode(await waits), "waited", "what was taken is answered");
    t.equal(await ping, "CONNECTION_CLOSED", "a ping is no request");
    await client.closed;
    await pass(3000);
    t.match(await over, { cut: [] });
  });

  t.test(`a connection that is too old is told so before it ends (${codec})`, async (t) => {
    const { server, setting, pass, disconnects } = await world(t, codec, { maxAgeMs: 60_000 });
    const peer = await greeted(server, setting, ["drain"]);
    peer.write(submit(9));
    t.equal(await peer.says(), "82 00000009 00");
    await pass(61_000);
    const reason = "the connection has come to its age of 60000 ms (maxAgeMs)";
    t.equal(await peer.says(), goAway("00000009", { deadlineMs: 0, spreadMs: 0, reason }));
    t.equal(await peer.says(), "end");
    peer.peer.end();
    await until(() => disconnects.length === 1, "disconnect");
    t.equal(disconnects[0]!.code, "MAX_AGE");
  });

  t.test(`a Pong that does not come ends the connection (${codec})`, async (t) => {
    const { server, setting, pass, disconnects } = await world(t, codec, { heartbeatMs: 2000 });
    const dead = await greeted(server, setting, ["ping"]);
    const alive = await greeted(server, setting, ["ping", "crc32c", "lz4"]);
    const without = await greeted(server, setting, ["push"]);
    const client = await connect(urlOf(server), { ...optionsOf(setting), hello: "required" });
    let pings = 0;
    void (async () => {
      for (let came; (came = await alive.next()) !== undefined;) {
        if (came.command !== PING) throw new Error(`a Ping expected, got ${came.command}`);
        pings++;
        alive.write(sealSubmitFrame(frame(PONG, 0), { crc32c: true }));
      }
    })();
    const from = dead.peer.receivedBytes;
    await pass(3900);
    t.equal(toHex(dead.peer.received.subarray(from)), toHex(frame(PING, 0)), "one Ping, empty");
    t.equal(disconnects.length, 0, "not before the Pong is due");
    await pass(700);
    t.equal(disconnects.length, 1);
    t.match(disconnects[0], { code: "HEARTBEAT_TIMEOUT", message: /within 2000 ms/ });
    t.equal(dead.peer.isClosed, true);
    await pass(20_000);
    t.ok(pings >= 5, `${pings} Pings`);
    t.equal(disconnects.length, 1, "who answers stays, and so does who knows no Ping");
    await client.submit("x");
    without.write(submit(1));
    t.equal(await without.says(), "82 00000001 00");
    for (const { peer } of [alive, without]) peer.reset();
    const closing = client.close();
    await pass(100);
    await closing;
  });
}
