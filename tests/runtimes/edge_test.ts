/** `edge`: WebSockets of a program's own HTTP server, beside its pages. */

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import t from "tap";
import * as entry from "#entry";
import type { ConnOf } from "../../mod.ts";
import { denoCommand } from "../helpers/programs.ts";
import { path } from "../helpers/root.ts";
import { connect, runtime, until } from "../helpers/runtime.ts";

/** The edge of each runtime has what that runtime's server calls. */
interface AnyEdge {
  readonly server: ReturnType<typeof entry.edge>["server"];
  fetch(request: Request, info: unknown): Promise<Response>;
  readonly websocket: object;
  upgrade(request: object, socket: object, head: object): void;
}

const edge = entry.edge as unknown as (...args: Parameters<typeof entry.edge>) => AnyEdge;

interface Serving {
  readonly port: number;
  close(): Promise<unknown> | void;
}

/** A program's own server: a page, and Framewire at `/wire` and what is below. */
async function serveBeside(wire: AnyEdge): Promise<Serving> {
  const isWire = (url: string) => new URL(url, "http://x").pathname.startsWith("/wire");
  const handle = (request: Request, info: unknown) =>
    isWire(request.url) ? wire.fetch(request, info) : new Response("a page");
  if (runtime === "deno") {
    const http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handle);
    return { port: http.addr.port, close: () => http.shutdown() };
  }
  if (runtime === "bun") {
    const { Bun } = globalThis as unknown as {
      Bun: { serve(options: object): { port: number; stop(closes: boolean): void } };
    };
    const options = { hostname: "127.0.0.1", port: 0, websocket: wire.websocket, fetch: handle };
    const http = Bun.serve(options);
    return { port: http.port, close: () => http.stop(true) };
  }
  const http = createServer((request, response) => {
    response.statusCode = isWire(request.url!) ? 426 : 200;
    response.end("a page");
  });
  http.on("upgrade", wire.upgrade);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { port: (http.address() as AddressInfo).port, close: () => void http.close() };
}

async function start(
  t: { teardown(fn: () => unknown): unknown },
  ...args: Parameters<typeof entry.edge>
) {
  const wire = edge(...args);
  const http = await serveBeside(wire);
  const server = await wire.server;
  t.teardown(async () => {
    await server.shutdown({ deadlineMs: 0 });
    await http.close();
  });
  return { server, at: `127.0.0.1:${http.port}` };
}

t.test("one server for all connections, beside pages", async (t) => {
  const seen: string[] = [];
  const { server, at } = await start(t, {
    submit(packet, conn: ConnOf<"submit">) {
      const { transport, remote } = conn.info();
      seen.push(`${transport} ${remote.hostname} ${remote.port > 0} ${packet.payloadBytes}`);
    },
  });
  t.equal(await (await fetch(`http://${at}/`)).text(), "a page");
  const plain = await fetch(`http://${at}/wire`);
  t.equal(plain.status, 426);
  await plain.body?.cancel();
  const first = await connect(`ws://${at}/wire`, { hello: "required" });
  const second = await connect(`ws://${at}/wire/below`);
  await first.submit("x".repeat(300_000));
  await Promise.all(Array.from({ length: 100 }, (_, i) => second.submit(`${i}`)));
  t.equal(seen[0], "ws 127.0.0.1 true 300000");
  t.equal(seen.length, 101);
  t.match(server.stats(), { connections: { open: 2, accepted: 2 } });
  const pushed: string[] = [];
  first.onPush((payload) => void pushed.push(new TextDecoder().decode(payload)));
  server.broadcast("to all that can");
  await until(() => pushed.length === 1, "the push");
  const ended = server.shutdown({ deadlineMs: 20_000 });
  await first.closed;
  await second.closed;
  t.match(await ended, { cut: [] });
  await t.rejects(connect(`ws://${at}/wire`), { name: "FramewireError" }, "it takes no more");
  t.equal(await (await fetch(`http://${at}/`)).text(), "a page", "the program's server goes on");
});

t.test("path, origins and limits hold", async (t) => {
  const { server, at } = await start(t, { submit: () => {} }, {
    path: "/wire",
    maxConnections: 1,
    onMaxConnections: "refuse",
    webSocket: { origins: ["https://good.example"], maxMessageBytes: 65_536 },
  });
  await t.rejects(connect(`ws://${at}/wire/else`), { name: "FramewireError" });
  const { default: Ws } = await import("ws");
  const Socket = Ws as unknown as new (
    url: string,
    protocols: string[],
    options: object,
  ) => WebSocket;
  const open = (origin: string) =>
    new Promise<WebSocket | undefined>((resolve) => {
      const socket = new Socket(`ws://${at}/wire`, ["framewire"], { origin });
      socket.onopen = () => resolve(socket);
      socket.onerror = () => resolve(undefined);
    });
  t.equal(await open("https://bad.example"), undefined);
  const good = await open("https://good.example");
  t.equal(good?.protocol, "framewire");
  await until(() => server.stats().connections.open === 1, "it is inside");
  const refused = await connect(`ws://${at}/wire`, { hello: "required" }).catch((error) => error);
  t.equal(refused.name, "FramewireError");
  t.strictSame(server.stats().refusals, { maxConnections: 1 });
  const closed = new Promise<number>((resolve) => good!.onclose = ({ code }) => resolve(code));
  good!.send(new Uint8Array(65_537));
  t.equal(await closed, 1009);
});

t.test("what does not go together with it is refused by name", async (t) => {
  const wrong = async (options: object) => await edge({ submit: () => {} }, options).server;
  await t.rejects(wrong({ maxConnections: -1 }), { code: "INVALID_OPTION" });
  await t.rejects(wrong({ reusePort: true }), { code: "UNSUPPORTED", message: /reusePort/ });
  await t.rejects(wrong({ proxyProtocol: { trusted: ["10.0.0.0/8"] } }), {
    code: "UNSUPPORTED",
    message: /proxyProtocol.*ws:\/\//,
  });
});

t.test("as the default export it is a whole program for deno serve", {
  skip: runtime !== "deno" && "it is Deno's",
}, async (t) => {
  const [deno, ...first] = denoCommand();
  const options = ["serve", "-A", "--no-check", "--host", "127.0.0.1", "--port", "0"];
  const child = spawn(deno, [...first, ...options, path("tests/runtimes/edge_program.ts")], {
    cwd: path("."),
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  t.teardown(() => void child.kill("SIGKILL"));
  const at = await new Promise<string>((resolve, reject) => {
    let said = "";
    const heard = (text: string) => {
      said += text;
      const found = /http:\/\/([\d.]+:\d+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.setEncoding("utf8").on("data", heard);
    child.stderr.setEncoding("utf8").on("data", heard);
    child.on("exit", (code) => reject(new Error(`deno serve ended with ${code}: ${said}`)));
  });
  const client = await connect(`ws://${at}/anywhere`, { hello: "required" });
  await client.submit("hello");
  await t.rejects(client.submit("fail"), { code: "RESULT_FAILED" });
  await client.close();
});
