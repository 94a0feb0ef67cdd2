/** Long submits after a hello: streamed on both sides, unless their frames end in a checksum. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { SubmitPacket } from "../../src/protocol/submit/server/packet.ts";
import { frame, join, random, submit } from "../helpers/frames.ts";
import { CANCEL, FramePeer, greeted } from "../helpers/hello.ts";
import { connect, type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import {
  CODECS,
  peerOf,
  recordEvents,
  type Setting,
  settings,
  start,
  urlOf,
} from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const MIB = 1 << 20;

/** A body whose every byte tells its place. */
function body(bytes: number): Uint8Array {
  const made = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) made[i] = i * 31 + (i >>> 8);
  return made;
}

async function* partsOf(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) {
    await Promise.resolve();
    yield bytes.subarray(at, at + length);
  }
}

/** Whether a packet's body is the one of its length. */
async function isRight(packet: SubmitPacket): Promise<boolean> {
  const expected = body(packet.payloadBytes);
  let at = 0;
  let right = true;
  for await (const part of packet.stream()) {
    for (let i = 0; i < part.length; i++) right &&= part[i] === expected[at + i];
    at += part.length;
  }
  return right && at === expected.length;
}

for (const setting of settings()) {
  t.test(`64 MiB pass through both sides in parts (${setting.name})`, async (t) => {
    const length = 1023 * 64 * 1024;
    let got = 0;
    let asked = 0;
    let [ahead, held] = [0, 0];
    const server = await start(t, setting, {
      async submit(packet) {
        if (!packet.streamed) return;
        for await (const part of packet.stream()) {
          got += part.length;
          ahead = Math.max(ahead, asked - got);
          held = Math.max(held, server.stats().memory.used);
        }
      },
    }, { maxFrameBytes: 64 * MIB, streamThresholdBytes: MIB });
    const { codec, transport } = setting;
    const client = await connect(urlOf(server), {
      codec,
      hello: "required",
      connectTimeoutMs: 60_000,
      requestTimeoutMs: 0,
      features: ["request", "credit", "ping", "lz4"],
      maxFrameBytes: 64 * MIB,
      ...(transport !== undefined && { transport }),
    });
    const piece = new Uint8Array(64 * 1024);
    const source = async function* () {
      for (; asked < length; asked += piece.length) {
        await Promise.resolve();
        yield piece;
      }
    };
    await client.submit(source(), { bytes: length });
    t.equal(got, length);
    t.ok(held < MIB, `${held} bytes held by the server at the most`);
    // The client's queue, what the network holds, and the server's.
    t.ok(ahead < 16 * MIB, `the source was at most ${ahead} bytes ahead`);
    await client.submit("behind it, though it was longer than the window");
    await client.close();
  });
}

