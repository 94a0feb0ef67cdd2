/** Calls that had not left when their connection was lost: made again, with nothing kept for it before. */

import t from "tap";
import { connect, turns } from "../helpers/runtime.ts";
import { ack, submit as submitFrame } from "../helpers/frames.ts";
import { ends, fate, listenAt, pass, type Test, world } from "../helpers/staying.ts";

/** More than the network takes while nobody reads: what is submitted after it does not leave. */
const BIG = new Uint8Array(200_000);

/** A client whose connection is blocked by a big submit, on a clock that stands still. */
async function blocked(t: Test, options: object = {}) {
  const { clock, peers, urls, options: own, transport } = await world(t, 1);
  const client = await connect(urls[0]!, { ...own, ...options });
  ends(t, client, clock);
  const first = await peers[0]!.next();
  first.pause();
  const big = fate(client.submit(BIG));
  await turns();
  /** The connection is lost, and the server is back on the same port. */
  const lose = async () => {
    await peers[0]!.close();
    first.reset();
    await turns();
    const again = await listenAt(transport, peers[0]!.port);
    t.teardown(() => again.close());
    return again;
  };
  return { client, clock, big, lose };
}

/** The payloads of submits, in their order. */
function payloads(bytes: Uint8Array): string[] {
  const found: string[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 0; at < bytes.length; at += view.getUint32(at)) {
    found.push(String.fromCharCode(...bytes.subarray(at + 13, at + view.getUint32(at))));
  }
  return found;
}

t.test("submits that had not left go out on the next connection, as they were", async (t) => {
  const { client, clock, big, lose } = await blocked(t);
  const payload = Uint8Array.of(0x61);
  const calls = [client.submit(payload), client.submit("bee"), client.submit("")].map(fate);
  payload[0] = 0x7a;
  await turns();
  t.strictSame(calls.map(({ now }) => now), ["waits", "waits", "waits"]);
  const again = await lose();
  t.equal(big.now, "CONNECTION_RESET unknown", "what had begun to leave is not made again");
  await pass(clock, 2000);
  const second = await again.next();
  t.strictSame(payloads(second.received).sort(), ["", "a", "bee"]);
  for (const id of [1, 2, 3]) {
    second.write(ack(id, payloads(second.received)[id - 1] === "bee" ? 1 : 0));
  }
  await turns();
  t.strictSame(calls.map(({ now }) => now), ["ok", "RESULT_FAILED answered", "ok"]);
  t.equal(client.pending, 0);
});

t.test("their time goes on: they end when they are due, as not sent", async (t) => {
  const { client, clock, lose } = await blocked(t, { requestTimeoutMs: 1600 });
  await pass(clock, 800);
  const early = fate(client.submit("early"));
  await pass(clock, 800);
  const late = fate(client.submit("late"));
  await turns();
  const again = await lose();
  await again.close(); // nobody is there
  await pass(clock, 700, 10);
  t.equal(early.now, "waits", "never early");
  await pass(clock, 300, 10);
  t.equal(early.now, "DEADLINE_EXCEEDED not-sent", "800 ms had passed before, give or take 100");
  t.equal(late.now, "waits");
  await pass(clock, 800, 10);
  t.equal(late.now, "DEADLINE_EXCEEDED not-sent");
});

t.test("calls with options of their own keep them, and are made once", async (t) => {
  const { client, clock, lose } = await blocked(t);
  const abort = new AbortController();
  const calls = [
    client.submit("signalled", { signal: abort.signal }),
    client.submit("timed", { timeoutMs: 5000 }),
    client.submit("plain"),
  ].map(fate);
  await turns();
  abort.abort();
  await turns();
  t.equal(calls[0]!.now.split(" ")[0], "CANCELLED");
  const again = await lose();
  await pass(clock, 2000);
  const second = await again.next();
  await pass(clock, 2000);
  t.strictSame(
    payloads(second.received).sort(),
    ["plain", "timed"],
    "each once, and not the one that was given up",
  );
  second.write(ack(1));
  second.write(ack(2));
  await turns();
  t.strictSame(calls.slice(1).map(({ now }) => now), ["ok", "ok"]);
});

t.test("without reconnect they fail at once, and say that they did not leave", async (t) => {
  const { client, big, lose } = await blocked(t, { reconnect: false });
  const call = fate(client.submit("a"));
  await turns();
  await lose();
  t.equal(call.now, "CONNECTION_RESET not-sent");
  t.equal(big.now, "CONNECTION_RESET unknown");
});

t.test("behind an upload, payloads are kept as they were before: none is mistaken for another", async (t) => {
  const { client, clock, lose } = await blocked(t);
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(10)),
  });
  const upload = fate(client.submit(source, { bytes: 1000 }));
  await turns();
  // What looks like another submit, with the id that the next one has.
  const trap = submitFrame(3, "trap");
  const calls = [client.submit(trap), client.submit("after")].map(fate);
  await turns();
  const again = await lose();
  await pass(clock, 2000);
  const second = await again.next();
  t.strictSame(payloads(second.received).sort(), [String.fromCharCode(...trap), "after"]);
  second.write(ack(1));
  second.write(ack(2));
  await turns();
  t.strictSame(calls.map(({ now }) => now), ["ok", "ok"]);
  t.not(upload.now, "ok");
});
