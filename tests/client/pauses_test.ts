/** A call that waits to be made again ends at once when its caller gives it up, or the client ends. */

import t from "tap";
import { connect, turns } from "../helpers/runtime.ts";
import { answers } from "../helpers/hello.ts";
import { frame } from "../helpers/frames.ts";
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
