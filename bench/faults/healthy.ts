/**
 * Healthy clients: some connections with a submit every now and then, each answer timed and checked.
 *
 *   deno run -A bench/faults/healthy.ts PORT SECONDS [tcp | tls]
 *
 * Prints one line of JSON: how many were sent, how many got no right answer, p50 and p99 in µs.
 *
 * @module
 */
import * as net from "node:net";
import { argv, exit } from "node:process";
import * as tls from "node:tls";
import { submit } from "../../tests/helpers/frames.ts";

const CONNECTIONS = 20;
const EVERY_MS = 10;
const ACK_BYTES = 14;

const [port = 0, seconds = 3] = argv.slice(2).map(Number);
const overTls = argv[4] === "tls";

interface Visit {
  readonly sent: number;
  readonly tookUs: readonly number[];
}

/** A connection, behind its handshake if it has one. */
async function dial(): Promise<net.Socket> {
  const target = { port, host: "127.0.0.1", noDelay: true };
  // The certificate is one of the tests, which is of no interest here.
  const socket = overTls
    ? tls.connect({ ...target, rejectUnauthorized: false })
    : net.connect(target);
  await new Promise<void>((resolve, reject) => {
    socket.once(overTls ? "secureConnect" : "connect", resolve).once("error", reject);
  });
  return socket;
}

/** One connection's visit: a submit, its answer, a pause, until the time is over. */
async function visit(end: number): Promise<Visit> {
  const socket = await dial();
  let answered: ((right: boolean) => void) | undefined;
  let got: Uint8Array = new Uint8Array(0);
  socket.on("error", () => {});
  socket.on("close", () => answered?.(false));
  let id = "";
  socket.on("data", (bytes: Uint8Array) => {
    const more = new Uint8Array(got.length + bytes.length);
    more.set(got);
    more.set(bytes, got.length);
    got = more;
    if (got.length < ACK_BYTES) return;
    const isRight = got[3] === ACK_BYTES && got[4] === 0x82 && got[13] === 0 &&
      String.fromCharCode(...got.subarray(5, 13)) === id;
    got = got.subarray(ACK_BYTES);
    answered?.(isRight);
  });
  const tookUs: number[] = [];
  let sent = 0;
  while (performance.now() < end) {
    sent++;
    id = String(sent).padStart(8, "0");
    const began = performance.now();
    const right = await new Promise<boolean>((resolve) => {
      answered = resolve;
      socket.write(submit(id, "thirty-two bytes of payload here"));
    });
    if (!right) break;
    tookUs.push((performance.now() - began) * 1000);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  socket.destroy();
  return { sent, tookUs };
}

const end = performance.now() + seconds * 1000;
const visits = await Promise.all(Array.from({ length: CONNECTIONS }, () => visit(end)));
const tookUs = visits.flatMap((visit) => visit.tookUs).sort((a, b) => a - b);
const at = (share: number) => tookUs[Math.floor(share * (tookUs.length - 1))] ?? 0;
const sent = visits.reduce((sum, visit) => sum + visit.sent, 0);
console.log(
  JSON.stringify({ sent, lost: sent - tookUs.length, p50Us: at(0.5), p99Us: at(0.99) }),
);
exit(0);
