/**
 * Random servers, networks, handlers and requests: whatever the windows and the pieces, each
 * request is answered once, in order, with the right result, and its handler saw the right bytes.
 */

import t from "tap";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, echoFrame, frame, join, random, submit, toHex } from "../helpers/frames.ts";
import { type Deferred, deferred, turns } from "../helpers/runtime.ts";
import { CODECS, peerOf, recordEvents, start, type Teardown } from "../helpers/settings.ts";

const SEEDS = 120;
const STALL_TURNS = 3000;

/** The payload of a request, from which a handler can tell whether it sees the right bytes. */
function payloadOf(id: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => id * 31 + i * 7);
}

function isRight(id: number, payload: Uint8Array): boolean {
  return payload.every((byte, i) => byte === (id * 31 + i * 7 & 0xff));
}

async function attempt(t: Teardown, codec: "wasm" | "ts", seed: number): Promise<string> {
  const next = random(seed);
  const pieces = [1, 3, 14, 60, 500, 5000, 100_000][next(7)]!;
  const transport = memoryNetwork({
    windowBytes: [1, 50, 1000, 65_536][next(4)]!,
    pieceBytes: () => 1 + next(pieces),
  });
  const protocol = next(3) === 0 ? "echo" : "submit";
  const asyncShare = [0, 0, 30, 50, 95, 100][next(6)]!;
  const throwShare = [0, 10][next(2)]!;
  const open: { done: Deferred<void>; check: () => boolean; fails: boolean }[] = [];
  const failing = new Set<number>();
  let wrong = "";
  let seen = 0;
  const options = {
    maxInFlight: [1, 2, 5, 64, 1024][next(5)]!,
    maxInFlightBytes: [1024, 3000, 1 << 20][next(3)]!,
    writeHighWaterBytes: [1024, 5000, 1 << 18][next(3)]!,
    handlerTimeoutMs: 0,
  };
  const handle = (id: number, view: () => Uint8Array): unknown => {
    if (id !== seen) wrong ||= `request ${id} came as number ${seen}`;
    seen++;
    const kept = view();
    if (!isRight(id, kept)) wrong ||= `request ${id} has other bytes`;
    const fails = next(100) < throwShare;
    if (fails) failing.add(id);
    if (next(100) >= asyncShare) {
      if (fails) throw new Error("sync");
      return;
    }
    const done = deferred();
    open.push({ done, fails, check: () => isRight(id, kept) && isRight(id, view()) });
    return done.promise;
  };
  const setting = { name: "", codec, transport };
  const server = protocol === "submit"
    ? await start(t, setting, {
      submit: (packet) => handle(Number(packet.id), () => packet.payload),
    }, options)
    : await start<"echo">(t, setting, {
      data: (packet) => handle(seen, () => packet.data),
    }, { protocol, ...options });
  const { errors, disconnects } = recordEvents(server);

  const count = 1 + next(150);
  const lengths = Array.from({ length: count }, () => next(next(15) === 0 ? 4000 : 40));
  const requests = lengths.map((length, id) =>
    protocol === "submit" ? submit(id, payloadOf(id, length)) : echoFrame(1, payloadOf(id, length))
  );
  const broken = next(4) === 0;
  const peer = await peerOf(server, setting);
  peer.write(join(...requests, broken ? frame(0x33, 5, "??????????") : new Uint8Array(0)));
  if (next(2) === 0) peer.end();
  if (next(3) === 0) peer.pause();

  const expectedBytes = protocol === "submit"
    ? 14 * count
    : lengths.reduce((sum, length) => sum + 8 + length, 0);
  let stalled = 0;
  while (peer.receivedBytes < expectedBytes) {
    const before = peer.receivedBytes + seen;
    await turns(1);
    if (next(8) === 0) peer.pause();
    if (next(4) === 0) peer.resume();
    if (next(3) > 0) {
      for (let some = next(6); some > 0 && open.length > 0; some--) {
        const [{ done, check, fails }] = open.splice(next(open.length), 1) as [typeof open[0]];
        if (!check()) wrong ||= "a view changed while its handler was under way";
        if (fails) done.reject(new Error("async"));
        else done.resolve();
      }
    }
    stalled = before === peer.receivedBytes + seen ? stalled + 1 : 0;
    if (stalled > STALL_TURNS) {
      return `${wrong} stalled at ${peer.receivedBytes} of ${expectedBytes}, ${seen} of ${count} seen,` +
        ` ${open.length} open, ${protocol} ${JSON.stringify(options)}`;
    }
  }
  peer.resume();
  peer.end();
  const received = toHex(await peer.readToEnd());
  const expected = toHex(
    join(
      ...lengths.map((length, id) =>
        protocol === "submit"
          ? ack(id, failing.has(id) ? 1 : 0)
          : echoFrame(2, payloadOf(id, length))
      ),
    ),
  );
  if (received !== expected) wrong ||= "the answers differ";
  for (let i = 0; i < 50 && disconnects.length === 0; i++) await turns(1);
  const codes = errors.map(({ code }) => code).filter((code) => code !== "HANDLER_FAILED");
  const wanted = broken
    ? (protocol === "submit" ? "UNKNOWN_PACKET" : "FRAME_TOO_LARGE|TRUNCATED")
    : "";
  if (codes.length > 1 || !wanted.includes(codes.join())) wrong ||= `errors ${codes}`;
  await server.shutdown({ deadlineMs: 0 });
  return wrong;
}

for (const codec of CODECS) {
  t.test(`whatever the windows and the pieces (${codec})`, async (t) => {
    const first = 1;
    let failed = "";
    for (let seed = first; seed < first + SEEDS && failed === ""; seed++) {
      failed = await attempt(t, codec, seed);
      if (failed !== "") t.fail(`seed ${seed}: ${failed}`);
    }
    t.pass(`seeds ${first} to ${first + SEEDS - 1}`);
  });
}
