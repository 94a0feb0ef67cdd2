/** What a server logs, and that LogTape takes it; the flight recorder of connections that end badly. */

import t from "tap";
import { flightText } from "../../src/observe/flight.ts";
import type { GetLogger } from "../../src/observe/logger.ts";
import type { FramewireError } from "../../src/errors.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { defineProtocol, lengthField, u16, u32, u8 } from "../../src/protocol/mod.ts";
import { fromHex, join, submit } from "../helpers/frames.ts";
import { clientOf, CODECS, peerOf, settings, start } from "../helpers/settings.ts";
import { serve, until } from "../helpers/runtime.ts";
import { peerTo } from "../helpers/peer.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

interface Line {
  readonly category: string;
  readonly level: string;
  readonly message: string;
  readonly properties: Record<string, unknown>;
}

/** A logger that keeps what it is told. */
function keeper(): { lines: Line[]; logger: GetLogger } {
  const lines: Line[] = [];
  const logger: GetLogger = (words) => {
    const category = words.join(".");
    const at = (level: string) => (message: string, properties: Record<string, unknown> = {}) =>
      void lines.push({ category, level, message, properties });
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  };
  return { lines, logger };
}

for (const setting of settings()) {
  t.test(`a server logs its life, its connections and attacks on it (${setting.name})`, async (t) => {
    const { lines, logger } = keeper();
    const server = await start(t, setting, {
      submit(packet) {
        if (packet.text() === "fail") throw new Error("asked to");
      },
    }, { logger });
    const client = await clientOf(server, setting);
    await client.submit("fail").catch(() => {});
    await client.close();
    const broken = await peerOf(server, setting);
    broken.write(new TextEncoder().encode("GET /secret HTTP/1.1\r\n\r\n"));
    await broken.ended;
    broken.end();
    await until(() => server.stats().connections.open === 0, "closed");
    await server.shutdown();
    t.strictSame(lines.map(({ category, level }) => `${category} ${level}`).sort(), [
      ...new Array(4).fill("framewire.connection debug"),
      "framewire.connection warn",
      "framewire.security warn",
      "framewire.server error",
      "framewire.server info",
      "framewire.server info",
    ]);
    t.match(lines[0]!.properties, { port: server.addr.port });
    t.match(lines[2], { message: /asked to/, properties: { code: "HANDLER_FAILED", conn: 1 } });
    const [broke, attack] = lines.slice(5, 7).sort((a, b) => a.category < b.category ? -1 : 1);
    t.match(broke!.properties, { code: "FRAME_TOO_LARGE", looksLike: "HTTP", conn: 2 });
    t.match(attack!.properties, { event: "malformed", conn: 2 });
    t.notMatch(JSON.stringify(lines), /secret|firstBytes/, "no payload");
  });

  t.test(`the error that ends a connection has its last frames (${setting.name})`, async (t) => {
    const errors: FramewireError[] = [];
    const server = await start(t, setting, { submit: () => {} }, {
      flightRecorder: true,
      on: { error: (error) => errors.push(error) },
    });
    const peer = await peerOf(server, setting);
    for (let i = 1; i <= 40; i++) {
      peer.write(submit(i, "secret"));
      await peer.read(i * 14);
    }
    peer.write(join(submit(41), new Uint8Array(13)));
    await peer.ended;
    peer.end();
    await until(() => errors.length === 1, "the error");
    const { flight, code } = errors[0]!;
    t.equal(code, "LENGTH_UNDERFLOW");
    t.equal(flight!.length, 32);
    t.match(flight!.slice(-3), [
      { direction: "out", bytes: 14 },
      { direction: "in", bytes: 13, kind: 2, id: toHexText("00000041") },
      { direction: "out", bytes: 14 },
    ]);
    t.match(flight![0], { direction: "in", bytes: 19, kind: 2, id: toHexText("00000026") });
    t.ok(flight!.every(({ beforeMs }, i) => beforeMs >= (flight![i + 1]?.beforeMs ?? 0)));
    t.equal(flightText(flight!).split("\n").length, 32);
    t.match(flightText(flight!.slice(-2, -1)), /in +13 bytes +kind 0x02 +id 3030303030303431$/);
  });
}

