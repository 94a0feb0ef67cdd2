/** What a server tells its listeners, and in which order. */

import t from "tap";
import { serve, turns, until } from "../helpers/runtime.ts";
import { ack, join, submit, toHex } from "../helpers/frames.ts";
import { clientOf, optionsOf, peerOf, settings, start, urlOf } from "../helpers/settings.ts";
import { Emitter } from "../../src/observe/events.ts";

for (const setting of settings()) {
  t.test(`events come in the order of what happens (${setting.name})`, async (t) => {
    const log: string[] = [];
    const server = await serve({
      port: 0,
      ...optionsOf(setting),
      on: {
        listening: ({ port }) => log.push(`listening ${port > 0}`),
        connect: (conn) => log.push(`connect ${conn.id} ${conn.open} ${conn.requests}`),
        disconnect: (conn, info) => log.push(`disconnect ${conn.id} ${conn.open} ${info.code}`),
        error: (error, conn) => log.push(`error ${error.code} ${conn?.id}`),
        close: () => log.push("close"),
      },
    }, {
      submit(packet, conn) {
        log.push(`submit ${packet.text()} ${conn.id}`);
        if (packet.text() === "fail") throw new Error("asked to");
      },
    });
    t.strictSame(log, ["listening true"]);
    const client = await clientOf(server, setting);
    await client.submit("a");
    await client.submit("fail").catch(() => {});
    await client.close();
    await until(() => log.length === 6, "disconnect");
    const broken = await peerOf(server, setting);
    broken.write(join(submit(1, "b"), new Uint8Array(13)));
    t.equal(toHex(await broken.readToEnd()), toHex(ack(1)));
    broken.end();
    await until(() => log.length === 10, "disconnect");
    await server.shutdown();
    t.strictSame(log, [
      "listening true",
      "connect 1 true 0",
      "submit a 1",
      "submit fail 1",
      "error HANDLER_FAILED 1",
      "disconnect 1 false PEER_ENDED",
      "connect 2 true 0",
      "submit b 2",
      "error LENGTH_UNDERFLOW 2",
      "disconnect 2 false LENGTH_UNDERFLOW",
      "close",
    ]);
  });

  t.test(`a listener that throws harms nothing (${setting.name})`, async (t) => {
    const bad = () => {
      throw new Error("listener");
    };
    let seen = 0;
    const server = await start(t, setting, {
      submit(packet) {
        if (packet.text() === "fail") throw new Error("asked to");
      },
    }, { on: { listening: bad, connect: bad, disconnect: bad, error: bad, close: bad } });
    server.on("disconnect", () => seen++);
    server.on("error", () => seen++);
    server.on("connect", () => seen++);
    const client = await clientOf(server, setting);
    await client.submit("fail").catch(() => {});
    await client.submit("a");
    await client.close();
    await until(() => seen === 3, "the listeners after it");
    await server.shutdown();
    t.pass();
  });

  t.test(`a connection may be closed by a connect listener (${setting.name})`, async (t) => {
    let turnedAway = 0;
    const server = await start(t, setting, { submit: () => {} }, {
      on: {
        connect: (conn) => conn.id === 1 && conn.close("not you"),
        disconnect: (_conn, { code, message, requests }) => {
          if (code === "CLOSED" && message === "not you" && requests === 0) turnedAway++;
        },
      },
    });
    const first = await peerOf(server, setting);
    first.write(submit(1));
    t.equal((await first.readToEnd()).length, 0);
    first.end();
    await until(() => turnedAway === 1, "disconnect");
    const second = await clientOf(server, setting);
    await second.submit("a");
    await second.close();
  });

  t.test(`a connection tells its ends and its counts (${setting.name})`, async (t) => {
    const told: unknown[] = [];
    const server = await start(t, setting, {
      submit(_packet, conn) {
        const { id, remote, local, requests, bytesIn, open } = conn;
        told.push({ id, remote: remote.port > 0, local: local.port, requests, bytesIn, open });
      },
    }, {
      on: { disconnect: (_conn, info) => told.push({ ...info, message: "" }) },
    });
    const peer = await peerOf(server, setting);
    peer.write(submit(1, "four"));
    await peer.read(14);
    peer.write(submit(2, "four"));
    await peer.read(28);
    peer.end();
    await peer.ended;
    await until(() => told.length === 3, "disconnect");
    const { port } = server.addr;
    t.strictSame(told, [
      { id: 1, remote: true, local: port, requests: 0, bytesIn: 17, open: true },
      { id: 1, remote: true, local: port, requests: 1, bytesIn: 34, open: true },
      { code: "PEER_ENDED", message: "", requests: 2, bytesIn: 34, bytesOut: 28 },
    ]);
  });
}

t.test("on returns what removes that listener, and that one only", async (t) => {
  const server = await start(t, { name: "", codec: "ts" }, { submit: () => {} });
  const calls: string[] = [];
  const same = () => calls.push("same");
  const removeFirst = server.on("connect", same);
  server.on("connect", same);
  const removeOther = server.on("connect", () => calls.push("other"));
  removeFirst();
  removeFirst(); // twice does no more
  const { port } = new URL(urlOf(server));
  const client = await clientOf(server, { name: "", codec: "ts" });
  await until(() => calls.length === 2, `connection to ${port}`);
  t.strictSame(calls, ["same", "other"]);
  removeOther();
  await client.close();
  const again = await clientOf(server, { name: "", codec: "ts" });
  await again.close();
  await turns();
  t.strictSame(calls, ["same", "other", "same"]);
});

t.test("an event that is being raised keeps the listeners it began with", (t) => {
  const emitter = new Emitter<{ readonly ping: readonly [] }>();
  const calls: string[] = [];
  const remove = emitter.on("ping", () => {
    calls.push("first");
    remove();
    emitter.on("ping", () => calls.push("added"));
  });
  emitter.on("ping", () => calls.push("second"));
  emitter.emit("ping");
  t.strictSame(calls, ["first", "second"]);
  emitter.emit("ping");
  t.strictSame(calls, ["first", "second", "second", "added"]);
  t.end();
});
