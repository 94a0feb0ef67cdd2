/** Pushes to one connection and to many: their frames, their numbers, and who gets them. */

import t from "tap";
import { combineCrc32c, crcShift } from "../../src/codec/crc_combine.ts";
import { crc32c } from "../../src/codec/checksum.ts";
import { disconnect } from "../../src/connection/slow_consumer.ts";
import { openSubmitFrame } from "../../src/protocol/submit/seal.ts";
import type { SubmitConnection } from "../../src/protocol/submit/server/handlers.ts";
import type { Server } from "../../src/server/server.ts";
import { frame, randomBytes, submit, toHex } from "../helpers/frames.ts";
import { type FramePeer, framePeer, greeted, PUSH, PUSH_ACK } from "../helpers/hello.ts";
import { until } from "../helpers/runtime.ts";
import { recordEvents, type Setting, settings, start } from "../helpers/settings.ts";

/** A server, and its connections in the order in which they came. */
async function pushing(t: Parameters<typeof start>[0], setting: Setting, options: object = {}) {
  const conns: SubmitConnection[] = [];
  const server = await start(t, setting, { submit() {} }, options);
  server.on("connect", (conn) => conns.push(conn as SubmitConnection));
  return { server, conns };
}

const FEATURES = [["push"], ["push", "crc32c"], ["push", "lz4"], ["push", "crc32c", "lz4"]];

async function peers(server: Server, setting: Setting): Promise<FramePeer[]> {
  const all: FramePeer[] = [];
  for (const features of FEATURES) all.push(await greeted(server, setting, features));
  return all;
}

async function readPush(peer: FramePeer, features: readonly string[]): Promise<[string, string]> {
  const { bytes } = (await peer.next())!;
  const agreed = { crc32c: features.includes("crc32c"), lz4: features.includes("lz4") };
  const opened = openSubmitFrame(bytes, agreed, 1 << 20);
  if (opened[4] !== PUSH) throw new Error(`a Push expected, got ${opened[4]}`);
  const id = String.fromCharCode(...opened.subarray(5, 13));
  return [id, toHex(opened.subarray(13))];
}

t.test("the CRC-32C of two pieces, out of theirs", (t) => {
  for (const [a, b] of [[0, 0], [13, 0], [0, 9], [13, 1], [13, 4096], [13, 65_537], [5, 300_000]]) {
    const bytes = randomBytes(a! + b!, a! + b!);
    const whole = combineCrc32c(
      crc32c(bytes.subarray(0, a)),
      crc32c(bytes.subarray(a!)),
      crcShift(b!),
    );
    t.equal(whole, crc32c(bytes), `${a} and ${b} bytes`);
  }
  t.end();
});

