/** Requests after a hello: payload in, payload out, deadlines, Cancel, order, windows and credit. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { RequestRefused } from "../../src/protocol/submit/server/refused.ts";
import type { RequestPacket } from "../../src/protocol/submit/server/request_packet.ts";
import { frame, join, submit, u32 } from "../helpers/frames.ts";
import {
  CANCEL,
  CREDIT,
  GO_AWAY,
  greeted,
  PING,
  PONG,
  request,
  RESPONSE,
  response,
} from "../helpers/hello.ts";
import { type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import { CODECS, recordEvents, type Setting, settings, start } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

/** A server whose requests are answered when a test says so, by their payload. */
function withheld(): {
  readonly handlers: { submit(): void; request(packet: RequestPacket): Promise<string> };
  readonly open: Map<string, Deferred<string>>;
  readonly packets: Map<string, RequestPacket>;
} {
  const open = new Map<string, Deferred<string>>();
  const packets = new Map<string, RequestPacket>();
  return {
    open,
    packets,
    handlers: {
      submit() {},
      request(packet) {
        const answer = deferred<string>();
        open.set(packet.text(), answer);
        packets.set(packet.text(), packet);
        return answer.promise;
      },
    },
  };
}

for (const setting of settings()) {
  t.test(`a Request is answered by what its handler returns (${setting.name})`, async (t) => {
    const server = await start(t, setting, {
      submit() {},
      request(packet, conn) {
        switch (packet.text()) {
          case "bytes":
            return new Uint8Array([0, 255, 7]);
          case "text":
            return "grüß";
          case "nothing":
            return;
          case "later":
            return Promise.resolve("later");
          case "echo":
            return packet.payload;
          case "about":
            return [
              packet.id,
              packet.idBytes.length,
              packet.payloadBytes,
              packet.timeoutMs,
              conn.id,
            ]
              .join();
        }
        return packet.copy().text();
      },
    });
    const peer = await greeted(server, setting, ["request"]);
    const cases: [string, string][] = [
      ["bytes", "\0"],
      ["text", "grüß"],
      ["nothing", ""],
      ["later", "later"],
      ["echo", "echo"],
      ["about", "00000006,8,5,0,1"],
      ["", ""],
    ];
    for (const [i, [asked, answered]] of cases.entries()) {
      peer.write(request(i + 1, asked));
      const expected = asked === "bytes" ? "83 00000001 0000ff07" : response(i + 1, 0, answered);
      t.equal(await peer.says(), expected, asked);
    }
    const stats = server.stats();
    t.match(stats, { requests: 8, replies: 8, failures: 0 }, "the hello counts too");
  });

  t.test(`a failure tells the peer no more than its result, unless it is meant to (${setting.name})`, async (t) => {
    const server = await start(t, setting, {
      submit(packet) {
        if (packet.text() === "busy") throw new RequestRefused("x", { result: 4, retryAfterMs: 1 });
      },
      request(packet) {
        const how = packet.text();
        if (how === "throw") throw new Error("password is hunter2");
        if (how === "reject") return Promise.reject(new Error("password is hunter2"));
        if (how === "refuse") throw new RequestRefused("no such account", { result: 3 });
        if (how === "later") return Promise.reject(new RequestRefused());
        if (how === "busy") throw new RequestRefused("wait", { result: 4, retryAfterMs: 258 });
        if (how === "large") return new Uint8Array(2000);
        return 5 as unknown as string;
      },
    }, { maxFrameBytes: 1000 });
    const { errors } = recordEvents(server);
    const peer = await greeted(server, setting, ["request"]);
    const cases: [string, string, string?][] = [
      ["throw", response(1, 1, "failed"), "HANDLER_FAILED"],
      ["reject", response(1, 1, "failed"), "HANDLER_FAILED"],
      ["refuse", response(1, 3, "no such account")],
      ["later", response(1, 1, "failed")],
      ["busy", "83 00000001 0400000102" + response(1, 0, "wait").slice(14)],
      ["large", response(1, 5, "too large"), "FRAME_TOO_LARGE"],
      ["wrong", response(1, 1, "failed"), "HANDLER_FAILED"],
    ];
    for (const [how, answered, error] of cases) {
      peer.write(request(1, how));
      t.equal(await peer.says(), answered, how);
      t.strictSame(errors.splice(0).map(({ code }) => code), error === undefined ? [] : [error]);
    }
    peer.write(submit(2, "busy"));
    t.equal(await peer.says(), "82 00000002 0400000001");
    t.equal(server.stats().failures, 8);
  });

  t.test(`each reply leaves when it is ready, or in order when that is asked for (${setting.name})`, async (t) => {
    for (const ordered of [false, true]) {
      const { handlers, open } = withheld();
      const server = await start(t, setting, handlers, { ordered });
      const peer = await greeted(server, setting, ["request", "ping"]);
      peer.write(join(request(1, "a"), request(2, "b"), submit(3), request(4, "c")));
      await until(() => open.size === 3, "all are under way");
      if (!ordered) t.equal(await peer.says(), "82 00000003 00", "behind two that wait");
      open.get("c")!.resolve("C");
      if (!ordered) t.equal(await peer.says(), response(4, 0, "C"));
      open.get("b")!.resolve("B");
      if (!ordered) t.equal(await peer.says(), response(2, 0, "B"));
      peer.write(frame(PING, "anything", "xyz"));
      t.equal(await peer.says(), "85 anything 78797a", "a Pong waits for nobody");
      open.get("a")!.resolve("A");
      t.equal(await peer.says(), response(1, 0, "A"));
      if (ordered) {
        t.equal(await peer.says(), response(2, 0, "B"));
        t.equal(await peer.says(), "82 00000003 00");
        t.equal(await peer.says(), response(4, 0, "C"));
      }
      peer.peer.end();
      t.equal(await peer.says(), "end");
    }
  });

  t.test(`Cancel aborts the request's signal; it is answered all the same (${setting.name})`, async (t) => {
    const { handlers, open, packets } = withheld();
    const server = await start(t, setting, handlers);
    const { errors } = recordEvents(server);
    const peer = await greeted(server, setting, ["request"]);
    peer.write(join(request(1, "a"), request(2, "b"), request(3, "c"), frame(CANCEL, 2)));
    await until(() => packets.get("b")?.signal.aborted === true, "it is aborted");
    t.match(packets.get("b")!.signal.reason, { code: "CANCELLED" });
    t.equal(packets.get("a")!.signal.aborted, false);
    packets.get("a")!.signal.addEventListener("abort", () => {
      open.get("a")!.reject(packets.get("a")!.signal.reason);
    });
    open.get("b")!.resolve("done already");
    t.equal(await peer.says(), response(2, 0, "done already"));
    peer.write(join(frame(CANCEL, 1), frame(CANCEL, 2), frame(CANCEL, 77)));
    t.equal(await peer.says(), response(1, 1, "cancelled"));
    open.get("c")!.resolve("");
    t.equal(await peer.says(), response(3, 0));
    t.strictSame(errors, [], "giving up is no error");
  });

  t.test(`a peer that leaves aborts its requests (${setting.name})`, async (t) => {
    const { handlers, packets } = withheld();
    const server = await start(t, setting, handlers);
    const peer = await greeted(server, setting, ["request"]);
    peer.write(request(1, "a"));
    await until(() => packets.size === 1, "it is under way");
    const { signal } = packets.get("a")!;
    peer.peer.reset();
    await until(() => signal.aborted, "it is aborted");
    t.match(signal.reason, { code: "CONNECTION_CLOSED" });
  });

  t.test(`malformed frames of features close their connection alone (${setting.name})`, async (t) => {
    const server = await start(t, setting, { submit() {}, request: () => "" });
    const { errors } = recordEvents(server);
    const features = ["request", "ping", "push", "drain", "credit"];
    const beside = await greeted(server, setting, features);
    const cases = [
      frame(0x03, 1, "abc"),
      frame(CANCEL, 1, "x"),
      frame(PING, 1, "x".repeat(65)),
      frame(PONG, 1, "x".repeat(65)),
      frame(0x86, 1, "x"),
      frame(CREDIT, 1, "1234567"),
      frame(GO_AWAY, 1, "1234567"),
      frame(0x09, 1),
      frame(0x83, 1, "\0"),
      frame(0x45, 1, "\0\0\0\0"),
    ];
    for (const [i, bytes] of cases.entries()) {
      const peer = await greeted(server, setting, features);
      peer.write(join(submit(1), bytes, submit(2)));
      t.equal(await peer.says(), "82 00000001 00");
      t.equal(await peer.says(), "end");
      peer.peer.end();
      await until(() => errors.length === i + 1, "an error");
    }
    beside.write(join(frame(PING, 1, "x".repeat(64)), frame(CREDIT, 0, join(u32(1), u32(1)))));
    t.equal((await beside.next())!.body.length, 64);
  });

  t.test(`over the window a peer is not read from (${setting.name})`, async (t) => {
    const { handlers, open } = withheld();
    const server = await start(t, setting, handlers, { maxInFlight: 4 });
    const peer = await greeted(server, setting, ["request"]);
    peer.write(join(...Array.from({ length: 10 }, (_, i) => request(i + 1, `${i + 1}`))));
    await until(() => open.size === 4, "four are under way");
    await turns();
    t.equal(open.size, 4);
    for (let i = 1; i <= 10; i++) {
      await until(() => open.has(`${i}`), "the next one");
      open.get(`${i}`)!.resolve("ok");
      t.equal(await peer.says(), response(i, 0, "ok"));
      t.ok(open.size <= 4 + i);
    }
  });

  t.test(`credit is granted as requests are answered, all that was used (${setting.name})`, async (t) => {
    const { handlers, open } = withheld();
    const server = await start(t, setting, handlers, { maxInFlight: 16, maxInFlightBytes: 4096 });
    const peer = await greeted(server, setting, ["request", "credit"]);
    let requests = 0;
    let bytes = 0;
    let answers = 0;
    const sent = [submit(1, "x"), ...Array.from({ length: 15 }, (_, i) => request(i + 2, `${i}`))];
    peer.write(join(...sent));
    await until(() => open.size === 15, "all are under way");
    for (const answer of open.values()) answer.resolve("y");
    while (answers < 16 || requests < 16) {
      const { command, body } = (await peer.next())!;
      if (command === CREDIT) {
        const view = new DataView(body.buffer, body.byteOffset);
        requests += view.getUint32(0);
        bytes += view.getUint32(4);
        t.ok(requests <= answers, "not before the answer");
      } else answers++;
    }
    t.equal(requests, 16);
    t.equal(bytes, join(...sent).length);
  });
}

