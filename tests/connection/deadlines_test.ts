/** What a connection may take how long over: on a virtual clock, in memory. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, frame, join, submit, submits, toHex, u32 } from "../helpers/frames.ts";
import { deferred, turns, until } from "../helpers/runtime.ts";
import { CODECS, peerOf, recordEvents, start, type Teardown } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";
import type { HandlersOf } from "../../src/protocol/choice.ts";
import type { ServeOptions } from "../../src/server/serve.ts";

/** A server on a virtual clock, with no deadlines but those of the test. */
async function world(
  t: Teardown,
  codec: "wasm" | "ts",
  options: ServeOptions = {},
  handlers: HandlersOf<"submit"> = { submit: () => {} },
  windowBytes = 65_536,
  pieceBytes = (bytes: number) => bytes,
) {
  const clock = new VirtualClock();
  const setting = { name: codec, codec, transport: memoryNetwork({ windowBytes, pieceBytes }) };
  const none = {
    handshakeTimeoutMs: 0,
    idleTimeoutMs: 0,
    heartbeatMs: 0,
    frameTimeoutMs: 0,
    writeStallMs: 0,
    maxAgeMs: 0,
  };
  const server = await start(t, setting, handlers, { clock, lingerMs: 0, ...none, ...options });
  const events = recordEvents(server);
  /** Lets time pass, and what it brings about happen. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(left, 100));
      await turns(1);
    }
  };
  return { clock, server, pass, peer: () => peerOf(server, setting), ...events };
}

for (const codec of CODECS) {
  t.test(`a peer that sends nothing is ended after handshakeTimeoutMs (${codec})`, async (t) => {
    const { pass, peer, disconnects, errors, clock } = await world(t, codec, {
      handshakeTimeoutMs: 10_000,
    });
    const silent = await peer();
    const halfway = await peer();
    const fine = await peer();
    await turns();
    halfway.write(submit(1).subarray(0, 12));
    fine.write(submit(1));
    await pass(9900);
    t.equal(silent.isEnded, false, "not a moment early");
    await pass(1100);
    t.ok(silent.isEnded);
    t.ok(halfway.isEnded, "part of a frame is no introduction");
    t.equal(fine.isEnded, false);
    await until(() => disconnects.length === 2, "disconnects");
    t.match(disconnects, [{ code: "HANDSHAKE_TIMEOUT" }, { code: "HANDSHAKE_TIMEOUT" }]);
    t.match(errors[0]!.message, /sent nothing within 10000 ms \(handshakeTimeoutMs\)/);
    t.match(errors[1]!.message, /not introduced itself/);
    await pass(100_000);
    t.equal(fine.isEnded, false, "only the first frame is waited for");
    t.equal(clock.pending, 2, "one timer for all, and the one of the rates");
  });

  t.test(`a frame has frameTimeoutMs from its first byte, more bytes do not help (${codec})`, async (t) => {
    const { pass, peer, disconnects, errors } = await world(t, codec, { frameTimeoutMs: 5000 });
    const dribbler = await peer();
    const quick = await peer();
    dribbler.write(submits(2));
    await dribbler.read(28);
    const slow = submit(3, "x".repeat(100));
    for (let i = 0; i < 49; i++) {
      dribbler.write(slow.subarray(i, i + 1));
      quick.write(join(submit(i), submit(i + 1).subarray(0, 5)));
      await pass(50);
      quick.write(submit(i + 1).subarray(5));
      await pass(50);
    }
    t.equal(dribbler.isEnded, false, "not a moment early");
    for (let i = 49; i < 75; i++) {
      dribbler.write(slow.subarray(i, i + 1));
      await pass(100);
    }
    t.ok(dribbler.isEnded);
    await until(() => disconnects.length === 1, "disconnect");
    t.match(disconnects, [{ code: "FRAME_TIMEOUT", requests: 2, bytesOut: 28 }]);
    t.match(errors, [{ code: "FRAME_TIMEOUT", streamOffset: submits(2).length }]);
    t.equal(quick.isEnded, false, "frames that end do not, however they are cut");
  });

  t.test(`a frame that is half taken while the window is full is not late (${codec})`, async (t) => {
    const done = deferred();
    const { pass, peer, disconnects } = await world(
      t,
      codec,
      { frameTimeoutMs: 5000, maxInFlight: 1, handlerTimeoutMs: 0 },
      { submit: () => done.promise },
    );
    const one = await peer();
    one.write(join(submits(3), submit(4).subarray(0, 10)));
    await pass(20_000);
    t.strictSame(disconnects, [], "this side does not read");
    done.resolve();
    await one.read(3 * 14);
    await pass(3000);
    t.strictSame(disconnects, [], "its time begins when this side reads on");
    one.write(submit(4).subarray(10));
    t.equal((await one.read(4 * 14)).length, 4 * 14);
    t.strictSame(disconnects, []);
  });

  t.test(`a frame is not late while there is no memory to read its end into (${codec})`, async (t) => {
    const { server, pass, peer, disconnects } = await world(t, codec, { frameTimeoutMs: 5000 });
    const peers = [await peer(), await peer(), await peer()];
    const long = submit(1, "x".repeat(3000));
    for (const one of peers) one.write(long.subarray(0, 2000));
    await until(() => server.stats().memory.used >= 6000, "all are inside a frame");
    server.reconfigure({ memoryBudgetBytes: 4000 });
    t.equal(server.stats().memory.paused, 2, "one is read from, whatever is held");
    // Each has its own four seconds, the last one eight seconds after its frame began.
    for (const one of peers) {
      await pass(4000);
      t.strictSame(disconnects, []);
      one.write(long.subarray(2000));
      t.equal((await one.read(14)).length, 14);
    }
    t.equal(server.stats().memory.paused, 0);
    // The time of this side's own pause is over: what is left of the frame has to come now.
    const late = await peer();
    const favoured = peers[0]!;
    for (const one of [favoured, late]) one.write(long.subarray(0, 2000));
    await until(() => server.stats().memory.used >= 4000, "both are inside a frame");
    server.reconfigure({ memoryBudgetBytes: 2000 });
    await pass(4000);
    t.equal(server.stats().memory.paused, 1, "those that hold nothing are read from");
    server.reconfigure({ memoryBudgetBytes: 0 });
    await pass(3000);
    t.match(disconnects, [{ code: "FRAME_TIMEOUT" }], "the one that was read from all the time");
    t.equal(favoured.isEnded, true);
    await pass(3500);
    t.match(disconnects, [{ code: "FRAME_TIMEOUT" }, { code: "FRAME_TIMEOUT" }]);
  });

  t.test(`a frame is not late while those before it wait for the rate (${codec})`, async (t) => {
    const { server, pass, peer, disconnects } = await world(t, codec, {
      frameTimeoutMs: 5000,
      rate: { connection: { requestsPerSecond: 0.05, requestBurst: 1 } },
    });
    const one = await peer();
    one.write(join(submits(2), submit(3).subarray(0, 10)));
    await one.read(14);
    await pass(19_000);
    t.strictSame(disconnects, [], "this side does not read");
    await pass(1000);
    t.equal((await one.read(28)).length, 28);
    await pass(4000);
    t.strictSame(disconnects, [], "its time begins when this side reads on");
    one.write(submit(3).subarray(10));
    await pass(16_000);
    t.equal((await one.read(42)).length, 42);
    one.write(submit(4).subarray(0, 10));
    await pass(7000);
    t.match(disconnects, [{ code: "FRAME_TIMEOUT", requests: 3 }]);
    t.equal(server.stats().requests, 3);
  });

  t.test(`a long frame that waits for its bytes' rate is not late (${codec})`, async (t) => {
    const { pass, peer, disconnects } = await world(t, codec, {
      frameTimeoutMs: 5000,
      idleTimeoutMs: 10_000,
      rate: { connection: { bytesPerSecond: 100, byteBurst: 100 } },
    });
    const one = await peer();
    one.write(join(submit(1, "x".repeat(2987)), submit(2)));
    await pass(29_000);
    t.equal(one.receivedBytes, 14, "larger than the bucket: through, and to be paid for");
    t.strictSame(disconnects, [], "neither late nor idle: it is not read from");
    await pass(2000);
    t.equal(one.receivedBytes, 28);
  });

  t.test(`idleTimeoutMs: without input and with nothing owed (${codec})`, async (t) => {
    const done = deferred();
    const { pass, peer, disconnects, errors } = await world(
      t,
      codec,
      { idleTimeoutMs: 60_000, handlerTimeoutMs: 0 },
      { submit: (packet) => packet.id === "00000009" ? done.promise : undefined },
    );
    const idle = await peer();
    const busy = await peer();
    const waiting = await peer();
    await turns();
    idle.write(submit(1));
    waiting.write(submit(9));
    for (let i = 0; i < 12; i++) {
      busy.write(submit(100 + i));
      await pass(4900);
    }
    t.equal(idle.isEnded, false, "not a moment early");
    await pass(3000);
    t.ok(idle.isEnded);
    await until(() => disconnects.length === 1, "disconnect");
    t.match(disconnects, [{ code: "IDLE_TIMEOUT", requests: 1 }]);
    t.strictSame(errors, [], "it is no error");
    await pass(50_000);
    busy.write(submit(99));
    await pass(50_000);
    t.equal(waiting.isEnded, false, "its answer is owed");
    t.equal(busy.isEnded, false);
    done.resolve();
    await pass(50_000);
    t.equal(waiting.isEnded, false, "its time begins with the answer");
    t.ok(busy.isEnded);
    await pass(13_000);
    t.ok(waiting.isEnded);
  });

  t.test(`writeStallMs: a peer that reads nothing is cut, half closed or not (${codec})`, async (t) => {
    const { pass, peer, disconnects, errors } = await world(
      t,
      codec,
      { writeStallMs: 30_000 },
      undefined,
      100,
      () => 14,
    );
    const blackHole = await peer();
    const halfCloser = await peer();
    const slow = await peer();
    for (const one of [blackHole, halfCloser, slow]) {
      one.pause();
      one.write(submits(50));
    }
    halfCloser.end();
    await turns();
    // It reads a little now and then: 700 bytes in pieces of 14.
    for (let i = 0; i < 29; i++) {
      await pass(1000);
      slow.resume();
      await null;
      slow.pause();
    }
    t.strictSame(disconnects, [], "not a moment early");
    await pass(4000);
    await until(() => disconnects.length === 2, "both are cut");
    t.match(disconnects, [{ code: "WRITE_STALLED" }, { code: "WRITE_STALLED" }]);
    t.match(errors[0]!.message, /has read none of \d+ bytes for 30000 ms \(writeStallMs\)/);
    t.equal(slow.isClosed, false, "a slow one is not");
  });

  t.test(`maxAgeMs: the connection ends in order, what was asked is answered (${codec})`, async (t) => {
    const done = deferred();
    const { pass, peer, disconnects, errors } = await world(
      t,
      codec,
      { maxAgeMs: 100_000, handlerTimeoutMs: 0 },
      { submit: () => done.promise },
    );
    const ended: number[] = [];
    for (let i = 0; i < 20; i++) {
      const one = await peer();
      one.write(submit(i));
      void one.ended.then(() => ended.push(i));
      void one.ended.then(() => one.end());
    }
    await pass(89_900);
    t.equal(ended.length, 0);
    await pass(11_100);
    t.equal(ended.length, 0, "answers are owed");
    done.resolve();
    await until(() => disconnects.length === 20, "all end");
    t.match(disconnects[0], { code: "MAX_AGE", requests: 1, bytesOut: 14 });
    t.strictSame(errors, []);
  });

  t.test(`what came together does not become too old together (${codec})`, async (t) => {
    const { pass, peer, disconnects } = await world(t, codec, { maxAgeMs: 100_000 });
    for (let i = 0; i < 50; i++) {
      const one = await peer();
      void one.ended.then(() => one.end());
    }
    const counts: number[] = [];
    await pass(90_000);
    for (let i = 0; i < 12; i++) {
      await pass(1000);
      counts.push(disconnects.length);
    }
    t.equal(counts.at(-1), 50);
    t.ok(new Set(counts).size >= 4, `spread over time: ${counts}`);
  });

  t.test(`the sweep runs only while there are connections (${codec})`, async (t) => {
    const { clock, peer, pass, disconnects } = await world(t, codec, { idleTimeoutMs: 60_000 });
    t.equal(clock.pending, 0);
    const one = await peer();
    await turns();
    t.equal(clock.pending, 2, "it, and the one of the rates");
    one.write(submit(1));
    t.equal(toHex(await one.read(14)), toHex(ack(1)));
    one.end();
    await until(() => disconnects.length === 1, "gone");
    t.equal(clock.pending, 0);
    const again = await peer();
    await pass(63_000);
    t.ok(again.isEnded, "and begins again");
  });
}

t.test("without deadlines there is no sweep", async (t) => {
  const { clock, peer } = await world(t, "ts");
  const one = await peer();
  one.write(frame(2, 1));
  await one.read(14);
  t.equal(clock.pending, 1, "only the timer of the rates");
});

t.test("deadlines shorter than a second are looked at more often", async (t) => {
  const { pass, peer } = await world(t, "ts", { frameTimeoutMs: 200 });
  const one = await peer();
  await turns();
  one.write(u32(100));
  await turns();
  await pass(200);
  t.equal(one.isEnded, false);
  await pass(100);
  t.ok(one.isEnded);
});
