/** What `serve` and `connect` refuse, and how it says so. */

import t from "tap";
import { isFramewireError } from "../../src/errors.ts";
import { SERVER } from "../../src/options/server.ts";
import type { OptionSpec } from "../../src/options/spec.ts";
import { connect, serve } from "../helpers/runtime.ts";
import { memoryNetwork } from "../../src/link/memory.ts";

const handlers = { submit: () => {} };

/** Numeric options: the least, the most. */
const SERVER_RANGES: Record<string, readonly [number, number]> = {
  port: [0, 65_535],
  backlog: [1, 65_535],
  maxInFlight: [1, 1_048_576],
  maxInFlightBytes: [1024, 1_073_741_824],
  handlerTimeoutMs: [0, 2_147_483_647],
  maxFrameBytesBeforeAuth: [64, 1_048_576],
  maxFrameBytes: [64, 67_108_864],
  writeHighWaterBytes: [1024, 1_073_741_824],
  lingerMs: [0, 600_000],
  authTimeoutMs: [1, 2_147_483_647],
  authFailures: [0, 1_000_000],
  memoryBudgetBytes: [0, 1_099_511_627_776],
  streamThresholdBytes: [0, 67_108_864],
  pushQueueBytes: [1024, 1_073_741_824],
  maxUnackedPushes: [0, 10_000_000],
  handshakeTimeoutMs: [0, 2_147_483_647],
  idleTimeoutMs: [0, 2_147_483_647],
  heartbeatMs: [0, 2_147_483_647],
  frameTimeoutMs: [0, 2_147_483_647],
  writeStallMs: [0, 2_147_483_647],
  maxAgeMs: [0, 2_147_483_647],
  eventQueue: [1, 1_048_576],
  maxConnections: [1, 10_000_000],
  maxConnectionsPerIp: [0, 10_000_000],
  maxHandshakes: [1, 1_000_000],
};
const CLIENT_RANGES: Record<string, readonly [number, number]> = {
  connectTimeoutMs: [1, 2_147_483_647],
  requestTimeoutMs: [0, 2_147_483_647],
  maxInFlight: [1, 1_048_576],
  maxQueued: [0, 1_048_576],
  deadAfterTimeouts: [1, 1_000_000],
  backoffMinMs: [1, 600_000],
  backoffMaxMs: [1, 600_000],
  connectionsPerServer: [1, 64],
  sessionBufferBytes: [1024, 1_073_741_824],
  sessionMaxAgeMs: [1, 2_147_483_647],
  sessionWindow: [1, 1_048_576],
  maxFrameBytes: [64, 67_108_864],
  writeHighWaterBytes: [1024, 1_073_741_824],
  lingerMs: [0, 600_000],
};

/** Anything goes in: that is what is tested. */
const serveAny = serve as unknown as (...args: unknown[]) => Promise<{ shutdown(): Promise<void> }>;
const connectAny = connect as unknown as (
  ...args: unknown[]
) => Promise<{ close(): Promise<void> }>;

async function refusal(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt();
  } catch (error) {
    if (isFramewireError(error, "INVALID_OPTION")) return error.message;
    throw error;
  }
  throw new Error("it was not refused");
}

t.test("every number has a range, and a value outside of it is named with it", async (t) => {
  const numbers = Object.entries(SERVER as unknown as Record<string, OptionSpec<unknown>>)
    .filter(([, { schema }]) => schema?.type === "integer").map(([name]) => name)
    .filter((name) => name !== "writeLowWaterBytes"); // its bound is another option
  t.strictSame(Object.keys(SERVER_RANGES).sort(), numbers.sort(), "none is left out");
  for (const [name, [least, most]] of Object.entries(SERVER_RANGES)) {
    for (const value of [least - 1, most + 1, least + 0.5, NaN, Infinity, "10", null, {}, true]) {
      const message = await refusal(() => serveAny({ port: 0, [name]: value }, handlers));
      t.match(message, `${name} must be a whole number from ${least} to ${most} and is`);
    }
    for (const value of [least, most, undefined]) {
      const transport = memoryNetwork();
      const server = await serveAny({ transport, port: 1, [name]: value }, handlers);
      await server.shutdown();
    }
  }
});

t.test("writeLowWaterBytes has a range, and is at most writeHighWaterBytes", async (t) => {
  for (const writeLowWaterBytes of [0, 2 ** 30 + 1, 0.5, "1"]) {
    const message = await refusal(() => serveAny({ port: 0, writeLowWaterBytes }, handlers));
    t.match(message, /writeLowWaterBytes must be a whole number from 1 to 1073741824 and is/);
  }
  const over = { writeHighWaterBytes: 4096, writeLowWaterBytes: 4097 };
  t.match(
    await refusal(() => serveAny({ port: 0, ...over }, handlers)),
    /writeLowWaterBytes must be at most writeHighWaterBytes, which is 4096, and is 4097/,
  );
});

t.test("so it is for the options of a client", async (t) => {
  const transport = memoryNetwork();
  const server = await serveAny({ transport, port: 1 }, handlers);
  for (const [name, [least, most]] of Object.entries(CLIENT_RANGES)) {
    for (const value of [least - 1, most + 1, least + 0.5, NaN, "10", null]) {
      const message = await refusal(() =>
        connectAny("tcp://memory:1", { transport, [name]: value })
      );
      t.match(message, `${name} must be a whole number from ${least} to ${most} and is`);
    }
    for (const value of [least, most, undefined]) {
      const client = await connectAny("tcp://memory:1", { transport, [name]: value });
      await client.close();
    }
  }
  await server.shutdown();
});

