/** The echo protocol: what comes goes back, in order, whatever its handler does. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { EchoPacket } from "../../src/protocol/echo/server.ts";
import { echoFrame, join, randomBytes, toHex } from "../helpers/frames.ts";
import { connect, type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import {
  CODECS,
  optionsOf,
  peerOf,
  recordEvents,
  settings,
  start,
  urlOf,
} from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

for (const setting of settings()) {
  t.test(`data of any length comes back, pipelined (${setting.name})`, async (t) => {
    for (const handlers of [{}, { data: () => {} }, { data: () => Promise.resolve() }]) {
      const options = { protocol: "echo", maxFrameBytes: 8 << 20 } as const;
      const server = await start<"echo">(t, setting, handlers, options);
      const client = await connect(urlOf(server), { ...options, ...optionsOf(setting) });
      const sizes = [0, 1, 7, 8, 1000, 65_528, 65_529, 0, 200_000, 5 << 20, 3];
      const sent = sizes.map((size, i) => randomBytes(i, Math.min(size, 3000)).slice(0, size));
      const all = sent.map((head, i) => {
        const bytes = new Uint8Array(sizes[i]!);
        bytes.set(head);
        return bytes;
      });
      const echoes = await Promise.all(all.map((bytes) => client.echo(bytes)));
      const isSame = echoes.every((echo, i) =>
        echo.length === sizes[i] &&
        toHex(echo.subarray(0, 3000)) === toHex(all[i]!.subarray(0, 3000))
      );
      t.ok(isSame, JSON.stringify(Object.keys(handlers)));
      t.equal(decode(await client.echo("grüß")), "grüß");
      t.match(server.stats(), { requests: sizes.length + 1, replies: sizes.length + 1 });
      await client.close();
      await server.shutdown();
    }
  });

  t.test(`a handler sees each packet; what it throws changes no echo (${setting.name})`, async (t) => {
    const seen: string[] = [];
    const server = await start<"echo">(t, setting, {
      data(packet, conn) {
        seen.push(`${decode(packet.data)} ${conn.id}`);
        if (decode(packet.data) === "throw") throw Object.create(null);
        if (decode(packet.data) === "reject") return Promise.reject(Symbol("no"));
        if (decode(packet.data) === "thenable") {
          return {
            then() {
              throw new Error("then");
            },
          };
        }
      },
    }, { protocol: "echo" });
    const { errors, disconnects } = recordEvents(server);
    const texts = ["a", "throw", "b", "reject", "throw", "thenable", "c"];
    const peer = await peerOf(server, setting);
    peer.write(join(...texts.map((text) => echoFrame(1, text))));
    peer.end();
    t.equal(
      toHex(await peer.readToEnd()),
      toHex(join(...texts.map((text) => echoFrame(2, text)))),
    );
    await until(() => disconnects.length === 1, "disconnect");
    t.strictSame(seen, texts.map((text) => `${text} 1`));
    t.strictSame(errors.map(({ code }) => code), Array(4).fill("HANDLER_FAILED"));
    t.equal(disconnects[0]!.code, "PEER_ENDED");
  });

  t.test(`conn.close() in a handler: what it saw is echoed, the rest is not (${setting.name})`, async (t) => {
    const server = await start<"echo">(t, setting, {
      data: (packet, conn) => decode(packet.data) === "close" ? conn.close() : undefined,
    }, { protocol: "echo" });
    const { disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(join(echoFrame(1, "a"), echoFrame(1, "close"), echoFrame(1, "b")));
    t.equal(
      toHex(await peer.readToEnd()),
      toHex(join(echoFrame(2, "a"), echoFrame(2, "close"))),
    );
    peer.end();
    await until(() => disconnects.length === 1, "disconnect");
    t.match(disconnects[0], { code: "CLOSED", requests: 2 });
  });
}

for (const codec of CODECS) {
  t.test(`echoes leave in order, and views stay valid till then (${codec})`, async (t) => {
    for (const piece of [1, 9, 50, 100_000]) {
      const transport = memoryNetwork({ pieceBytes: () => piece });
      const setting = { name: codec, codec, transport };
      const open: { done: Deferred<void>; check: () => boolean }[] = [];
      const copies: { packet: EchoPacket; text: string }[] = [];
      let count = 0;
      const server = await start<"echo">(t, setting, {
        data(packet) {
          const text = `data ${count} `.repeat(1 + count % 4);
          const { data } = packet;
          const check = () => decode(data) === text && decode(packet.data) === text;
          if (!check()) t.fail(`packet ${count} is ${decode(data)}`);
          copies.push({ packet: packet.copy(), text });
          if (count++ % 3 === 0) return;
          const done = deferred();
          open.push({ done, check });
          return done.promise;
        },
      }, { protocol: "echo" });
      const peer = await peerOf(server, setting);
      const texts = Array.from({ length: 100 }, (_, i) => `data ${i} `.repeat(1 + i % 4));
      peer.write(join(...texts.map((text) => echoFrame(1, text))));
      await until(() => count === 100, "all taken");
      while (open.length > 0) {
        const [{ done }] = open.splice(open.length * 7 % 5 % open.length, 1) as [typeof open[0]];
        done.resolve();
        await null;
        if (!open.every(({ check }) => check())) t.fail(`a view changed, in pieces of ${piece}`);
      }
      const expected = toHex(join(...texts.map((text) => echoFrame(2, text))));
      t.equal(toHex(await peer.read(expected.length / 2)) === expected, true, `pieces of ${piece}`);
      t.ok(copies.every(({ packet, text }) => decode(packet.data) === text), "copies live on");
      await server.shutdown({ deadlineMs: 0 });
    }
  });

  t.test(`a handler that never settles: echoed after handlerTimeoutMs (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = { name: codec, codec, transport: memoryNetwork() };
    const server = await start<"echo">(t, setting, {
      data: (packet) => decode(packet.data) === "hang" ? new Promise(() => {}) : undefined,
    }, { protocol: "echo", clock, handlerTimeoutMs: 300 });
    const { errors } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(join(echoFrame(1, "hang"), echoFrame(1, "next")));
    await until(() => server.stats().requests === 2, "taken");
    clock.advance(299);
    await turns();
    t.equal(peer.receivedBytes, 0);
    clock.advance(1);
    t.equal(toHex(await peer.read(24)), toHex(join(echoFrame(2, "hang"), echoFrame(2, "next"))));
    t.strictSame(errors.map(({ code }) => code), ["HANDLER_TIMEOUT"]);
  });
}
