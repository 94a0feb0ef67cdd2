/**
 * Fault actors against a server over TCP: each is ended with its own code, healthy clients beside it
 * lose nothing, and memory stays within its budget.
 */

import t from "tap";
import { sealSubmitFrame } from "../../src/protocol/submit/seal.ts";
import { ack, acks, join, submit, submits, toHex } from "../helpers/frames.ts";
import { peerTo } from "../helpers/peer.ts";
import { connect, until } from "../helpers/runtime.ts";
import { read } from "../helpers/root.ts";
import { recordEvents, type Setting, start, type Teardown, urlOf } from "../helpers/settings.ts";
import type { ServeOptions } from "../../src/server/serve.ts";
import type { Server } from "../../src/server/server.ts";
import {
  allClosed,
  blackHole,
  closed,
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
  tlsStallers,
} from "./actors.ts";

t.setTimeout(180_000);

/** What of a test is used to check. */
interface Checks {
  ok(value: unknown, message: string): unknown;
  equal(found: unknown, wanted: unknown, message: string): unknown;
}

const HEALTHY = 5;
/** What their payloads begin with. */
const HEALTHY_MARK = "!".charCodeAt(0);
const SETTING: Setting = { name: "auto, tcp", codec: "wasm" };
const pem = (name: string) => read(`tests/fixtures/tls/${name}`);

/** A server with healthy clients on it, which submit one thing after the other until they are stopped. */
class Scene {
  readonly server: Server;
  readonly errors: ReturnType<typeof recordEvents>["errors"];
  readonly disconnects: ReturnType<typeof recordEvents>["disconnects"];
  readonly #handled: Map<string, number>;
  #isOver = false;
  #mostMemory = 0;
  readonly #isSecure: boolean;
  readonly #clients: Promise<number>[];

