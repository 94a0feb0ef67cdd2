/** TLS from end to end: certificates of both sides, names, protocols, reload, and every way to fail. */

import t from "tap";
import { createServer, type Server as NetServer } from "node:net";
import * as net from "node:net";
import * as tls from "node:tls";
import { once } from "node:events";
import { connect, runtime, serve, until } from "../helpers/runtime.ts";
import type { FramewireError } from "../../src/errors.ts";
import type { TlsClientOptions, TlsInfo, TlsServerOptions } from "../../mod.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { join, submit } from "../helpers/frames.ts";
import { read } from "../helpers/root.ts";

const pem = (name: string) => read(`tests/fixtures/tls/${name}`);
const identity = (name: string) => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) });
const ca = pem("ca.pem");

interface Teardown {
  teardown(fn: () => Promise<unknown> | void): unknown;
}

/** A server of the echo protocol with TLS, its errors, and what it knows of its clients. */
async function secure(t: Teardown, tls: Partial<TlsServerOptions> = {}, more: object = {}) {
  const errors: FramewireError[] = [];
  const infos: (TlsInfo | undefined)[] = [];
  const server = await serve({
    port: 0,
    protocol: "echo",
    lingerMs: 500,
    tls: { ...identity("server"), ...tls },
    on: {
      error: (error) => errors.push(error),
      connect: (conn) => infos.push(conn.tls),
    },
    ...more,
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  return { server, errors, infos, port: server.addr.port };
}

async function dial(t: Teardown, port: number, tls: TlsClientOptions = { ca }, host = "127.0.0.1") {
  const client = await connect(`tls://${host}:${port}`, { protocol: "echo", tls, lingerMs: 500 });
  t.teardown(() => client.close({ deadlineMs: 0 }));
  return client;
}

const roundTrip = async (client: { echo(text: string): Promise<Uint8Array> }) =>
  new TextDecoder().decode(await client.echo("hello"));

t.test("a client that trusts the authority talks with the server, and both know of it", async (t) => {
  const { server, port, infos, errors } = await secure(t);
  const client = await dial(t, port);
  t.equal(await roundTrip(client), "hello");
  t.match(client.tls, {
    version: "TLSv1.3",
    authorized: true,
    subject: "CN=localhost",
    issuer: "CN=Framewire test authority",
    fingerprint: /^[0-9a-f]{64}$/,
  });
  t.strictSame(infos, [{ version: "TLSv1.3", authorized: false }]);
  t.strictSame([...server.connections()].map((conn) => conn.info().tls), infos);
  t.strictSame(errors, []);
  const plain = await serve({
    port: 0,
    protocol: "echo",
    on: { connect: (c) => infos.push(c.tls) },
  });
  t.teardown(() => plain.shutdown());
  await (await connect(`tcp://127.0.0.1:${plain.addr.port}`, { protocol: "echo" })).close();
  t.equal(infos[1], undefined);
});

t.test("who has too much under way is not read from", async (t) => {
  let release!: () => void;
  const released = new Promise<void>((resolve) => release = resolve);
  const server = await serve({
    port: 0,
    tls: identity("server"),
    maxInFlight: 1,
    maxFrameBytes: 2 << 20,
  }, { submit: (packet) => packet.payload.length > 100 ? released : undefined });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const socket = tls.connect({ port: server.addr.port, host: "127.0.0.1", ca });
  t.teardown(() => void socket.destroy());
  await once(socket, "secureConnect");
  let isWritten = false;
  const much = Array.from({ length: 32 }, (_, i) => submit(i, new Uint8Array(1 << 20)));
  socket.write(join(...much), () => isWritten = true);
  const other = await connect(`tls://127.0.0.1:${server.addr.port}`, { tls: { ca } });
  t.teardown(() => other.close({ deadlineMs: 0 }));
  for (let i = 0; i < 200; i++) await other.submit("hello");
  t.equal(isWritten, false, "it waits with its sender");
  release();
  await until(() => isWritten, "then all is read");
});

t.test("large messages go through whole, many at once, both ways", async (t) => {
  const { port } = await secure(t);
  const client = await dial(t, port);
  const payloads = Array.from({ length: 24 }, (_, i) => new Uint8Array(i * 40_009).fill(i));
  const echoes = await Promise.all(payloads.map((payload) => client.echo(payload)));
  t.ok(echoes.every((echo, i) => echo.length === i * 40_009 && echo.every((byte) => byte === i)));
});

t.test("the client says what is wrong with the server's certificate, and sends nothing", async (t) => {
  const { port, server } = await secure(t, {
    sni: { "expired.localhost": identity("expired") },
  });
  const cases: [tls: TlsClientOptions, says: RegExp][] = [
    [{}, /authority that this side does not trust/],
    [{ ca: pem("other-ca.pem") }, /authority that this side does not trust/],
    [{ ca, serverName: "example.test" }, /as example\.test: the certificate is not for this host/],
    [{ ca, serverName: "expired.localhost" }, /certificate has expired on .*2020/],
  ];
  for (const [tls, message] of cases) {
    await t.rejects(dial(t, port, tls), { code: "TLS_FAILED", message });
  }
  t.equal(server.stats().requests, 0);
  t.equal(server.stats().bytesIn, 0);
  t.equal(await roundTrip(await dial(t, port)), "hello");
});

for (const sni of [undefined, { "example.test": identity("example") }]) {
  const how = sni === undefined ? "" : ", with a certificate by name too";
  t.test(`a required client certificate must be there, trusted and valid${how}`, async (t) => {
    const { port, errors, infos } = await secure(t, { clientCa: ca, ...(sni && { sni }) });
    const serverName = sni === undefined ? "localhost" : "example.test";
    const known = await dial(t, port, { ca, serverName, ...identity("client") });
    t.equal(await roundTrip(known), "hello");
    t.match(infos, [{
      authorized: true,
      subject: "CN=client-7",
      issuer: "CN=Framewire test authority",
      fingerprint: /^[0-9a-f]{64}$/,
    }]);
    const refused: [who: object, says: RegExp][] = [
      [{}, /sent no certificate/],
      [identity("stranger"), /authority that this side does not trust/],
      [identity("expired-client"), /expired|does not trust/],
    ];
    for (const [who, says] of refused) {
      const before = errors.length;
      // With TLS 1.3 a client learns only after its handshake that the server refuses it.
      const client = await dial(t, port, { ca, serverName, ...who }).catch(() => undefined);
      if (client !== undefined) {
        await t.rejects(client.echo("secret"));
        const { error } = await client.closed;
        if (Object.keys(who).length === 0) {
          t.match(error, { code: "TLS_FAILED", message: /requires a client certificate/ });
        }
      }
      await until(() => errors.length > before, "the error event");
      t.match(errors.at(-1), { code: "TLS_FAILED", message: says });
      t.equal(errors.length, before + 1, "one event");
    }
    t.equal(infos.length, 1, "none of them became a connection");
    t.equal(await roundTrip(known), "hello");
  });
}

t.test("a client certificate that is only asked for may be missing or of a stranger", async (t) => {
  const { port, infos } = await secure(t, { clientCa: ca, clientCertificate: "request" });
  t.equal(await roundTrip(await dial(t, port)), "hello");
  t.equal(await roundTrip(await dial(t, port, { ca, ...identity("stranger") })), "hello");
  t.equal(await roundTrip(await dial(t, port, { ca, ...identity("client") })), "hello");
  t.match(infos, [
    { authorized: false, subject: undefined },
    { authorized: false, subject: "CN=stranger" },
    { authorized: true, subject: "CN=client-7" },
  ]);
});

t.test("a reload takes another authority, and names where there were none", async (t) => {
  const clientCertificate = "request" as const;
  const { server, port, infos } = await secure(t, { clientCa: ca, clientCertificate });
  const visit = async (serverName = "localhost") => {
    const client = await dial(t, port, { ca, serverName, ...identity("client") });
    t.equal(await roundTrip(client), "hello");
    return client.tls!.subject;
  };
  t.equal(await visit(), "CN=localhost");
  const sni = { "example.test": identity("example") };
  const clientCa = pem("other-ca.pem");
  server.reconfigure({ tls: { ...identity("server"), clientCa, clientCertificate, sni } });
  t.equal(await visit("example.test"), "CN=example.test");
  t.equal(await visit(), "CN=localhost");
  t.match(infos, [{ authorized: true }, { authorized: false }, { authorized: false }]);
  server.reconfigure({ tls: { ...identity("server"), clientCa: ca, clientCertificate } });
  t.equal(await visit(), "CN=localhost");
  t.match(infos.at(-1), { authorized: true });
});

t.test("the name that a client asks for chooses the certificate", async (t) => {
  const { port, infos } = await secure(t, {
    sni: { "Example.test": identity("example"), "*.example.test": identity("example") },
  });
  for (const serverName of ["example.test", "a.example.test"]) {
    const client = await dial(t, port, { ca, serverName });
    t.match(client.tls, { subject: "CN=example.test", serverName });
    await roundTrip(client);
  }
  t.match((await dial(t, port, { ca }, "localhost")).tls, { subject: "CN=localhost" });
  await until(() => infos.length === 3, "three connections");
  t.strictSame(infos.map((info) => info?.serverName), [
    "example.test",
    "a.example.test",
    "localhost",
  ]);
  await t.rejects(dial(t, port, { ca, serverName: "b.a.example.test" }), { code: "TLS_FAILED" });
});

t.test("both sides agree on an application protocol, or the connection fails", async (t) => {
  const { port, errors, infos } = await secure(t, { alpn: ["framewire/2", "framewire"] });
  const client = await dial(t, port, { ca, alpn: ["other", "framewire"] });
  await roundTrip(client);
  t.equal(client.tls?.alpn, "framewire");
  t.equal(infos[0]?.alpn, "framewire");
  t.equal((await dial(t, port)).tls?.alpn, undefined);
  const message = /no application protocol in common/;
  await t.rejects(dial(t, port, { ca, alpn: ["h2"] }), { code: "TLS_FAILED", message });
  await until(() => errors.length > 0, "the error event");
  t.match(errors, [{ code: "TLS_FAILED", message }]);
});

t.test("new certificates count for new connections, and old connections live on", async (t) => {
  const { port, server, errors } = await secure(t, {
    sni: { "example.test": identity("example") },
  });
  const old = await dial(t, port);
  const before = old.tls!.fingerprint;
  t.throws(() => server.reconfigure({ tls: { cert: ca, key: "nonsense" } }), {
    code: "INVALID_OPTION",
    message: "tls.key must be a private key as PEM text",
  });
  t.throws(() => server.reconfigure({ tls: { ...identity("server"), clientCa: ca } }), {
    message: /clientCertificate and tls.alpn cannot change/,
  });
  t.equal((await dial(t, port)).tls!.fingerprint, before);
  server.reconfigure({
    tls: { ...identity("renewed"), sni: { "example.test": identity("server") } },
  });
  t.throws(() => server.reconfigure({ tls: undefined } as never), { code: "INVALID_OPTION" });
  const plain = await serve({ port: 0, protocol: "echo" });
  t.teardown(() => plain.shutdown());
  t.throws(() => plain.reconfigure({ tls: identity("server") }), { code: "INVALID_OPTION" });
  const renewed = await dial(t, port);
  t.not(renewed.tls!.fingerprint, before);
  t.equal(await roundTrip(old), "hello");
  t.equal(await roundTrip(renewed), "hello");
  await t.rejects(dial(t, port, { ca, serverName: "example.test" }), { code: "TLS_FAILED" });
  t.strictSame(errors, []);
});

t.test("the least version is kept to", async (t) => {
  const { port } = await secure(t, { minVersion: "1.3" });
  t.equal((await dial(t, port)).tls?.version, "TLSv1.3");
  const old = await secure(t);
  const { connect } = await import("node:tls");
  const attempt = async (port: number, maxVersion: "TLSv1.1" | "TLSv1.2") => {
    const options = { port, host: "127.0.0.1", ca, maxVersion, minVersion: "TLSv1.1" as const };
    try {
      const socket = connect(options);
      await once(socket, "secureConnect");
      socket.destroy();
      return socket.getProtocol();
    } catch {
      return "refused";
    }
  };
  t.equal(await attempt(port, "TLSv1.2"), "refused");
  t.not(await attempt(old.port, "TLSv1.2"), "refused");
  t.equal(await attempt(old.port, "TLSv1.1"), "refused");
});

t.test("whoever speaks something else is one error event, and harms nobody", async (t) => {
  const { server, port, errors, infos } = await secure(t);
  const client = await dial(t, port);
  await roundTrip(client);
  const garbage = Uint8Array.from({ length: 5000 }, (_, i) => (i * 193 + 7) & 255);
  for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "\0\0\0\x0e\0\0\0\x01\0\0\0\x01hi", garbage]) {
    const before = errors.length;
    const raw = net.connect(port, "127.0.0.1");
    raw.on("error", () => {});
    raw.resume().write(bytes);
    await until(() => errors.length > before, "the error event");
    t.match(errors.at(-1), { code: "TLS_FAILED", message: /TLS handshake with .* failed: .+/ });
    await until(() => raw.destroyed, "it is cut off");
    t.equal(errors.length, before + 1);
    t.equal(await roundTrip(client), "hello");
  }
  // One that hangs up in the middle of its hello.
  const raw = net.connect(port, "127.0.0.1", () => raw.end(Uint8Array.of(22, 3, 1, 0, 200)));
  await until(() => errors.length === 4, "the error event");
  t.match(errors[3], { code: "TLS_FAILED", message: /hung up/ });
  raw.destroy();
  t.equal(infos.length, 1);
  t.strictSame(server.stats().errors, { TLS_FAILED: 4 });
});