for (const codec of CODECS) {
  t.test(`deadlines are the peer's or the server's own (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const { handlers, open, packets } = withheld();
    const server = await start(t, setting, handlers, { clock, handlerTimeoutMs: 1000 });
    const { errors } = recordEvents(server);
    const peer = await greeted(server, setting, ["request"]);
    peer.write(join(
      request(1, "a", 100),
      request(2, "b", 50),
      request(3, "c"),
      request(4, "d", 5000),
      request(5, "e", 50),
    ));
    await until(() => open.size === 5, "all are under way");
    t.equal(packets.get("a")!.timeoutMs, 100);
    open.get("e")!.resolve("in time");
    t.equal(await peer.says(), response(5, 0, "in time"));
    clock.advance(49);
    await turns();
    t.equal(packets.get("b")!.signal.aborted, false);
    clock.advance(1);
    t.equal(await peer.says(), response(2, 6, "deadline exceeded"));
    t.match(packets.get("b")!.signal, { aborted: true, reason: { code: "DEADLINE_EXCEEDED" } });
    clock.advance(50);
    t.equal(await peer.says(), response(1, 6, "deadline exceeded"));
    t.strictSame(errors, [], "a peer's deadline is no error of the server");
    open.get("a")!.reject(new Error("too late, and of no interest"));
    open.get("b")!.resolve("too late");
    clock.advance(900);
    t.equal(await peer.says(), response(3, 6, "deadline exceeded"));
    t.equal(await peer.says(), response(4, 6, "deadline exceeded"));
    t.strictSame(errors.map(({ code }) => code), ["HANDLER_TIMEOUT", "HANDLER_TIMEOUT"]);
    peer.write(request(6, "f"));
    await until(() => open.has("f"), "the next one");
    open.get("f")!.resolve("F");
    t.equal(await peer.says(), response(6, 0, "F"), "nothing came in between");
    peer.peer.end();
    t.equal(await peer.says(), "end");
    await until(() => server.stats().connections.open === 0, "it is closed");
    await server.shutdown();
    t.equal(clock.pending, 0, "no timer is left");
  });

  t.test(`answers in order keep it when a deadline passes in between (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const { handlers, open } = withheld();
    const server = await start(t, setting, handlers, { clock, ordered: true });
    const peer = await greeted(server, setting, ["request"]);
    peer.write(join(request(1, "a"), request(2, "b", 50), request(3, "c")));
    await until(() => open.size === 3, "all are under way");
    open.get("c")!.resolve("C");
    clock.advance(50);
    await turns();
    open.get("a")!.resolve("A");
    t.equal(await peer.says(), response(1, 0, "A"));
    t.equal(await peer.says(), response(2, 6, "deadline exceeded"));
    t.equal(await peer.says(), response(3, 0, "C"));
  });

  t.test(`packets of handlers that take their time keep their bytes (${codec})`, async (t) => {
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const wrong: string[] = [];
    let under = 0;
    const server = await start(t, setting, {
      submit() {},
      async request(packet) {
        const before = packet.text();
        under++;
        await turns(1 + Number(before) % 3);
        under--;
        if (packet.text() !== before || Number(packet.id) !== Number(before)) wrong.push(before);
        return packet.payload;
      },
    }, { maxInFlight: 64 });
    const peer = await greeted(server, setting, ["request"]);
    const count = 500;
    for (let i = 1; i <= count; i += 25) {
      peer.write(join(...Array.from({ length: 25 }, (_, k) => request(i + k, `${i + k}`))));
      if (i % 100 === 1) await turns(1);
    }
    const seen = new Set<number>();
    for (let i = 0; i < count; i++) {
      const { command, id, body } = (await peer.next())!;
      if (command !== RESPONSE || new TextDecoder().decode(body.subarray(1)) !== `${Number(id)}`) {
        t.fail(`${command} ${id}`);
      }
      seen.add(Number(id));
    }
    t.strictSame(wrong, []);
    t.equal(seen.size, count);
    t.equal(under, 0);
  });
}
