/** The memory of links that end, or grow, is read into by others: nobody sees what is another's. */

import t from "tap";
import { defineProtocol, lengthField, rest, u16, u32 } from "../../mod.ts";
import { random, submit } from "../helpers/frames.ts";
import { peerTo } from "../helpers/peer.ts";
import { connect, serve, turns, until } from "../helpers/runtime.ts";

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

t.test("what a client was given stays when its connection is gone", async (t) => {
  const maxFrameBytes = 1 << 20;
  const store = defineProtocol({
    name: "store",
    framing: lengthField({ size: 4, counts: "frame", maxFrameBytes }),
    header: { length: u32, type: u16, sequence: u16 },
    kind: "type",
    correlate: "sequence",
    packets: {
      get: { kind: 1, reply: "got", body: { data: rest() } },
      got: { kind: 2, body: { data: rest() } },
    },
  });
  const own = await serve({ port: 0 }, { submit() {}, request: (packet) => packet.payload });
  const defined = await serve({ port: 0, protocol: store }, { get: ({ data }) => ({ data }) });
  const echoing = await serve({ port: 0, protocol: "echo" });
  for (const server of [own, defined, echoing]) t.teardown(() => server.shutdown());
  const urlOf = ({ addr }: { readonly addr: { readonly port: number } }) =>
    `tcp://127.0.0.1:${addr.port}`;
  const given: { readonly bytes: () => Uint8Array; readonly mark: number }[] = [];
  let mark = 0;
  for (let round = 0; round < 8; round++) {
    for (const size of [10, 200, 1000, 5000, 20_000, 70_000, 300_000]) {
      mark = 1 + mark % 250;
      const sent = new Uint8Array(size).fill(mark);
      const keep = (bytes: () => Uint8Array) => given.push({ bytes, mark });
      const first = await connect(urlOf(own), { hello: "required" });
      const second = await connect(urlOf(defined), { protocol: store });
      const third = await connect(urlOf(echoing), { protocol: "echo" });
      for (let i = 0; i < 2; i++) {
        const [answer, got, echoed] = await Promise.all([
          first.request(sent),
          second.call("get", { data: sent }),
          third.echo(sent),
        ]);
        keep(() => answer);
        keep(() => got.data);
        keep(() => echoed);
      }
      await Promise.all([first.close(), second.close(), third.close()]);
    }
  }
  t.equal(given.length, 8 * 7 * 6);
  const wrong = given.filter(({ bytes, mark }) => !bytes().every((byte) => byte === mark));
  t.equal(wrong.length, 0);
});
