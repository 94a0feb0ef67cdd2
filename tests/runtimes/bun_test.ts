/** What must hold on Bun too, run there from the same source: links, clients that stay, the SQLite store. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import t from "tap";
import { path } from "../helpers/root.ts";
import { runtime } from "../helpers/runtime.ts";

const bun = path("node_modules/bun/bin/bun.exe");
const skip = runtime !== "node"
  ? "once is enough: it is Bun that runs"
  : !existsSync(bun) && "Bun is not installed for this platform";

/** How long one file may take, on a machine that is busy with much else. */
const MOST_MS = 200_000;

/** Without what the runner of this test tells it: Bun would take it for its own. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(_?TAP|NODE_)/.test(name)),
);

const FILES = [
  "tests/link/link_test.ts",
  "tests/link/web_socket_test.ts",
  "tests/link/unix_test.ts",
  "tests/link/tls_test.ts",
  "tests/link/tls_handshakes_test.ts",
  "tests/client/tls_reconnect_test.ts",
  "tests/server/listeners_test.ts",
  "tests/server/detached_test.ts",
  "tests/runtimes/capabilities_test.ts",
  "tests/runtimes/edge_test.ts",
  "tests/client/connect_test.ts",
  "tests/client/reconnect_test.ts",
  "tests/client/session_server_test.ts",
  "tests/session/sqlite_test.ts",
];

for (const file of FILES) {
  t.test(`${file} on Bun`, { skip }, async (t) => {
    const args = ["--preload", "./tests/bun_tap_preload.mjs", file];
    const child = spawn(bun, args, {
      cwd: path("."),
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...environment, TAP_TIMEOUT: "120" },
      timeout: MOST_MS,
    });
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text) => printed += text);
    child.stderr.setEncoding("utf8").on("data", (text) => printed += text);
    const status = await new Promise((resolve) => child.on("close", resolve));
    const failed = printed.split("\n").filter((line) => /^\s*not ok/.test(line));
    t.equal(status, 0, failed.join("\n") || printed.slice(-2000));
    t.match(printed, /^# \{ total: \d{2,}/m);
  });
}
