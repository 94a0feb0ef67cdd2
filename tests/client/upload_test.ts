/** Payloads that a client sends without having them in memory. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { SubmitSource } from "../../src/protocol/submit/client/source.ts";
import { connect, deferred, turns, until } from "../helpers/runtime.ts";
import {
  clientOf,
  CODECS,
  type Setting,
  settings,
  start,
  urlOf,
  watch,
} from "../helpers/settings.ts";

const MIB = 1 << 20;

/** Parts of a body, each made when it is asked for. */
async function* parts(count: number, bytes: number, asked?: (part: number) => void) {
  for (let i = 0; i < count; i++) {
    asked?.(i);
    await Promise.resolve();
    yield new Uint8Array(bytes).fill(i);
  }
}

function streamOf(source: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => void source.return(undefined),
  });
}

for (const setting of settings()) {
  t.test(`a stream arrives as one payload, and others behind it (${setting.name})`, async (t) => {
    const came: string[] = [];
    const server = await start(t, setting, {
      submit(packet) {
        const { payload } = packet;
        const right = payload.every((byte, i) => byte === (Math.floor(i / 1000) & 255));
        came.push(payload.length === 300_000 ? `long ${right}` : packet.text());
      },
    });
    const client = await clientOf(server, setting);
    const calls = [
      client.submit("before"),
      client.submit(parts(300, 1000), { bytes: 300_000 }),
      client.submit("while"),
      client.submit(streamOf(parts(300, 1000)), { bytes: 300_000 }),
      client.submit(parts(0, 0), { bytes: 0 }),
    ];
    await Promise.all(calls);
    t.equal(came.filter((what) => what === "long true").length, 2);
    t.strictSame(came.slice(0, 2), ["before", "long true"]);
    t.ok(came.includes("while") && came.includes(""));
    await client.close();
  });

  t.test(`64 MiB pass through both sides in parts (${setting.name})`, async (t) => {
    const limits = { maxFrameBytes: 64 * MIB, streamThresholdBytes: MIB };
    let got = 0;
    let [ahead, held] = [0, 0];
    let asked = 0;
    const server = await start(t, setting, {
      async submit(packet) {
        for await (const part of packet.stream()) {
          got += part.length;
          ahead = Math.max(ahead, asked - got);
          held = Math.max(held, server.stats().memory.used);
        }
      },
    }, limits);
    const { codec, transport } = setting;
    const client = await connect(urlOf(server), {
      codec,
      connectTimeoutMs: 60_000,
      requestTimeoutMs: 0,
      maxFrameBytes: 64 * MIB,
      ...(transport !== undefined && { transport }),
    });
    const source = parts(1023, 64 * 1024, (part) => asked = (part + 1) * 64 * 1024);
    await client.submit(source, { bytes: 1023 * 64 * 1024 });
    t.equal(got, 1023 * 64 * 1024);
    t.ok(held < MIB, `${held} bytes held by the server at the most`);
    // The client's queue, what the network holds, and the server's.
    t.ok(ahead < 16 * MIB, `the source was at most ${ahead} bytes ahead`);
    await client.close();
  });
}