t.test("a shutdown waits for no handshake", async (t) => {
  const { server, port } = await secure(t);
  const raw = net.connect(port, "127.0.0.1");
  raw.on("error", () => {});
  raw.resume();
  await once(raw, "connect");
  const client = await dial(t, port);
  await roundTrip(client);
  await server.shutdown();
  await until(() => raw.destroyed, "it is cut off");
  await t.rejects(dial(t, port), { code: "CONNECTION_REFUSED" });
});

t.test("a client that finds no TLS says so", async (t) => {
  const plain: NetServer = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume().end("welcome to something else\n");
  });
  await new Promise<void>((listening) => plain.listen(0, "127.0.0.1", listening));
  t.teardown(() => new Promise<void>((closed) => plain.close(() => closed())));
  const { port } = plain.address() as net.AddressInfo;
  await t.rejects(dial(t, port), { code: "TLS_FAILED", message: /is not TLS/ });
  const mute: NetServer = createServer((socket) => socket.destroy());
  await new Promise<void>((listening) => mute.listen(0, "127.0.0.1", listening));
  t.teardown(() => new Promise<void>((closed) => mute.close(() => closed())));
  await t.rejects(dial(t, (mute.address() as net.AddressInfo).port), {
    code: "TLS_FAILED",
    message: /hung up/,
  });
});

