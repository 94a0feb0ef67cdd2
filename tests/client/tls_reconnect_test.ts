/** A client that stays comes back over TLS with all it was told: authority, certificate, name and protocol. */

import t from "tap";
import type { TlsInfo } from "../../mod.ts";
import { connectAndStay as connect, serve, until } from "../helpers/runtime.ts";
import { read } from "../helpers/root.ts";

const pem = (name: string) => read(`tests/fixtures/tls/${name}`);

t.test("each connection has the same TLS options, also to a server that has started again", async (t) => {
  const infos: (TlsInfo | undefined)[] = [];
  const start = (port: number) =>
    serve({
      port,
      protocol: "echo",
      lingerMs: 500,
      tls: {
        cert: pem("server.pem"),
        key: pem("server.key"),
        clientCa: pem("ca.pem"),
        alpn: ["wire/1"],
      },
      on: { connect: (conn) => infos.push(conn.tls) },
    });
  let server = await start(0);
  const { port } = server.addr;
  const client = await connect(`tls://127.0.0.1:${port}`, {
    protocol: "echo",
    backoffMaxMs: 50,
    lingerMs: 500,
    connectTimeoutMs: 60_000,
    requestTimeoutMs: 60_000,
    tls: {
      ca: pem("ca.pem"),
      cert: pem("client.pem"),
      key: pem("client.key"),
      serverName: "localhost",
      alpn: ["wire/1"],
    },
  });
  for (let round = 1; round <= 3; round++) {
    t.equal(new TextDecoder().decode(await client.echo("hello")), "hello");
    t.match(client.tls, { authorized: true, alpn: "wire/1", subject: "CN=localhost" });
    t.equal(infos.length, round);
    t.match(infos[round - 1], { authorized: true, alpn: "wire/1", serverName: "localhost" });
    t.match(infos[round - 1]!.subject, /CN=/);
    const lost = client.status;
    t.equal(lost, "up");
    if (round === 1) server.disconnect(() => true, "go");
    else if (round === 2) {
      await server.shutdown({ deadlineMs: 0 });
      server = await start(port);
    }
    if (round < 3) await until(() => infos.length === round + 1, "it comes back", 60_000);
  }
  await client.close();
  await server.shutdown({ deadlineMs: 0 });
});