for (const codec of CODECS) {
  const inMemory = (pieceBytes?: (bytes: number) => number): Setting => ({
    name: codec,
    codec,
    transport: memoryNetwork({ ...(pieceBytes !== undefined && { pieceBytes }) }),
  });

  for (const features of [[], ["credit"], ["lz4"], ["crc32c"], ["crc32c", "lz4"]] as const) {
    for (const ordered of [false, true]) {
      t.test(`long and short ones arrive as they were sent (${codec}, ${features}, ordered ${ordered})`, async (t) => {
        const checked = (features as readonly string[]).includes("crc32c");
        for (let seed = 1; seed <= 6; seed++) {
          const next = random(seed);
          const setting = inMemory((bytes) => 1 + next(Math.min(bytes, seed % 2 ? 4000 : 60)));
          let wrong = 0;
          let streamed = 0;
          const server = await start(t, setting, {
            async submit(packet) {
              if (packet.streamed) streamed++;
              if (!await isRight(packet)) wrong++;
            },
          }, { streamThresholdBytes: 500, ordered, maxInFlight: 4 });
          const client = await connect(urlOf(server), {
            codec,
            hello: "required",
            features: [...features],
            transport: setting.transport!,
          });
          const sent: Promise<void>[] = [];
          let long = 0;
          for (let i = 0; i < 24; i++) {
            const payload = body(next(3) === 0 ? 600 + next(5000) : next(300));
            // As a stream, or as bytes: the server cannot tell one from the other.
            const asStream = next(2) === 0;
            if (payload.length > 500) long++;
            sent.push(
              asStream
                ? client.submit(partsOf(payload, 1 + next(900)), { bytes: payload.length })
                : client.submit(payload),
            );
          }
          await Promise.all(sent);
          if (wrong > 0) t.fail(`seed ${seed}: ${wrong} wrong`);
          // Bytes may have come compressed, and then whole.
          const right = checked ? streamed === 0 : features[0] === "lz4" || streamed === long;
          if (!right) t.fail(`seed ${seed}: ${streamed} of ${long} streamed`);
          await client.close();
          await until(() => server.stats().connections.open === 0, "closed");
          if (server.stats().memory.used !== 0) t.fail(`seed ${seed}: memory`);
        }
        t.pass("seeds 1 to 6");
      });
    }
  }

  t.test(`each is answered when it is ready, and has a signal (${codec})`, async (t) => {
    const setting = inMemory();
    const open: Deferred<void>[] = [];
    const signals: AbortSignal[] = [];
    const server = await start(t, setting, {
      async submit(packet) {
        if (!packet.streamed) return;
        const { signal } = packet as SubmitPacket & { signal: AbortSignal };
        signals.push(signal);
        const done = deferred();
        open.push(done);
        signal.addEventListener("abort", () => done.reject(signal.reason));
        await packet.stream().cancel();
        await done.promise;
      },
      request: () => "", // without it nothing can be cancelled
    }, { streamThresholdBytes: 100, handlerTimeoutMs: 0 });
    const { errors } = recordEvents(server);
    const peer = await greeted(server, setting, ["request"]);
    peer.write(join(submit(1, body(5000)), submit(2, body(5000)), submit(3), submit(4, body(200))));
    t.equal(await peer.says(), "82 00000003 00", "the first that is ready");
    await until(() => open.length === 3, "the others are under way");
    t.equal(server.stats().requests, 5, "the hello is one too");
    open[1]!.resolve();
    t.equal(await peer.says(), "82 00000002 00");
    peer.write(frame(CANCEL, 1));
    t.equal(await peer.says(), "82 00000001 01");
    t.equal(signals[0]!.aborted, true);
    t.strictSame(errors, [], "giving up is no error");
    open[2]!.reject(new Error("no"));
    t.equal(await peer.says(), "82 00000004 01");
    t.match(errors, [{ code: "HANDLER_FAILED", message: /request 00000004 failed: no/ }]);
  });

  t.test(`the handler's deadline counts from the last part that came (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = inMemory();
    const codes: string[] = [];
    const server = await start(t, setting, {
      submit: (packet) =>
        isRight(packet).then(() => {}, (error: { code: string }) => void codes.push(error.code)),
    }, { streamThresholdBytes: 1000, handlerTimeoutMs: 1000, clock });
    const peer = await greeted(server, setting, ["request"]);
    const bytes = submit(1, body(10_000));
    for (let at = 0; at < 10; at++) {
      peer.write(bytes.slice(at * 900, at * 900 + 900));
      await turns();
      clock.advance(900);
    }
    t.strictSame(codes, []);
    clock.advance(100);
    t.equal(await peer.says(), "82 00000001 06");
    await turns();
    t.strictSame(codes, ["HANDLER_TIMEOUT"]);
    peer.write(join(bytes.slice(9000), submit(2, "short")));
    t.equal(await peer.says(), "82 00000002 00", "the rest is thrown away");
  });

  t.test(`what comes when the server goes away is refused, its body thrown away (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = inMemory();
    const called: string[] = [];
    const server = await start(t, setting, {
      submit: (packet) => void called.push(packet.id),
    }, { streamThresholdBytes: 1000, clock, lingerMs: 0 });
    const { errors } = recordEvents(server);
    const peer = await greeted(server, setting, ["drain"]);
    const other = await greeted(server, setting, ["drain"]);
    peer.write(submit(1));
    t.equal(await peer.says(), "82 00000001 00");
    const over = server.shutdown({ deadlineMs: 10_000, spreadMs: 8000 });
    await other.next();
    t.match(await peer.says(), /^07 00000001 /);
    const latest = called.length === 1 ? [peer, other] : [];
    for (const one of latest) one.write(join(submit(2, body(50_000)), submit(3)));
    clock.advance(1);
    await turns(20);
    // One of both still has its turn to end; it is served until then.
    const says = await Promise.all(latest.map((one) => one.says()));
    t.ok(says.includes("82 00000002 08"), says.join(" | "));
    t.strictSame(called, ["00000001"]);
    t.strictSame(errors, []);
    clock.advance(10_000);
    await over;
  });

  t.test(`a connection cut, or ended, inside of a body fails who reads it (${codec})`, async (t) => {
    for (const code of ["TRUNCATED", "CONNECTION_RESET", "CLOSED"]) {
      const setting = inMemory();
      const codes: string[] = [];
      const server = await start(t, setting, {
        submit: (packet) =>
          isRight(packet).then(() => {}, (error: { code: string }) => void codes.push(error.code)),
      }, { streamThresholdBytes: 1000, lingerMs: 0 });
      const { disconnects } = recordEvents(server);
      const raw = await peerOf(server, setting);
      const peer = new FramePeer(raw);
      await peer.greet({ features: [] });
      peer.write(submit(1, body(100_000)).subarray(0, 50_000));
      await until(() => server.stats().requests === 1, "it is under way");
      if (code === "TRUNCATED") raw.end();
      else if (code === "CONNECTION_RESET") raw.reset();
      else server.disconnect(() => true);
      await until(() => codes.length === 1, "the reader is told");
      t.strictSame(codes, [code === "CLOSED" ? "CONNECTION_CLOSED" : code]);
      raw.end();
      await until(() => disconnects.length === 1, "it is closed");
      t.equal(server.stats().memory.used, 0);
    }
  });

  t.test(`with crc32c a frame comes whole, and a wrong one reaches no handler (${codec})`, async (t) => {
    const setting = inMemory();
    const called: number[] = [];
    const server = await start(t, setting, {
      submit: (packet) => void called.push(packet.payload.length),
    }, { streamThresholdBytes: 1000 });
    const { errors } = recordEvents(server);
    const client = await connect(urlOf(server), {
      codec,
      hello: "required",
      features: ["crc32c"],
      transport: setting.transport!,
    });
    await client.submit(partsOf(body(20_000), 700), { bytes: 20_000 });
    t.strictSame(called, [20_000], "whole, and its checksum right");
    await client.close();
    const peer = await greeted(server, setting, ["crc32c"]);
    peer.write(submit(1, body(20_000)));
    await until(() => errors.length === 1, "the error");
    t.match(errors, [{ code: "CHECKSUM_MISMATCH" }]);
    t.equal(called.length, 1);
  });
}

