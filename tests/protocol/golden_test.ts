/** Byte for byte what both protocols send: the golden frames of tests/vectors/submit_echo.json. */

import t from "tap";
import { fromHex, toHex } from "../helpers/frames.ts";
import { listen } from "../helpers/peer.ts";
import { readJson } from "../helpers/root.ts";
import { connect } from "../helpers/runtime.ts";
import { optionsOf, peerOf, settings, start } from "../helpers/settings.ts";

interface Exchange {
  readonly name: string;
  readonly sent: string;
  readonly answered: string;
}

interface Vectors {
  readonly submit: readonly Exchange[];
  readonly echo: readonly Exchange[];
  readonly client: {
    readonly submitted: readonly string[];
    readonly sent: string;
    readonly echoed: readonly string[];
    readonly sentByEcho: string;
  };
}

const vectors = readJson<Vectors>("tests/vectors/submit_echo.json");

function judge(packet: { text(): string }): void {
  if (packet.text() === "fail") throw new Error("asked to fail");
}

for (const setting of settings()) {
  for (const isAsync of [false, true]) {
    const how = `${setting.name}, ${isAsync ? "async" : "sync"} handlers`;
    t.test(`submit: every exchange alone, without a Conn before it (${how})`, async (t) => {
      // deno-lint-ignore require-await -- what it throws must reject
      const submit = isAsync ? async (packet: { text(): string }) => judge(packet) : judge;
      const server = await start(t, setting, { submit });
      for (const { name, sent, answered } of vectors.submit) {
        const peer = await peerOf(server, setting);
        peer.write(fromHex(sent));
        peer.end();
        t.equal(toHex(await peer.readToEnd()), answered.replaceAll(" ", ""), name);
      }
    });

    t.test(`submit: every exchange on one connection, byte by byte (${how})`, async (t) => {
      // deno-lint-ignore require-await -- what it throws must reject
      const submit = isAsync ? async (packet: { text(): string }) => judge(packet) : judge;
      const server = await start(t, setting, { submit });
      const peer = await peerOf(server, setting);
      for (const { sent } of vectors.submit) {
        for (const byte of fromHex(sent)) peer.write(Uint8Array.of(byte));
      }
      peer.end();
      const answered = vectors.submit.map((exchange) => exchange.answered).join("");
      t.equal(toHex(await peer.readToEnd()), answered.replaceAll(" ", ""));
    });

    t.test(`echo: every exchange (${how})`, async (t) => {
      const handlers = isAsync ? { data: () => Promise.resolve() } : {};
      const server = await start<"echo">(t, setting, handlers, { protocol: "echo" });
      const all = await peerOf(server, setting);
      for (const { name, sent, answered } of vectors.echo) {
        const peer = await peerOf(server, setting);
        peer.write(fromHex(sent));
        peer.end();
        t.equal(toHex(await peer.readToEnd()), answered.replaceAll(" ", ""), name);
        all.write(fromHex(sent));
      }
      all.end();
      const answered = vectors.echo.map((exchange) => exchange.answered).join("");
      t.equal(toHex(await all.readToEnd()), answered.replaceAll(" ", ""), "on one connection");
    });
  }

  t.test(`what the submit client sends (${setting.name})`, async (t) => {
    const server = await listen(setting.transport);
    t.teardown(() => server.close());
    const client = await connect(`tcp://127.0.0.1:${server.port}`, optionsOf(setting));
    const peer = await server.next();
    const expected = fromHex(vectors.client.sent);
    const answers = vectors.client.submitted.map((text) => client.submit(text));
    t.equal(toHex(await peer.read(expected.length)), toHex(expected));
    peer.write(fromHex("0000000e82303030303030303100 0000000e82303030303030303200"));
    peer.write(fromHex("0000000e82303030303030303300"));
    await Promise.all(answers);
    const closing = client.close();
    await peer.ended;
    peer.end();
    await closing;
    t.equal(peer.receivedBytes, expected.length, "and nothing else");
  });

  t.test(`what the echo client sends (${setting.name})`, async (t) => {
    const server = await listen(setting.transport);
    t.teardown(() => server.close());
    const url = `tcp://127.0.0.1:${server.port}`;
    const client = await connect(url, { protocol: "echo", ...optionsOf(setting) });
    const peer = await server.next();
    const expected = fromHex(vectors.client.sentByEcho);
    const answers = vectors.client.echoed.map((text) => client.echo(text));
    t.equal(toHex(await peer.read(expected.length)), toHex(expected));
    peer.write(fromHex("0000000200000003646566 0000000200000000"));
    t.strictSame((await Promise.all(answers)).map(toHex), ["646566", ""]);
    const closing = client.close();
    await peer.ended;
    peer.end();
    await closing;
  });
}
