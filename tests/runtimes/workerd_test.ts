/** `edge` in workerd itself: by WebSocket and TCP, and as a client. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { connect, deferred, runtime, serve } from "../helpers/runtime.ts";
import { missingWorkerd, startWorkerd } from "../helpers/workerd.ts";

const skip = runtime !== "node"
  ? "once is enough: it is workerd that runs"
  : missingWorkerd ?? false;

/** Starts workerd with a Worker at a compatibility date. @returns The ports of its sockets. */
async function start(
  t: { teardown(fn: () => void): unknown },
  date: string,
  worker: { file: string } | { text: string } = { file: "tests/runtimes/workerd/worker.ts" },
): Promise<{ readonly http: number; readonly tcp: number }> {
  const folder = mkdtempSync(join(tmpdir(), "framewire-workerd-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const address = "127.0.0.1:0";
  const workerd = await startWorkerd({
    folder,
    worker,
    compatibilityDate: date,
    sockets: [
      { name: "http", address, kind: "http" },
      { name: "tcp", address, kind: "tcp" },
    ],
  });
  t.teardown(() => workerd.kill());
  const { http, tcp } = workerd.ports;
  return { http: http!, tcp: tcp! };
}

/** A Worker with the codec of other runtimes, which has codec.wasm as text. */
const INLINE = `import { createDecoder, lengthField } from "./dist/codec.js";
export default {
  fetch() {
    try {
      createDecoder(lengthField({ size: 4 }), { codec: "wasm" }).push(new Uint8Array(4));
      return new Response("compiled");
    } catch (error) {
      return new Response(error.code);
    }
  },
};`;

/** @returns How a request is answered whose handler throws. */
async function tryServer(url: string): Promise<string> {
  const client = await connect(url, { hello: "required" });
  await client.submit("x".repeat(300_000));
  await Promise.all(Array.from({ length: 200 }, (_, i) => client.submit(`${i}`)));
  const failure = await client.submit("fail").then(() => "none", ({ code }) => String(code));
  await client.close();
  return failure;
}

t.test("a Worker serves WebSocket and TCP", { skip }, async (t) => {
  const { http, tcp } = await start(t, "2026-10-01");
  t.equal(await tryServer(`ws://127.0.0.1:${http}/wire`), "RESULT_FAILED");
  t.equal(await tryServer(`tcp://127.0.0.1:${tcp}`), "RESULT_FAILED");
  const plain = await fetch(`http://127.0.0.1:${http}/wire`);
  t.equal(plain.status, 426);
  await plain.text();
});

t.test("a Worker calls servers over TCP and WebSocket", { skip }, async (t) => {
  const { http } = await start(t, "2026-10-01");
  const server = await serve({ listen: ["tcp://:0", "ws://:0"] }, { submit: () => {} });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const call = async (to: string) =>
    await (await fetch(`http://127.0.0.1:${http}/call?to=${encodeURIComponent(to)}`)).text();
  for (const { url } of server.addrs) t.equal(await call(url), "50 submits", url);
  t.equal(server.stats().requests, 100);
  t.match(await call("unix:///tmp/x"), /UNSUPPORTED: workerd cannot connect over unix:/);
  t.match(await call("tcp://127.0.0.1:1"), /^CONNECTION_REFUSED|^LINK_FAILED/);
});

t.test(
  "codec.wasm as text is compiled when a Worker starts, where that is allowed",
  { skip },
  async (t) => {
    for (
      const [date, expected] of [["2026-10-01", "compiled"], ["2025-01-01", "UNSUPPORTED"]] as const
    ) {
      const { http } = await start(t, date, { text: INLINE });
      t.equal(await (await fetch(`http://127.0.0.1:${http}/`)).text(), expected, date);
    }
  },
);

t.test(
  "requests of a Worker do not wait for each other's connections",
  { skip },
  async (t) => {
    const { http } = await start(t, "2026-10-01");
    const AT_ONCE = 10;
    const allHere = deferred();
    const server = await serve({ port: 0 }, { submit: () => allHere.promise });
    t.teardown(() => server.shutdown({ deadlineMs: 0 }));
    server.on("connect", () => {
      if (server.stats().connections.open === AT_ONCE) allHere.resolve();
    });
    const to = encodeURIComponent(`tcp://127.0.0.1:${server.addr.port}`);
    const answers = Array.from({ length: AT_ONCE }, async () => {
      return await (await fetch(`http://127.0.0.1:${http}/call?to=${to}`)).text();
    });
    t.strictSame(new Set(await Promise.all(answers)), new Set(["50 submits"]));
    const { accepted } = server.stats().connections;
    t.equal(accepted, AT_ONCE, "the 50 calls of each share a connection: more than six would wait");
  },
);

t.test(
  "a Worker says what it can, by its date, and refuses the rest by name",
  { skip },
  async (t) => {
    for (const [date, zstd] of [["2026-10-01", true], ["2025-05-01", false]] as const) {
      const { http } = await start(t, date);
      const told = await (await fetch(`http://127.0.0.1:${http}/capabilities`)).json();
      t.match(told.capabilities, {
        runtime: "workerd",
        listen: [],
        connect: ["tcp", "tls", "ws", "wss"],
        inboundTcp: true,
        mutualTls: false,
        reusePort: false,
        zstd,
        sqlite: false,
      });
      t.match(told.refusals.sqlite, /^UNSUPPORTED workerd has no node:sqlite.*memoryStore/);
      if (zstd) t.equal(told.refusals.zstd, undefined);
      else t.match(told.refusals.zstd, /^UNSUPPORTED workerd has no zstd.*lz4/);
    }
  },
);

t.test("WebAssembly loads at a date before workerd allowed to compile it", { skip }, async (t) => {
  const { http } = await start(t, "2025-05-01");
  t.equal(await tryServer(`ws://127.0.0.1:${http}/wire`), "RESULT_FAILED");
});
