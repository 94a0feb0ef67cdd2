/**
 * One connection, one promise per submit, so many in flight: how many submits a second.
 *
 *   submit_rate.ts client|bare|hello|session PORT IN_FLIGHT SECONDS
 *
 * `client` is `connect(url)` with all its defaults, `hello` the same with a hello, `session`
 * with a session.
 * `bare` is what a program without a library would do at best: the runtime's socket, a buffer that
 * is filled by hand, a ring of promises, acknowledgements taken by their place; no deadlines, no
 * limits, no check of what comes.
 *
 * @module
 */
import { connect as netConnect } from "node:net";
import { argv, cpuUsage, exit } from "node:process";
import { connect } from "framewire";

const [kind, port, inFlight, seconds] = [
  argv[2],
  Number(argv[3]),
  Number(argv[4]),
  Number(argv[5]),
];
const PAYLOAD = new TextEncoder().encode("x".repeat(32));
const FRAME_BYTES = 13 + PAYLOAD.length;
const ACK_BYTES = 14;

type Submit = () => Promise<void>;

async function library(): Promise<Submit> {
  const client = await connect(
    `tcp://127.0.0.1:${port}`,
    kind === "hello" ? { hello: "required" } : kind === "session" ? { session: true } : {},
  );
  return () => client.submit(PAYLOAD);
}

/** Writes bytes, hands what comes to a function: as fast as the runtime does it. */
async function socket(data: (chunk: Uint8Array) => void): Promise<(bytes: Uint8Array) => void> {
  if ("Deno" in globalThis) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    (async () => {
      const buffer = new Uint8Array(64 << 10);
      for (let n; (n = await conn.read(buffer)) !== null;) data(buffer.subarray(0, n));
    })();
    const writing: Uint8Array[] = [];
    let busy = false;
    const pump = async () => {
      busy = true;
      for (let bytes; (bytes = writing.shift()) !== undefined;) {
        for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
      }
      busy = false;
    };
    return (bytes) => {
      writing.push(bytes);
      if (!busy) pump();
    };
  }
  const conn = netConnect({ host: "127.0.0.1", port, noDelay: true });
  await new Promise<void>((resolve) => conn.once("connect", () => resolve()));
  conn.on("data", data);
  return (bytes) => void conn.write(bytes);
}

async function bare(): Promise<Submit> {
  const ring: ((() => void) | undefined)[] = new Array(65_536).fill(undefined);
  let head = 0;
  let tail = 0;
  let rest = 0;
  const write = await socket((chunk) => {
    rest += chunk.length;
    for (; rest >= ACK_BYTES; rest -= ACK_BYTES) {
      const slot = head++ & 65_535;
      const resolve = ring[slot]!;
      ring[slot] = undefined; // what stays there would outlive young garbage
      resolve();
    }
  });
  const out = new Uint8Array(256 << 10);
  let at = 0;
  let soon = false;
  const flush = () => {
    soon = false;
    write(out.slice(0, at));
    at = 0;
  };
  return () => {
    if (at + FRAME_BYTES > out.length) flush();
    out[at + 2] = FRAME_BYTES >> 8;
    out[at + 3] = FRAME_BYTES & 0xff;
    out[at + 4] = 2;
    for (let i = 0, id = tail + 1; i < 8; i++, id = id / 10 | 0) out[at + 12 - i] = 48 + id % 10;
    out.set(PAYLOAD, at + 13);
    at += FRAME_BYTES;
    if (!soon) {
      soon = true;
      queueMicrotask(flush);
    }
    return new Promise((resolve) => ring[tail++ & 65_535] = resolve);
  };
}

const submit: Submit = kind === "bare" ? await bare() : await library();
let done = 0;
let over = false;
async function worker(): Promise<void> {
  while (!over) {
    await submit();
    done++;
  }
}
for (let i = 0; i < inFlight; i++) void worker();
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
await wait(500); // until it is compiled
const before = done;
const cpu = cpuUsage();
const start = performance.now();
await wait(seconds * 1000);
const rate = (done - before) / (performance.now() - start) * 1000;
const { user, system } = cpuUsage(cpu);
over = true;
console.log(JSON.stringify({ rate, perCpuSecond: (done - before) / (user + system) * 1e6 }));
exit(0);
