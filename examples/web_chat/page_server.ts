/**
 * The page by HTTP: three files, the program among them bundled when the server starts.
 */
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Serves the page. It is given out when `open` has said where the WebSocket is. */
export async function servePage(port: number) {
  const bundle = await build({
    entryPoints: [path("page.ts")],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    write: false,
  });
  const html = readFileSync(path("page.html"), "utf8");
  const css = readFileSync(path("page.css"));
  let wirePort: number | undefined;

  const answer = (url: string | undefined, response: ServerResponse) => {
    const send = (type: string, body: string | Uint8Array) =>
      response.writeHead(200, { ...security(wirePort!), "content-type": type }).end(body);
    if (wirePort === undefined) return response.writeHead(503).end();
    if (url === "/") return send("text/html; charset=utf-8", html.replace("%PORT%", `${wirePort}`));
    if (url === "/page.css") return send("text/css; charset=utf-8", css);
    if (url === "/page.js") return send("text/javascript", bundle.outputFiles[0]!.contents);
    return response.writeHead(404).end();
  };
  const server = createServer(({ url }, response) => void answer(url, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    origins: [`http://127.0.0.1:${bound}`, `http://localhost:${bound}`],
    open: (port: number) => void (wirePort = port),
  };
}

/** The page loads nothing but its own files, and speaks to nobody but its server. */
function security(wirePort: number) {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'", // without it the codec would be the TypeScript one
    "img-src data:",
    `connect-src ws://127.0.0.1:${wirePort} ws://localhost:${wirePort}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return { "content-security-policy": policy.join("; "), "cache-control": "no-store" };
}
