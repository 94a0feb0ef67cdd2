/** Backpressure in its three places: requests under way, replies nobody reads, pushes nobody takes. */

import { join, u32 } from "../../helpers/frames.ts";
import { type Behaviour, submitServer, textOf, turn } from "../sides.ts";

const MOST_UNDER_WAY = 4;

export const window: Behaviour = {
  id: "window",
  title: "a window of requests",
  server() {
    let underWay = 0;
    let peak = 0;
    let handled = 0;
    return submitServer({ maxInFlight: MOST_UNDER_WAY }, {
      async submit() {
        peak = Math.max(peak, ++underWay);
        await turn();
        underWay--;
        handled++;
      },
      request: () => JSON.stringify({ peak, handled }),
    });
  },
  async client(side) {
    const asker = await side.connect({ hello: "required" });
    const ask = async () => JSON.parse(textOf(await asker.request("figures")));
    const before = await ask();
    for (const hello of ["off", "required"] as const) {
      const client = await side.connect({ hello });
      await Promise.all(Array.from({ length: 16 }, (_, i) => client.submit(`${i}`)));
      await client.close();
    }
    const { peak, handled } = await ask();
    side.equal(handled - before.handled, 32, "all are handled");
    side.ok(peak > 1 && peak <= MOST_UNDER_WAY, `under way at once: ${peak}`);
    await asker.close();
  },
};

const REPLIES = 48;
const REPLY_BYTES = 64 << 10;
const HIGH_WATER_BYTES = 64 << 10;
/** Above the mark comes what one read has brought, which is longest on Bun: 512 KiB. */
const MOST_QUEUED_BYTES = HIGH_WATER_BYTES + (512 << 10) + 2 * REPLY_BYTES;

export const slowReader: Behaviour = {
  id: "slowReader",
  title: "backpressure of replies",
  server() {
    let peak = 0;
    return submitServer({ writeHighWaterBytes: HIGH_WATER_BYTES }, {
      submit() {},
      request(packet, conn) {
        if (packet.payload.length < REPLY_BYTES) return String(peak);
        peak = Math.max(peak, conn.queuedBytes);
        return packet.payload;
      },
    });
  },
  async client(side) {
    const raw = await side.raw();
    const hello = new TextEncoder().encode('{"version":1,"features":["request"]}');
    await raw.write(join(u32(13 + hello.length), Uint8Array.of(1), new Uint8Array(8), hello));
    const welcomeBytes = new DataView((await raw.read(4)).buffer).getUint32(0);
    await raw.read(welcomeBytes);
    raw.pause();
    const frameBytes = 13 + 4 + REPLY_BYTES;
    const request = new Uint8Array(frameBytes);
    request.set(u32(frameBytes));
    request[4] = 3;
    let written = Promise.resolve();
    for (let i = 0; i < REPLIES; i++) {
      request.set(u32(i), 5);
      written = raw.write(request.slice());
    }
    const other = await side.connect({ hello: "required" });
    side.ok((await other.request("peak")).length > 0, "another is served meanwhile");
    raw.resume();
    await written;
    const replyBytes = 13 + 1 + REPLY_BYTES;
    const all = await raw.read(welcomeBytes + REPLIES * replyBytes);
    side.equal(all.length, welcomeBytes + REPLIES * replyBytes, "all replies");
    const came = Array.from(
      { length: REPLIES },
      (_, i) => new DataView(all.buffer).getUint32(welcomeBytes + i * replyBytes + 5),
    );
    side.equal(
      came.sort((a, b) => a - b),
      Array.from({ length: REPLIES }, (_, i) => i),
      "each once",
    );
    const peak = Number(textOf(await other.request("peak")));
    side.ok(peak <= MOST_QUEUED_BYTES, `most that waited: ${peak} of ${MOST_QUEUED_BYTES} bytes`);
    raw.end();
    await raw.readToEnd();
    await other.close();
  },
};

const PUSHES = 400;
const PUSH_BYTES = 1024;

export const slowConsumer: Behaviour = {
  id: "slowConsumer",
  title: "backpressure of pushes",
  server: () =>
    submitServer({ pushQueueBytes: 16 << 10, maxUnackedPushes: 8 }, {
      submit() {},
      async request(packet, conn) {
        if (packet.text() === "drained") {
          await conn.drained();
          return conn.push("more");
        }
        let taken = 0;
        for (let i = 0; i < PUSHES; i++) {
          if (conn.push(String(i).padEnd(PUSH_BYTES)) !== "dropped") taken++;
        }
        return String(taken);
      },
    }),
  async client(side) {
    const client = await side.connect({ hello: "required" });
    let release!: () => void;
    const released = new Promise<void>((resolve) => release = resolve);
    const came: string[] = [];
    client.onPush(async (payload) => {
      came.push(textOf(payload).trim());
      await released;
    });
    const taken = Number(textOf(await client.request("push")));
    side.ok(taken >= 8 && taken < 64, `taken for one that handles none: ${taken} of ${PUSHES}`);
    release();
    side.equal(textOf(await client.request("drained")), "sent", "one that has caught up");
    while (came.length < taken + 1) await turn();
    const expected = [...Array.from({ length: taken }, (_, i) => String(i)), "more"];
    side.equal(came, expected, "what was taken came once, in order");
    await client.close();
  },
};
