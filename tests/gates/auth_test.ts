/** Who a peer is, and what it may do. */

import t from "tap";
import { anyOf, tokens, users } from "../../src/gates/credentials.ts";
import {
  equal,
  hashPassword,
  hashToken,
  parsePasswordHash,
  pbkdf2,
} from "../../src/gates/secrets.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import {
  bytes,
  defineProtocol,
  fixed,
  lengthField,
  rest,
  u32,
  u8,
} from "../../src/protocol/mod.ts";
import type { Hello } from "../../src/protocol/submit/hello.ts";
import type { Refusal } from "../../src/server/refusal.ts";
import type { ServeOptions } from "../../src/server/serve.ts";
import type { Server } from "../../src/server/server.ts";
import { addressedNetwork } from "../helpers/addresses.ts";
import { ack, frame, join, submit, submits, toHex } from "../helpers/frames.ts";
import { FramePeer, hello, REQUEST } from "../helpers/hello.ts";
import { connect, serve, turns, until } from "../helpers/runtime.ts";
import { peerTo } from "../helpers/peer.ts";
import { CODECS, peerOf, recordEvents, start, urlOf } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const conn = {} as never;
const said = (auth?: object): Hello =>
  ({ version: 1, features: [], ...(auth && { auth }) }) as Hello;

t.test("PBKDF2-HMAC-SHA-256 by the vectors of RFC 7914, section 11", async (t) => {
  const salt = (text: string) => new TextEncoder().encode(text);
  t.equal(
    toHex(await pbkdf2("passwd", salt("salt"), 1)),
    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
  );
  t.equal(
    toHex(await pbkdf2("Password", salt("NaCl"), 80_000)),
    "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56",
  );
});

