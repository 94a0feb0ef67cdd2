/** A client that stays and says hello: who it is, what it is pushed and what it asks outlive a connection. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { CONN_ACK, frame, join, SUBMIT_ACK } from "../helpers/frames.ts";
import { FramePeer, GO_AWAY, PING, PUSH, RESPONSE } from "../helpers/hello.ts";
import { listen } from "../helpers/peer.ts";
import { connect, serve, turns, until } from "../helpers/runtime.ts";
import { uniform } from "../helpers/uniform.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";
import type { SubmitConnection } from "../../src/protocol/submit/server/handlers.ts";
import type { Feature } from "../../src/protocol/submit/commands.ts";

type Test = { teardown(fn: () => Promise<unknown> | void): unknown };

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A network in memory, a clock for the client, and what its options have in common. */
function world() {
  const transport = memoryNetwork();
  const clock = new VirtualClock();
  const options = {
    reconnect: true,
    hello: "required",
    token: "s3cret",
    agent: "t/1",
    heartbeatMs: 0,
    transport,
    clock,
    random: uniform(1),
    lingerMs: 0,
  } as const;
  return { transport, clock, options };
}

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 10) {
    clock.advance(10);
    await turns(2);
  }
}

function ends(t: Test, client: { close(o: object): Promise<void> }, clock: VirtualClock): void {
  t.teardown(async () => {
    const closing = client.close({ deadlineMs: 0 });
    await pass(clock, 30);
    await closing;
  });
}

t.test("each connection says who the client is; request, ping and onPush go on", async (t) => {
  const { transport, clock, options } = world();
  const conns: SubmitConnection[] = [];
  const server = await serve({
    port: 0,
    transport,
    authenticate: ({ auth }) => auth !== undefined && "token" in auth && auth.token === "s3cret",
  }, {
    submit() {},
    request: (packet, conn) => `${packet.text()} on ${conn.id} to ${conn.agent}`,
  });
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  server.on("connect", (conn) => conns.push(conn as SubmitConnection));
  const features: Feature[] = ["request", "ping", "push", "crc32c", "lz4"];
  const client = await connect(`tcp://127.0.0.1:${server.addr.port}`, { ...options, features });
  ends(t, client, clock);
  const pushed: string[] = [];
  client.onPush((payload) => void pushed.push(text(payload)));
  t.equal(text(await client.request("one")), "one on 1 to t/1");
  t.ok(await client.ping() >= 0);
  conns[0]!.push("first");
  await until(() => pushed.length === 1, "a push");

  for (let round = 2; round <= 4; round++) {
    conns.at(-1)!.close();
    await until(() => client.status === "down", "it is lost");
    const waiting = client.request("again", { timeoutMs: 60_000 });
    const ping = client.ping();
    await pass(clock, 5000);
    t.equal(text(await waiting), `again on ${round} to t/1`);
    t.ok(await ping >= 0);
    t.strictSame([...client.features()].sort(), [...features].sort());
    conns.at(-1)!.push(`round ${round}`);
    server.broadcast("to all");
    await until(() => pushed.length === round * 2 - 1, "pushes, numbered from one again");
  }
  t.strictSame(pushed.slice(-2), ["round 4", "to all"]);
  t.equal(conns.length, 4);
});

t.test("a request that was under way is made again only when it is idempotent", async (t) => {
  const { transport, clock, options } = world();
  const server = await listen(transport);
  t.teardown(() => server.close());
  const connecting = connect(`tcp://127.0.0.1:${server.port}`, options);
  let peer = await greets(server);
  const client = await connecting;
  ends(t, client, clock);
  const repeated = client.request("a", { idempotent: true, timeoutMs: 60_000 });
  const lost = client.request("b", { timeoutMs: 60_000 });
  lost.catch(() => {});
  t.match(await peer.says(), /^03 00000001 .{8}61$/);
  t.match(await peer.says(), /^03 00000002 .{8}62$/);
  peer.peer.reset();
  await t.rejects(lost, { code: "CONNECTION_RESET", outcome: "unknown" });
  const next = greets(server);
  await pass(clock, 5000);
  peer = await next;
  t.match(await peer.says(), /^03 00000001 .{8}61$/, "with a number of the new connection");
  peer.write(frame(RESPONSE, 1, "\0fine"));
  t.equal(text(await repeated), "fine");
});