for (const setting of settings()) {
  t.test(`pushes are numbered for each connection (${setting.name})`, async (t) => {
    const { server, conns } = await pushing(t, setting);
    const one = await greeted(server, setting, ["push"]);
    const two = await greeted(server, setting, ["push"]);
    const payload = new Uint8Array([1, 2, 3]);
    t.equal(conns[0]!.push(payload), "sent");
    payload.fill(9); // its memory is free at once
    t.equal(conns[0]!.push("grüß"), "sent");
    t.equal(conns[1]!.push(""), "sent");
    t.equal(await one.says(), "06 00000001 010203");
    t.equal(await one.says(), "06 00000002 6772c3bcc39f");
    t.equal(await two.says(), "06 00000001");
  });

  t.test(`only peers that agreed on push get any (${setting.name})`, async (t) => {
    const { server, conns } = await pushing(t, setting, { maxFrameBytes: 4096 });
    const plain = await framePeer(server, setting);
    plain.write(submit(1));
    t.equal(await plain.says(), "82 00000001 00");
    const other = await greeted(server, setting, ["ping"]);
    t.equal(conns[0]!.push("x"), "dropped");
    t.equal(conns[1]!.push("x"), "dropped");
    t.equal(server.broadcast("x"), 0);
    const one = await greeted(server, setting, ["push"]);
    t.throws(() => conns[2]!.push(new Uint8Array(4096)), { code: "FRAME_TOO_LARGE" });
    t.throws(() => server.broadcast(new Uint8Array(4096)), { code: "FRAME_TOO_LARGE" });
    t.equal(server.broadcast("y"), 1);
    t.equal(await one.says(), "06 00000001 79");
    plain.write(submit(2));
    other.write(submit(2));
    t.equal(await plain.says(), "82 00000002 00", "nothing came before it");
    t.equal(await other.says(), "82 00000002 00");
    conns[2]!.close();
    t.equal(conns[2]!.push("late"), "dropped");
  });

  t.test(`a broadcast reaches peers of all features, each with its own frame (${setting.name})`, async (t) => {
    const { server, conns } = await pushing(t, setting);
    const all = await peers(server, setting);
    conns[1]!.push("first"); // so that numbers differ
    t.strictSame(await readPush(all[1]!, FEATURES[1]!), [
      "00000001",
      toHex(new TextEncoder().encode("first")),
    ]);
    const payloads = [
      new Uint8Array(0),
      new Uint8Array(100).fill(7),
      randomBytes(1, 1000),
      new Uint8Array(100_000).fill(1),
      randomBytes(2, 100_000),
    ];
    for (const [number, payload] of payloads.entries()) {
      const expected = toHex(payload);
      t.equal(server.broadcast(payload), 4);
      payload.fill(0xee); // its memory is free at once
      for (const [i, peer] of all.entries()) {
        const [id, got] = await readPush(peer, FEATURES[i]!);
        t.equal(Number(id), number + (i === 1 ? 2 : 1));
        t.ok(got === expected, `payload ${number} to ${FEATURES[i]}`);
      }
    }
    t.equal(server.broadcast("to one", (conn) => conn.id === 3), 1);
    t.equal((await readPush(all[2]!, FEATURES[2]!))[0], "00000006");
  });

  t.test(`acknowledgements of pushes are cumulative; wrong ones close the connection (${setting.name})`, async (t) => {
    const { server, conns } = await pushing(t, setting);
    const { errors } = recordEvents(server);
    const peer = await greeted(server, setting, ["push"]);
    for (let i = 0; i < 5; i++) conns[0]!.push("x");
    for (let i = 0; i < 5; i++) await peer.next();
    for (const id of [0, 2, 2, 1, 5, 5]) peer.write(frame(PUSH_ACK, id));
    peer.write(submit(1));
    t.equal(await peer.says(), "82 00000001 00");
    for (const [i, id] of ["00000001", "x0000001"].entries()) {
      const wrong = await greeted(server, setting, ["push"]);
      wrong.write(frame(PUSH_ACK, id));
      t.equal(await wrong.says(), "end");
      wrong.peer.end();
      await until(() => errors.length === i + 1, "an error");
      t.match(errors[i], { code: "UNEXPECTED_PACKET", message: /names push "/ });
    }
    peer.write(frame(PUSH_ACK, 6));
    t.equal(await peer.says(), "end");
    peer.peer.end();
  });

  t.test(`a peer that does not read holds up nobody; what it missed is dropped (${setting.name})`, async (t) => {
    const { server, conns } = await pushing(t, setting, {
      slowConsumer: "dropNewest",
      pushQueueBytes: 1 << 20,
    });
    const slow = await greeted(server, setting, ["push"]);
    const fast = await greeted(server, setting, ["push"]);
    slow.peer.pause();
    const payload = randomBytes(3, 100_000);
    let reached = 2;
    let sent = 0;
    while (reached === 2 && sent < 1000) {
      reached = server.broadcast(payload);
      sent++;
      t.equal((await readPush(fast, ["push"]))[1] === toHex(payload), true);
    }
    t.equal(reached, 1, "one is not reached any more");
    t.ok(conns[0]!.queuedBytes < 64 << 20);
    slow.peer.resume();
    for (let i = 1; i < sent; i++) {
      const [id, got] = await readPush(slow, ["push"]);
      t.equal(Number(id), i, "no number is left out");
      if (got !== toHex(payload)) t.fail(`push ${i}`);
    }
  });

  t.test(`a peer that reads and never acknowledges is a slow one (${setting.name})`, async (t) => {
    const { server, conns } = await pushing(t, setting, {
      maxUnackedPushes: 3,
      pushQueueBytes: 1024,
      writeHighWaterBytes: 1 << 20,
    });
    const drops: unknown[] = [];
    server.on("drop", (_conn, { policy, pushes, over }) => drops.push([policy, pushes, over]));
    const mute = await greeted(server, setting, ["push"]);
    const other = await greeted(server, setting, ["push"]);
    const outcomes: Record<string, number> = { sent: 0, queued: 0, dropped: 0 };
    for (let i = 0; i < 30; i++) outcomes[conns[0]!.push("x")]!++;
    // An entry of the queue counts 64 bytes besides its payload.
    t.strictSame(outcomes, { sent: 3, queued: 15, dropped: 12 });
    for (let i = 1; i <= 3; i++) t.equal(await mute.says(), `06 0000000${i} 78`);
    t.strictSame(drops, [["pause", 1, false]]);
    t.equal(conns[1]!.push("y"), "sent", "others have a window of their own");
    t.equal(await other.says(), "06 00000001 79");

    mute.write(submit(1));
    t.equal(await mute.says(), "82 00000001 00", "it is still read from: PushAcks have to come");
    let drained = false;
    void conns[0]!.drained().then(() => drained = true);
    mute.write(frame(PUSH_ACK, 2));
    t.equal(await mute.says(), "06 00000004 78", "two acknowledged make room for two");
    t.equal(await mute.says(), "06 00000005 78");
    t.equal(drained, false);
    for (let id = 6; id <= 18; id++) {
      mute.write(frame(PUSH_ACK, id - 1));
      t.equal(await mute.says(), `06 ${String(id).padStart(8, "0")} 78`);
    }
    mute.write(submit(2));
    t.equal(await mute.says(), "82 00000002 00");
    t.strictSame(drops.slice(1), [["pause", 12, true]]);
    t.equal(drained, true);

    server.reconfigure({ maxUnackedPushes: 0 });
    for (let i = 0; i < 30; i++) t.equal(conns[0]!.push("z"), "sent", "any number");
  });

  t.test(`what waits for acknowledgements leaves when the connection ends (${setting.name})`, async (t) => {
    const { server, conns } = await pushing(t, setting, { maxUnackedPushes: 2 });
    const peer = await greeted(server, setting, ["push"]);
    for (let i = 0; i < 5; i++) conns[0]!.push(`${i}`);
    t.equal(await peer.says(), "06 00000001 30");
    conns[0]!.close();
    for (let i = 1; i < 5; i++) t.equal(await peer.says(), `06 0000000${i + 1} 3${i}`);
    t.equal(await peer.says(), "end");
    peer.peer.end();
    await peer.peer.closed;
  });

  t.test(`disconnect(afterMs) ends a peer that does not acknowledge (${setting.name})`, async (t) => {
    const { server, conns } = await pushing(t, setting, {
      maxUnackedPushes: 1,
      pushQueueBytes: 1024,
      slowConsumer: disconnect(0),
    });
    const { disconnects } = recordEvents(server);
    const peer = await greeted(server, setting, ["push"]);
    for (let i = 0; i < 30; i++) conns[0]!.push("x");
    await until(() => disconnects.length === 1, "it is cut");
    t.equal(disconnects[0]!.code, "SLOW_CONSUMER");
    await peer.peer.ended;
    peer.peer.end();
  });
}
