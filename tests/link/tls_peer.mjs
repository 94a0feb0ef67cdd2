/**
 * The other side of `tls_runtimes_test.ts`, on the other runtime, with mutual TLS. Prints one line of JSON.
 *
 *   tls_peer.mjs serve          what it listens on, then who came and what it was sent, at stdin's end
 *   tls_peer.mjs connect PORT   what the echoes were, and who the server is
 */
import { readFileSync } from "node:fs";
import process from "node:process";

// Node runs what is built, for it cannot strip types; Deno runs the sources.
const library = "Deno" in globalThis ? "../../src/entry/deno.ts" : "../../dist/node.js";
const { connect, serve } = await import(library);

const pem = (name) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8");
const identity = (name) => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) });
const ca = pem("ca.pem");
const tell = (line) => console.log(JSON.stringify(line));
const protocol = "echo";

if (process.argv[2] === "serve") {
  const peers = [];
  const errors = [];
  const server = await serve({
    port: 0,
    protocol,
    tls: { ...identity("server"), clientCa: ca, alpn: ["framewire"] },
    on: {
      connect: (conn) => peers.push(conn.tls),
      error: (error) => errors.push(error.code),
    },
  });
  tell({ port: server.addr.port });
  process.stdin.resume().on("end", async () => {
    const { bytesIn } = server.stats();
    await server.shutdown({ deadlineMs: 5000 });
    tell({ peers, errors, bytesIn });
  });
} else {
  const client = await connect(`tls://127.0.0.1:${process.argv[3]}`, {
    protocol,
    tls: { ca, ...identity("client"), alpn: ["framewire"] },
  });
  const sizes = [0, 1, 1000, 16_384, 100_000, 900_000];
  const echoes = await Promise.all(
    sizes.map(async (size, i) => {
      const echo = await client.echo(new Uint8Array(size).fill(i));
      return echo.length === size && echo.every((byte) => byte === i);
    }),
  );
  const server = client.tls;
  await client.close();
  tell({ echoes, server });
}
