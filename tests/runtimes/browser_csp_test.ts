/** In a browser: WebAssembly where the page's policy allows it, TypeScript where it does not. */

import { build } from "esbuild";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { existsSync } from "node:fs";
import t from "tap";
import { path } from "../helpers/root.ts";
import { deferred, runtime, serve } from "../helpers/runtime.ts";

/** Chromium, under the names that systems give it. */
const browser = (process.env.PATH ?? "").split(delimiter).flatMap((folder) =>
  ["chromium", "chromium-browser", "google-chrome"].map((name) => join(folder, name))
).find((file) => existsSync(file));
const skip = runtime !== "node"
  ? "once is enough"
  : browser === undefined && "there is no Chromium";

/** The page's program: what it finds out goes to the server it came from. */
const PROGRAM = `
import { connect } from "./src/entry/browser.ts";

const outcomes = {};
const url = new URLSearchParams(location.search).get("to")!;
for (const codec of ["auto", "wasm", "ts"]) {
  try {
    const client = await connect(url, { codec, reconnect: false, connectTimeoutMs: 120_000 });
    await Promise.all(Array.from({ length: 100 }, (_, i) => client.submit(codec + i)));
    await client.close();
    outcomes[codec] = "100 submits";
  } catch ({ code, message }) {
    outcomes[codec] = code + " " + message;
  }
}
await fetch("/outcomes", { method: "POST", body: JSON.stringify(outcomes) });
`;

for (const allowed of [true, false]) {
  const title = allowed ? "allows WebAssembly" : "lacks 'wasm-unsafe-eval'";
  t.test(`a page whose policy ${title}`, { skip }, async (t) => {
    const bundled = await build({
      absWorkingDir: path("."),
      stdin: { contents: PROGRAM, resolveDir: path("."), loader: "ts" },
      write: false,
      bundle: true,
      format: "esm",
      platform: "browser",
      conditions: ["browser"],
      target: "es2022",
      logLevel: "warning",
    });
    const server = await serve({ listen: "ws://:0/" }, { submit: () => {} });
    t.teardown(() => server.shutdown({ deadlineMs: 0 }));
    const outcomes = deferred<Record<string, string>>();
    const pages = createServer((request, response) => {
      if (request.method === "POST") {
        let body = "";
        request.setEncoding("utf8").on("data", (text) => body += text).on("end", () => {
          outcomes.resolve(JSON.parse(body));
          response.end();
        });
      } else if (request.url === "/program.js") {
        response.setHeader("content-type", "text/javascript");
        response.end(bundled.outputFiles[0]!.contents);
      } else {
        const scripts = allowed ? "'self' 'wasm-unsafe-eval'" : "'self'";
        response.setHeader("content-security-policy", `script-src ${scripts}`);
        response.setHeader("content-type", "text/html");
        response.end('<script type="module" src="/program.js"></script>');
      }
    });
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
    t.teardown(() => {
      pages.close();
      pages.closeAllConnections();
    });
    const profile = mkdtempSync(join(tmpdir(), "framewire-browser-"));
    const page = `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`;
    const child = spawn(browser!, [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--user-data-dir=${profile}`,
      "--remote-debugging-port=0",
      `${page}?to=${encodeURIComponent(server.addrs[0]!.url)}`,
    ], { stdio: "ignore" });
    const gone = new Promise((resolve) => child.on("exit", resolve));
    t.teardown(async () => {
      child.kill("SIGKILL");
      await gone;
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    });
    const told = await outcomes.promise;
    t.equal(told.auto, "100 submits");
    t.equal(told.ts, "100 submits");
    if (allowed) t.equal(told.wasm, "100 submits");
    else t.match(told.wasm, /^UNSUPPORTED .*wasm-unsafe-eval.*use codec "auto" or "ts"/);
  });
}
