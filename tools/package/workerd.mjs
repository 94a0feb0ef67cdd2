// A bundled Worker in workerd itself: a server by TCP and WebSocket, and a client.

import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../root.mjs";
import { check } from "./project.mjs";

const CONFIG = `using Workerd = import "/workerd/workerd.capnp";
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
  compatibilityDate = "2026-10-01",
);
`;

/** The program that npm installed for this platform; undefined where there is none. */
export function workerdCommand() {
  const windows = process.platform === "win32";
  const arch = process.arch === "x64" ? "64" : process.arch;
  const folder = `workerd-${windows ? "windows" : process.platform}-${arch}`;
  const file = join(
    root,
    "node_modules",
    "@cloudflare",
    folder,
    "bin",
    `workerd${windows ? ".exe" : ""}`,
  );
  return existsSync(file) ? file : undefined;
}

/**
 * Round trips with a Worker in both roles.
 *
 * @param {string} project Where the package is installed.
 * @param {string} folder `worker.mjs` and `codec.wasm`.
 */
export async function tryWorker(project, folder) {
  const entry = join(project, "node_modules", "framewire", "dist", "node.js");
  const { connect, serve } = await import(pathToFileURL(entry).href);
  writeFileSync(join(folder, "config.capnp"), CONFIG);
  const child = spawn(workerdCommand(), ["serve", "--control-fd=3", "config.capnp"], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  try {
    const { http, tcp } = await ports(child);
    for (const url of [`tcp://127.0.0.1:${tcp}`, `ws://127.0.0.1:${http}/wire`]) {
      const client = await connect(url, { reconnect: false });
      await client.submit("hello");
      await client.close();
    }
    const { counter } = await import(pathToFileURL(join(project, "counter.js")).href);
    const backend = await serve({ port: 0, protocol: counter }, {
      add: ({ amount }) => ({ total: 40 + amount }),
    });
    const to = encodeURIComponent(`tcp://127.0.0.1:${backend.addr.port}`);
    const response = await fetch(`http://127.0.0.1:${http}/call?to=${to}`);
    const answer = await response.text();
    await backend.shutdown();
    check(answer === "the sum is 42", `the Worker's client answered ${answer}`);
  } finally {
    child.kill("SIGKILL"); // SIGTERM would wait for what is open
    await ended;
  }
}

/** The ports that workerd tells, one line of JSON for each socket. */
function ports(child) {
  const found = {};
  let told = "";
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`workerd ended with ${code}`)));
    child.stdio[3].setEncoding("utf8").on("data", (text) => {
      const lines = (told += text).split("\n");
      told = lines.pop();
      for (const line of lines) {
        const { event, socket, port } = JSON.parse(line);
        if (event === "listen") found[socket] = port;
      }
      if (found.http !== undefined && found.tcp !== undefined) resolve(found);
    });
  });
}