for (const codec of CODECS) {
  const inMemory = (): Setting => ({ name: codec, codec, transport: memoryNetwork() });

  t.test(`a server that does not read stops the source (${codec})`, async (t) => {
    const network = watch(memoryNetwork());
    const setting: Setting = { name: codec, codec, transport: network };
    const go = deferred();
    const server = await start(t, setting, {
      async submit(packet) {
        await go.promise;
        for await (const _ of packet.stream());
      },
    }, { streamThresholdBytes: 1000, maxFrameBytes: 8 * MIB });
    const client = await connect(urlOf(server), {
      codec,
      transport: network,
      maxFrameBytes: 8 * MIB,
    });
    let asked = 0;
    const call = client.submit(parts(400, 10_000, () => asked++), { bytes: 4_000_000 });
    await until(() => network.links.some(({ isPaused }) => isPaused), "the server stops reading");
    await turns(50);
    const before = asked;
    await turns(50);
    t.equal(asked, before, "the source is not asked for more");
    t.ok(asked * 10_000 < 900_000, `${asked} parts of 400`);
    go.resolve();
    await call;
    t.equal(asked, 400);
    await client.close();
  });

  t.test(`a source that fails, or has another length, cuts the connection (${codec})`, async (t) => {
    const failing = async function* () {
      yield* parts(3, 100);
      throw new Error("the disk is gone");
    };
    const sources: [SubmitSource, RegExp][] = [
      [failing(), /the disk is gone/],
      [parts(3, 100), /gave 300 bytes of the 1000/],
      [parts(30, 100), /more than the 1000 bytes/],
    ];
    for (const [source, message] of sources) {
      const setting = inMemory();
      const server = await start(t, setting, { submit() {} });
      const client = await clientOf(server, setting);
      await client.submit("first");
      const behind = client.submit(source, { bytes: 1000 });
      const lost = client.submit("behind it");
      lost.catch(() => {});
      await t.rejects(behind, { code: "INVALID_CONTENT", message });
      await t.rejects(lost);
      await until(() => server.stats().connections.open === 0, "it is cut");
      t.equal(server.stats().requests, 1);
      await client.close();
    }
  });

  t.test(`a connection that breaks ends the upload and lets go of the source (${codec})`, async (t) => {
    const setting = inMemory();
    const server = await start(t, setting, { submit: () => new Promise(() => {}) }, {
      streamThresholdBytes: 1000,
    });
    const client = await clientOf(server, setting);
    let released = false;
    const source = async function* () {
      try {
        for (;;) yield new Uint8Array(1000);
      } finally {
        released = true;
      }
    };
    const call = client.submit(source(), { bytes: 1_000_000 });
    const next = client.submit(parts(1, 10), { bytes: 10 });
    next.catch(() => {});
    call.catch(() => {});
    await until(() => server.stats().requests === 1, "it is under way");
    await turns(10);
    await server.shutdown({ deadlineMs: 0 });
    await t.rejects(call);
    await t.rejects(next);
    await until(() => released, "the source is let go of");
    await client.close();
  });

  t.test(`a source that is silent holds up no call beyond its end (${codec})`, async (t) => {
    for (const hello of ["off", "required"] as const) {
      const setting = inMemory();
      const server = await start(t, setting, { submit() {} });
      const options = { codec, hello, transport: setting.transport! };
      let cancelled = false;
      const silent = () =>
        new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new Uint8Array(100)),
          cancel: () => void (cancelled = true),
        });
      const client = await connect(urlOf(server), options);
      const controller = new AbortController();
      const given = client.submit(silent(), { bytes: 1000, signal: controller.signal });
      const next = client.submit(parts(1, 10), { bytes: 10 });
      const short = client.submit("behind both");
      for (const call of [given, next, short]) call.catch(() => {});
      await until(() => server.stats().bytesIn > 100, "it is under way");
      controller.abort();
      await t.rejects(given, { code: "CANCELLED", outcome: "unknown" });
      t.equal(cancelled, false, "a frame that has begun cannot be taken back");
      server.disconnect(() => true);
      await t.rejects(next, { code: "CONNECTION_CLOSED" });
      await t.rejects(short, { code: "CONNECTION_CLOSED" });
      await until(() => cancelled, "the source is let go of");

      const again = await connect(urlOf(server), options);
      const lost = again.submit(silent(), { bytes: 1000 });
      lost.catch(() => {});
      await until(() => server.stats().connections.open === 1, "it is there");
      await turns(10);
      server.disconnect(() => true);
      await t.rejects(lost, { code: "CONNECTION_CLOSED", outcome: "unknown" });
    }
  });

  t.test(`a stream without its length, or over the limit, is refused before it is read (${codec})`, async (t) => {
    const setting = inMemory();
    const server = await start(t, setting, { submit() {} });
    const client = await clientOf(server, setting);
    let asked = 0;
    const source = () => parts(3, 100, () => asked++);
    for (const bytes of [undefined, -1, 1.5, NaN]) {
      await t.rejects(client.submit(source(), { bytes } as { bytes: number }), {
        code: "INVALID_OPTION",
      });
    }
    await t.rejects(client.submit(source(), { bytes: MIB }), { code: "FRAME_TOO_LARGE" });
    t.equal(asked, 0);
    await client.submit("it goes on");
    await client.close();
  });
}
