/** On Node without the package `ws`: what needs it says so, and the rest works. */

import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import t from "tap";
import { path } from "../helpers/root.ts";
import { runtime } from "../helpers/runtime.ts";

const PROGRAM = `
import { connect, edge, serve } from "./dist/node.js";

const said = async (attempt) => await attempt.then(() => "done", ({ code, message }) => [code, message]);
const handlers = { submit() {} };
const server = await serve({ port: 0 }, handlers);
const client = await connect("tcp://127.0.0.1:" + server.addr.port);
await client.submit("over TCP");
await client.close();
await server.shutdown();
console.log(JSON.stringify({
  listen: await said(serve({ listen: "ws://:0" }, handlers)),
  connect: await said(connect("ws://127.0.0.1:1", { reconnect: false })),
  edge: await said(edge(handlers).server),
  hasGlobal: "WebSocket" in globalThis,
}));
`;

const skip = runtime !== "node" && "the others have WebSocket of their own";

t.test("WebSocket without ws is refused, with the way out", { skip }, async (t) => {
  // Where no node_modules is above.
  const folder = mkdtempSync(join(tmpdir(), "framewire-without-ws-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(path("dist"), join(folder, "dist"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "program.js"), PROGRAM);
  const { stdout } = await promisify(execFile)(process.execPath, ["program.js"], {
    cwd: folder,
    timeout: 120_000,
  });
  const told = JSON.parse(stdout);
  const refused = ["UNSUPPORTED", /on Node: npm install ws/];
  t.match(told.listen, refused);
  t.match(told.edge, refused);
  t.match(told.connect, told.hasGlobal ? ["CONNECTION_REFUSED"] : refused);
});
