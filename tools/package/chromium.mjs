// A bundled page in a headless Chromium: a client of our server by WebSocket.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { check } from "./project.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
/** A sign of life is expected within this, on a machine that is busy with much else. */
const PATIENCE_MS = 120_000;

const FLAGS = [
  "--headless",
  "--no-sandbox", // it opens no page but ours, and containers have none
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The browser on the search path; undefined where there is none. */
export function chromiumCommand() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
}

/**
 * A round trip of a page.
 *
 * @param {string} project Where the package is installed, with `ws`.
 * @param {string} page The folder with `index.html`.
 */
export async function tryPage(project, page) {
  const entry = join(project, "node_modules", "framewire", "dist", "node.js");
  const { serve } = await import(pathToFileURL(entry).href);
  const got = [];
  const server = await serve({ listen: ["ws://127.0.0.1:0/wire"] }, {
    submit: (packet) => void got.push(packet.text()),
  });
  const site = await serveFolder(page);
  const wire = encodeURIComponent(server.addrs[0].url);
  const profile = join(page, "..", "chromium-profile");
  const child = spawn(
    chromiumCommand(),
    [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${site.port}/?wire=${wire}`],
    { stdio: ["ignore", "ignore", "pipe"], detached: true },
  );
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => errors += text);
  const ended = new Promise((resolve) => child.on("close", resolve));
  try {
    const early = ended.then((code) => {
      throw new Error(`Chromium ended with ${code}: ${errors}`);
    });
    const outcome = await Promise.race([site.outcome, early]);
    check(outcome === "ok", `the page says ${outcome}`);
    check(got.join() === "hello from a page", `the server got ${JSON.stringify(got)}`);
  } finally {
    try {
      process.kill(-child.pid, "SIGKILL"); // it has processes of its own
    } catch {
      // It has ended by itself.
    }
    await ended;
    site.close();
    await server.shutdown({ deadlineMs: 0 });
  }
}

/** Serves a folder's files, and takes the outcome that its page posts. */
async function serveFolder(folder) {
  let tell, give;
  const outcome = new Promise((resolve, reject) => [tell, give] = [resolve, reject]);
  const timer = setTimeout(
    () => give(new Error(`the page told nothing for ${PATIENCE_MS} ms`)),
    PATIENCE_MS,
  );
  const types = { html: "text/html", js: "text/javascript" };
  const http = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (request.method === "POST") {
      let text = "";
      for await (const chunk of request) text += chunk;
      clearTimeout(timer);
      response.end();
      tell(text);
      return;
    }
    const file = join(folder, pathname === "/" ? "index.html" : pathname);
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const type = types[file.split(".").at(-1)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type }).end(readFileSync(file));
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  const close = () => {
    clearTimeout(timer);
    http.closeAllConnections();
    http.close();
  };
  return { port: http.address().port, outcome, close };
}
