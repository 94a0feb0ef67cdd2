/** Client and server with every feature, and each against a peer that plays the other end by hand. */

import t from "tap";
import { sealSubmitFrame } from "../../src/protocol/submit/seal.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { SubmitConnection } from "../../src/protocol/submit/server/handlers.ts";
import type { Feature } from "../../src/protocol/submit/commands.ts";
import { ack, CONN_ACK, frame, join, randomBytes, submit, toHex, u32 } from "../helpers/frames.ts";
import {
  CANCEL,
  CREDIT,
  FramePeer,
  GO_AWAY,
  greeted,
  PING,
  PUSH,
  REQUEST,
  request,
  RESPONSE,
} from "../helpers/hello.ts";
import { listen } from "../helpers/peer.ts";
import { connect, type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import {
  CODECS,
  optionsOf,
  recordEvents,
  type Setting,
  settings,
  start,
  urlOf,
} from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A welcome as a server sends it. */
function welcome(features: readonly string[], members: object = {}): Uint8Array {
  const json = JSON.stringify({ version: 1, features, ...members });
  return frame(CONN_ACK, 0, join(Uint8Array.of(0), new TextEncoder().encode(json)));
}

/** A client of a server that a test plays. */
async function played(
  t: { teardown(fn: () => unknown): unknown },
  setting: Setting,
  features: readonly Feature[],
  options: object = {},
  members: object = {},
) {
  const server = await listen(setting.transport);
  t.teardown(() => server.close());
  const connecting = connect(`tcp://127.0.0.1:${server.port}`, {
    ...optionsOf(setting),
    hello: "required",
    features,
    ...options,
  });
  const peer = new FramePeer(await server.next());
  const conn = await peer.next();
  peer.write(welcome(features, members));
  const client = await connecting;
  t.teardown(() => client.close({ deadlineMs: 0 }));
  return { client, peer, conn };
}

for (const setting of settings()) {
  t.test(`client and server agree in every combination of checksums and compression (${setting.name})`, async (t) => {
    let conn: SubmitConnection | undefined;
    const submitted: number[] = [];
    const server = await start(t, setting, {
      submit: (packet) => void submitted.push(packet.payloadBytes),
      request: (packet) =>
        packet.text() === "wait" ? turns(2).then(() => "waited") : packet.payload,
    });
    server.on("connect", (came) => conn = came as SubmitConnection);
    const seals: Feature[][] = [[], ["crc32c"], ["lz4"], ["crc32c", "lz4"]];
    for (const seal of seals) {
      const features: Feature[] = ["request", "ping", "push", "credit", ...seal];
      const client = await connect(urlOf(server), {
        ...optionsOf(setting),
        hello: "required",
        features,
        agent: "test/1",
      });
      t.strictSame([...client.features()].sort(), [...features].sort());
      t.equal(conn!.agent, "test/1");
      const pushed: string[] = [];
      client.onPush((payload) => pushed.push(toHex(payload)));
      for (
        const payload of [new Uint8Array(0), new Uint8Array(5000).fill(3), randomBytes(1, 70_000)]
      ) {
        const expected = toHex(payload);
        t.ok(toHex(await client.request(payload)) === expected, `${payload.length} bytes`);
        await client.submit(payload);
        t.equal(submitted.pop(), payload.length);
        conn!.push(payload);
        await until(() => pushed.length > 0, "the push");
        t.ok(pushed.pop() === expected);
      }
      const answers = await Promise.all(
        Array.from({ length: 3000 }, (_, i) => client.request(i % 7 === 0 ? "wait" : `${i}`)),
      );
      t.ok(answers.every((got, i) => text(got) === (i % 7 === 0 ? "waited" : `${i}`)), "thousands");
      t.ok(await client.ping() >= 0);
      await client.close();
    }
  });

  t.test(`a corrupt checksum closes its connection alone (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit() {} });
    const { errors } = recordEvents(server);
    const beside = await greeted(server, setting, ["crc32c"]);
    const agreed = { crc32c: true };
    const good = sealSubmitFrame(submit(1, "x"), agreed);
    for (let at = 5; at < good.length; at += 3) {
      const peer = await greeted(server, setting, ["crc32c"]);
      const bad = good.slice();
      bad[at]! ^= 0x10;
      peer.write(join(good, bad));
      t.equal((await peer.next())!.command, 0x82, "what came before is answered");
      t.equal(await peer.says(), "end");
      peer.peer.end();
      await until(() => errors.length === 1, "an error");
      t.equal(errors.pop()!.code, "CHECKSUM_MISMATCH");
    }
    const short = await greeted(server, setting, ["crc32c"]);
    short.write(submit(1));
    t.equal(await short.says(), "end", "no checksum at all");
    short.peer.end();
    beside.write(good);
    const answer = (await beside.next())!;
    t.equal(toHex(answer.bytes), toHex(sealSubmitFrame(ack(1), agreed)));
  });

  t.test(`an LZ4 bomb is refused before a byte is decompressed (${setting.name})`, async (t) => {
    let handled = 0;
    const server = await start(t, setting, { submit: () => void handled++ }, {
      maxFrameBytes: 4096,
    });
    const { errors } = recordEvents(server);
    const bombs: [Uint8Array, string][] = [
      [frame(0x42, 1, join(u32(0xffff_ffff), new Uint8Array(10))), "FRAME_TOO_LARGE"],
      [frame(0x42, 1, join(u32(4084), new Uint8Array(10))), "FRAME_TOO_LARGE"],
      [
        frame(0x42, 1, join(u32(100), Uint8Array.of(0x1f, 0, 1, 0, 255, 255, 255, 9))),
        "DECOMPRESSION_FAILED",
      ],
      [frame(0x42, 1, "abc"), "DECOMPRESSION_FAILED"],
    ];
    for (const [bytes, code] of bombs) {
      const peer = await greeted(server, setting, ["lz4"]);
      peer.write(bytes);
      t.equal(await peer.says(), "end");
      peer.peer.end();
      await until(() => errors.length === 1, "an error");
      t.equal(errors.pop()!.code, code);
    }
    t.equal(handled, 0);
  });

  t.test(`what a client says, byte by byte, and that it obeys the window (${setting.name})`, async (t) => {
    const { client, peer, conn } = await played(t, setting, ["request", "credit"], {
      token: "s3cret",
      agent: "me",
    }, { window: { requests: 2, bytes: 1000 } });
    t.equal(conn!.id, "00000000");
    t.strictSame(JSON.parse(text(conn!.body)), {
      version: 1,
      features: ["request", "credit"],
      auth: { token: "s3cret" },
      agent: "me",
    });
    const calls: Promise<unknown>[] = [
      client.request("a", { timeoutMs: 5000 }),
      client.submit("b"),
      client.request("c", { timeoutMs: 0 }),
      client.submit("d"),
    ];
    t.match(await peer.says(), /^03 00000001 0000138[678]61$/);
    t.equal(await peer.says(), "02 00000002 62");
    await turns();
    const before = peer.peer.receivedBytes;
    peer.write(join(ack(2), frame(RESPONSE, 1, "\0A")));
    t.equal(text(await calls[0] as Uint8Array), "A");
    await calls[1];
    await turns();
    t.equal(peer.peer.receivedBytes, before, "answers alone are no credit");
    peer.write(frame(CREDIT, 0, join(u32(1), u32(14))));
    t.equal(await peer.says(), "03 00000003 0000000063");
    peer.write(frame(CREDIT, 0, join(u32(9), u32(14))));
    t.equal(await peer.says(), "02 00000004 64");
    peer.write(
      join(frame(RESPONSE, 3, join(Uint8Array.of(4), u32(258), new TextEncoder().encode("later")))),
    );
    peer.write(ack(4, 9));
    await t.rejects(calls[2] as Promise<void>, {
      code: "RESULT_FAILED",
      result: 4,
      retryAfterMs: 258,
      message: /: later$/,
    });
    await t.rejects(calls[3] as Promise<void>, {
      code: "RESULT_FAILED",
      result: 9,
      message: /: malformed$/,
    });
  });

  t.test(`a signal sends Cancel, and the late answer is ignored (${setting.name})`, async (t) => {
    const { client, peer } = await played(t, setting, ["request"]);
    const abort = new AbortController();
    const call = client.request("a", { signal: abort.signal });
    await peer.next();
    abort.abort(new Error("enough"));
    await t.rejects(call, { code: "CANCELLED", outcome: "unknown", cause: { message: "enough" } });
    t.equal(await peer.says(), `0${CANCEL} 00000001`);
    t.equal(client.pending, 0);
    await t.rejects(client.request("b", { signal: abort.signal }), {
      code: "CANCELLED",
      outcome: "not-sent",
    });
    await t.rejects(client.request("b", { timeoutMs: -1 }), { code: "INVALID_OPTION" });
    const next = client.request("c");
    peer.write(join(frame(RESPONSE, 1, "\0late"), frame(RESPONSE, 2, "\0C")));
    t.equal(text(await next), "C");
  });

  t.test(`pushes are acknowledged once they are handled, in order (${setting.name})`, async (t) => {
    const { client, peer } = await played(t, setting, ["push"]);
    const open = new Map<string, Deferred<void>>();
    const submitted = client.submit("x");
    await peer.next();
    peer.write(join(frame(PUSH, 1, "early"), ack(1)));
    await submitted;
    client.onPush((payload) => {
      const done = deferred();
      open.set(text(payload), done);
      if (text(payload) === "throws") throw new Error("no");
      return done.promise;
    });
    t.ok(open.has("early"), "what came before the handler waited for it");
    peer.write(join(frame(PUSH, 2, "b"), frame(PUSH, 3, "throws"), frame(PUSH, 4, "d")));
    await until(() => open.size === 4, "all are handed over");
    open.get("b")!.resolve();
    await turns();
    open.get("early")!.resolve();
    t.equal(await peer.says(), "86 00000003", "one for all that are handled");
    open.get("d")!.reject(new Error("no"));
    t.equal(await peer.says(), "86 00000004");
    peer.write(frame(PUSH, 6, "a gap"));
    t.match(await client.closed, { code: "UNEXPECTED_PACKET", message: /expected number 5/ });
  });

  t.test(`a client answers pings, hears of going away, and knows no Requests (${setting.name})`, async (t) => {
    const { client, peer } = await played(t, setting, ["ping", "drain", "request"]);
    const notices: unknown[] = [];
    client.onGoAway((notice) => notices.push(notice));
    const last = client.request("x");
    await peer.next();
    peer.write(join(frame(PING, 77, "abc"), request(5, "who are you"), frame(PING, 78)));
    t.equal(await peer.says(), "85 00000077 616263");
    t.equal(await peer.says(), "83 00000005 07");
    t.equal(await peer.says(), "85 00000078");
    peer.write(frame(GO_AWAY, 1, join(u32(1000), u32(258), new TextEncoder().encode("upgrade"))));
    await until(() => notices.length === 1, "the notice");
    t.strictSame(notices, [{
      deadlineMs: 1000,
      spreadMs: 258,
      reason: "upgrade",
      lastId: "00000001",
    }]);
    await t.rejects(client.submit("y"), { code: "DRAINING", message: /upgrade/ });
    peer.write(frame(RESPONSE, 1, "\0done"));
    t.equal(text(await last), "done", "what was sent before is still answered");
  });

  t.test(`hello "auto" falls back to plain, and remembers it (${setting.name})`, async (t) => {
    for (const how of ["answers 14 bytes", "closes"]) {
      const server = await listen(setting.transport);
      t.teardown(() => server.close());
      const options = { ...optionsOf(setting), hello: "auto" as const };
      const connecting = connect(`tcp://127.0.0.1:${server.port}`, options);
      let peer = new FramePeer(await server.next());
      t.equal((await peer.next())!.command, 1);
      if (how === "closes") {
        peer.peer.end();
        peer = new FramePeer(await server.next());
        t.equal((await peer.next())!.command, 1, "the first one may just have broken");
        peer.peer.end();
        peer = new FramePeer(await server.next());
      } else peer.write(frame(CONN_ACK, 0, "\0"));
      const client = await connecting;
      t.equal(client.features().size, 0);
      await t.rejects(client.request("x"), { code: "UNSUPPORTED" });
      const call = client.submit("plain");
      t.equal(await peer.says(), "02 00000001 706c61696e", how);
      peer.write(ack(1));
      await call;
      await client.close({ deadlineMs: 0 });

      const again = await connect(`tcp://127.0.0.1:${server.port}`, options);
      const second = new FramePeer(await server.next());
      void again.submit("y").catch(() => {});
      t.equal(await second.says(), "02 00000001 79", "no hello the second time");
      second.peer.reset();
      await again.closed;
    }
  });

  t.test(`hello "required" fails with a plain server, and refusals have their codes (${setting.name})`, async (t) => {
    const server = await listen(setting.transport);
    t.teardown(() => server.close());
    const cases: [Uint8Array | undefined, Record<string, unknown>][] = [
      [frame(CONN_ACK, 0, "\0"), { code: "UNSUPPORTED" }],
      [undefined, { code: "UNSUPPORTED" }],
      [frame(CONN_ACK, 0, "\x02"), { code: "UNAUTHENTICATED", result: 2 }],
      [frame(CONN_ACK, 0, "\x03"), { code: "FORBIDDEN", result: 3 }],
      [frame(CONN_ACK, 0, join(Uint8Array.of(4), u32(258))), { code: "BUSY", retryAfterMs: 258 }],
      [frame(CONN_ACK, 0, "\x09"), { code: "RESULT_FAILED", result: 9 }],
      [frame(CONN_ACK, 0, "\0[]"), { code: "INVALID_FIELD" }],
      [ack(1), { code: "UNEXPECTED_PACKET" }],
    ];
    for (const [answer, error] of cases) {
      const connecting = connect(`tcp://127.0.0.1:${server.port}`, {
        ...optionsOf(setting),
        hello: "required",
      });
      connecting.catch(() => {});
      const peer = await server.next();
      await peer.read(14);
      if (answer === undefined) peer.end();
      else peer.write(answer);
      await t.rejects(connecting, error as { code: string });
      peer.end();
    }
  });

  t.test(`a ConnAck that nobody asked for closes the connection (${setting.name})`, async (t) => {
    const server = await listen(setting.transport);
    t.teardown(() => server.close());
    const client = await connect(`tcp://127.0.0.1:${server.port}`, optionsOf(setting));
    (await server.next()).write(frame(CONN_ACK, 1, "\0"));
    t.match(await client.closed, { code: "UNEXPECTED_PACKET" });
    const { client: second, peer } = await played(t, setting, []);
    peer.write(frame(CONN_ACK, 0, "\0"));
    t.match(await second.closed, { code: "UNEXPECTED_PACKET" });
  });

  t.test(`a client that is refused says so; one with the right token gets in (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit() {}, request: () => "in" }, {
      authenticate: ({ auth }) => auth !== undefined && "token" in auth && auth.token === "good",
    });
    const options = { ...optionsOf(setting), hello: "required" as const };
    await t.rejects(connect(urlOf(server), { ...options, token: "bad" }), {
      code: "UNAUTHENTICATED",
    });
    const client = await connect(urlOf(server), { ...options, token: "good" });
    t.equal(text(await client.request("x")), "in");
    await client.close();
  });
}

for (const codec of CODECS) {
  t.test(`deadlines of calls, on the client's clock (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const { client, peer } = await played(t, setting, ["request"], { clock }, {
      window: { requests: 1, bytes: 1000 },
    });
    const first = client.request("a", { timeoutMs: 100 });
    const queued = client.request("b", { timeoutMs: 150 });
    t.equal(await peer.says(), `0${REQUEST} 00000001 0000006461`);
    clock.advance(99);
    await turns();
    t.equal(client.pending, 2);
    clock.advance(1);
    await t.rejects(first, { code: "DEADLINE_EXCEEDED" });
    t.equal(await peer.says(), `0${CANCEL} 00000001`);
    peer.write(frame(RESPONSE, 1, "\x06"));
    t.equal(await peer.says(), `0${REQUEST} 00000002 0000003262`, "what is left of its time");
    clock.advance(50);
    await t.rejects(queued, { code: "DEADLINE_EXCEEDED", outcome: "unknown" });
    const closing = client.close({ deadlineMs: 0 });
    await peer.peer.ended;
    peer.peer.end();
    await closing;
    t.equal(clock.pending, 0, "no timer is left");
  });

  t.test(`a server that does not answer the hello runs into the connect deadline (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const transport = memoryNetwork();
    const server = await listen(transport);
    t.teardown(() => server.close());
    const connecting = connect(`tcp://127.0.0.1:${server.port}`, {
      codec,
      transport,
      clock,
      hello: "auto",
      connectTimeoutMs: 300,
    });
    connecting.catch(() => {});
    const peer = await server.next();
    await peer.read(14);
    clock.advance(300);
    await t.rejects(connecting, { code: "CONNECT_TIMEOUT", message: /did not answer the hello/ });
    await peer.ended;
  });
}
