/** A client notices that its server is gone, and one number says how soon its calls go on elsewhere. */

import t from "tap";
import { Pulse } from "../../src/client/pulse.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, CONN_ACK, frame, toHex } from "../helpers/frames.ts";
import { FramePeer, PING, PONG } from "../helpers/hello.ts";
import type { Peer, PeerServer } from "../helpers/peer.ts";
import { connectAndStay as connect, deferred, serve, turns } from "../helpers/runtime.ts";
import { ends, fate, pass, world } from "../helpers/staying.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const EMPTY_CONN = "0000000d013030303030303030";

/** The next peer, once its hello is answered with a welcome. */
async function welcomes(server: PeerServer, features = ["request", "ping"]): Promise<FramePeer> {
  const peer = new FramePeer(await server.next());
  await peer.next();
  peer.write(frame(CONN_ACK, 0, `\0${JSON.stringify({ version: 1, features })}`));
  return peer;
}

t.test("a silent server is pinged; what it says counts, and silence cuts it", async (t) => {
  const { clock, peers, urls, options, links } = await world(t, 1);
  const connecting = connect(urls[0]!, {
    ...options,
    hello: "required",
    heartbeatMs: 1000,
    probeTimeoutMs: 500,
  });
  const peer = await welcomes(peers[0]!);
  const client = await connecting;
  ends(t, client, clock);
  const before = peer.peer.receivedBytes;
  const asked = () => (peer.peer.receivedBytes - before) / 13;
  await pass(clock, 740);
  t.equal(asked(), 0);
  await pass(clock, 260);
  t.equal(asked(), 1, "within heartbeatMs of silence");
  t.equal((await peer.next())!.command, PING);
  peer.write(frame(PONG, 0, ""));
  await pass(clock, 500);
  t.equal(client.status, "up");
  for (let i = 0; i < 5; i++) {
    peer.write(frame(PING, i, "")); // anything counts
    await pass(clock, 500);
    await peer.next();
  }
  t.equal(client.status, "up");
  const call = fate(client.submit("x"));
  await peer.next();
  await pass(clock, 1000 + 500 + 20);
  t.equal(call.now, "HEARTBEAT_TIMEOUT unknown", "settled, though its own time is not over");
  await peer.peer.ended.catch(() => {});
  const again = welcomes(peers[0]!);
  await pass(clock, 1000);
  await again;
  t.equal(links.length, 2);
});

t.test("a frame sent in parts may take long; one that gets on no more cuts the connection", async (t) => {
  const { clock, peers, urls, options } = await world(t, 1);
  const connecting = connect(urls[0]!, {
    ...options,
    hello: "required",
    heartbeatMs: 1000,
    probeTimeoutMs: 500,
    maxFrameBytes: 16 << 20,
    reconnect: false,
  });
  const { peer } = await welcomes(peers[0]!);
  const client = await connecting;
  const parts = [deferred(), deferred(), deferred()];
  const part = new Uint8Array(4 << 20);
  const source = async function* () {
    for (const { promise } of parts) {
      await promise;
      yield part;
    }
  };
  const before = peer.receivedBytes;
  const call = fate(client.submit(source(), { bytes: 3 * part.length, timeoutMs: 0 }));
  const behind = fate(client.submit("behind it", { timeoutMs: 0 }));
  await pass(clock, 5000, 100);
  t.equal(peer.receivedBytes - before, 13, "the frame has begun, and its source is slow");
  parts[0]!.resolve();
  await pass(clock, 5000, 100);
  t.equal(client.open, true);
  t.equal(peer.receivedBytes - before, 13 + part.length, "nobody was asked meanwhile");
  peer.pause();
  parts[1]!.resolve();
  await pass(clock, 2000, 100);
  t.equal(call.now, "HEARTBEAT_TIMEOUT unknown");
  t.match(behind.now, /^HEARTBEAT_TIMEOUT/);
  for (const { resolve } of parts) resolve();
  t.match(await client.closed, { code: "HEARTBEAT_TIMEOUT" });
});

t.test("without being asked: after a hello, and not of a plain server", async (t) => {
  const { clock, peers, urls, options } = await world(t, 2);
  const connecting = connect(urls[0]!, { ...options, hello: "required" });
  const knows = await welcomes(peers[0]!);
  ends(t, await connecting, clock);
  const client = await connect(urls[1]!, options);
  ends(t, client, clock);
  const plain = await peers[1]!.next();
  const before = knows.peer.receivedBytes;
  await pass(clock, 15_000, 100);
  t.equal(knows.peer.receivedBytes - before, 13);
  await pass(clock, 60_000, 1000);
  t.equal(plain.receivedBytes, 0);
  t.equal(client.status, "up");
});