t.test("what is kept of secrets", async (t) => {
  // FIPS 180-2, B.1.
  t.equal(
    await hashToken("abc"),
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  const kept = await hashPassword("hunter2", 1000);
  t.match(kept, /^\$pbkdf2-sha256\$i=1000\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  t.not(await hashPassword("hunter2", 1000), kept, "each has a salt of its own");
  t.match(await hashPassword("x"), /i=600000/);
  await t.rejects(hashPassword("x", 10), { code: "INVALID_OPTION" });
  for (const wrong of ["", "hunter2", kept.slice(0, -1), kept.replace("1000", "0"), `${kept}=`]) {
    t.equal(parsePasswordHash(wrong), undefined, wrong);
  }
  t.equal(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
  t.equal(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  t.equal(equal(Uint8Array.of(1, 2), Uint8Array.of(1)), false);
});

t.test("tokens and users know those that they were told of, and nobody else", async (t) => {
  const byToken = tokens({
    alice: await hashToken("a-token"),
    bob: [await hashToken("old"), await hashToken("new")],
  });
  const byPassword = users({
    carol: await hashPassword("pässword", 1000),
    dave: await hashPassword("d", 2000),
  });
  t.strictSame(await byToken(said({ token: "a-token" }), conn), { name: "alice", by: "token" });
  t.strictSame(await byToken(said({ token: "new" }), conn), { name: "bob", by: "token" });
  for (
    const auth of [undefined, { token: "" }, { token: "a-toke" }, {
      user: "alice",
      password: "a-token",
    }]
  ) {
    t.equal(await byToken(said(auth), conn), undefined);
  }
  const carol = { name: "carol", by: "password" };
  t.strictSame(await byPassword(said({ user: "carol", password: "pässword" }), conn), carol);
  // The same text in another Unicode form.
  t.strictSame(await byPassword(said({ user: "carol", password: "pa\u0308ssword" }), conn), carol);
  for (
    const auth of [
      undefined,
      { token: "d" },
      { user: "carol", password: "password" },
      { user: "dave", password: "" },
      { user: "nobody", password: "d" },
      { user: "constructor", password: "d" },
    ]
  ) t.equal(await byPassword(said(auth), conn), undefined);
  const either = anyOf(byToken, byPassword);
  t.strictSame(await either(said({ token: "old" }), conn), { name: "bob", by: "token" });
  t.strictSame(await either(said({ user: "carol", password: "pässword" }), conn), carol);
  t.equal(await either(said(), conn), undefined);
  for (const make of [() => tokens({ eve: "a-token" }), () => users({ eve: "secret" })]) {
    t.throws(make, { code: "INVALID_OPTION", message: /what is kept of "eve"/ });
    try {
      make();
    } catch (error) {
      t.notMatch((error as Error).message, /a-token|secret"/, "the secret is not shown");
    }
  }
});

t.test("more passwords than can wait are told to come again", async (t) => {
  const byPassword = users({ carol: await hashPassword("c", 1000) });
  const attempts = await Promise.allSettled(
    Array.from({ length: 300 }, () => byPassword(said({ user: "x", password: "c" }), conn)),
  );
  const refused = attempts.filter(({ status }) => status === "rejected");
  t.equal(refused.length, 300 - 2 - 256);
  t.match((refused[0] as PromiseRejectedResult).reason, { result: 4, retryAfterMs: 1000 });
});

/** A submit server on a virtual clock, and what it refuses. */
async function guarded(t: Parameters<typeof start>[0], options: ServeOptions) {
  const clock = new VirtualClock();
  const transport = addressedNetwork("192.0.2.1");
  const setting = { name: "", codec: "ts", transport } as const;
  const server = await start(t, setting, {
    submit: () => {},
    request: (packet: { text(): string }) => packet.text(),
  }, { clock, ...options });
  const refusals: Refusal[] = [];
  server.on("refuse", (refusal) => refusals.push(refusal));
  const peer = async () => new FramePeer(await peerOf(server, setting));
  /** Says hello by a token; the answer's result, and what follows it. */
  const attempt = async (token: string): Promise<string> => {
    const one = await peer();
    one.write(hello({ auth: { token } }));
    const came = await one.next();
    one.peer.end();
    return toHex(came!.body.subarray(0, came!.body[0] === 4 ? 5 : 1));
  };
  return { clock, transport, server, refusals, peer, attempt };
}

t.test("failed attempts make their address wait, longer each time, and no other", async (t) => {
  let asked = 0;
  const { clock, transport, attempt, refusals } = await guarded(t, {
    authFailures: 3,
    authenticate: ({ auth }) => {
      asked++;
      return auth !== undefined && "token" in auth && auth.token === "right" ? "alice" : undefined;
    },
  });
  for (let i = 0; i < 3; i++) t.equal(await attempt("wrong"), "02");
  t.equal(asked, 3);
  t.equal(await attempt("right"), "04000003e8", "not looked at for a second");
  t.equal(asked, 3);
  transport.from = "192.0.2.2";
  t.equal(await attempt("right"), "00");
  transport.from = "192.0.2.1";
  clock.advance(1000);
  t.equal(await attempt("wrong"), "02");
  t.equal(await attempt("right"), "04000007d0");
  clock.advance(2000);
  t.equal(await attempt("right"), "00");
  t.equal(await attempt("wrong"), "02", "forgotten: all are free again");
  t.equal(await attempt("right"), "00");
  t.ok(
    refusals.every(({ gate, category }) =>
      gate === "authenticate" && category === "authentication"
    ),
  );
  t.notMatch(JSON.stringify(refusals), /wrong|right/, "no secrets");
});

t.test("an attempt that takes too long ends at its deadline", async (t) => {
  const { clock, peer, server } = await guarded(t, { authenticate: () => new Promise(() => {}) });
  const { errors } = recordEvents(server);
  const one = await peer();
  one.write(hello({ auth: { token: "x" } }));
  await turns();
  clock.advance(4999);
  await turns();
  t.equal(one.peer.receivedBytes, 0);
  clock.advance(1);
  t.equal((await one.next())!.body[0], 1);
  t.match(errors, [{ code: "DEADLINE_EXCEEDED", message: /5000 ms \(authTimeoutMs\)/ }]);
});

t.test("authorize refuses single requests, sync and async, and nothing more is said", async (t) => {
  for (const isAsync of [false, true]) {
    const { peer, server, refusals } = await guarded(t, {
      authorize: (packet, { principal }) => {
        const may = packet.text() !== "forbidden" && principal === undefined;
        return isAsync ? Promise.resolve(may) : may;
      },
    });
    const { errors } = recordEvents(server);
    const plain = await peer();
    plain.write(join(submit(1, "x"), submit(2, "forbidden"), submit(3, "y")));
    t.equal(toHex(await plain.peer.read(42)), toHex(join(ack(1), ack(2, 1), ack(3))));
    const one = await peer();
    await one.greet({ features: ["request"] });
    one.write(frame(REQUEST, 5, join(new Uint8Array(4), new TextEncoder().encode("forbidden"))));
    const came = await one.next();
    t.equal(came!.body[0], 3);
    t.equal(new TextDecoder().decode(came!.body.subarray(1)), "forbidden");
    one.write(submit(6, "forbidden"));
    t.equal(toHex((await one.next())!.body), "03");
    t.strictSame(errors, []);
    t.strictSame(server.stats().refusals, { authorize: 3 });
    t.match(refusals[0], { gate: "authorize", category: "refused", conn: 1 });
  }
});

t.test("authorize lets nothing through that is not true, and fails by its own error", async (t) => {
  const verdicts: unknown[] = [undefined, 1, "true", {}, false, true];
  const { peer, server } = await guarded(t, {
    authorize: () => {
      if (verdicts.length === 0) throw new Error("broken");
      return verdicts.shift();
    },
  });
  const { errors } = recordEvents(server);
  const plain = await peer();
  plain.write(submits(7));
  const expected = join(...[1, 1, 1, 1, 1, 0, 1].map((result, i) => ack(i + 1, result)));
  t.equal(toHex(await plain.peer.read(7 * 14)), toHex(expected));
  t.match(errors, [{ code: "HANDLER_FAILED", message: /broken/ }]);
});

t.test("busy says after how long to come again, to peers that said hello", async (t) => {
  const { peer } = await guarded(t, {
    rate: { connection: { requestsPerSecond: 2, requestBurst: 2 } },
    onRate: "busy",
  });
  const one = await peer();
  await one.greet({ features: ["request"] }); // takes one
  one.write(submits(2));
  t.equal(toHex((await one.next())!.body), "00");
  t.equal(toHex((await one.next())!.body), "04000001f4");
});

const vault = defineProtocol({
  name: "vault",
  framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 100_000 }),
  header: { length: u32, kind: u8 },
  kind: "kind",
  packets: {
    login: { kind: 1, body: { pin: u32 }, reply: "done" },
    put: { kind: 2, body: { data: rest() }, reply: "done" },
    done: { kind: 0x81 },
  },
});

for (const codec of CODECS) {
  for (const piece of [undefined, 1, 9, 4096]) {
    t.test(`before authentication frames of a defined protocol are short (${codec}, pieces of ${piece})`, async (t) => {
      const transport = memoryNetwork(piece === undefined ? {} : { pieceBytes: () => piece });
      const put: number[] = [];
      await using server = await serve({
        transport,
        codec,
        port: 0,
        protocol: vault,
        packetsBeforeAuth: ["login"],
        maxFrameBytesBeforeAuth: 64,
      }, {
        login({ pin }, conn) {
          if (pin === 1) conn.authenticated("one");
          return {};
        },
        put: ({ data }) => void put.push(data.length),
      });
      const codes: unknown[] = [];
      server.on("error", ({ code, limitBytes }) => codes.push([code, limitBytes]));
      const login = (pin: number) => vault.encode("login", { pin });
      const long = vault.encode("put", { data: new Uint8Array(20_000) });

      const unknown = await peerTo(server.addr.port, transport);
      unknown.write(join(login(2), long));
      await unknown.ended;
      unknown.end();
      await until(() => codes.length === 1, "the error");
      t.strictSame(codes, [["FRAME_TOO_LARGE", 64]]);

      // A handler that knows the peer at once lets what is behind it in, in whatever pieces it comes.
      const known = await peerTo(server.addr.port, transport);
      known.write(join(login(2), login(1), long, long));
      await until(() => put.length === 2, "both are taken");
      t.strictSame(put, [20_000, 20_000]);
      t.equal(codes.length, 1);
    });
  }
}

t.test("before authentication: frames that have one length may have it", async (t) => {
  const transport = memoryNetwork();
  const blocks = defineProtocol({
    name: "blocks",
    framing: fixed(300),
    header: { kind: u8 },
    kind: "kind",
    packets: { block: { kind: 1, body: { data: bytes(299) } } },
  });
  let taken = 0;
  const before = { packetsBeforeAuth: ["block"], maxFrameBytesBeforeAuth: 64 };
  await using server = await serve({
    transport,
    port: 0,
    protocol: blocks,
    ...before,
  }, {
    block: () => void taken++,
  });
  const peer = await peerTo(server.addr.port, transport);
  peer.write(blocks.encode("block", { data: new Uint8Array(299) }));
  await until(() => taken === 1, "the block");
  t.equal(peer.isEnded, false);
});

t.test("a defined protocol says which packet authenticates", async (t) => {
  const transport = addressedNetwork("192.0.2.1");
  const protocol = defineProtocol({
    name: "bank",
    framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
    header: { length: u32, kind: u8, id: u32 },
    kind: "kind",
    correlate: "id",
    replyBit: 0x80,
    packets: {
      login: { kind: 1, body: { pin: u32 }, reply: "welcome" },
      welcome: { kind: 0x81, body: { balance: u32 } },
      pay: { kind: 2, body: { amount: u32 }, reply: "paid" },
      paid: { kind: 0x82, body: { balance: u32 } },
      failed: { kind: 0xff, body: { code: u8 }, answersAny: true },
    },
    failure: (_request, error) => {
      const { code } = error as { code?: string };
      return {
        packet: "failed",
        body: { code: code === "UNAUTHENTICATED" ? 2 : code === "FORBIDDEN" ? 3 : 1 },
      };
    },
  });
  await using server = await serve({
    transport,
    port: 0,
    protocol,
    packetsBeforeAuth: ["login"],
    authorize: (packet) => packet.packet !== "pay" || packet.amount < 100,
  }, {
    login({ pin }, conn) {
      if (pin !== 1234) throw new Error("wrong pin");
      conn.authenticated({ name: "alice" });
      return { balance: 50 };
    },
    pay: ({ amount }, { principal }) => {
      t.strictSame(principal, { name: "alice" });
      return { balance: 50 - amount };
    },
  });
  const refusals: Refusal[] = [];
  (server as unknown as Server).on("refuse", (refusal) => refusals.push(refusal));
  const client = await connect(urlOf(server as never), { transport, protocol });
  const code = (call: Promise<unknown>) =>
    call.then(() => 0, (error) => (error as { reply: { code: number } }).reply.code);
  t.equal(await code(client.call("pay", { amount: 10 })), 2);
  t.equal(await code(client.call("login", { pin: 1 })), 1);
  t.equal(await code(client.call("pay", { amount: 10 })), 2);
  t.equal(await code(client.call("login", { pin: 1234 })), 0);
  t.equal((await client.call("pay", { amount: 10 })).balance, 40);
  t.equal(await code(client.call("pay", { amount: 100 })), 3);
  t.strictSame(refusals.map(({ gate }) => gate), ["authenticate", "authenticate", "authorize"]);
  await client.close();
  await t.rejects(
    serve({ transport, port: 0, protocol, packetsBeforeAuth: ["logn"] }, {}),
    { code: "INVALID_OPTION", message: /"logn", which has no handler/ },
  );
  await t.rejects(
    serve({ transport, port: 0, packetsBeforeAuth: [] }, { submit() {} }),
    { code: "INVALID_OPTION", message: /submit has authenticate/ },
  );
  await t.rejects(
    serve({ transport, port: 0, protocol: "echo", authorize: () => true }),
    { code: "INVALID_OPTION", message: /echo has none/ },
  );
});

t.test("malformed bytes are a security event, without the bytes", async (t) => {
  const { peer, refusals, server } = await guarded(t, {});
  const one = await peer();
  one.write(frame(9, 1, "a secret"));
  await one.peer.ended;
  one.peer.end();
  await until(() => refusals.length === 1, "the event");
  t.match(refusals[0], {
    gate: "protocol",
    category: "malformed",
    code: "UNKNOWN_PACKET",
    conn: 1,
  });
  t.notMatch(JSON.stringify(refusals), /secret/);
  t.strictSame(server.stats().refusals, { protocol: 1 });
});