function toHexText(text: string): string {
  return [...text].map((char) => char.charCodeAt(0).toString(16)).join("");
}

for (const codec of CODECS) {
  t.test(`the recorder says when, and nothing without the option (${codec})`, async (t) => {
    for (const flightRecorder of [true, false]) {
      const clock = new VirtualClock();
      const errors: FramewireError[] = [];
      const setting = { name: codec, codec, transport: memoryNetwork() };
      const server = await start(t, setting, { submit: () => {} }, {
        clock,
        flightRecorder,
        on: { error: (error) => errors.push(error) },
      });
      const peer = await peerOf(server, setting);
      peer.write(submit(1));
      await peer.read(14);
      clock.advance(700);
      peer.write(join(submit(2), submit(3)));
      await peer.read(3 * 14);
      clock.advance(50);
      peer.reset();
      await until(() => errors.length === 1, "the reset");
      t.equal(errors[0]!.code, "CONNECTION_RESET");
      const times = errors[0]!.flight?.map(({ beforeMs, direction }) => `${direction} ${beforeMs}`);
      t.strictSame(
        times,
        flightRecorder ? ["in 750", "out 50", "in 50", "in 50", "out 0"] : undefined,
      );
    }
  });
}

t.test("frames of defined protocols are recorded with the field that pairs them", async (t) => {
  const transport = memoryNetwork();
  const packets = { add: { kind: 1, body: { a: u32 } } } as const;
  const common = {
    framing: lengthField({ size: 4, strip: 4, maxFrameBytes: 64 }),
    header: { version: u8, kind: u8, id: u16 },
    kind: "kind",
    packets,
  } as const;
  const bad = "00000004" + "01ff0009";
  for (
    const [protocol, id] of [
      [defineProtocol({ name: "paired", correlate: "id", ...common }), "0007"],
      [defineProtocol({ name: "in order", ...common }), undefined],
    ] as const
  ) {
    const errors: FramewireError[] = [];
    await using server = await serve({
      transport,
      port: 0,
      protocol,
      flightRecorder: true,
      on: { error: (error) => errors.push(error) },
    }, { add() {} });
    const peer = await peerTo(server.addr.port, transport);
    peer.write(fromHex("00000008" + "01010007" + "00000001" + bad));
    await peer.ended;
    peer.end();
    await until(() => errors.length === 1, "the error");
    const [first] = errors[0]!.flight!;
    t.match(first, { direction: "in", bytes: 12, kind: 1 });
    t.equal(first!.id, id, protocol.name);
  }
});

t.test("LogTape's getLogger is taken as it is", async (t) => {
  // Not by its name in the text: a check without the package installed would fail.
  const name = "@logtape/logtape";
  let logtape;
  try {
    logtape = await import(name);
  } catch {
    t.comment("it is not installed");
    return;
  }
  const records: { category: readonly string[]; level: string; rawMessage: unknown }[] = [];
  await logtape.configure({
    reset: true,
    sinks: { kept: (record: typeof records[number]) => records.push(record) },
    loggers: [
      { category: "framewire", sinks: ["kept"], lowestLevel: "debug" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
    ],
  });
  const setting = { name: "", codec: "ts" as const, transport: memoryNetwork() };
  const server = await start(t, setting, { submit: () => {} }, { logger: logtape.getLogger });
  const client = await clientOf(server, setting);
  await client.close();
  await server.shutdown();
  t.strictSame(records.map(({ category, level }) => `${category.join(".")} ${level}`), [
    "framewire.server info",
    "framewire.connection debug",
    "framewire.connection debug",
    "framewire.server info",
  ]);
  await logtape.reset();
});