t.test("listeners set while no server is there hear of the next one; acknowledgements begin anew", async (t) => {
  const { transport, clock, options } = world();
  const server = await listen(transport);
  t.teardown(() => server.close());
  const connecting = connect(`tcp://127.0.0.1:${server.port}`, options);
  let peer = await greets(server);
  const client = await connecting;
  ends(t, client, clock);
  peer.peer.reset();
  await until(() => client.status === "down", "it is lost");
  const pushed: string[] = [];
  const notices: string[] = [];
  client.onPush((payload) => void pushed.push(text(payload)));
  client.onGoAway(({ reason }) => void notices.push(reason));
  for (let round = 0; round < 2; round++) {
    const next = greets(server);
    await pass(clock, 10_000);
    peer = await next;
    peer.write(join(frame(PUSH, 1, "a"), frame(PUSH, 2, "b"), frame(PING, 7, "c")));
    t.strictSame([await peer.says(), await peer.says()].sort(), [
      "85 00000007 63",
      "86 00000002",
    ]);
    peer.write(frame(GO_AWAY, 0, "\0\0\0\0\0\0\0\0bye"));
    await until(() => notices.length === round + 1, "a notice");
    peer.peer.reset();
    await until(() => client.status === "down", "it is lost");
  }
  t.strictSame(pushed, ["a", "b", "a", "b"]);
  t.strictSame(notices, ["bye", "bye"]);
});

t.test("a server that refuses the hello is tried again, and the client says why it is down", async (t) => {
  const { transport, clock, options } = world();
  const server = await listen(transport);
  t.teardown(() => server.close());
  const connecting = connect(`tcp://127.0.0.1:${server.port}`, options);
  const first = await greets(server);
  const client = await connecting;
  ends(t, client, clock);
  const seen: unknown[] = [];
  client.on("status", ({ status, error }) => {
    seen.push([status, (error as { code?: string } | undefined)?.code]);
  });
  first.peer.reset();
  const refusing = server.next().then(async (raw) => {
    const peer = new FramePeer(raw);
    await peer.next();
    peer.write(frame(CONN_ACK, 0, "\x04\0\0\x01\x02"));
    await raw.ended;
    raw.end();
  });
  await pass(clock, 5000);
  await refusing;
  const next = greets(server);
  await pass(clock, 20_000);
  const peer = await next;
  const call = client.submit("x", { timeoutMs: 60_000 });
  t.equal(await peer.says(), "02 00000001 78");
  peer.write(frame(SUBMIT_ACK, 1, "\0"));
  await call;
  t.strictSame(seen, [["down", "CONNECTION_RESET"], ["down", "BUSY"], ["up", undefined]]);
});

/** The next connection to a server that a test plays, once it is welcomed with all that costs nothing. */
async function greets(server: Awaited<ReturnType<typeof listen>>): Promise<FramePeer> {
  const peer = new FramePeer(await server.next());
  const conn = await peer.next();
  const hello = JSON.parse(text(conn!.body)) as {
    auth: unknown;
    agent: unknown;
    features: unknown;
  };
  if (JSON.stringify([hello.auth, hello.agent]) !== '[{"token":"s3cret"},"t/1"]') {
    throw new Error(`another hello: ${text(conn!.body)}`);
  }
  const json = JSON.stringify({ version: 1, features: hello.features });
  peer.write(frame(CONN_ACK, 0, `\0${json}`));
  return peer;
}
