/** WebSocket: who may connect, what is closed with which code, and what is kept while nobody reads. */

import * as net from "node:net";
import t from "tap";
import { WebSocketLink } from "../../src/link/web_socket_link.ts";
import type { LinkReceiver } from "../../src/link/link.ts";
import { ack, join, submit, toHex } from "../helpers/frames.ts";
import { read } from "../helpers/root.ts";
import { connect, deferred, runtime, serve, turns, until } from "../helpers/runtime.ts";

const handlers = { submit: () => {} };
const tls = {
  cert: read("tests/fixtures/tls/server.pem"),
  key: read("tests/fixtures/tls/server.key"),
};
const ca = read("tests/fixtures/tls/ca.pem");

/** A WebSocket as browsers have it: on Node 20 that of `ws`. */
async function browserSocket(url: string, protocols: string[] = ["framewire"], origin?: string) {
  const { default: Ws } = await import("ws");
  const Standard = Ws as unknown as new (
    url: string,
    protocols: string[],
    options: object,
  ) => WebSocket;
  const socket = new Standard(url, protocols, { ...(origin !== undefined && { origin }) });
  socket.binaryType = "arraybuffer";
  const opened = deferred();
  const closed = deferred<{ code: number; reason: string }>();
  const messages: unknown[] = [];
  socket.onopen = () => opened.resolve();
  socket.onerror = () => opened.reject(new Error("not opened"));
  opened.promise.catch(() => {});
  socket.onmessage = ({ data }) => messages.push(data);
  socket.onclose = ({ code, reason }) => closed.resolve({ code, reason });
  return { socket, opened: opened.promise, closed: closed.promise, messages };
}

async function start(t: { teardown(fn: () => unknown): unknown }, options: object, how = handlers) {
  const server = await serve({ listen: "ws://:0/wire", ...options }, how);
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  return { server, url: server.addrs[0]!.url };
}

