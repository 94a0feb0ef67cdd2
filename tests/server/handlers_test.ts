/** What handlers may do, and what becomes of their request and of everybody else's. */

import t from "tap";
import { isFramewireError } from "../../src/errors.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { SubmitPacket } from "../../src/protocol/submit/server/packet.ts";
import {
  ack,
  acks,
  CONN,
  CONN_ACK,
  frame,
  join,
  submit,
  submits,
  toHex,
} from "../helpers/frames.ts";
import { framePeer } from "../helpers/hello.ts";
import { connect, type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import {
  clientOf,
  CODECS,
  optionsOf,
  peerOf,
  recordEvents,
  settings,
  start,
  urlOf,
} from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

/** Things that can be thrown, and some that resist being described. */
const THROWN: readonly [name: string, value: unknown][] = [
  ["an error", new Error("no")],
  ["a string", "no"],
  ["undefined", undefined],
  ["null", null],
  ["a symbol", Symbol("no")],
  ["an object without prototype", Object.create(null)],
  ["an object whose toString throws", {
    toString() {
      throw new Error("toString");
    },
  }],
];

for (const setting of settings()) {
  t.test(`a handler that returns acknowledges, one that throws or rejects fails (${setting.name})`, async (t) => {
    const server = await start(t, setting, {
      submit(packet) {
        const text = packet.text();
        if (text === "throw") throw new Error("thrown");
        if (text === "reject") return Promise.reject(new Error("rejected"));
        if (text === "resolve") return Promise.resolve("anything");
        return text === "value" ? { any: "value" } : undefined;
      },
    });
    const { errors } = recordEvents(server);
    const client = await clientOf(server, setting);
    const outcomes = await Promise.allSettled(
      ["", "throw", "reject", "resolve", "value", "throw", "ok"].map((text) => client.submit(text)),
    );
    t.strictSame(outcomes.map(({ status }) => status === "fulfilled"), [
      true,
      false,
      false,
      true,
      true,
      false,
      true,
    ]);
    const refused = outcomes[1] as PromiseRejectedResult;
    t.ok(isFramewireError(refused.reason, "RESULT_FAILED"));
    t.equal(refused.reason.result, 1);
    t.match(refused.reason.message, "00000002");
    t.strictSame(errors.map(({ code }) => code), Array(3).fill("HANDLER_FAILED"));
    t.same(errors.map(({ cause }) => (cause as Error).message).sort(), [
      "rejected",
      "thrown",
      "thrown",
    ]);
    t.match(errors[0]!.message, /0000000[26]/);
    await client.close();
    await until(() => server.stats().connections.open === 0, "the connection closes");
    t.match(server.stats(), {
      connections: { open: 0, accepted: 1 },
      requests: 7,
      replies: 7,
      failures: 3,
      bytesIn: 13 * 7 + "throwrejectresolvevaluethrowok".length,
      bytesOut: 14 * 7,
      errors: { HANDLER_FAILED: 3 },
    });
  });

  for (const [name, value] of THROWN) {
    t.test(`throwing ${name} fails its request alone (${setting.name})`, async (t) => {
      const server = await start(t, setting, {
        submit(packet) {
          const text = packet.text();
          if (text === "throw") throw value;
          if (text === "reject") return Promise.reject(value);
        },
      });
      const { errors, disconnects } = recordEvents(server);
      const peer = await peerOf(server, setting);
      peer.write(join(
        submit(1, "throw"),
        submit(2),
        submit(3, "reject"),
        submit(4, "throw"),
        submit(5),
      ));
      peer.end();
      t.equal(
        toHex(await peer.readToEnd()),
        toHex(join(ack(1, 1), ack(2), ack(3, 1), ack(4, 1), ack(5))),
      );
      await until(() => disconnects.length === 1, "disconnect");
      t.strictSame(errors.map(({ code }) => code), Array(3).fill("HANDLER_FAILED"));
      t.equal(disconnects[0]!.code, "PEER_ENDED");
    });
  }

  t.test(`a thenable may settle twice, or throw in its then (${setting.name})`, async (t) => {
    const server = await start(t, setting, {
      submit(packet) {
        const text = packet.text();
        if (text === "twice") {
          return {
            then(resolve: () => void, reject: (error: Error) => void) {
              resolve();
              resolve();
              reject(new Error("too late"));
            },
          };
        }
        if (text === "throws") {
          return {
            then() {
              throw new Error("then");
            },
          };
        }
        if (text === "getter") {
          return {
            get then(): unknown {
              throw new Error("getter");
            },
          };
        }
      },
    });
    const { disconnects } = recordEvents(server);
    for (const first of ["twice", "throws", "getter"]) {
      const peer = await peerOf(server, setting);
      const texts = [first, "", "twice", "throws", "getter", "twice", ""];
      peer.write(join(...texts.map((text, i) => submit(i + 1, text))));
      peer.end();
      const expected = texts.map((text, i) => ack(i + 1, /throws|getter/.test(text) ? 1 : 0));
      t.equal(toHex(await peer.readToEnd()), toHex(join(...expected)), `${first} first`);
    }
    await until(() => disconnects.length === 3, "disconnects");
    t.strictSame(disconnects.map(({ code }) => code), Array(3).fill("PEER_ENDED"));
  });

  t.test(`replies leave in the order of requests, whatever order handlers finish in (${setting.name})`, async (t) => {
    const open = new Map<string, Deferred<void>>();
    const server = await start(t, setting, {
      submit(packet) {
        if (packet.text() === "sync") return;
        const done = deferred();
        open.set(packet.id, done);
        return done.promise;
      },
    });
    const peer = await peerOf(server, setting);
    peer.write(join(
      submit(1, "sync"),
      submit(2, "async"),
      submit(3, "sync"),
      submit(4, "async"),
      frame(CONN, 5),
      submit(6, "async"),
      submit(7, "sync"),
    ));
    t.equal(toHex(await peer.read(14)), toHex(ack(1)));
    await until(() => open.size === 3, "three handlers under way");
    open.get("00000006")!.resolve();
    open.get("00000004")!.reject(new Error("no"));
    await turns(20);
    t.equal(peer.receivedBytes, 14, "nothing overtakes request 2");
    open.get("00000002")!.resolve();
    t.equal(
      toHex(await peer.read(14 * 7)),
      toHex(join(ack(1), ack(2), ack(3), ack(4, 1), frame(CONN_ACK, 5, "\0"), ack(6), ack(7))),
    );
  });

  t.test(`many async handlers, settled in random order, answer in order (${setting.name})`, async (t) => {
    const open: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit(packet) {
        if (packet.payload[0]! % 3 === 0) return;
        const done = deferred();
        open.push(done);
        return done.promise;
      },
    });
    const count = 500;
    const peer = await peerOf(server, setting);
    peer.write(
      join(...Array.from({ length: count }, (_, i) => submit(i, Uint8Array.of(i & 255)))),
    );
    let state = 7;
    while (peer.receivedBytes < count * 14) {
      await turns(1);
      state = (state * 48271) % 0x7fffffff;
      for (let n = state % 20; n > 0 && open.length > 0; n--) {
        state = (state * 48271) % 0x7fffffff;
        open.splice(state % open.length, 1)[0]!.resolve();
      }
    }
    t.equal(toHex(peer.received) === toHex(acks(count, 0)), true);
  });

  t.test(`a Conn handler decides the ConnAck; a client need not send Conn (${setting.name})`, async (t) => {
    const seen: string[] = [];
    const server = await start(t, setting, {
      submit: (packet) => void seen.push(`submit ${packet.text()}`),
      conn(packet) {
        seen.push(`conn ${packet.id}`);
        if (packet.id === "00000003") throw new Error("no");
        if (packet.id === "00000004") return Promise.reject(new Error("never"));
      },
    });
    const peer = await peerOf(server, setting);
    peer.write(join(submit(1, "a"), frame(CONN, 2), frame(CONN, 3), frame(CONN, 4)));
    peer.end();
    t.equal(
      toHex(await peer.readToEnd()),
      toHex(join(
        ack(1),
        frame(CONN_ACK, 2, "\0"),
        frame(CONN_ACK, 3, "\x01"),
        frame(CONN_ACK, 4, "\x01"),
      )),
    );
    t.strictSame(seen, ["submit a", "conn 00000002", "conn 00000003", "conn 00000004"]);
  });

  t.test(`conn.close() in a handler: what it took is answered, what follows is not taken (${setting.name})`, async (t) => {
    const seen: string[] = [];
    const server = await start(t, setting, {
      submit(packet, conn) {
        seen.push(packet.text());
        if (packet.text() === "close") conn.close("enough");
        if (packet.text() === "later") return Promise.resolve().then(() => conn.close());
      },
    });
    const { errors, disconnects } = recordEvents(server);
    const sync = await peerOf(server, setting);
    sync.write(join(submit(1, "a"), submit(2, "close"), submit(3, "c")));
    t.equal(toHex(await sync.readToEnd()), toHex(join(ack(1), ack(2))));
    sync.end();
    await until(() => disconnects.length === 1, "disconnect");
    t.match(disconnects[0], { code: "CLOSED", message: "enough", requests: 2, bytesOut: 28 });
    const later = await peerOf(server, setting);
    later.write(submit(1, "later"));
    t.equal(toHex(await later.readToEnd()), toHex(ack(1)));
    later.end();
    await until(() => disconnects.length === 2, "disconnect");
    t.equal(disconnects[1]!.code, "CLOSED");
    t.strictSame(errors, []);
    t.strictSame(seen, ["a", "close", "later"]);
  });

  t.test(`conn.close() in the last handler before a malformed frame still answers and ends (${setting.name})`, async (t) => {
    const server = await start(t, setting, {
      submit: (packet, conn) => packet.text() === "close" ? conn.close() : undefined,
    });
    const { disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(join(submit(1), submit(2, "close"), new Uint8Array(20)));
    t.equal(toHex(await peer.readToEnd()), toHex(join(ack(1), ack(2))));
    peer.end();
    await until(() => disconnects.length === 1, "disconnect");
    t.equal(disconnects[0]!.code, "CLOSED");
  });

  t.test(`the server can be shut down from within a handler (${setting.name})`, async (t) => {
    let shutdown: Promise<unknown> | undefined;
    const server = await start(t, setting, {
      submit() {
        shutdown ??= server.shutdown();
      },
    });
    const peer = await peerOf(server, setting);
    peer.write(submits(3));
    t.equal(toHex(await peer.readToEnd()), toHex(acks(1)));
    peer.end();
    await shutdown;
    await server.finished;
    t.pass();
  });

  t.test(`a handler may use another client and server while its batch is under way (${setting.name})`, async (t) => {
    const inner = await start(t, setting, { submit: () => {} });
    const client = await clientOf(inner, setting);
    const answers: Promise<unknown>[] = [];
    const outer = await start(t, setting, {
      submit(packet) {
        const text = packet.text();
        answers.push(client.submit(text));
        // A client made here borrows a codec while this server's is in use.
        if (text === "connect") {
          answers.push(
            connect(urlOf(inner), optionsOf(setting)).then(async (another) => {
              await another.submit("from within");
              await another.close();
            }),
          );
        }
        if (text === "wait") return answers.at(-1);
      },
    });
    const peer = await peerOf(outer, setting);
    const texts = ["a", "connect", "b", "wait", "c", "wait", "d"];
    peer.write(join(...texts.map((text, i) => submit(i + 1, text))));
    peer.end();
    t.equal(toHex(await peer.readToEnd()), toHex(acks(texts.length)));
    await Promise.all(answers);
    t.equal(inner.stats().requests, texts.length + 1);
    await client.close();
  });
}

