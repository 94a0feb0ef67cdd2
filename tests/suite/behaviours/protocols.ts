/** What the two sides agree upon: features of `submit`, and a protocol of their own. */

import {
  bytes,
  cstring,
  defineProtocol,
  lengthField,
  u16,
  u32,
  u8,
} from "../../../src/protocol/mod.ts";
import { FEATURES } from "../../../src/protocol/submit/commands.ts";
import { randomBytes, toHex } from "../../helpers/frames.ts";
import { type Behaviour, serverOf, submitServer, turn } from "../sides.ts";

export const features: Behaviour = {
  id: "features",
  title: "checksums, compression and pushes",
  server: () =>
    submitServer({}, {
      submit: (packet, conn) => void conn.push(packet.payload),
      request: (packet) => packet.payload,
    }),
  async client(side) {
    const client = await side.connect({ hello: "required", features: FEATURES });
    side.equal([...client.features()].sort(), [...FEATURES].sort(), "all are agreed upon");
    const pushes: string[] = [];
    client.onPush((payload) => void pushes.push(toHex(payload)));
    const noise = randomBytes(side.run, 3000);
    const texts = ["", "short", "the same again and again, ".repeat(400)];
    const payloads = [...texts.map((text) => new TextEncoder().encode(text)), noise];
    for (const payload of payloads) {
      side.equal(toHex(await client.request(payload)), toHex(payload), `${payload.length} bytes`);
      await client.submit(payload);
    }
    while (pushes.length < payloads.length) await turn();
    side.equal(pushes, payloads.map(toHex), "pushes of the same");
    side.ok(await client.ping() >= 0, "a ping");
    await client.close();
  },
};

const shop = defineProtocol({
  name: "shop",
  framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 64 << 10 }),
  header: { length: u32, command: u16, sequence: u32 },
  kind: "command",
  correlate: "sequence",
  checksum: "crc32c",
  packets: {
    order: { kind: 1, reply: "ordered", body: { item: cstring(64), count: u8, note: bytes(u16) } },
    ordered: { kind: 0x8001, body: { number: u32, note: bytes(u16) } },
  },
});

export const ownProtocol: Behaviour = {
  id: "ownProtocol",
  title: "a protocol of one's own",
  server: () =>
    serverOf(shop, {}, {
      async order(packet) {
        if (packet.count % 2 === 1) await turn();
        const { count, note, item } = packet;
        return { number: count * 1000 + item.length, note };
      },
    }),
  async client(side) {
    const client = await side.connect({ protocol: shop });
    const note = randomBytes(side.run, 300);
    const replies = await Promise.all(
      Array.from(
        { length: 40 },
        (_, i) => client.call("order", { item: "x".repeat(i), count: i, note }),
      ),
    );
    side.equal(
      replies.map(({ number, note }) => [number, toHex(note)]),
      replies.map((_, i) => [i * 1000 + i, toHex(note)]),
      "each reply is that of its request",
    );
    await client.close();
  },
};
