/** Mutual TLS between the runtimes: this one serves the other, and the other serves this one. */

import t from "tap";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TlsInfo } from "../../mod.ts";
import { denoCommand, nodeCommand } from "../helpers/programs.ts";
import { path, read } from "../helpers/root.ts";
import { connect, runtime, serve } from "../helpers/runtime.ts";

t.setTimeout(60_000);

const pem = (name: string) => read(`tests/fixtures/tls/${name}`);
const identity = (name: string) => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) });
const ca = pem("ca.pem");
const other = runtime === "deno" ? "node" : "deno";

const CLIENT = { authorized: true, subject: "CN=client-7", version: "TLSv1.3", alpn: "framewire" };
const SERVER = { authorized: true, subject: "CN=localhost", version: "TLSv1.3", alpn: "framewire" };

/** Starts the peer on the other runtime; its lines come as they are printed. */
function peer(t: { teardown(end: () => void): unknown }, ...args: string[]) {
  const script = path("tests/link/tls_peer.mjs");
  const [command, ...first] = runtime === "deno"
    ? [nodeCommand()]
    : [...denoCommand(), "run", "-A", "--no-check"];
  const child = spawn(command!, [...first, script, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.teardown(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    async line(): Promise<Record<string, unknown>> {
      const { value } = await lines.next();
      return JSON.parse(value ?? "null");
    },
  };
}

t.test(`a server on ${runtime}, a client on ${other}`, async (t) => {
  const peers: (TlsInfo | undefined)[] = [];
  const errors: unknown[] = [];
  const server = await serve({
    port: 0,
    protocol: "echo",
    tls: { ...identity("server"), clientCa: ca, alpn: ["framewire"] },
    on: { connect: (conn) => peers.push(conn.tls), error: (error) => errors.push(error) },
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const client = peer(t, "connect", String(server.addr.port));
  const told = await client.line();
  t.strictSame(told.echoes, [true, true, true, true, true, true]);
  t.match(told.server, SERVER);
  t.match(peers, [CLIENT]);
  t.strictSame(errors, []);
});

t.test(`a server on ${other}, a client on ${runtime}`, async (t) => {
  const server = peer(t, "serve");
  const { port } = await server.line();
  const url = `tls://127.0.0.1:${port}`;
  const client = await connect(url, {
    protocol: "echo",
    tls: { ca, ...identity("client"), alpn: ["framewire"] },
  });
  t.teardown(() => client.close({ deadlineMs: 0 }));
  const sizes = [0, 1, 1000, 16_384, 100_000, 900_000];
  const echoes = await Promise.all(
    sizes.map((size, i) => client.echo(new Uint8Array(size).fill(i))),
  );
  echoes.forEach((echo, i) => {
    t.ok(echo.length === sizes[i] && echo.every((byte) => byte === i), `${sizes[i]} bytes`);
  });
  t.match(client.tls, SERVER);
  await client.close();
  // One without a certificate is refused there, and harms nobody.
  const stranger = await connect(url, { protocol: "echo", tls: { ca } }).catch(() => undefined);
  if (stranger !== undefined) {
    await t.rejects(stranger.echo("secret"));
    const { code, error } = await stranger.closed;
    // On a busy machine Deno closes its side before the alert that says why has left.
    if (error === undefined) t.equal(code, "PEER_ENDED");
    else t.match(error, { code: "TLS_FAILED", message: /requires a client certificate/ });
  }
  const gone = once(server.child, "exit");
  server.child.stdin.end();
  const told = await server.line();
  t.match(told, { peers: [CLIENT], errors: ["TLS_FAILED"] });
  t.equal((told.peers as unknown[]).length, 1);
  t.ok(told.bytesIn as number > 1_000_000, "all of it is counted");
  t.equal((await gone)[0], 0);
});
