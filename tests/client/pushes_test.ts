/** Loops over pushes: in their order, acknowledged once handled, bounded, over several connections. */

import t from "tap";
import type { SubmitConnection } from "../../src/protocol/submit/server/handlers.ts";
import { frame, join } from "../helpers/frames.ts";
import { CONN_ACK } from "../helpers/frames.ts";
import { FramePeer, PUSH, PUSH_ACK } from "../helpers/hello.ts";
import { listen } from "../helpers/peer.ts";
import { connect, serve, turns, until } from "../helpers/runtime.ts";
import { ends, pass, world } from "../helpers/staying.ts";
import { memoryNetwork } from "../../src/link/memory.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A client of a server that a test plays, with the feature push. */
async function played(t: { teardown(fn: () => unknown): unknown }) {
  const transport = memoryNetwork();
  const server = await listen(transport);
  t.teardown(() => server.close());
  const url = `tcp://127.0.0.1:${server.port}`;
  const connecting = connect(url, { transport, hello: "required", lingerMs: 0 });
  const peer = new FramePeer(await server.next());
  await peer.next();
  const welcome = encode(JSON.stringify({ version: 1, features: ["push", "ping"] }));
  peer.write(frame(CONN_ACK, 0, join(Uint8Array.of(0), welcome)));
  const client = await connecting;
  t.teardown(() => client.close({ deadlineMs: 0 }));
  let sent = 0;
  const push = (...texts: string[]) => {
    for (const text of texts) peer.write(frame(PUSH, ++sent, text));
  };
  return { client, peer, push };
}

t.test("each push is acknowledged when the next one is asked for", async (t) => {
  const { client, peer, push } = await played(t);
  const pushes = client.pushes();
  push("a", "b", "c");
  t.equal(text((await pushes.next()).value!), "a");
  await turns();
  const acked = peer.says();
  let told: string | undefined;
  void acked.then((says) => told = says);
  await turns();
  t.equal(told, undefined, "a is in hand");
  t.equal(text((await pushes.next()).value!), "b");
  t.equal(await acked, `${PUSH_ACK.toString(16)} 00000001`);
  t.equal(text((await pushes.next()).value!), "c");
  const waiting = pushes.next();
  t.equal(await peer.says(), "86 00000002");
  t.equal(await peer.says(), "86 00000003");
  push("d");
  t.equal(text((await waiting).value!), "d", "what comes later ends the wait");
});

t.test("leaving a loop acknowledges what it had in hand; the rest waits for the next loop or handler", async (t) => {
  const { client, peer, push } = await played(t);
  push("a", "b", "c", "d");
  for await (const pushed of client.pushes()) {
    t.equal(text(pushed), "a");
    break;
  }
  t.equal(await peer.says(), "86 00000001");
  for await (const pushed of client.pushes()) {
    t.equal(text(pushed), "b");
    break;
  }
  t.equal(await peer.says(), "86 00000002");
  const handled: string[] = [];
  client.onPush((payload) => void handled.push(text(payload)));
  await until(() => handled.length === 2, "the rest");
  t.strictSame(handled, ["c", "d"]);
  t.equal(await peer.says(), "86 00000004");
});

t.test("a second loop takes the place of the first, and none is handed to both", async (t) => {
  const { client, push } = await played(t);
  const first = client.pushes();
  const waits = first.next();
  const second = client.pushes();
  t.strictSame(await waits, { done: true, value: undefined });
  push("a");
  t.equal(text((await second.next()).value!), "a");
  t.strictSame(await first.next(), { done: true, value: undefined });
});

t.test("a loop that takes its time holds up the server: no more than 1,024 wait", async (t) => {
  const { client, peer, push } = await played(t);
  const pushes = client.pushes();
  push(...Array.from({ length: 3000 }, (_, i) => `${i}`));
  t.equal(text((await pushes.next()).value!), "0");
  await turns(10);
  const pings: unknown[] = [];
  void client.ping().then((ms) => pings.push(ms));
  const ping = await peer.next();
  peer.write(frame(0x85, ping!.id, ping!.body));
  await turns(10);
  t.equal(pings.length, 0, "what is behind the pushes is not read");
  const rest: string[] = [];
  while (rest.length < 2999) rest.push(text((await pushes.next()).value!));
  t.strictSame(rest, Array.from({ length: 2999 }, (_, i) => `${i + 1}`));
  await pushes.return!();
  await until(() => pings.length === 1, "reading goes on");
});

t.test("pushes that nobody loops over wait, the newest 1,024, and hold up nothing", async (t) => {
  const { client, peer, push } = await played(t);
  await client.pushes().return!();
  push(...Array.from({ length: 3000 }, (_, i) => `${i}`));
  const ping = client.ping();
  let says = await peer.next();
  while (says!.command === PUSH_ACK) says = await peer.next();
  peer.write(frame(0x85, says!.id, says!.body));
  t.ok(await ping >= 0);
  t.equal(text((await client.pushes().next()).value!), `${3000 - 1024}`);
});

t.test("a loop ends when the client is closed, behind what had come", async (t) => {
  const { client, push } = await played(t);
  const pushes = client.pushes();
  push("a", "b");
  t.equal(text((await pushes.next()).value!), "a");
  await turns();
  await client.close();
  const rest: string[] = [];
  for await (const pushed of pushes) rest.push(text(pushed));
  t.strictSame(rest, ["b"]);
  t.strictSame(await client.pushes().next(), { done: true, value: undefined });
});

t.test("what a handler throws is reported, also of a push that waited for it", async (t) => {
  const { client, push } = await played(t);
  await client.pushes().return!();
  push("early");
  await turns();
  const handled: string[] = [];
  client.onPush((payload) => {
    handled.push(text(payload));
    throw new Error("no");
  });
  push("late");
  await until(() => handled.length === 2, "both");
  t.strictSame(handled, ["early", "late"]);
});

t.test("one loop goes on over connections that come and go", async (t) => {
  const { clock, options, transport } = await world(t, 0);
  const conns: SubmitConnection[] = [];
  const server = await serve({ port: 0, transport, lingerMs: 0 }, { submit() {} });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  server.on("connect", (conn) => conns.push(conn as SubmitConnection));
  const url = `tcp://127.0.0.1:${server.addr.port}`;
  const client = await connect(url, { ...options, hello: "required" });
  ends(t, client, clock);
  const seen: string[] = [];
  void (async () => {
    for await (const pushed of client.pushes()) seen.push(text(pushed));
    seen.push("over");
  })();
  for (let round = 1; round <= 3; round++) {
    await until(() => conns.length === round, "a connection");
    conns.at(-1)!.push(`from ${round}`);
    await until(() => seen.length === round, "a push");
    conns.at(-1)!.close();
    await until(() => client.status === "down", "it is lost");
    await pass(clock, 5000);
  }
  t.strictSame(seen, ["from 1", "from 2", "from 3"]);
  const closing = client.close({ deadlineMs: 0 });
  await pass(clock, 100);
  await closing;
  await until(() => seen.at(-1) === "over", "the end of the loop");
});
