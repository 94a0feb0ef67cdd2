/** A server runs for ever: what comes and goes leaves nothing behind. */

import process from "node:process";
import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, frame, submit, toHex } from "../helpers/frames.ts";
import { gc } from "../helpers/gc.ts";
import { peerTo } from "../helpers/peer.ts";
import { read } from "../helpers/root.ts";
import { connect, runtime, serve, turns, until } from "../helpers/runtime.ts";
import { optionsOf, peerOf, type Setting, start, urlOf } from "../helpers/settings.ts";
import type { Server } from "../../src/server/server.ts";
import { noisyRecord } from "./actors.ts";

// Twenty seconds of work on a machine that does nothing else.
t.setTimeout(240_000);

const CONCURRENT = 50;
const ROUNDS = 5;
/** 20,000 in all, most of them over TCP. */
const PER_ROUND = { tcp: 2_800, memory: 1_200 };

/** The heap after a collection; without one, the least of what is seen over some allocations. */
async function heapUsed(): Promise<number> {
  await turns();
  if (gc !== undefined) {
    gc();
    await turns();
    gc();
    return process.memoryUsage().heapUsed;
  }
  let least = Infinity;
  for (let i = 0; i < 60; i++) {
    let waste: unknown[] = [];
    for (let n = 0; n < 40_000; n++) waste.push({ n });
    waste = [];
    await turns(1);
    least = Math.min(least, process.memoryUsage().heapUsed);
  }
  return least;
}

/** One short visit: a client, a peer that half-closes, one that resets, one that sends nonsense. */
async function visit(server: Server, setting: Setting, kind: number): Promise<void> {
  if (kind === 0) {
    const client = await connect(urlOf(server), optionsOf(setting));
    await client.submit("hello");
    await client.close();
    return;
  }
  const peer = await peerOf(server, setting);
  peer.write(submit(1, kind === 2 ? "later" : ""));
  const answer = toHex(await peer.read(14));
  if (answer !== toHex(ack(1))) throw new Error(`answered by ${answer}`);
  if (kind === 2) {
    peer.reset();
  } else {
    if (kind === 3) {
      peer.write(frame(9, 9));
      await peer.ended;
    }
    peer.end();
  }
  await peer.closed;
}

async function round(server: Server, setting: Setting, count: number): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: CONCURRENT }, async () => {
    while (left-- > 0) await visit(server, setting, left % 4);
  }));
}

const handles = () =>
  process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout|Pipe/.test(kind)).length;

/**
 * Checks that rounds of connections which are all gone leave no memory behind.
 *
 * @param each How many connections a round has.
 * @returns How many rounds there were.
 */
async function leavesNothing(
  t: { ok(holds: boolean, what: string): unknown },
  each: number,
  round: () => Promise<void>,
): Promise<number> {
  const heap = [await heapUsed()];
  const most = gc === undefined ? 500 : 100;
  const perConnection = () => (heap.at(-1)! - heap[0]!) / ((heap.length - 1) * each);
  // What is left behind is left in every round; what an engine needs once shows less and less.
  while (heap.length < ROUNDS || (perConnection() >= most && heap.length < 3 * ROUNDS)) {
    await round();
    heap.push(await heapUsed());
  }
  const shown = heap.map((bytes) => (bytes / 1048576).toFixed(1)).join(" ");
  t.ok(perConnection() < most, `heap ${shown} MiB`);
  return heap.length - 1;
}

for (const codec of ["wasm", "ts"] as const) {
  for (const carrier of ["tcp", "memory"] as const) {
    const setting: Setting = carrier === "tcp"
      ? { name: "", codec }
      : { name: "", codec, transport: memoryNetwork() };
    const each = PER_ROUND[carrier] / 2;
    t.test(`${ROUNDS * each} short connections leave nothing behind (${codec}, ${carrier}, ${runtime})`, async (t) => {
      const server = await start(t, setting, {
        submit: (packet) => packet.text() === "later" ? Promise.resolve() : undefined,
      });
      const emptied = () => until(() => server.stats().connections.open === 0, "all are gone");
      await round(server, setting, each);
      await emptied();
      await turns();
      const handlesBefore = handles();
      const rounds = 1 + await leavesNothing(t, each, async () => {
        await round(server, setting, each);
        await emptied();
      });
      await until(() => handles() <= handlesBefore, "no handle is left", 5_000);
      const made = rounds * each;
      const { connections, requests, errors } = server.stats();
      t.strictSame(connections, { open: 0, accepted: made });
      t.equal(requests, made);
      t.equal(errors.UNKNOWN_PACKET, made / 4);
      await visit(server, setting, 0);
      t.pass("and it still serves");
    });
  }
}

/** A peer whose TLS handshake comes to nothing: it hangs up, at once or later, or sends what is none. */
async function failedHandshake(port: number, kind: number): Promise<void> {
  const peer = await peerTo(port);
  if (kind === 0) peer.end();
  else if (kind === 1) peer.write(Uint8Array.of(22, 3, 1, 0, 4, 99, 0, 0, 0));
  else if (kind === 2) peer.write(submit(1));
  else {
    peer.write(noisyRecord(kind)); // it might go on
    await turns();
    peer.reset();
  }
  await peer.ended;
  peer.reset();
}

for (const names of [[], ["example.test"]]) {
  const title = names.length > 0 ? "with certificates by name" : "with one certificate";
  t.test(`TLS handshakes that fail leave nothing behind (${title}, ${runtime})`, async (t) => {
    const identity = {
      cert: read("tests/fixtures/tls/server.pem"),
      key: read("tests/fixtures/tls/server.key"),
    };
    const sni = Object.fromEntries(names.map((name) => [name, identity]));
    const server = await serve({ port: 0, tls: { ...identity, sni } }, { submit() {} });
    t.teardown(() => server.shutdown());
    const each = 400;
    let made = 0;
    const round = async () => {
      let left = each;
      await Promise.all(Array.from({ length: 20 }, async () => {
        while (left-- > 0) await failedHandshake(server.addr.port, left % 4);
      }));
      made += each;
      await until(() => server.stats().errors.TLS_FAILED === made, "the server knows of all");
    };
    await round();
    await leavesNothing(t, each, round);
  });
}

t.test("listeners on a signal do not pile up over servers and clients", async (t) => {
  const transport = memoryNetwork();
  let listening = 0;
  const { signal } = new AbortController();
  const counting = new Proxy(signal, {
    get(target, name) {
      if (name === "addEventListener") {
        return (...args: [string, () => void]) => {
          listening++;
          target.addEventListener(...args);
        };
      }
      if (name === "removeEventListener") {
        return (...args: [string, () => void]) => {
          listening--;
          target.removeEventListener(...args);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  for (let i = 0; i < 50; i++) {
    const setting = { name: "", codec: "wasm", transport } as const;
    const server = await start(t, setting, { submit: () => {} }, { signal: counting });
    t.ok(listening <= 1) || t.bailout();
    const client = await connect(urlOf(server), { transport, signal: counting });
    await client.submit("x");
    await client.close();
    await server.shutdown();
  }
  t.equal(listening, 0);
});
