/**
 * A load generator that speaks TLS, where `peers/loadgen.c` speaks TCP alone: windows of submits on raw
 * sockets, every acknowledgement counted. It is the limit itself for short requests, so only the
 * ratio of two of its runs says something about a server.
 *
 *   node bench/tls/load.mjs tcp|tls PORT CONNECTIONS IN_FLIGHT PAYLOAD SECONDS
 *
 * Prints one line of JSON: `{ "requestsPerS": …, "requests": … }`, the latter with those of the warm-up.
 *
 * @module
 */
import { once } from "node:events";
import * as net from "node:net";
import process, { argv } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import * as tls from "node:tls";
import { readFileSync } from "node:fs";

const HEADER_BYTES = 13;
const ACK_BYTES = 14;
const WARM_UP_SHARE = 0.25;

const kind = argv[2];
const [port, connections, inFlight, payload, seconds] = argv.slice(3).map(Number);
const frameBytes = HEADER_BYTES + payload;

/** As many frames as may be in flight: a window's refill is a piece of it. */
const frames = Buffer.alloc(frameBytes * inFlight, "x");
for (let i = 0; i < inFlight; i++) {
  const at = i * frameBytes;
  frames.writeUInt32BE(frameBytes, at);
  frames[at + 4] = 0x02;
  frames.write(String(i).padStart(8, "0"), at + 5, "latin1");
}

let answered = 0;

async function open() {
  const target = { port, host: "127.0.0.1" };
  const ca = kind === "tls" ? readFileSync("tests/fixtures/tls/ca.pem") : undefined;
  const socket = kind === "tls" ? tls.connect({ ...target, ca }) : net.connect(target);
  await once(socket, kind === "tls" ? "secureConnect" : "connect");
  socket.setNoDelay(true);
  let rest = 0;
  socket.on("data", (bytes) => {
    rest += bytes.length;
    const acks = Math.floor(rest / ACK_BYTES);
    rest -= acks * ACK_BYTES;
    if (acks === 0) return;
    answered += acks;
    if (bytes.length >= ACK_BYTES && bytes[bytes.length - rest - 1] !== 0) {
      throw new Error("a submit was refused");
    }
    socket.write(frames.subarray(0, acks * frameBytes));
  });
  socket.on("close", () => {
    throw new Error("the server has closed a connection");
  });
  return () => socket.write(frames);
}

const begin = await Promise.all(Array.from({ length: connections }, open));
for (const start of begin) start();
await sleep(seconds * 1000 * WARM_UP_SHARE);
const before = answered;
const start = performance.now();
await sleep(seconds * 1000 * (1 - WARM_UP_SHARE));
const requestsPerS = (answered - before) / (performance.now() - start) * 1000;
console.log(JSON.stringify({ requestsPerS, requests: answered }));
process.exit(0);
