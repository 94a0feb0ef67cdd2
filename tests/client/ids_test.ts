/** The ids of submits: eight digits, one after the other, and round again after 99999999. */

import t from "tap";
import { CLIENT_DEFAULTS } from "../../src/options/client.ts";
import { callBook } from "../../src/protocol/call_book.ts";
import { findScans } from "../../src/codec/find_scans.ts";
import { TsCodec } from "../../src/codec/ts_codec.ts";
import { State } from "../../src/connection/connection.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { SubmitClientEndpoint } from "../../src/protocol/submit/client/client.ts";
import { submit as protocol } from "../../src/protocol/submit/mod.ts";
import { ack, join } from "../helpers/frames.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

/** An endpoint on a connection that keeps the ids sent and nothing else. */
function endpointAlone(sent = 0) {
  const room = new Uint8Array(64);
  const ids: string[] = [];
  const connection = {
    state: State.OPEN,
    bytesIn: 0,
    outbound: {
      at: 0,
      position: 0,
      reserve: () => room,
      commit: () => ids.push(String.fromCharCode(...room.subarray(5, 13))),
    },
    flushSoon() {},
  };
  let settled = 0;
  const endpoint = new SubmitClientEndpoint(connection as unknown as Connection, {
    maxFrameBytes: 1 << 20,
    calls: {
      clock: new VirtualClock(),
      requestTimeoutMs: 10_000,
      maxInFlight: 65_536,
      maxQueued: 0,
      overflow: "wait",
      book: callBook,
      deadAfterTimeouts: 8,
    },
    options: CLIENT_DEFAULTS,
    settled: () => settled++,
    goesAway: () => {},
    closed: () => {},
    report: () => {},
  }, sent);
  const codec = new TsCodec(findScans);
  const scanner = codec.scanner(protocol.framing, protocol.kind);
  /** Gives the endpoint what the server sent. */
  const receive = (bytes: Uint8Array) => {
    endpoint.batch(codec, bytes, scanner.scan(bytes, 0, bytes.length, 1 << 20));
  };
  return { endpoint, ids, receive, settled: () => settled };
}

const EMPTY = new Uint8Array(0);

t.test("ids count up from 00000001", async (t) => {
  const { endpoint, ids, receive } = endpointAlone();
  const answers = Array.from({ length: 120 }, () => endpoint.submit(EMPTY));
  t.equal(ids[0], "00000001");
  t.equal(ids[8], "00000009");
  t.equal(ids[9], "00000010");
  t.equal(ids[99], "00000100");
  receive(join(...answers.map((_, i) => ack(i + 1))));
  await Promise.all(answers);
});

t.test("refused payloads use up no id", (t) => {
  const { endpoint, ids } = endpointAlone();
  endpoint.submit(new Uint8Array(2 << 20)).catch(() => {});
  void endpoint.submit(EMPTY);
  t.strictSame(ids, ["00000001"]);
  t.end();
});

t.test("the window may slide and grow by any amount", async (t) => {
  const { endpoint, receive, settled } = endpointAlone();
  let sent = 0;
  let answered = 0;
  const all: Promise<void>[] = [];
  for (let round = 1; round < 60; round++) {
    for (let i = 0; i < round * 3; i++) {
      all.push(endpoint.submit(EMPTY));
      sent++;
    }
    const some = Math.min(sent - answered, round * 2 + round % 7);
    // Backwards, so that every answer but the last is out of turn.
    receive(join(...Array.from({ length: some }, (_, i) => ack(answered + some - i))));
    answered += some;
    if (endpoint.pending !== sent - answered) t.fail(`round ${round}: ${endpoint.pending}`);
  }
  receive(join(...Array.from({ length: sent - answered }, (_, i) => ack(answered + 1 + i))));
  await Promise.all(all);
  t.equal(endpoint.pending, 0);
  t.ok(settled() >= 1);
});

t.test("99999999 is followed by 00000001", async (t) => {
  const { endpoint, ids, receive } = endpointAlone(99_999_990);
  const answers = Array.from({ length: 20 }, () => endpoint.submit(EMPTY));
  t.strictSame(ids.slice(7, 12), ["99999998", "99999999", "00000001", "00000002", "00000003"]);
  // Out of turn on both sides of the seam.
  receive(join(ack(2), ack(99_999_999), ack(1, 1)));
  t.equal(endpoint.pending, 17);
  t.throws(() => receive(ack(99_999_990)), { code: "UNEXPECTED_PACKET" }, "before the first");
  t.throws(() => receive(ack(12)), { code: "UNEXPECTED_PACKET" }, "beyond the last");
  t.throws(() => receive(ack(0)), { code: "UNEXPECTED_PACKET" }, "never an id");
  receive(join(...Array.from({ length: 8 }, (_, i) => ack(99_999_991 + i))));
  receive(join(...Array.from({ length: 9 }, (_, i) => ack(11 - i))));
  const settled = await Promise.allSettled(answers);
  t.strictSame(settled.map(({ status }) => status === "rejected"), answers.map((_, i) => i === 9));
  t.equal(endpoint.pending, 0);
});

t.test("ids wrap on the second time round too, and far beyond 32 bits", async (t) => {
  for (const rounds of [2, 100, 12_345_678]) {
    const { endpoint, ids, receive } = endpointAlone(rounds * 99_999_999 - 1);
    const answers = [1, 2, 3].map(() => endpoint.submit(EMPTY));
    t.strictSame(ids, ["99999999", "00000001", "00000002"]);
    receive(join(ack(2), ack(99_999_999), ack(1)));
    await Promise.all(answers);
  }
});
