/**
 * Fault actors: peers that do to a server what a hostile or broken network does. Each plays against
 * a port on loopback by plain sockets, and says what became of it.
 *
 * @module
 */

import * as net from "node:net";
import { sealSubmitFrame } from "../../src/protocol/submit/seal.ts";
import { frame, join, random, randomBytes, submit, submits, u32 } from "../helpers/frames.ts";
import { FramePeer } from "../helpers/hello.ts";
import { type Peer, peerTo } from "../helpers/peer.ts";

/** Connects many peers, some at a time, so that the backlog is not what is tested. */
export async function crowd(port: number, count: number, atOnce = 100): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (let left = count; left > 0; left -= atOnce) {
    const some = Array.from({ length: Math.min(left, atOnce) }, () => peerTo(port));
    peers.push(...await Promise.all(some));
  }
  return peers;
}

/** How many of them the server has closed once all are closed. */
export async function allClosed(peers: readonly Peer[]): Promise<number> {
  await Promise.all(peers.map((peer) => peer.ended));
  for (const peer of peers) peer.end();
  await Promise.all(peers.map((peer) => peer.closed));
  return peers.length;
}

/**
 * Slow as a sloth: connections that send a frame one byte at a time, for ever.
 *
 * @param everyMs The pause between two bytes of one connection.
 * @returns The peers, and what stops their dribble.
 */
export async function slowloris(
  port: number,
  count: number,
  everyMs: number,
): Promise<{ readonly peers: readonly Peer[]; stop(): void }> {
  const peers = await crowd(port, count);
  const bytes = submit(1, "x".repeat(10_000));
  let at = 0;
  const dribble = () => {
    const byte = bytes.subarray(at % bytes.length, at % bytes.length + 1);
    at++;
    for (const peer of peers) if (!peer.isEnded) peer.write(byte);
  };
  dribble();
  const timer = setInterval(dribble, everyMs);
  return { peers, stop: () => clearInterval(timer) };
}

/**
 * Peers of a TLS server whose handshake never ends: one says nothing, the next dribbles the bytes of a
 * record that is announced as long.
 *
 * @returns The peers, and what stops their dribble.
 */
export async function tlsStallers(
  port: number,
  count: number,
): Promise<{ readonly peers: readonly Peer[]; stop(): void }> {
  const peers = await crowd(port, count);
  const dribblers = peers.filter((_, n) => n % 2 === 1);
  for (const peer of dribblers) {
    peer.write(Uint8Array.of(22, 3, 1, 0x20, 0, 1, 0, 0x1f, 0xfc, 3, 3));
  }
  const timer = setInterval(() => {
    for (const peer of dribblers) if (!peer.isEnded) peer.write(Uint8Array.of(7));
  }, 50);
  return { peers, stop: () => clearInterval(timer) };
}

/** Asks for answers and reads none of them; returns when the server has stopped reading it, or closed. */
export async function blackHole(port: number, mostBytes: number): Promise<net.Socket> {
  const socket = await dial(port);
  socket.pause();
  const batch = submits(1000);
  for (let sent = 0; sent < mostBytes && !socket.destroyed; sent += batch.length) {
    if (!socket.write(batch)) {
      const drained = await Promise.race([
        new Promise<true>((resolve) => socket.once("drain", () => resolve(true))),
        new Promise<false>((resolve) => socket.once("close", () => resolve(false))),
        // Quiet for so long that no reading is going on, on a busy machine too: it is held back.
        new Promise<false>((resolve) => setTimeout(() => resolve(false), 1500).unref()),
      ]);
      if (!drained) break;
    }
  }
  return socket;
}

/** Connects and resets, many times: half of them send something first. */
export async function reconnectStorm(port: number, count: number, atOnce = 200): Promise<number> {
  let left = count;
  let made = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (left-- > 0) {
      const socket = await dial(port).catch(() => undefined);
      if (socket === undefined) continue;
      made++;
      if (left % 2 === 0) socket.write(submit(1, "storm").subarray(0, left % 30));
      socket.resetAndDestroy();
    }
  }));
  return made;
}

/** Sends as fast as the server reads, for some bytes, and reads the answers. */
export async function flood(port: number, bytes: number): Promise<number> {
  const socket = await dial(port);
  let answered = 0;
  socket.on("data", (chunk: Uint8Array) => answered += chunk.length);
  const batch = submits(2000, 1, "flood");
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += batch.length) {
    if (!socket.write(batch)) {
      await new Promise<void>((resolve) => {
        socket.once("drain", resolve);
        socket.once("close", () => resolve());
      });
    }
  }
  socket.end();
  await closed(socket);
  return Math.floor(answered / 14);
}

/** Declares frames as large as allowed and sends all of each but its last byte. */
export async function hoarders(port: number, count: number, frameBytes: number): Promise<Peer[]> {
  const peers = await crowd(port, count);
  const bytes = frame(0x02, 1, new Uint8Array(frameBytes - 14), frameBytes);
  for (const peer of peers) peer.write(bytes);
  return peers;
}

/** What is no protocol at all, in pieces of random lengths. */
export async function garbage(port: number, seed: number, bytes: number): Promise<Peer> {
  const peer = await peerTo(port);
  const next = random(seed);
  const noise = randomBytes(seed, bytes);
  // Not by chance a length that is allowed.
  noise.set(u32(0xffffffff));
  for (let at = 0; at < noise.length;) {
    const piece = 1 + next(5000);
    peer.write(noise.subarray(at, at + piece));
    at += piece;
  }
  return peer;
}

/** A TLS record that claims to be a handshake, with noise in it. */
export function noisyRecord(seed: number): Uint8Array {
  return join(Uint8Array.of(22, 3, 1, 1, 0), randomBytes(seed, 256));
}

/** A peer that has said hello. */
export async function greeting(port: number, features: readonly string[]): Promise<FramePeer> {
  const peer = new FramePeer(await peerTo(port));
  await peer.greet({ features });
  return peer;
}

/** A frame whose checksum is wrong, by one bit somewhere behind its length: which one, `n` says. */
export function corrupted(n: number): Uint8Array {
  const bad = sealSubmitFrame(submit(1, "x".repeat(n % 50 * 100)), { crc32c: true }).slice();
  // Command, id, payload or the trailer itself.
  bad[4 + (n * 97) % (bad.length - 4)]! ^= 1 << n % 8;
  return bad;
}

/** An LZ4 block of zeros: a literal, then one match as long as its length bytes say. */
export function lz4Zeros(lengthBytes: number): Uint8Array {
  return join(
    Uint8Array.of(0x1f, 0, 1, 0),
    new Uint8Array(lengthBytes).fill(255),
    Uint8Array.of(9),
  );
}

/** A frame whose compressed body says how long it is, and is as it is. */
export function lz4Frame(declared: number, block: Uint8Array): Uint8Array {
  return frame(0x42, 1, join(u32(declared), block));
}

/** A socket that takes errors as what may happen to it. */
function dial(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

/** Settles when a socket is closed. */
export function closed(socket: net.Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => socket.once("close", () => resolve()));
}
