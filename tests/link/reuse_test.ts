/** The memory of links that end, or grow, is read into by others: nobody sees what is another's. */

import t from "tap";
import { random, submit } from "../helpers/frames.ts";
import { peerTo } from "../helpers/peer.ts";
import { serve, turns, until } from "../helpers/runtime.ts";

const PEERS = 12;
const VISITS = 25;

for (const later of [false, true]) {
  const when = later ? "asynchronous" : "synchronous";
  t.test(`peers that send, reset and leave within frames, ${when} handlers`, async (t) => {
    let handled = 0;
    let wrong = 0;
    const check = (payload: Uint8Array) => {
      const [mark] = payload;
      handled++;
      if (!payload.every((byte) => byte === mark)) wrong++;
    };
    const server = await serve({ port: 0, maxFrameBytes: 1 << 20 }, {
      submit: later
        ? async (packet) => {
          await turns(1 + handled % 3);
          check(packet.payload);
        }
        : (packet) => check(packet.payload),
    });
    t.teardown(() => server.shutdown({ deadlineMs: 0 }));
    await Promise.all(Array.from({ length: PEERS }, async (_, nth) => {
      const next = random(1 + nth);
      for (let visit = 0; visit < VISITS; visit++) {
        const peer = await peerTo(server.addr.port);
        const mark = 1 + (nth * VISITS + visit) % 250;
        for (let left = 1 + next(4); left > 0; left--) {
          const bytes = next(3) === 0 ? 65_536 + next(300_000) : 1 + next(20_000);
          peer.write(submit(left, new Uint8Array(bytes).fill(mark)));
          if (next(2) === 0) await turns(1);
        }
        switch (next(3)) {
          case 0: // within a frame
            peer.write(submit(9, new Uint8Array(100_000).fill(mark)).subarray(0, 1 + next(90_000)));
            await turns(next(3));
            peer.reset();
            break;
          case 1: // at any time
            peer.reset();
            break;
          default:
            peer.end();
            await peer.closed;
        }
      }
    }));
    await until(() => server.stats().connections.open === 0, "all are gone");
    t.ok(handled > PEERS * VISITS / 3, `${handled} handled`);
    t.equal(wrong, 0);
  });
}
