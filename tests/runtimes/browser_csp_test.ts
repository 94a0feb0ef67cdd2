/** In a browser: WebAssembly where the page's policy allows it, TypeScript where it does not. */

import { build } from "esbuild";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import t from "tap";
import { missingChromium, startChromium } from "../helpers/chromium.ts";
import { path } from "../helpers/root.ts";
import { deferred, runtime, serve } from "../helpers/runtime.ts";

const skip = runtime !== "node" ? "once is enough" : missingChromium ?? false;

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
    const { port } = pages.address() as AddressInfo;
    const page = await (await startChromium(t)).newPage();
    await page.goto(`http://127.0.0.1:${port}/?to=${encodeURIComponent(server.addrs[0]!.url)}`);
    const told = await outcomes.promise;
    t.equal(told.auto, "100 submits");
    t.equal(told.ts, "100 submits");
    if (allowed) t.equal(told.wasm, "100 submits");
    else t.match(told.wasm, /^UNSUPPORTED .*wasm-unsafe-eval.*use codec "auto" or "ts"/);
  });
}