t.test("WebSocket beside TCP: the same server, the same handlers", async (t) => {
  const seen: string[] = [];
  const server = await serve({ listen: ["ws://:0/wire", "tcp://:0"] }, {
    submit: (packet, conn) => void seen.push(`${conn.info().transport} ${packet.payload.length}`),
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  t.match(server.addrs[0]!.url, /^ws:\/\/127\.0\.0\.1:\d+\/wire$/);
  for (const { url } of server.addrs) {
    const client = await connect(url);
    await client.submit("x".repeat(300_000));
    await Promise.all(Array.from({ length: 200 }, () => client.submit("y")));
    await client.close();
  }
  t.equal(seen.filter((line) => line === "ws 300000").length, 1);
  t.equal(seen.filter((line) => line === "ws 1").length, 200);
  t.equal(seen.filter((line) => line === "tcp 1").length, 200);
});

t.test("frames need not align with messages", async (t) => {
  const { url } = await start(t, {});
  const { socket, opened, messages } = await browserSocket(url);
  await opened;
  const bytes = new Uint8Array([...submit(1), ...submit(2)]);
  for (const byte of bytes) socket.send(Uint8Array.of(byte));
  await until(() =>
    messages.map((data) => toHex(new Uint8Array(data as ArrayBuffer))).join("") ===
      toHex(ack(1)) + toHex(ack(2)), "both answers");
  socket.send(new Uint8Array(0));
  await until(() => socket.readyState === socket.CLOSED, "its end is answered by an end");
  t.pass("closed");
});

t.test("text, a long message and a wrong path are refused, each by its code", async (t) => {
  const errors: string[] = [];
  const { server, url } = await start(t, { webSocket: { maxMessageBytes: 65_536 } });
  server.on("error", ({ code }) => errors.push(code));
  const text = await browserSocket(url);
  await text.opened;
  text.socket.send("hello");
  t.match(await text.closed, { code: 1003, reason: /only binary/ });
  const long = await browserSocket(url);
  await long.opened;
  long.socket.send(new Uint8Array(65_537));
  t.equal((await long.closed).code, 1009);
  await until(() => errors.length === 2, "both are told");
  t.strictSame(errors, ["WEBSOCKET_FAILED", "WEBSOCKET_FAILED"]);
  const path = await browserSocket(url.replace("/wire", "/"));
  await t.rejects(path.opened);
  const client = await connect(url);
  await client.submit("the server goes on");
  await client.close();
});

t.test("a ping is answered, and is no message", async (t) => {
  const { server, url } = await start(t, {});
  const { socket, opened, messages } = await browserSocket(url);
  await opened;
  const ponged = deferred<string>();
  const { ping, on } = socket as unknown as {
    ping(data: string): void;
    on(event: "pong", listener: (data: Uint8Array) => void): void;
  };
  on.call(socket, "pong", (data) => ponged.resolve(String(data)));
  ping.call(socket, "are you there");
  t.equal(await ponged.promise, "are you there");
  socket.send(submit(1));
  await until(() => messages.length === 1, "the answer");
  t.equal(server.stats().bytesIn, submit(1).length);
  socket.close();
});

t.test("what a peer closes with is the reason why the connection ended", async (t) => {
  const { server, url } = await start(t, {});
  const ends: string[] = [];
  const errors: string[] = [];
  server.on("disconnect", (_conn, { code }) => ends.push(code));
  server.on("error", ({ code, message }) => errors.push(`${code} ${message}`));
  for (
    const [code, reason, end, error] of [
      [1000, "", "PEER_ENDED", undefined],
      [1001, "", "PEER_ENDED", undefined],
      [1011, "out of order", "WEBSOCKET_FAILED", /WEBSOCKET_FAILED .* with 1011: out of order/],
      [4001, "", "WEBSOCKET_FAILED", /WEBSOCKET_FAILED .* closed the WebSocket with 4001$/],
    ] as const
  ) {
    const { socket, opened } = await browserSocket(url);
    await opened;
    await until(() => server.stats().connections.open === 1, "it is inside");
    socket.close(code, reason);
    await until(() => ends.length === 1, `the end by ${code}`);
    t.equal(ends.pop(), end);
    const said = errors.pop();
    if (error === undefined) t.equal(said, undefined);
    else t.match(said, error);
  }
  const { socket, opened } = await browserSocket(url);
  await opened;
  await until(() => server.stats().connections.open === 1, "it is inside");
  (socket as unknown as { terminate(): void }).terminate();
  await until(() => ends.length === 1, "the cut");
  t.equal(ends[0], "CONNECTION_RESET");
});

t.test("a server that does not choose the subprotocol is none of ours", async (t) => {
  const { WebSocketServer } = await import("ws") as unknown as {
    readonly WebSocketServer: new (options: object, listening: () => void) => {
      address(): net.AddressInfo;
      close(): void;
    };
  };
  for (const chosen of [false, "mqtt"]) {
    const listening = deferred();
    const options = { port: 0, host: "127.0.0.1", handleProtocols: () => chosen };
    const other = new WebSocketServer(options, () => listening.resolve());
    t.teardown(() => other.close());
    await listening.promise;
    await t.rejects(connect(`ws://127.0.0.1:${other.address().port}/`), {
      code: "UNSUPPORTED",
      message: /subprotocol framewire/,
    });
  }
});

t.test("who does not speak the protocol is told how in HTTP", async (t) => {
  const { server, url } = await start(t, { webSocket: { origins: ["https://good.example"] } });
  const page = url.replace("ws:", "http:");
  const plain = await fetch(page);
  t.equal(plain.status, 426);
  t.match(await plain.text(), /framewire/);
  const elsewhere = await fetch(`${page}/else`);
  t.equal(elsewhere.status, 404);
  await elsewhere.body?.cancel();
  for (
    const [protocols, origin, opens] of [
      [["mqtt"], undefined, false],
      [[], undefined, false],
      [["mqtt", "framewire"], undefined, true],
      [["framewire"], "https://bad.example", false],
      [["framewire"], "https://good.example", true],
    ] as const
  ) {
    const { socket, opened } = await browserSocket(url, [...protocols], origin);
    const isOpen = await opened.then(() => true, () => false);
    t.equal(isOpen, opens, `${protocols} from ${origin}`);
    if (isOpen) t.equal(socket.protocol, "framewire");
    socket.close();
  }
  await until(() => server.stats().connections.open === 0, "all gone");
});

t.test("a client says who the other side is when it is none of ours", async (t) => {
  await t.rejects(connect("ws://127.0.0.1:1/"), {
    code: "CONNECTION_REFUSED",
    message: /ws:\/\/127/,
  });
  const raw = net.createServer((socket) =>
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
  );
  await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
  t.teardown(() => void raw.close());
  const { port } = raw.address() as net.AddressInfo;
  await t.rejects(connect(`ws://127.0.0.1:${port}/`), {
    name: "FramewireError",
    message: /cannot connect/,
  });
});

t.test("wss, with an authority of one's own", async (t) => {
  const server = await serve({ listen: "wss://localhost:0/wire", tls }, {
    submit: (_packet, conn) => t.equal(conn.info().transport, "wss"),
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const url = `wss://localhost:${server.addr.port}/wire`;
  const client = await connect(url, { tls: { ca } });
  await client.submit("hello");
  await client.close();
  await t.rejects(connect(url), { code: "TLS_FAILED" });
});

t.test("a server that ends lets accepted requests be answered", async (t) => {
  const go = deferred();
  const { server, url } = await start(t, {}, { submit: () => go.promise as never });
  const client = await connect(url);
  const answer = client.submit("slow");
  await until(() => server.stats().requests === 1, "taken");
  const ended = server.shutdown({ deadlineMs: 20_000 });
  go.resolve();
  await answer;
  t.match(await ended, { completed: 1, cut: [] });
  await client.closed;
  await t.rejects(connect(url), { code: "CONNECTION_REFUSED" });
});

t.test("a peer that does not read is not read from either, and memory stays bounded", async (t) => {
  const { server, url } = await start(t, { writeHighWaterBytes: 65_536, lingerMs: 0 });
  const echo = await serve({ listen: "ws://:0/", protocol: "echo", writeHighWaterBytes: 65_536 });
  t.teardown(() => echo.shutdown({ deadlineMs: 0 }));
  void server;
  void url;
  const client = await connect(echo.addrs[0]!.url, { protocol: "echo" });
  const payload = new Uint8Array(60_000).fill(7);
  const backs = await Promise.all(Array.from({ length: 300 }, () => client.echo(payload)));
  t.ok(backs.every((back) => back.length === 60_000 && back[59_999] === 7));
  await client.close();
});

t.test("a peer that floods a busy server is paused, or closed where that cannot be", async (t) => {
  const go = deferred();
  const { server, url } = await start(t, {
    maxInFlight: 1,
    memoryBudgetBytes: 0,
    webSocket: { maxPausedBytes: 65_536 },
  }, { submit: () => go.promise as never });
  const errors: string[] = [];
  server.on("error", ({ code, message }) => errors.push(`${code} ${message}`));
  const { socket, opened, closed, messages } = await browserSocket(url);
  await opened;
  const batch = join(...Array.from({ length: 60 }, (_, i) => submit(i, "x".repeat(1000))));
  for (let i = 0; i < 100; i++) socket.send(batch);
  await until(() => server.stats().requests === 1, "the first is taken");
  if (runtime === "deno") {
    // The flood may break the connection before the peer has read the code, 1008.
    t.match((await closed).code, /^(1006|1008)$/);
    await until(() => errors.length === 1, "the server tells");
    t.match(errors[0], /^WEBSOCKET_FAILED .*maxPausedBytes/);
    go.resolve();
    return;
  }
  await turns(50);
  t.ok(server.stats().bytesIn < 1_000_000, "most of it is not read");
  go.resolve();
  const answeredBytes = () =>
    messages.reduce<number>((sum, data) => sum + (data as ArrayBuffer).byteLength, 0);
  await until(() => answeredBytes() === 6000 * 14, "all of it is answered", 120_000);
  t.equal(server.stats().requests, 6000);
  socket.close();
});

/** A WebSocket that a test plays. */
class Played {
  readonly listeners = new Map<string, (event: never) => void>();
  readonly sent: Uint8Array[] = [];
  bufferedAmount = 0;
  closed: [code: number | undefined, reason: string | undefined] | undefined;
  addEventListener(type: string, listener: (event: never) => void): void {
    this.listeners.set(type, listener);
  }
  send(data: Uint8Array): void {
    this.sent.push(data.slice());
  }
  close(code?: number, reason?: string): void {
    if (code !== 1000 && code! < 3000) throw new Error("InvalidAccessError"); // as browsers do
    this.closed = [code, reason];
  }
  emit(type: string, event: object): void {
    this.listeners.get(type)!(event as never);
  }
}

function played(limits: object = {}) {
  const socket = new Played();
  const end = { hostname: "peer", port: 1 };
  const link = new WebSocketLink(socket, { transport: "ws", local: end, remote: end }, limits);
  const log: string[] = [];
  const receiver: LinkReceiver = {
    data: (chunk) => log.push(`data ${toHex(chunk)}`) < 0,
    ended: () => void log.push("ended"),
    written: () => void log.push("written"),
    closed: (cause) => void log.push(`closed ${(cause as { code?: string } | undefined)?.code}`),
  };
  const bytes = (...values: number[]) =>
    socket.emit("message", { data: Uint8Array.from(values).buffer });
  return { socket, link, log, receiver, bytes };
}

t.test("where reading cannot be paused, what comes is kept, in order, up to the limit", async (t) => {
  const { socket, link, log, receiver, bytes } = played({ maxPausedBytes: 65_536 });
  bytes(1);
  link.start(receiver);
  t.strictSame(log, [], "never from within a call");
  await turns(1);
  bytes(2);
  link.pause();
  bytes(3);
  socket.emit("message", { data: new ArrayBuffer(0) });
  await turns(1);
  t.strictSame(log, ["data 01", "data 02"]);
  link.resume();
  await turns(1);
  t.strictSame(log, ["data 01", "data 02", "data 03", "ended"]);
  link.end();
  t.strictSame(socket.sent.map(({ length }) => length), [0], "its own end");
  t.strictSame(socket.closed, [1000, ""]);
  await turns(1);
  t.equal(log.at(-1), "closed undefined");

  const flooded = played({ maxPausedBytes: 65_536 });
  flooded.link.start(flooded.receiver);
  flooded.link.pause();
  flooded.socket.emit("message", { data: new ArrayBuffer(65_536) });
  t.equal(flooded.socket.closed, undefined);
  flooded.bytes(1);
  t.equal(flooded.socket.closed?.[0], 4008);
  await turns(1);
  t.strictSame(flooded.log, ["closed WEBSOCKET_FAILED"]);
});

t.test("what came before an orderly close is delivered before it, however long that takes", async (t) => {
  const { socket, link, log, receiver, bytes } = played();
  link.start(receiver);
  link.pause();
  bytes(1);
  socket.emit("close", { code: 1000, reason: "" });
  await turns(1);
  t.strictSame(log, []);
  link.resume();
  await turns(1);
  t.strictSame(log, ["data 01", "ended", "closed undefined"]);
});

t.test("a close says why: broken, or refused by the peer", async (t) => {
  for (
    const [code, expected] of [[1006, "CONNECTION_RESET"], [1009, "WEBSOCKET_FAILED"]] as const
  ) {
    const { socket, link, log, receiver } = played();
    link.start(receiver);
    socket.emit("close", { code, reason: "too much" });
    await turns(1);
    t.strictSame(log, [`closed ${expected}`]);
  }
});

t.test("text closes with the code that a browser may use", async (t) => {
  const { socket, link, log, receiver } = played();
  link.start(receiver);
  socket.emit("message", { data: "text" });
  t.equal(socket.closed?.[0], 4003);
  await turns(1);
  t.strictSame(log, ["closed WEBSOCKET_FAILED"]);
});

t.test("a write waits until the buffer is empty enough, in messages of 64 KiB", async (t) => {
  const { socket, link, log, receiver } = played();
  link.start(receiver);
  t.equal(link.write(new Uint8Array(150_000)), true);
  t.strictSame(socket.sent.map(({ length }) => length), [65_536, 65_536, 18_928]);
  socket.bufferedAmount = 65_537;
  t.equal(link.write(Uint8Array.of(1)), false);
  t.equal(link.unsentBytes, 65_537);
  await turns(3);
  t.notOk(log.includes("written"));
  socket.bufferedAmount = 100;
  await until(() => log.includes("written"), "written");
  link.abort();
  t.strictSame(socket.closed, [1000, ""]);
  await turns(1);
  t.equal(log.at(-1), "closed undefined");
});

t.test("what the runtime cannot do with wss is refused by name", {
  skip: runtime !== "deno" && "Node can",
}, async (t) => {
  await t.rejects(serve({ listen: "wss://:0", tls: { ...tls, clientCa: ca } }, handlers), {
    code: "UNSUPPORTED",
    message: /Deno cannot listen on wss:\/\/ with tls\.clientCa/,
  });
  await t.rejects(connect("wss://127.0.0.1:1", { tls: { serverName: "other" } }), {
    code: "UNSUPPORTED",
    message: /tls\.serverName/,
  });
});
