/** `edge` in workerd itself: by WebSocket and TCP, and as a client. */

import { build } from "esbuild";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import t from "tap";
import { path } from "../helpers/root.ts";
import { connect, runtime, serve, until } from "../helpers/runtime.ts";

const platform = `${process.platform === "win32" ? "windows" : process.platform}-${
  process.arch === "x64" ? "64" : process.arch
}`;
const binary = path(
  `node_modules/@cloudflare/workerd-${platform}/bin/workerd${
    process.platform === "win32" ? ".exe" : ""
  }`,
);
const skip = runtime !== "node"
  ? "once is enough: it is workerd that runs"
  : !existsSync(binary) && "workerd is not installed for this platform";

/** Starts workerd at a compatibility date. @returns The ports of its sockets. */
async function start(
  t: { teardown(fn: () => void): unknown },
  date: string,
): Promise<{ readonly http: number; readonly tcp: number }> {
  const folder = mkdtempSync(join(tmpdir(), "framewire-workerd-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await build({
    absWorkingDir: path("."),
    entryPoints: ["tests/runtimes/workerd/worker.ts"],
    outfile: join(folder, "worker.mjs"),
    bundle: true,
    format: "esm",
    platform: "neutral",
    conditions: ["workerd"],
    loader: { ".wasm": "copy" },
    assetNames: "codec",
    external: ["node:*"],
    target: "es2022",
    logLevel: "warning",
  });
  writeFileSync(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["local", "private"])),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:0", http = (), service = "main"),
    (name = "tcp", address = "127.0.0.1:0", tcp = (), service = "main"),
  ],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "codec.wasm", wasm = embed "codec.wasm"),
  ],
  compatibilityDate = "${date}",
);
`,
  );
  const child = spawn(binary, ["serve", "--control-fd=3", "config.capnp"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  // SIGTERM would wait for what is open.
  t.teardown(() => void child.kill("SIGKILL"));
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => errors += text);
  const ports: Record<string, number> = {};
  return await new Promise((resolve, reject) => {
    let told = "";
    child.on("exit", (code) => reject(new Error(`workerd ended with ${code}: ${errors}`)));
    (child.stdio[3] as Readable).setEncoding("utf8").on("data", (text: string) => {
      told += text;
      const lines = told.split("\n");
      told = lines.pop()!;
      for (const line of lines) {
        const { event, socket, port } = JSON.parse(line);
        if (event === "listen") ports[socket] = port;
      }
      const { http, tcp } = ports;
      if (http !== undefined && tcp !== undefined) resolve({ http, tcp });
    });
  });
}

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

t.test("more than six sockets of a Worker wait for their turn", { skip }, async (t) => {
  const { http } = await start(t, "2026-10-01");
  let open = 0;
  let most = 0;
  const held: (() => void)[] = [];
  const server = await serve({ port: 0, maxInFlight: 1 }, {
    submit: () => new Promise<void>((resolve) => held.push(resolve)),
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  server.on("connect", () => most = Math.max(most, ++open));
  server.on("disconnect", () => open--);
  const url = `http://127.0.0.1:${http}/many?to=tcp://127.0.0.1:${server.addr.port}`;
  const answered = fetch(`${url}&count=20`).then((response) => response.json());
  for (let left = 20; left > 0; left--) {
    await until(() => held.length > 0, `${left} are to come`, 120_000);
    // As many as may are there, and none beside them.
    if (left > 6) await until(() => open === 6, "six are open", 120_000);
    held.shift()!();
  }
  t.strictSame(await answered, new Array(20).fill("answered"));
  t.equal(most, 6);
  t.match(server.stats(), { connections: { accepted: 20 }, requests: 20 });

  // Those of two requests share them too; who waits for too long is told, and takes none.
  const first = fetch(`${url}&count=6`).then((response) => response.json());
  await until(() => held.length === 6, "six are held", 120_000);
  const second = await (await fetch(`${url}&count=3&timeout=500`)).json();
  t.strictSame(second, new Array(3).fill("CONNECT_TIMEOUT"));
  for (const answer of held.splice(0)) answer();
  t.strictSame(await first, new Array(6).fill("answered"));
  const third = fetch(`${url}&count=6`).then((response) => response.json());
  await until(() => held.length === 6, "all six are free again", 120_000);
  for (const answer of held.splice(0)) answer();
  t.strictSame(await third, new Array(6).fill("answered"));
  t.equal(most, 6);
});

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