t.test("an option that nobody knows is named, with those there are", async (t) => {
  const ofServer = await refusal(() => serveAny({ prot: 1 }, handlers));
  t.match(ofServer, /serve knows no option prot; it knows .*maxInFlight.*port.*protocol/);
  const ofClient = await refusal(() => connectAny("tcp://127.0.0.1:1", { port: 1 }));
  t.match(ofClient, /connect knows no option port; it knows .*connectTimeoutMs/);
  t.match(await refusal(() => serveAny(null, handlers)), /object of options/);
  t.match(await refusal(() => serveAny(8888, handlers)), /object of options, not 8888/);
});

t.test("codec, hostname and protocol take what they take", async (t) => {
  for (const codec of ["rust", "", 1, null]) {
    t.match(await refusal(() => serveAny({ port: 0, codec }, handlers)), /"auto", "wasm" or "ts"/);
    t.match(await refusal(() => connectAny("tcp://127.0.0.1:1", { codec })), /"auto", "wasm"/);
  }
  for (const hostname of ["", 1, null, {}]) {
    t.match(await refusal(() => serveAny({ port: 0, hostname }, handlers)), /hostname must be/);
  }
  for (const protocol of ["Submit", "", 1, {}, "constructor"]) {
    t.match(await refusal(() => serveAny({ port: 0, protocol }, handlers)), /protocol must be/);
    t.match(await refusal(() => connectAny("tcp://127.0.0.1:1", { protocol })), /protocol must be/);
  }
});

t.test("noDelay is a flag, keepAliveMs 0 or a time that systems take", async (t) => {
  for (const noDelay of [0, "true", null]) {
    t.match(await refusal(() => serveAny({ port: 0, noDelay }, handlers)), /noDelay must be true/);
  }
  for (const keepAliveMs of [1, 999, 32_767_001, 1000.5, -1, "0"]) {
    const said = /keepAliveMs must be 0 or a whole number from 1000 to 32767000/;
    t.match(await refusal(() => serveAny({ port: 0, keepAliveMs }, handlers)), said);
    t.match(await refusal(() => connectAny("tcp://127.0.0.1:1", { keepAliveMs })), said);
  }
});

t.test("onMaxConnections and acceptRatePerIp take what they take", async (t) => {
  const said = async (options: object) =>
    await refusal(() => serveAny({ port: 0, ...options }, handlers));
  t.match(
    await said({ onMaxConnections: "drop" }),
    /"pause", "refuse" or "evict-idle" and is "drop"/,
  );
  for (
    const acceptRatePerIp of [
      5,
      null,
      {},
      { perSecond: 1 },
      { perSecond: 0, burst: 1 },
      { perSecond: 1, burst: 0 },
      { perSecond: 1, burst: 1.5 },
      { perSecond: NaN, burst: 1 },
      { perSecond: 1, burst: 1, per: "minute" },
    ]
  ) {
    t.match(await said({ acceptRatePerIp }), /acceptRatePerIp must be \{ perSecond, burst \}/);
  }
});

t.test("a handler that is missing, unknown or no function is named", async (t) => {
  const said = async (given: unknown, protocol = "submit") =>
    await refusal(() => serveAny({ port: 0, protocol }, given));
  t.match(await said({}), /submit is missing/);
  t.match(await said(undefined), /submit is missing/);
  t.match(await said({ submit: undefined }), /submit is missing/);
  t.match(await said({ submit: 5 }), /submit must be a function and is 5/);
  t.match(await said({ submit: () => {}, sumbit: () => {} }), /no handler sumbit/);
  t.match(await said({ submit: () => {}, conn: "x" }), /conn must be a function and is "x"/);
  t.match(await said(() => {}), /a function/);
  t.match(await said({ submit: () => {} }, "echo"), /no handler submit/);
  t.match(await said({ data: {} }, "echo"), /data must be a function/);
});

t.test("an address that is none is refused, with an example of one", async (t) => {
  const wrong = [
    "127.0.0.1:8888",
    "http://127.0.0.1:8888",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:",
    "tcp://127.0.0.1:0",
    "tcp://127.0.0.1:65536",
    "tcp://127.0.0.1:123456",
    "tcp://127.0.0.1:80/path",
    "tcp://user@127.0.0.1:80",
    "tcp://:80",
    "tcp://::1:80",
    "tcp://[zz]:80",
    " tcp://127.0.0.1:80",
    "",
    null,
    undefined,
    {},
  ];
  for (const url of wrong) {
    t.match(
      await refusal(() => connectAny(url)),
      /tcp:\/\/HOST:PORT, tls:.*for example/,
      String(url),
    );
  }
});

t.test("an unknown event or a listener that is no function is refused", async (t) => {
  t.match(await refusal(() => serveAny({ port: 0, on: { conect: () => {} } }, handlers)), /conect/);
  t.match(await refusal(() => serveAny({ port: 0, on: { connect: 5 } }, handlers)), /connect/);
});
