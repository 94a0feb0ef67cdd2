/** Node's Buffer, whose `slice` is no copy: what is kept of one is what it was when it was given. */

import { Buffer } from "node:buffer";
import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { echoFrame, join, submit, toHex } from "../helpers/frames.ts";
import { framePeer, request, response } from "../helpers/hello.ts";
import { listen } from "../helpers/peer.ts";
import { connect, connectAndStay, serve } from "../helpers/runtime.ts";

/** Payloads that are used again as soon as they were given. */
function given(text: string): { readonly buffer: Buffer; change(): void } {
  const buffer = Buffer.from(text);
  return { buffer, change: () => void buffer.fill("x") };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

for (const mode of ["plain", "hello", "session"] as const) {
  t.test(`submits that wait for room (${mode})`, async (t) => {
    const transport = memoryNetwork();
    const handled: string[] = [];
    const server = await serve({ port: 0, transport, sessions: {} }, {
      submit: (packet) => void handled.push(packet.text()),
    });
    t.teardown(() => server.shutdown({ deadlineMs: 0 }));
    const client = await connectAndStay(`tcp://127.0.0.1:${server.addr.port}`, {
      transport,
      maxInFlight: 1,
      ...(mode === "hello" ? { hello: "required" } : mode === "session" ? { session: true } : {}),
    });
    t.teardown(() => client.close({ deadlineMs: 0 }));
    const payloads = ["one", "two", "three"].map(given);
    const calls = payloads.map(({ buffer }) => client.submit(buffer, { idempotent: true }));
    for (const { change } of payloads) change();
    await Promise.all(calls);
    const bare = ["four", "five", "six"].map(given);
    const more = bare.map(({ buffer }) => client.submit(buffer));
    for (const { change } of bare) change();
    await Promise.all(more);
    t.strictSame(handled, ["one", "two", "three", "four", "five", "six"]);
  });
}

t.test("echoes that wait for room, and the last part of an upload", async (t) => {
  const transport = memoryNetwork();
  const peers = await listen(transport);
  t.teardown(() => peers.close());
  const url = `tcp://127.0.0.1:${peers.port}`;
  const client = await connect(url, { transport, protocol: "echo", maxInFlight: 1 });
  const peer = await peers.next();
  const { buffer, change } = given("two");
  const calls = [client.echo("one"), client.echo(buffer)];
  change();
  await peer.read(11);
  peer.write(echoFrame(2, "one"));
  t.equal(text((await peer.read(22)).slice(11 + 8)), "two");
  peer.write(echoFrame(2, "two"));
  await Promise.all(calls);
  void client.close({ deadlineMs: 0 });

  const uploads = await connect(url, { transport });
  const sink = await peers.next();
  const part = given("abc");
  const source = (async function* () {
    yield part.buffer;
    part.change();
  })();
  uploads.submit(source, { bytes: 3 }).catch(() => {});
  t.equal(toHex((await sink.read(16)).slice(13)), "616263");
  void uploads.close({ deadlineMs: 0 });
});

t.test("a session's pushes and answers", async (t) => {
  const transport = memoryNetwork();
  const answer = given("answer");
  const server = await serve({ port: 0, transport, sessions: {} }, {
    submit(_packet, conn) {
      const push = given("push");
      conn.session!.push(push.buffer);
      push.change();
    },
    request: () => answer.buffer,
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const setting = { name: "", codec: "ts", transport } as const;
  const features = ["request", "push"];
  const first = await framePeer(server, setting);
  const { session } = await first.greet({ features, session: {} });
  const { id, secret } = session as { readonly id: string; readonly secret: string };
  first.write(join(request(1, "?"), submit(2)));
  t.strictSame([await first.says(), await first.says(), await first.says()].sort(), [
    "06 00000001 70757368",
    "82 00000002 00",
    response(1, 0, "answer"),
  ]);
  answer.change();
  const second = await framePeer(server, setting);
  await second.greet({ features, session: { id, secret } });
  t.equal(await second.says(), "06 00000001 70757368", "the push again");
  second.write(request(1, "?"));
  t.equal(await second.says(), response(1, 0, "answer"), "and the answer");
  second.peer.end();
});
