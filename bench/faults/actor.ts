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
  blackHole,
  crowd,
  flood,
  garbage,
  hoarders,
  reconnectStorm,
  slowloris,
} from "../../tests/faults/actors.ts";

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