for (const codec of CODECS) {
  t.test(`a handler that never settles fails after handlerTimeoutMs, and only its request (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = { name: codec, codec, transport: memoryNetwork() };
    const late = deferred();
    const server = await start(t, setting, {
      submit(packet) {
        if (packet.text() === "hang") return new Promise(() => {});
        if (packet.text() === "late") return late.promise;
      },
    }, { clock, handlerTimeoutMs: 1000 });
    const { errors } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(join(submit(1, "hang"), submit(2), submit(3, "late")));
    await until(() => server.stats().requests === 3, "taken");
    clock.advance(400);
    peer.write(submit(4, "hang"));
    await until(() => server.stats().requests === 4, "taken");
    clock.advance(599);
    await turns();
    t.equal(peer.receivedBytes, 0);
    clock.advance(1);
    t.equal(toHex(await peer.read(42)), toHex(join(ack(1, 1), ack(2), ack(3, 1))));
    t.strictSame(errors.map(({ code }) => code), ["HANDLER_TIMEOUT", "HANDLER_TIMEOUT"]);
    late.resolve(); // answered already: this changes nothing
    await turns();
    clock.advance(399);
    await turns();
    t.equal(peer.receivedBytes, 42);
    clock.advance(1);
    t.equal(toHex(await peer.read(56)).slice(-28), toHex(ack(4, 1)));
    peer.write(submit(5));
    t.equal(toHex(await peer.read(70)).slice(-28), toHex(ack(5)));
    t.match(server.stats(), {
      requests: 5,
      replies: 5,
      failures: 3,
      errors: { HANDLER_TIMEOUT: 3 },
    });
    peer.end();
    await peer.closed;
    await turns();
    t.equal(clock.pending, 0, "no timer is left behind");
  });

  t.test(`deadlines that pass in one moment are not all told of in one turn (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = { name: codec, codec, transport: memoryNetwork() };
    const hang = () => new Promise<never>(() => {});
    const server = await start(t, setting, { submit: hang, request: hang }, {
      clock,
      handlerTimeoutMs: 1000,
    });
    const { errors } = recordEvents(server);
    const plain = await peerOf(server, setting);
    const greeted = await framePeer(server, setting);
    await greeted.greet({ features: ["request"] });
    for (const [peer, count] of [[plain, 100], [greeted, 200]] as const) {
      peer.write(submits(100));
      await until(() => server.stats().inFlight === count, "taken");
    }
    clock.advance(1000);
    t.ok(errors.length > 0 && errors.length < 50, `${errors.length} at first`);
    let rounds = 0;
    for (; errors.length < 200 && rounds < 100; rounds++) clock.advance(1);
    t.equal(errors.length, 200, `all of them, ${rounds} ms later`);
    t.equal((await plain.read(1400)).length, 1400);
  });

  t.test(`handlerTimeoutMs 0 waits for ever (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = { name: codec, codec, transport: memoryNetwork() };
    const done = deferred();
    const options = { clock, handlerTimeoutMs: 0 };
    const server = await start(t, setting, { submit: () => done.promise }, options);
    const peer = await peerOf(server, setting);
    peer.write(submit(1));
    await until(() => server.stats().requests === 1, "taken");
    clock.advance(2 ** 27); // a day and a half
    await turns();
    t.equal(peer.receivedBytes, 0);
    done.resolve();
    t.equal(toHex(await peer.read(14)), toHex(ack(1)));
  });

  t.test(`a handler that settles after its connection is gone harms nothing (${codec})`, async (t) => {
    const setting = { name: codec, codec, transport: memoryNetwork() };
    const done: Deferred<void>[] = [];
    const server = await start(t, setting, {
      submit() {
        const one = deferred();
        done.push(one);
        return one.promise;
      },
    });
    const { disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(submits(3));
    await until(() => done.length === 3, "taken");
    peer.reset();
    await until(() => disconnects.length === 1, "disconnect");
    t.equal(disconnects[0]!.code, "CONNECTION_RESET");
    done[1]!.resolve();
    done[0]!.reject(new Error("no"));
    done[2]!.resolve();
    await turns();
    const client = await clientOf(server, setting);
    const answer = client.submit("");
    await until(() => done.length === 4, "taken");
    done[3]!.resolve();
    await answer;
    t.pass();
  });

  t.test(`packets stay valid while their handler runs, over memory that is overwritten at once (${codec})`, async (t) => {
    for (const piece of [1, 5, 13, 14, 40, 100_000]) {
      const transport = memoryNetwork({ pieceBytes: () => piece });
      const setting = { name: codec, codec, transport };
      const open: { done: Deferred<void>; check: () => boolean }[] = [];
      const copies: { packet: SubmitPacket; text: string; id: string }[] = [];
      let wrong = 0;
      const server = await start(t, setting, {
        submit(packet) {
          const { id, payload, idBytes } = packet;
          const text = `payload ${id} `.repeat(1 + Number(id) % 3);
          const isValid = () =>
            packet.id === id && packet.text() === text &&
            new TextDecoder().decode(payload) === text &&
            String.fromCharCode(...idBytes) === id && packet.payloadBytes === text.length;
          if (!isValid()) wrong++;
          copies.push({ packet: packet.copy(), text, id });
          if (Number(id) % 4 === 0) return;
          const done = deferred();
          open.push({ done, check: isValid });
          return done.promise;
        },
      });
      const peer = await peerOf(server, setting);
      const count = 120;
      peer.write(join(...Array.from({ length: count }, (_, i) => {
        const id = String(i).padStart(8, "0");
        return submit(i, `payload ${id} `.repeat(1 + i % 3));
      })));
      await until(() => copies.length === count, `all taken in pieces of ${piece}`);
      await turns();
      if (!open.every(({ check }) => check())) t.fail(`a view changed, in pieces of ${piece}`);
      while (open.length > 0) {
        open.splice(open.length >> 1, 1)[0]!.done.resolve();
        await null;
        if (!open.every(({ check }) => check())) t.fail(`a view changed, in pieces of ${piece}`);
      }
      t.equal(toHex(await peer.read(count * 14)) === toHex(acks(count, 0)), true);
      t.equal(wrong, 0, `packets are right in pieces of ${piece}`);
      t.ok(
        copies.every(({ packet, text, id }) =>
          packet.text() === text && packet.id === id && packet.copy().text() === text
        ),
        "copies live on",
      );
      await server.shutdown({ deadlineMs: 0 });
    }
  });
}

t.test("text comes out as it went in, its byte order mark included", async (t) => {
  const setting = { name: "", codec: "wasm", transport: memoryNetwork() } as const;
  const seen: string[] = [];
  const server = await start(t, setting, { submit: (packet) => void seen.push(packet.text()) });
  const client = await clientOf(server, setting);
  const texts = [
    "\ufeffmarked",
    "",
    "grüß",
    "\u{1f600}".repeat(9000),
    "x".repeat(16_384),
    "ü".repeat(16_385),
  ];
  for (const text of texts) await client.submit(text);
  t.strictSame(seen.map((text, i) => text === texts[i]), texts.map(() => true));
});
