/** Heartbeats, and what becomes of a handler's place in the window. */

import t from "tap";
import { defineProtocol, lengthField, u32, u8 } from "../../src/protocol/mod.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { ack, fromHex, join, submit, submits, toHex } from "../helpers/frames.ts";
import { peerTo } from "../helpers/peer.ts";
import { connect, serve, turns, until } from "../helpers/runtime.ts";
import { CODECS, peerOf, recordEvents, start } from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const packets = {
  probe: { kind: 1, reply: "alive" },
  alive: { kind: 0x81 },
  note: { kind: 2, from: "server" },
  ask: { kind: 3, from: "client", reply: "alive" },
  load: { kind: 4, body: { value: u8 } },
} as const;

/** A protocol with a heartbeat that is answered, or with one that is not. */
const beating = (heartbeat: "probe" | "note") =>
  defineProtocol({
    name: "beating",
    framing: lengthField({ counts: "frame", minFrameBytes: 9 }),
    header: { length: u32, type: u8, sequence: u32 },
    kind: "type",
    correlate: "sequence",
    heartbeat,
    packets,
  });

async function world(
  t: { teardown(fn: () => unknown): unknown },
  heartbeat: "probe" | "note",
  options: { readonly idleTimeoutMs?: number } = {},
) {
  const clock = new VirtualClock();
  const transport = memoryNetwork();
  const protocol = beating(heartbeat);
  const disconnects: string[] = [];
  const server = await serve({
    ...options,
    protocol,
    transport,
    clock,
    port: 0,
    on: { disconnect: (_conn, { code }) => void disconnects.push(code) },
  }, {});
  t.teardown(async () => {
    const over = server.shutdown({ deadlineMs: 0 });
    clock.advance(1);
    await over;
  });
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(left, 100));
      await turns(1);
    }
  };
  return { server, transport, protocol, pass, disconnects };
}

t.test("a silent peer is asked, and cut when it is silent for as long again", async (t) => {
  const { server, transport, pass, disconnects } = await world(t, "probe");
  const dead = await peerTo(server.addr.port, transport);
  dead.write(fromHex("00000009 03 00000001"));
  t.equal(toHex(await dead.read(9)), "000000098100000001");
  await pass(29_000);
  t.equal(dead.receivedBytes, 9, "not a moment early");
  await pass(3000);
  t.equal(toHex(dead.received).slice(18), "000000090100000001", "one heartbeat");
  await pass(27_000);
  t.equal(dead.receivedBytes, 18, "and only one");
  t.strictSame(disconnects, []);
  await pass(5000);
  await until(() => disconnects.length === 1, "it is cut");
  t.strictSame(disconnects, ["HEARTBEAT_TIMEOUT"]);
  t.match(server.stats().errors, { HEARTBEAT_TIMEOUT: 1 });
});

t.test("a client of ours answers by itself, for hours, past the idle timeout", async (t) => {
  const { server, transport, protocol, pass, disconnects } = await world(t, "probe");
  const client = await connect(`tcp://127.0.0.1:${server.addr.port}`, { transport, protocol });
  await client.call("ask");
  await pass(1_000_000);
  t.strictSame(disconnects, []);
  t.equal(client.open, true);
  await client.call("ask");
  await client.close();
});

t.test("any input is an answer, and a heartbeat may be one that nobody answers", async (t) => {
  const { server, transport, pass, disconnects } = await world(t, "note", { idleTimeoutMs: 0 });
  const peer = await peerTo(server.addr.port, transport);
  peer.write(fromHex("00000009 03 00000001"));
  await peer.read(9);
  for (let i = 0; i < 5; i++) {
    await pass(50_000);
    peer.write(fromHex("0000000a 04 00000001 05"));
    await pass(1000);
  }
  t.strictSame(disconnects, []);
  t.match(toHex(peer.received), /0000000902/);
  await pass(70_000);
  t.strictSame(disconnects, ["HEARTBEAT_TIMEOUT"]);
});

t.test("a heartbeat that cannot be one is refused when the protocol is defined", (t) => {
  const defined = (heartbeat: string) => () => beating(heartbeat as "probe");
  t.throws(defined("nothing"), {
    code: "INVALID_CONFIG",
    message: /heartbeat nothing is no packet/,
  });
  t.throws(defined("alive"), { code: "INVALID_CONFIG", message: /it answers others/ });
  t.throws(defined("ask"), { code: "INVALID_CONFIG", message: /only a client may send it/ });
  t.throws(defined("load"), { code: "INVALID_CONFIG", message: /fields that must be given/ });
  t.end();
});

for (const codec of CODECS) {
  t.test(`a plain submit peer is never asked: it has the idle timeout (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = { name: codec, codec, transport: memoryNetwork() };
    const server = await start(t, setting, { submit: () => {} }, { clock });
    const { disconnects } = recordEvents(server);
    const peer = await peerOf(server, setting);
    peer.write(submit(1));
    await peer.read(14);
    for (let i = 0; i < 59; i++) {
      clock.advance(1000);
      await turns(1);
    }
    t.equal(peer.isEnded, false);
    clock.advance(3000);
    await peer.ended;
    t.equal(toHex(peer.received), toHex(ack(1)), "it was sent nothing it does not know");
    peer.end();
    await until(() => disconnects.length === 1, "disconnect");
    t.match(disconnects, [{ code: "IDLE_TIMEOUT" }]);
  });

  t.test(`handlerTimeoutMs frees the window: what waited behind it is taken (${codec})`, async (t) => {
    const clock = new VirtualClock();
    const setting = { name: codec, codec, transport: memoryNetwork() };
    let running = 0;
    const server = await start(t, setting, {
      submit(packet) {
        running++;
        if (packet.text() === "hang") return new Promise(() => {});
      },
    }, { clock, handlerTimeoutMs: 1000, maxInFlight: 2 });
    const peer = await peerOf(server, setting);
    peer.write(join(submit(1, "hang"), submit(2, "hang"), submits(3, 3)));
    await until(() => running === 2, "the window is full");
    await turns();
    t.equal(running, 2);
    clock.advance(1000);
    const replies = join(ack(1, 1), ack(2, 1), ack(3), ack(4), ack(5));
    t.equal(toHex(await peer.read(70)), toHex(replies));
    t.match(server.stats(), { requests: 5, failures: 2, errors: { HANDLER_TIMEOUT: 2 } });
  });
}