t.test("a plain server is asked with an empty Conn, when that is asked for", async (t) => {
  for (const hello of ["off", "auto"] as const) {
    const { clock, peers, urls, options } = await world(t, 1);
    const connecting = connect(urls[0]!, {
      ...options,
      hello,
      heartbeatMs: 1000,
      probeTimeoutMs: 500,
    });
    const peer: Peer = await peers[0]!.next();
    if (hello === "auto") {
      await new FramePeer(peer).next();
      peer.write(ack(0).fill(0x81, 4, 5)); // 14 bytes: it does not know the hello
    }
    const client = await connecting;
    ends(t, client, clock);
    const before = peer.receivedBytes;
    await pass(clock, 1000);
    t.equal(toHex((await peer.read(before + 13)).subarray(before)), EMPTY_CONN, hello);
    const call = fate(client.submit("x"));
    await turns();
    peer.write(frame(CONN_ACK, 0, "\0"));
    peer.write(ack(1));
    await turns();
    t.equal(call.now, "ok", "its answer is no surprise");
    t.equal(client.status, "up");
    const codes: unknown[] = [];
    client.on("status", ({ error }) => codes.push((error as { code?: string })?.code));
    await pass(clock, 1600);
    t.equal(codes[0], "HEARTBEAT_TIMEOUT", "and its silence cuts it");
  }
});

t.test("our server answers both kinds of heartbeat", async (t) => {
  for (const hello of ["off", "required"] as const) {
    const transport = memoryNetwork();
    const clock = new VirtualClock();
    const server = await serve({ transport, port: 0 }, { submit() {} });
    t.teardown(() => server.shutdown({ deadlineMs: 0 }));
    const client = await connect(`tcp://127.0.0.1:${server.addr.port}`, {
      transport,
      clock,
      hello,
      heartbeatMs: 100,
      probeTimeoutMs: 50,
      lingerMs: 0,
    });
    ends(t, client, clock);
    await client.submit("x");
    await pass(clock, 2000, 5);
    t.equal(client.status, "up", hello);
    await client.submit("y");
    t.equal(server.stats().connections.accepted, 1);
  }
});

t.test("failover: a server that falls silent costs an idempotent call no more than the budget", async (t) => {
  for (let offset = 0; offset < 700; offset += 70) {
    const { clock, peers, urls, options } = await world(t, 2);
    const connecting = connect(urls, { ...options, failover: { budgetMs: 2000 } });
    const both = await Promise.all(peers.map((peer) => welcomes(peer)));
    const client = await connecting;
    ends(t, client, clock);
    await turns();
    await pass(clock, offset);
    const asked = both.map(({ peer }) => peer.receivedBytes);
    const call = fate(client.submit("x", { idempotent: true }));
    await turns();
    const at = both.findIndex(({ peer }, i) => peer.receivedBytes > asked[i]!);
    // The one that got it says nothing more; the other one answers whatever it is asked.
    const since = clock.now();
    void (async () => {
      for (let came; (came = await both[1 - at]!.next()) !== undefined;) {
        both[1 - at]!.write(frame(came.command | 0x80, came.id, came.command === PING ? "" : "\0"));
      }
    })();
    while (call.now === "waits" && clock.now() - since < 5000) await pass(clock, 10);
    t.equal(call.now, "ok");
    t.ok(clock.now() - since <= 2000, `after ${clock.now() - since} ms`);
  }
});

t.test("an impossible budget, and figures beside it, are refused with the reason", async (t) => {
  const { urls, options } = await world(t, 1);
  await t.rejects(connect(urls[0]!, { ...options, failover: { budgetMs: 200 } }), {
    code: "INVALID_OPTION",
    message: /failover\.budgetMs of 200 is impossible with round trips of 50 ms.*\d+ ms together/,
  });
  await t.rejects(
    connect(urls[0]!, { ...options, failover: { budgetMs: 2000 }, connectTimeoutMs: 100 }),
    { code: "INVALID_OPTION", message: /connectTimeoutMs follows from failover/ },
  );
  await t.rejects(connect(urls[0]!, { ...options, failover: 5 as never }), {
    message: /failover must be an object such as \{ budgetMs: 2000 \} and is 5/,
  });
  await t.rejects(connect(urls[0]!, { ...options, heartbeatMs: 5 }), {
    message: /heartbeatMs must be 0 or a whole number from 10/,
  });
});

t.test("a machine that stood still does not take its servers for dead", (t) => {
  let now = 0;
  const timers: { at: number; fn: () => void }[] = [];
  const clock = {
    now: () => now,
    after: (ms: number, fn: () => void) => {
      timers.push({ at: now + ms, fn });
      return { cancel() {} };
    },
  };
  let asked = 0;
  const cut: string[] = [];
  const line = {
    bytesIn: 0,
    reading: true,
    outbound: { laneOpen: false, laneEmpty: false, progress: 0 },
    heartbeat: () => ++asked > 0,
    abort: ({ code }: { code: string }) => void cut.push(code),
  };
  const next = (lateMs = 0) => {
    const timer = timers.shift()!;
    now = timer.at + lateMs;
    timer.fn();
  };
  new Pulse(line, clock, { heartbeatMs: 400, probeTimeoutMs: 200 }).start();
  for (let i = 0; i < 3; i++) next();
  t.equal(asked, 1);
  next(60_000);
  t.strictSame(cut, [], "the answer may be there, unread");
  line.bytesIn++;
  next();
  for (let i = 0; i < 3; i++) next();
  t.equal(asked, 2);
  next(60_000);
  next();
  t.strictSame(cut, ["HEARTBEAT_TIMEOUT"], "and no byte came after all");
  t.end();
});