t.test("the client's window holds for streams: they wait, in time or not", async (t) => {
  const transport = memoryNetwork();
  const setting: Setting = { name: "", codec: "ts", transport };
  const open: Deferred<void>[] = [];
  const server = await start(t, setting, {
    submit() {
      open.push(deferred());
      return open.at(-1)!.promise;
    },
  }, { maxInFlight: 2, handlerTimeoutMs: 0 });
  const client = await connect(urlOf(server), {
    codec: "ts",
    hello: "required",
    transport,
    requestTimeoutMs: 0,
  });
  const bytes = body(100);
  const calls = [1, 2, 3, 4].map(() => client.submit(partsOf(bytes, 30), { bytes: 100 }));
  await until(() => open.length === 2, "two are under way");
  await turns(20);
  t.equal(open.length, 2);
  for (let i = 0; i < 4; i++) {
    await until(() => open.length > i, `call ${i}`);
    open[i]!.resolve();
    await calls[i];
  }
  const full = [1, 2].map(() => client.submit("x"));
  await until(() => open.length === 6, "the window is full again");
  let asked = 0;
  const source = async function* () {
    asked++;
    yield* partsOf(bytes, 30);
  };
  const controller = new AbortController();
  const late = client.submit(source(), { bytes: 100, signal: controller.signal });
  late.catch(() => {});
  await turns();
  controller.abort();
  await t.rejects(late, { code: "CANCELLED", outcome: "not-sent" });
  t.equal(asked, 0);
  for (const one of open) one.resolve();
  await Promise.all(full);
  await client.close();
});