  private constructor(server: Server, handled: Map<string, number>, isSecure: boolean) {
    this.server = server;
    this.#isSecure = isSecure;
    ({ errors: this.errors, disconnects: this.disconnects } = recordEvents(server));
    this.#handled = handled;
    this.#clients = Array.from({ length: HEALTHY }, (_, n) => this.#visit(n));
    for (const client of this.#clients) client.catch(() => {}); // `finish` tells
  }

  static async set(
    t: Teardown,
    options: ServeOptions = {},
    handle: (payload: Uint8Array) => unknown = () => {},
  ): Promise<Scene> {
    const handled = new Map<string, number>();
    const server = await start(t, SETTING, {
      submit(packet) {
        const { payload } = packet;
        if (payload[0] !== HEALTHY_MARK) return handle(payload);
        const text = packet.text();
        handled.set(text, (handled.get(text) ?? 0) + 1);
        return undefined;
      },
    }, { lingerMs: 100, ...options });
    const scene = new Scene(server, handled, options.tls !== undefined);
    t.teardown(() => void (scene.#isOver = true));
    return scene;
  }

  get port(): number {
    return this.server.addr.port;
  }

  /** How many connections are open that are none of the healthy clients'. */
  get others(): number {
    return this.server.stats().connections.open - HEALTHY;
  }

  /** How often each code has ended a connection. */
  ended(code: string): number {
    return this.disconnects.filter((info) => info.code === code).length;
  }

  /** The clients stop; each submit of theirs was acknowledged, and handled once. */
  async finish(t: Checks): Promise<void> {
    this.#isOver = true;
    const submitted = (await Promise.all(this.#clients)).reduce((sum, count) => sum + count, 0);
    t.ok(submitted >= HEALTHY, `healthy clients had ${submitted} submits acknowledged`);
    t.equal(this.#handled.size, submitted, "each was handled");
    t.ok([...this.#handled.values()].every((times) => times === 1), "and once");
    const { memory } = this.server.stats();
    t.ok(this.#mostMemory <= memory.budget, `memory: ${this.#mostMemory} of ${memory.budget}`);
  }

  async #visit(client: number): Promise<number> {
    const connection = this.#isSecure
      ? await connect(urlOf(this.server).replace("tcp:", "tls:"), { tls: { ca: pem("ca.pem") } })
      : await connect(urlOf(this.server));
    let count = 0;
    while (!this.#isOver) {
      await connection.submit(`!${client}.${count++}`);
      this.#mostMemory = Math.max(this.#mostMemory, this.server.stats().memory.used);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await connection.close();
    return count;
  }
}

t.test("slowloris: 1,000 peers that dribble a frame are ended by its deadline", async (t) => {
  const scene = await Scene.set(t, { frameTimeoutMs: 1000, maxConnections: 1100 });
  const { peers, stop } = await slowloris(scene.port, 1000, 100);
  t.equal(await allClosed(peers), 1000);
  stop();
  await until(() => scene.others === 0, "they are gone");
  t.equal(scene.ended("FRAME_TIMEOUT"), 1000);
  await scene.finish(t);
});

t.test("black holes: peers that read nothing are held back, then cut off", async (t) => {
  const budget = 32 << 20;
  const scene = await Scene.set(t, { writeStallMs: 1000, memoryBudgetBytes: budget });
  const sockets = await Promise.all(
    Array.from({ length: 10 }, () => blackHole(scene.port, 64 << 20)),
  );
  await until(() => scene.ended("WRITE_STALLED") === 10, "all are cut off");
  for (const socket of sockets) socket.destroy();
  await Promise.all(sockets.map(closed));
  await scene.finish(t);
});

t.test("a half closer gets all answers; one that reads none of them is cut off", async (t) => {
  const scene = await Scene.set(t, { writeStallMs: 1000, writeHighWaterBytes: 1024 });
  const reader = await peerTo(scene.port);
  reader.write(submits(5000));
  reader.end();
  t.equal(toHex(await reader.readToEnd()), toHex(acks(5000)));
  const mute = await peerTo(scene.port);
  mute.pause();
  const socket = blackHole(scene.port, 64 << 20);
  (await socket).end();
  await until(() => scene.ended("WRITE_STALLED") === 1, "it is cut off");
  (await socket).destroy();
  mute.reset();
  await scene.finish(t);
});

t.test("a flooder is answered as fast as it reads, and no faster than it may", async (t) => {
  const scene = await Scene.set(t, { memoryBudgetBytes: 32 << 20 });
  const answered = await Promise.all([flood(scene.port, 8 << 20), flood(scene.port, 8 << 20)]);
  const batches = Math.ceil((8 << 20) / submits(2000, 1, "flood").length);
  t.strictSame(answered, [batches * 2000, batches * 2000]);
  await scene.finish(t);
});

t.test("a reconnect storm: 10,000 come and go in a burst", async (t) => {
  const scene = await Scene.set(t, {});
  const made = await reconnectStorm(scene.port, 10_000);
  t.ok(made > 9_000, `${made} connected`);
  await until(() => scene.others === 0, "none of them is left");
  await scene.finish(t);
});

t.test("handshake stallers: 300 peers that never say a word are ended by the deadline", async (t) => {
  const scene = await Scene.set(t, { handshakeTimeoutMs: 1000 });
  const peers = await crowd(scene.port, 300);
  t.equal(await allClosed(peers), 300);
  await until(() => scene.others === 0, "they are gone");
  t.equal(scene.ended("HANDSHAKE_TIMEOUT"), 300);
  await scene.finish(t);
});

t.test("memory pressure: hoarders of unfinished frames stay within the budget", async (t) => {
  const budget = 16 << 20;
  const scene = await Scene.set(t, { memoryBudgetBytes: budget, frameTimeoutMs: 2000 });
  const peers = await hoarders(scene.port, 100, 1 << 20);
  await until(() => scene.server.stats().memory.paused > 0, "the newest are not read from");
  // Newcomers find the memory held, and are no reason to hold more of it.
  peers.push(...await hoarders(scene.port, 100, 1 << 20));
  await until(() => scene.ended("FRAME_TIMEOUT") > 0, "whoever is read from has had its time");
  t.ok(scene.server.stats().memory.paused > 0, "and the others still wait");
  for (const peer of peers) peer.reset();
  await until(() => scene.others === 0, "they are gone");
  await until(() => scene.server.stats().memory.paused === 0, "all are read from again");
  await scene.finish(t);
});

t.test("handlers that never settle take no more than their connection's window", async (t) => {
  let begun = 0;
  const scene = await Scene.set(
    t,
    { handlerTimeoutMs: 500, maxInFlight: 8 },
    () => new Promise(() => begun++),
  );
  const peer = await peerTo(scene.port);
  peer.write(submits(16, 1, "never"));
  await until(() => begun === 8, "the window is full");
  const failures = Array.from({ length: 16 }, (_, i) => toHex(acks(1, i + 1)).replace(/00$/, "01"));
  t.equal(toHex(await peer.read(16 * 14)), failures.join(""), "each is answered with a failure");
  t.equal(begun, 16);
  peer.end();
  await peer.closed;
  t.equal(scene.errors.filter(({ code }) => code === "HANDLER_TIMEOUT").length, 16);
  await scene.finish(t);
});

t.test("garbage in any pieces ends its own connection and nothing else", async (t) => {
  const scene = await Scene.set(t);
  for (let seed = 1; seed <= 20; seed++) {
    const peer = await garbage(scene.port, seed, 100_000);
    await peer.ended;
    peer.end();
    await peer.closed;
  }
  const peer = await peerTo(scene.port);
  peer.write(submit(1, "fine"));
  t.equal(toHex(await peer.read(14)), toHex(acks(1)));
  peer.end();
  await until(() => scene.others === 0, "they are gone");
  t.equal(scene.ended("FRAME_TOO_LARGE"), 20);
  await scene.finish(t);
});

t.test("corrupt checksums: each ends its own connection, those with good ones go on", async (t) => {
  const scene = await Scene.set(t);
  const agreed = { crc32c: true };
  const beside = await greeting(scene.port, ["crc32c"]);
  const corrupters = 50;
  await Promise.all(Array.from({ length: corrupters }, async (_, n) => {
    const peer = await greeting(scene.port, ["crc32c"]);
    const good = sealSubmitFrame(submit(1, "x".repeat(n * 100)), agreed);
    peer.write(join(good, corrupted(n), good));
    t.equal((await peer.next())?.command, 0x82, "the good one before is answered");
    t.equal(await peer.says(), "end", "and nothing behind the bad one");
    peer.peer.end();
    await peer.peer.closed;
  }));
  await until(() => scene.others === 1, "they are gone");
  t.equal(scene.ended("CHECKSUM_MISMATCH"), corrupters);
  beside.write(sealSubmitFrame(submit(1, "fine"), agreed));
  t.equal(toHex((await beside.next())!.bytes), toHex(sealSubmitFrame(ack(1), agreed)));
  beside.peer.end();
  await scene.finish(t);
});

t.test("LZ4 bombs: what they would expand to is never held", async (t) => {
  const budget = 8 << 20;
  const scene = await Scene.set(t, { memoryBudgetBytes: budget, maxFrameBytes: 1 << 20 });
  const zeros = lz4Zeros;
  const bombs: [declared: number, block: Uint8Array, code: string][] = [
    [0xffff_ffff, zeros(1000), "FRAME_TOO_LARGE"],
    [(1 << 20) - 12, zeros(5000), "FRAME_TOO_LARGE"], // with its header a byte over the limit
    [1000, zeros(5000), "DECOMPRESSION_FAILED"], // 1.2 MB where 1,000 bytes are declared
    [1 << 19, zeros(1_000_000), "DECOMPRESSION_FAILED"], // 255 MB
    [1 << 19, zeros(10), "DECOMPRESSION_FAILED"], // cannot hold so much
  ];
  for (let round = 0; round < 10; round++) {
    await Promise.all(bombs.map(async ([declared, block, code]) => {
      const peer = await greeting(scene.port, ["lz4"]);
      peer.write(lz4Frame(declared, block));
      t.equal(await peer.says(), "end", code);
      peer.peer.end();
      await peer.peer.closed;
    }));
  }
  await until(() => scene.others === 0, "they are gone");
  t.equal(scene.ended("FRAME_TOO_LARGE"), 20);
  t.equal(scene.ended("DECOMPRESSION_FAILED"), 30);
  const good = await greeting(scene.port, ["lz4"]);
  good.write(sealSubmitFrame(submit(1, new Uint8Array((1 << 20) - 13)), { lz4: true }));
  t.equal(await good.says(), "82 00000001 00", "one that expands to just the limit is welcome");
  good.peer.end();
  await scene.finish(t);
});

const tls = { cert: pem("server.pem"), key: pem("server.key") };

t.test("TLS garbage: every kind is cut off, and TLS clients beside it go on", async (t) => {
  const scene = await Scene.set(t, { tls, handshakeTimeoutMs: 2000 });
  const peers = await Promise.all(
    Array.from({ length: 50 }, (_, n) => garbage(scene.port, n + 1, 20_000)),
  );
  for (let n = 0; n < 50; n++) {
    const peer = await peerTo(scene.port);
    peer.write(noisyRecord(n + 1));
    peers.push(peer);
  }
  t.equal(await allClosed(peers), 100);
  await until(() => scene.errors.length === 100, "each is one error event");
  // Noise that reads as the beginning of a long message is waited for.
  const codes = new Set(scene.errors.map(({ code }) => code));
  codes.delete("HANDSHAKE_TIMEOUT");
  t.strictSame([...codes], ["TLS_FAILED"], "of TLS");
  t.equal(scene.disconnects.length, 0, "none was a connection");
  await scene.finish(t);
});

t.test("TLS stallers: handshakes that do not go on are ended by the deadline", async (t) => {
  const scene = await Scene.set(t, { tls, handshakeTimeoutMs: 1500 });
  const { peers, stop } = await tlsStallers(scene.port, 100);
  t.equal(await allClosed(peers), 100);
  stop();
  await until(() => scene.errors.length === 100, "each is one error event");
  t.ok(scene.errors.every(({ code }) => code === "HANDSHAKE_TIMEOUT"), "of the deadline");
  await scene.finish(t);
});
