/**
 * One fault actor against one server, until its stdin ends.
 *
 *   deno run -A bench/faults/actor.ts NAME PORT
 *
 * Prints `acting` once it has begun.
 *
 * @module
 */
import { argv, exit, stdin } from "node:process";
import {
  allClosed,
  blackHole,
  corrupted,
  crowd,
  flood,
  garbage,
  greeting,
  hoarders,
  lz4Frame,
  lz4Zeros,
  noisyRecord,
  reconnectStorm,
  slowloris,
} from "../../tests/faults/actors.ts";
import { submits } from "../../tests/helpers/frames.ts";
import { peerTo } from "../../tests/helpers/peer.ts";

/** Twenty peers at a time do something, again and again; then twenty others do. */
async function again(over: () => boolean, act: (n: number) => Promise<unknown>): Promise<void> {
  let n = 0;
  await Promise.all(Array.from({ length: 20 }, async () => {
    while (!over()) await act(n++);
  }));
}

/** A peer that has said hello, and then sends something that ends its connection. */
async function spoil(port: number, feature: string, bytes: Uint8Array): Promise<void> {
  const { peer } = await greeting(port, [feature]);
  peer.write(bytes);
  await peer.ended;
  peer.reset();
}

/** Each begins, and goes on until `over` holds. */
const ACTORS: Record<string, (port: number, over: () => boolean) => unknown> = {
  async slowloris(port) {
    await slowloris(port, 1000, 1000);
  },
  async "black holes"(port) {
    await Promise.all(Array.from({ length: 20 }, () => blackHole(port, 64 << 20)));
  },
  async "handshake staller"(port) {
    await crowd(port, 500);
  },
  async "memory pressure"(port) {
    await hoarders(port, 200, 1 << 20);
  },
  flooder(port, over) {
    void (async () => {
      while (!over()) await flood(port, 4 << 20);
    })();
  },
  "reconnect storm"(port, over) {
    void (async () => {
      while (!over()) await reconnectStorm(port, 500, 50);
    })();
  },
  "half closers"(port, over) {
    void again(over, async () => {
      const peers = await crowd(port, 1);
      peers[0]!.write(submits(100));
      peers[0]!.end();
      await allClosed(peers);
    });
  },
  "corrupt checksums"(port, over) {
    void again(over, (n) => spoil(port, "crc32c", corrupted(n)));
  },
  "LZ4 bombs"(port, over) {
    const bomb = lz4Frame(1 << 19, lz4Zeros(500_000)); // 127 MB
    void again(over, () => spoil(port, "lz4", bomb));
  },
  "TLS garbage"(port, over) {
    void again(over, async (n) => {
      const peer = n % 2 === 0 ? await garbage(port, n, 20_000) : await peerTo(port);
      if (n % 2 === 1) peer.write(noisyRecord(n));
      await Promise.race([peer.ended, new Promise((resolve) => setTimeout(resolve, 100))]);
      peer.reset();
    });
  },
  async "hung handlers"(port) {
    const peers = await crowd(port, 20);
    for (const peer of peers) peer.write(submits(1000, 1, "hang"));
  },
  garbage(port, over) {
    void (async () => {
      for (let seed = 1; !over(); seed++) {
        const peer = await garbage(port, seed, 100_000);
        await peer.ended;
        peer.reset();
      }
    })();
  },
};

const [name = "", port = ""] = argv.slice(2);
const act = ACTORS[name];
if (act === undefined) {
  console.error(`unknown actor ${name}: use ${Object.keys(ACTORS).join(", ")}`);
  exit(2);
}
let isOver = false;
stdin.resume().on("end", () => {
  isOver = true;
  setTimeout(() => exit(0), 100);
});
await act(Number(port), () => isOver);
console.log("acting");
