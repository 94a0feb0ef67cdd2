/** Calls that are made again: within their deadlines and a budget, and not once nobody waits for them. */

import t from "tap";
import { connect, turns } from "../helpers/runtime.ts";
import { answers } from "../helpers/hello.ts";
import { acks, frame } from "../helpers/frames.ts";
import { ends, fate, pass, type Test, world } from "../helpers/staying.ts";

/** A client of one server that has answered its first call: busy, come back in 30 s. */
async function told(t: Test) {
  const { clock, peers, urls, options } = await world(t, 1);
  const patient = { requestTimeoutMs: 60_000, heartbeatMs: 0 };
  const connecting = connect(urls[0]!, { ...options, hello: "required", ...patient });
  const peer = await answers(peers[0]!);
  const client = await connecting;
  ends(t, client, clock);
  const busy = async () => {
    await peer.next();
    peer.write(frame(0x82, 1, "\x04\0\0\x75\x30"));
    await turns();
  };
  return { client, clock, peer: peer.peer, busy };
}

t.test("given up while it waits, it fails at once, and is not made again", async (t) => {
  const { client, clock, peer, busy } = await told(t);
  const abort = new AbortController();
  const call = client.submit("x", { idempotent: true, signal: abort.signal });
  const seen = fate(call);
  await busy();
  t.strictSame([seen.now, client.pending], ["waits", 1]);
  abort.abort(new Error("enough"));
  await turns();
  t.equal(seen.now, "CANCELLED unknown", "what is busy may have done a part");
  await t.rejects(call, { cause: { message: "enough" } });
  t.equal(client.pending, 0);
  const received = peer.receivedBytes;
  await pass(clock, 45_000, 1000);
  t.equal(peer.receivedBytes, received);
});

t.test("a client that is closed does not leave it waiting", async (t) => {
  const { client, clock, busy } = await told(t);
  const call = fate(client.submit("x", { idempotent: true }));
  await busy();
  const closing = client.close();
  await turns();
  t.equal(call.now, "RESULT_FAILED answered", "it was refused, and that is known");
  await pass(clock, 100);
  await closing;
  t.equal(clock.pending, 0, "nothing goes on");
});

t.test("a wait that would outlast the call's deadline is not begun", async (t) => {
  const { client, busy } = await told(t);
  const call = fate(client.submit("x", { idempotent: true, timeoutMs: 20_000 }));
  await busy();
  t.equal(call.now, "RESULT_FAILED answered", "30 s are more than it has");
});

t.test("retries are a fifth of the calls and ten a second, however many calls fail", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const patient = { requestTimeoutMs: 60_000, heartbeatMs: 0 };
  const connecting = connect(urls[0]!, { ...options, hello: "required", ...patient });
  const peer = await answers(peers[0]!);
  const client = await connecting;
  ends(t, client, clock);
  let asked = 0;
  let over = false;
  const serving = (async () => {
    for (let came; !over && (came = await peer.next()) !== undefined;) {
      asked++;
      peer.write(frame(0x82, Number(came.id), "\x04\0\0\0\0"));
    }
  })();
  const calls = Array.from({ length: 400 }, () => fate(client.submit("x", { idempotent: true })));
  const SECONDS = 5;
  await pass(clock, SECONDS * 1000, 50);
  const most = 400 * 1.2 + 100 + 10 * SECONDS; // and what ten quiet seconds had saved
  t.ok(asked > 400 + 100 && asked <= most, `${asked} times`);
  t.ok(calls.filter(({ now }) => now === "RESULT_FAILED answered").length > 300);
  over = true;
  peer.peer.reset();
  await serving;
});

t.test("waits between attempts double, and are left to chance", async (t) => {
  for (const [chance, waits] of [[0.5, [0, 5, 15, 35, 75]], [0.1, [0, 1, 3, 7, 15]]] as const) {
    const { clock, peers, urls, options } = await world(t, 1);
    const own = { ...options, random: () => chance, heartbeatMs: 0 };
    const connecting = connect(urls[0]!, { ...own, hello: "required" });
    const peer = await answers(peers[0]!);
    const client = await connecting;
    ends(t, client, clock);
    const since = clock.now();
    const asked: number[] = [];
    const serving = (async () => {
      for (let came; asked.length < 5 && (came = await peer.next()) !== undefined;) {
        asked.push(clock.now() - since);
        peer.write(frame(0x82, Number(came.id), asked.length < 5 ? "\x04\0\0\0\0" : "\0"));
      }
    })();
    const call = fate(client.submit("x", { idempotent: true }));
    await turns();
    await pass(clock, 100, 1);
    await serving;
    await turns();
    t.strictSame([call.now, asked], ["ok", waits]);
  }
});

t.test("a server's connections share its calls: each goes where the fewest wait", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const client = await connect(urls[0]!, { ...options, connectionsPerServer: 3 });
  ends(t, client, clock);
  const all = [await peers[0]!.next(), await peers[0]!.next(), await peers[0]!.next()];
  await turns();
  for (let i = 0; i < 9; i++) client.submit("x").catch(() => {});
  await turns();
  t.strictSame(all.map((peer) => peer.receivedBytes), [42, 42, 42]);
  all[1]!.write(acks(2));
  await turns();
  for (let i = 0; i < 2; i++) client.submit("x").catch(() => {});
  await turns();
  t.strictSame(all.map((peer) => peer.receivedBytes), [42, 70, 42]);
});
