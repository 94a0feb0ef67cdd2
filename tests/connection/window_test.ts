/** Requests under way are windowed in number and in bytes, whatever the protocol. */

import t from "tap";
import { lengthField } from "../../src/codec/framing.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import { rest, u16, u32, u8 } from "../../src/protocol/defined/fields/mod.ts";
import { echoFrame, join } from "../helpers/frames.ts";
import { peerTo } from "../helpers/peer.ts";
import { type Deferred, deferred, serve, turns, until } from "../helpers/runtime.ts";
import { CODECS, peerOf, type Setting, start, watch } from "../helpers/settings.ts";

for (const codec of CODECS) {
  for (const limit of [{ maxInFlight: 5 }, { maxInFlightBytes: 1024 }]) {
    t.test(`echo: a peer over ${Object.keys(limit)[0]} is not read from (${codec})`, async (t) => {
      const network = watch(memoryNetwork({ pieceBytes: (bytes) => Math.min(bytes, 208) }));
      const setting: Setting = { name: codec, codec, transport: network };
      const open: Deferred<void>[] = [];
      const server = await start<"echo">(t, setting, {
        data() {
          open.push(deferred());
          return open.at(-1)!.promise;
        },
      }, { protocol: "echo", handlerTimeoutMs: 0, ...limit });
      const peer = await peerOf(server, setting);
      const one = echoFrame(1, new Uint8Array(96));
      for (let i = 0; i < 100; i++) peer.write(join(one, one));
      await until(() => network.links.some(({ isPaused }) => isPaused), "it is not read from");
      await turns(10);
      const most = "maxInFlight" in limit ? 5 : 12;
      t.ok(open.length >= 5 && open.length <= most, `${open.length} under way`);
      const { bytesIn } = server.stats();
      t.ok(bytesIn <= 16 * one.length, `${bytesIn} bytes read`);
      for (let i = 0; i < 200; i++) {
        await until(() => open.length > i, `request ${i + 1}`);
        open[i]!.resolve();
      }
      await until(() => peer.receivedBytes === 200 * one.length, "all are echoed");
    });
  }
}

for (const correlate of ["sequence", undefined] as const) {
  const kind = correlate === undefined ? "ordered" : "correlated";
  const protocol = defineProtocol({
    name: kind,
    framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
    header: { length: u32, type: u8, sequence: u16 },
    kind: "type",
    ...(correlate !== undefined && { correlate }),
    packets: {
      ask: { kind: 1, from: "client", reply: "told", body: { data: rest() } },
      told: { kind: 2 },
    },
  });
  const one = protocol.encode("ask", { data: new Uint8Array(97) }); // 104 bytes
  const REPLY_BYTES = 7;

  for (const codec of CODECS) {
    for (const limit of [{ maxInFlight: 5 }, { maxInFlightBytes: 1024 }]) {
      const name = Object.keys(limit)[0];
      t.test(`a defined protocol, ${kind}: a peer over ${name} is not read from (${codec})`, async (t) => {
        const network = watch(memoryNetwork({ pieceBytes: (bytes) => Math.min(bytes, 208) }));
        const open: Deferred<void>[] = [];
        const server = await serve({
          port: 0,
          transport: network,
          codec,
          protocol,
          handlerTimeoutMs: 0,
          ...limit,
        }, {
          ask() {
            open.push(deferred());
            return open.at(-1)!.promise;
          },
        });
        t.teardown(() => server.shutdown({ deadlineMs: 0 }));
        const peer = await peerTo(server.addr.port, network);
        for (let i = 0; i < 100; i++) peer.write(join(one, one));
        await until(() => network.links.some(({ isPaused }) => isPaused), "it is not read from");
        await turns(10);
        const most = "maxInFlight" in limit ? 5 : 12;
        t.ok(open.length >= 5 && open.length <= most, `${open.length} under way`);
        const { bytesIn } = server.stats();
        t.ok(bytesIn <= 16 * one.length, `${bytesIn} bytes read`);
        for (let i = 0; i < 200; i++) {
          await until(() => open.length > i, `request ${i + 1}`);
          if (open.length - i > most) t.fail(`${open.length - i} under way`);
          open[i]!.resolve();
        }
        await until(() => peer.receivedBytes === 200 * REPLY_BYTES, "all are answered");
      });

      t.test(`a defined protocol, ${kind}: sync handlers need no window, ${name} or not (${codec})`, async (t) => {
        const network = watch(memoryNetwork({ pieceBytes: (bytes) => Math.min(bytes, 208) }));
        let waits: Deferred<void> | undefined = deferred();
        let asked = 0;
        const server = await serve({
          port: 0,
          transport: network,
          codec,
          protocol,
          handlerTimeoutMs: 0,
          ...limit,
        }, {
          // The first one takes its time; all behind it return at once.
          ask: () => asked++ === 0 ? waits!.promise : undefined,
        });
        t.teardown(() => server.shutdown({ deadlineMs: 0 }));
        const other = await peerTo(server.addr.port, network);
        const peer = await peerTo(server.addr.port, network);
        other.write(one);
        await until(() => asked === 1, "the first");
        for (let i = 0; i < 100; i++) peer.write(join(one, one));
        await until(() => peer.receivedBytes === 200 * REPLY_BYTES, "a peer of its own");
        t.equal(network.links.some(({ isPaused }) => isPaused), false);
        for (let i = 0; i < 100; i++) other.write(join(one, one));
        await turns(20);
        if (correlate === undefined) {
          // Those that are handled hold no bytes of their requests any more, but still count.
          const most = "maxInFlight" in limit ? 5 : 200;
          t.ok(asked - 201 <= most, `${asked - 201} wait behind the first one's reply`);
          t.equal(other.receivedBytes, 0);
        } else {
          t.equal(other.receivedBytes, 200 * REPLY_BYTES, "none waits for the first one's reply");
        }
        waits.resolve();
        waits = undefined;
        await until(() => other.receivedBytes === 201 * REPLY_BYTES, "all are answered");
      });
    }
  }
}
