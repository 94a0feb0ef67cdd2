/** Requests under way are windowed in number and in bytes, whatever the protocol. */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { echoFrame, join } from "../helpers/frames.ts";
import { type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
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
