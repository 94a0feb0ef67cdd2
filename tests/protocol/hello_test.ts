/** Hello and welcome: what a server makes of what a peer says of itself, byte by byte. */

import t from "tap";
import { RequestRefused } from "../../src/protocol/submit/server/refused.ts";
import { CONN, frame, fromHex, join, submit, toHex } from "../helpers/frames.ts";
import { FramePeer, framePeer, greeted, hello, PING, request } from "../helpers/hello.ts";
import { deferred, turns, until } from "../helpers/runtime.ts";
import { recordEvents, settings, start } from "../helpers/settings.ts";

const ALL = ["request", "ping", "push", "drain", "credit", "crc32c", "lz4"];
const submitOnly = { submit() {} };

for (const setting of settings()) {
  t.test(`a hello is answered by a welcome with what both sides have (${setting.name})`, async (t) => {
    const handlers = { submit() {}, request: () => "" };
    const options = { maxInFlight: 7, maxInFlightBytes: 4096, maxFrameBytes: 65_536 };
    const server = await start(t, setting, handlers, options);
    const peer = await framePeer(server, setting);
    const welcome = await peer.greet({ features: ["lz4", "ping", "request", "teleport"] });
    t.match(welcome, {
      version: 1,
      features: ["request", "ping", "lz4"],
      maxFrame: 65_536,
      window: { requests: 7, bytes: 4096 },
    });

    const noRequests = await start(t, setting, submitOnly);
    t.strictSame((await (await framePeer(noRequests, setting)).greet({ features: ALL })).features, [
      "ping",
      "push",
      "drain",
      "credit",
      "crc32c",
      "lz4",
    ], "a server without a handler of requests does not offer them");

    const few = await start(t, setting, handlers, { features: ["ping"] });
    t.strictSame((await (await framePeer(few, setting)).greet({ features: ALL })).features, [
      "ping",
    ]);
    t.strictSame((await (await framePeer(few, setting)).greet({})).features, []);
  });

  t.test(`a client may send on before it has read the welcome (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit() {}, request: (packet) => packet.text() });
    const peer = await framePeer(server, setting);
    peer.write(join(
      hello({ features: ["request"] }, 5),
      submit(1, "x"),
      request(2, "hi"),
    ));
    t.equal((await peer.next())!.command, 0x81);
    t.equal(await peer.says(), "82 00000001 00");
    t.equal(await peer.says(), "83 00000002 006869");
  });

  t.test(`so it may while the conn handler takes its time, byte by byte (${setting.name})`, async (t) => {
    const open = deferred();
    const seen: string[] = [];
    const server = await start(t, setting, {
      submit: (packet) => void seen.push(packet.text()),
      conn: (packet, conn) => {
        seen.push(`${packet.text()} ${conn.features.size}`);
        return open.promise;
      },
    });
    const peer = await framePeer(server, setting);
    for (const byte of join(hello({ agent: "x" }, 5), submit(1, "a"), submit(2, "b"))) {
      peer.write(Uint8Array.of(byte));
    }
    await until(() => seen.length === 1, "the conn handler is asked");
    await turns();
    t.strictSame(seen, ['{"version":1,"agent":"x"} 0']);
    t.equal(peer.peer.receivedBytes, 0);
    open.resolve();
    t.equal((await peer.next())!.command, 0x81);
    t.equal(await peer.says(), "82 00000001 00");
    t.equal(await peer.says(), "82 00000002 00");
    t.strictSame(seen.slice(1), ["a", "b"]);
  });

  t.test(`what is no hello is answered with result 9 and ends the connection (${setting.name})`, async (t) => {
    const server = await start(t, setting, submitOnly);
    const { errors } = recordEvents(server);
    const cases: [string, RegExp][] = [
      ["hi", /the hello is no JSON in UTF-8/],
      ["[]", /the hello is an array, not an object/],
      ['{"version":2}', /version must be 1 and is 2/],
      ['{"version":"1"}', /version must be a number and is a text/],
      ['{"features":"ping"}', /features must be an array of texts/],
      ['{"features":[1]}', /features must be an array of texts/],
      ['{"agent":1}', /agent must be a string and is 1/],
      ['{"auth":"secret"}', /auth must be an object and is a text/],
      ['{"auth":{}}', /auth has neither a token nor a user with a password/],
      ['{"auth":{"token":5}}', /token must be a string/],
      ['{"session":true}', /session must be an object/],
      [`{"x":"${"y".repeat(4096)}"}`, /the hello has 4104 bytes, and 4096 are the most/],
      ["\ud800{}", /the hello is no JSON in UTF-8/],
    ];
    for (const [body, message] of cases) {
      const peer = await framePeer(server, setting);
      peer.write(hello(body, 3));
      t.equal(await peer.says(), "81 00000003 09", body.slice(0, 40));
      t.equal(await peer.says(), "end");
      peer.peer.end();
      await until(() => errors.length === 1, "an error event");
      const [error] = errors.splice(0);
      t.equal(error!.code, "INVALID_FIELD");
      t.match(error!.message, message);
      t.notMatch(error!.message, /secret/);
    }
  });

  t.test(`unknown members are ignored, and a session is not given yet (${setting.name})`, async (t) => {
    const server = await start(t, setting, submitOnly);
    const peer = await framePeer(server, setting);
    const welcome = await peer.greet({ colour: { red: 1 }, session: {}, features: ["ping"] });
    t.strictSame(Object.keys(welcome), [
      "version",
      "features",
      "maxFrame",
      "heartbeatMs",
      "window",
    ]);
  });

  t.test(`a plain peer is served as ever, beside one that has said hello (${setting.name})`, async (t) => {
    const server = await start(t, setting, {
      submit(packet, conn) {
        if (packet.text() === "refuse") throw new RequestRefused("no", { result: 3 });
        if (packet.text() !== `${conn.features.size}`) throw new Error("not so many features");
      },
    });
    const plain = await framePeer(server, setting);
    const featured = await greeted(server, setting, ["ping"]);
    plain.write(join(frame(CONN, 1), submit(2, "0"), submit(3, "refuse"), submit(4, "1")));
    t.equal(
      toHex(await plain.peer.read(56)),
      toHex(join(
        fromHex("0000000e 81 3030303030303031 00"),
        fromHex("0000000e 82 3030303030303032 00"),
        fromHex("0000000e 82 3030303030303033 01"),
        fromHex("0000000e 82 3030303030303034 01"),
      )),
    );
    featured.write(join(submit(2, "1"), submit(3, "refuse"), submit(4, "0")));
    t.equal(await featured.says(), "82 00000002 00");
    t.equal(await featured.says(), "82 00000003 03", "the handler's own result");
    t.equal(await featured.says(), "82 00000004 01");
  });

  t.test(`a hello that does not come first closes its connection (${setting.name})`, async (t) => {
    const server = await start(t, setting, submitOnly);
    const { errors } = recordEvents(server);
    const late = await framePeer(server, setting);
    late.write(join(submit(1), hello()));
    t.equal(await late.says(), "82 00000001 00");
    t.equal(await late.says(), "end");
    late.peer.end();
    const twice = await greeted(server, setting);
    twice.write(hello());
    t.equal(await twice.says(), "end");
    twice.peer.end();
    await until(() => errors.length === 2, "errors");
    t.strictSame(errors.map(({ code }) => code), ["UNEXPECTED_PACKET", "UNEXPECTED_PACKET"]);
    t.match(errors[0]!.message, /must be the first frame/);
  });

  t.test(`commands of a feature that is not agreed upon close the connection (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit() {}, request: () => "" }, {
      features: ["drain"],
    });
    const { errors } = recordEvents(server);
    for (const command of [0x03, 0x04, 0x05, 0x85, 0x86, 0x08, 0x06, 0x83, 0x09, 0x42]) {
      const peer = await greeted(server, setting, ALL);
      peer.write(join(submit(1), frame(command, 2, new Uint8Array(8))));
      t.equal(await peer.says(), "82 00000001 00", "what came before is answered");
      t.equal(await peer.says(), "end");
      peer.peer.end();
      await until(() => errors.length === 1, "an error");
      t.match(errors.pop()!.code, /UNEXPECTED_PACKET|UNKNOWN_PACKET/);
    }
  });

  t.test(`authenticate says who the peer is, at once or later (${setting.name})`, async (t) => {
    for (const later of [false, true]) {
      const principals: unknown[] = [];
      const server = await start(t, setting, {
        submit: (_packet, conn) => void principals.push(conn.principal),
      }, {
        authenticate({ auth }, conn) {
          if (conn.principal !== undefined) throw new Error("a principal already");
          const principal = auth !== undefined && "token" in auth && auth.token === "s3cret" &&
            "ann";
          if (auth !== undefined && "user" in auth) {
            throw new RequestRefused("not today", {
              result: auth.user === "bob" ? 3 : 4,
              retryAfterMs: 258,
            });
          }
          if (auth !== undefined && "token" in auth && auth.token === "boom") {
            throw new Error("boom");
          }
          return later ? Promise.resolve(principal) : principal;
        },
      });
      const refusals: string[] = [];
      server.on("refuse", ({ gate, message }) => refusals.push(`${gate}: ${message}`));
      const { disconnects, errors } = recordEvents(server);

      const peer = await framePeer(server, setting);
      await peer.greet({ auth: { token: "s3cret" } });
      peer.write(submit(1));
      t.equal(await peer.says(), "82 00000001 00");
      t.strictSame(principals, ["ann"]);

      const cases: [object, string, string][] = [
        [{}, "81 00000000 02", "UNAUTHENTICATED"],
        [{ auth: { token: "guess" } }, "81 00000000 02", "UNAUTHENTICATED"],
        [{ auth: { user: "bob", password: "s3cret" } }, "81 00000000 03", "FORBIDDEN"],
        [{ auth: { user: "eve", password: "" } }, "81 00000000 0400000102", "BUSY"],
        [{ auth: { token: "boom" } }, "81 00000000 01", "RESULT_FAILED"],
      ];
      for (const [members, answer, code] of cases) {
        const peer = await framePeer(server, setting);
        peer.write(hello(members));
        t.equal(await peer.says(), answer);
        t.equal(await peer.says(), "end");
        peer.peer.end();
        await until(() => disconnects.length === 1, "disconnect");
        t.equal(disconnects.pop()!.code, code);
      }
      t.equal(refusals.length, 5);
      t.notMatch(refusals.join(), /guess|s3cret|boom/);
      t.strictSame(errors.map(({ code, message }) => `${code} ${message}`), [
        "HANDLER_FAILED asking about a hello failed: boom",
      ]);
      t.equal(server.stats().refusals.authenticate, 5);
    }
  });

  t.test(`where authentication is required nobody else gets in (${setting.name})`, async (t) => {
    let handled = 0;
    const asked: unknown[] = [];
    const answer = deferred<string>();
    const server = await start(t, setting, { submit: () => void handled++ }, {
      authenticate: (hello) => {
        asked.push(hello);
        return answer.promise;
      },
      maxFrameBytesBeforeAuth: 200,
    });
    const { errors } = recordEvents(server);
    const first = async (bytes: Uint8Array) => {
      const peer = await framePeer(server, setting);
      peer.write(bytes);
      const said = await peer.says();
      peer.peer.end();
      return said;
    };
    t.equal(
      await first(frame(CONN, 7)),
      "81 00000007 01",
      "an empty Conn: results of a plain peer",
    );
    t.equal(await first(submit(8, "x")), "82 00000008 01");
    t.equal(await first(frame(PING, 9)), "end");
    t.equal(await first(submit(9, "x".repeat(188))), "end", "over the limit");
    await until(() => errors.length === 2, "errors");
    t.match(errors[1], { code: "FRAME_TOO_LARGE", limitBytes: 200 });

    const early = await framePeer(server, setting);
    early.write(join(hello(), submit(1)));
    t.equal(await early.says(), "end", "nothing but Conn before ConnAck");
    early.peer.end();
    await until(() => errors.length === 3, "error");
    t.match(errors[2], { code: "UNEXPECTED_PACKET", message: /nothing but Conn/ });

    const peer = await framePeer(server, setting);
    peer.write(hello());
    await until(() => asked.length === 1, "asked");
    answer.resolve("somebody");
    t.equal((await peer.next())!.command, 0x81);
    peer.write(submit(1, "x".repeat(1000)));
    t.equal(await peer.says(), "82 00000001 00", "the limit is for the time before");
    t.equal(handled, 1);
  });

  t.test(`a peer that leaves while it is being authenticated harms nobody (${setting.name})`, async (t) => {
    const answer = deferred<string>();
    let asked = 0;
    const server = await start(t, setting, submitOnly, {
      authenticate: () => {
        asked++;
        return answer.promise;
      },
    });
    const { disconnects } = recordEvents(server);
    const peer = await framePeer(server, setting);
    peer.write(hello());
    await until(() => asked === 1, "asked");
    peer.peer.reset();
    await until(() => disconnects.length === 1, "disconnect");
    answer.resolve("late");
    await turns();
    t.equal(server.stats().connections.open, 0);
  });

  t.test(`the server's own connection says what is agreed upon (${setting.name})`, async (t) => {
    const seen: unknown[] = [];
    const server = await start(t, setting, {
      submit: (_packet, conn) => void seen.push([...conn.features], conn.agent, conn.principal),
    });
    const peer = new FramePeer((await framePeer(server, setting)).peer);
    await peer.greet({ features: ["push", "ping"], agent: "test/1" });
    peer.write(submit(1));
    await peer.next();
    t.strictSame(seen, [["ping", "push"], "test/1", undefined]);
  });
}