t.test("connecting keeps to its deadline while the handshake hangs", async (t) => {
  const sockets: net.Socket[] = [];
  const hanging = createServer((socket) => sockets.push(socket));
  await new Promise<void>((listening) => hanging.listen(0, "127.0.0.1", listening));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    hanging.close();
  });
  const { port } = hanging.address() as net.AddressInfo;
  await t.rejects(connect(`tls://127.0.0.1:${port}`, { connectTimeoutMs: 50, tls: { ca } }), {
    code: "CONNECT_TIMEOUT",
    message: new RegExp(`tls://127.0.0.1:${port} did not answer within 50 ms`),
  });
});

t.test("options that cannot be are refused by name, and no key is shown", async (t) => {
  const serving = (tls: unknown, more = {}) =>
    serve({ port: 0, protocol: "echo", tls: tls as TlsServerOptions, ...more });
  const good = identity("server");
  const cases: [tls: unknown, says: RegExp][] = [
    [true, /tls must be an object \{ cert, key, /],
    [{}, /whose cert and key are PEM texts/],
    [{ ...good, passphrase: "x" }, /without passphrase/],
    [{ ...good, clientCertificate: "require" }, /with the clientCa/],
    [{ ...good, clientCa: ca, clientCertificate: "none" }, /without clientCa/],
    [{ ...good, clientCa: ca, clientCertificate: "maybe" }, /"none", "request" or "require"/],
    [{ ...good, minVersion: "1.1" }, /minVersion is "1.2" or "1.3"/],
    [{ ...good, alpn: [] }, /alpn is a list/],
    [{ ...good, sni: { "a.test": { cert: "x" } } }, /sni has host names/],
    [{ ...good, cert: "nonsense" }, /tls\.cert must be a certificate as PEM text/],
    [{ ...good, key: "nonsense" }, /tls\.key must be a private key as PEM text/],
    [{ ...good, key: pem("client.key") }, /tls\.key is not the key of tls\.cert/],
    [{ ...good, clientCa: "nonsense" }, /tls\.clientCa must be certificates/],
    [
      { ...good, sni: { "a.test": { ...good, key: "secret" } } },
      /^tls\.sni\["a\.test"\]\.key must be a private key/,
    ],
  ];
  for (const [tls, message] of cases) {
    await t.rejects(serving(tls), { code: "INVALID_OPTION", message });
  }
  await t.rejects(serving(good, { transport: memoryNetwork() }), { code: "UNSUPPORTED" });
  await t.rejects(serving(good, { proxyProtocol: { trusted: ["127.0.0.1"] } }), {
    code: "UNSUPPORTED",
    message: /proxyProtocol does not go together with tls/,
  });
  const clients: [tls: unknown, says: RegExp][] = [
    [{ cert: good.cert }, /both cert and key or none/],
    [{ serverName: "127.0.0.1" }, /host name and no IP address/],
    [{ ca: "nonsense" }, /tls\.ca must be certificates/],
    [{ ...good, key: pem("client.key") }, /tls\.key is not the key/],
    [{ rejectUnauthorized: false }, /without rejectUnauthorized/],
  ];
  for (const [tls, message] of clients) {
    const attempt = connect("tls://127.0.0.1:1", { tls: tls as TlsClientOptions });
    await t.rejects(attempt, { code: "INVALID_OPTION", message });
  }
  await t.rejects(connect("tcp://127.0.0.1:1", { tls: { ca } }), { code: "INVALID_OPTION" });
  await t.rejects(connect("tls://a:1", { transport: memoryNetwork() }), { code: "UNSUPPORTED" });
  t.ok(runtime);
});
