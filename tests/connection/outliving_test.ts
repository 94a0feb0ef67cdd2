/** What handlers read from counts until they end, whether or not their connection is still there. */

import t from "tap";
import { defineProtocol, lengthField, rest, u32, u8 } from "../../src/entry/common.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { ServeOptions } from "../../src/server/serve.ts";
import type { Server } from "../../src/server/server.ts";
import { echoFrame, frame, join, SUBMIT, u32 as bytesOf32 } from "../helpers/frames.ts";
import { FramePeer } from "../helpers/hello.ts";
import { NO_DEADLINES } from "../helpers/no_deadlines.ts";
import type { Peer } from "../helpers/peer.ts";
import { type Deferred, deferred, turns, until } from "../helpers/runtime.ts";
import {
  CODECS,
  inPieces,
  peerOf,
  type Setting,
  start,
  type Teardown,
} from "../helpers/settings.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const BODY_BYTES = 10_000;
const COUNT = 3;
const KEPT_BYTES = COUNT * BODY_BYTES;
const BODY = new Uint8Array(BODY_BYTES);

const used = (server: Server) => server.stats().memory.used;

/** Handlers that end when the test says so. */
class Handlers {
  readonly open: Deferred<void>[] = [];

  readonly handle = (): Promise<void> => {
    const done = deferred();
    this.open.push(done);
    return done.promise;
  };

  async begun(): Promise<void> {
    await until(() => this.open.length === COUNT, "all handlers have begun");
    await turns();
  }

  end(): void {
    for (const done of this.open.splice(0)) done.resolve();
  }
}

const defined = (correlated: boolean) =>
  defineProtocol({
    name: "kept",
    framing: lengthField({ size: 4, counts: "frame" }),
    header: { length: u32, type: u8, id: u8 },
    kind: "type",
    ...(correlated && { correlate: "id" as const }),
    packets: {
      ask: { kind: 1, reply: "answer", body: { data: rest() } },
      answer: { kind: 2, body: {} },
    },
  });

interface Kind {
  readonly name: string;
  /** What `serve` takes. */
  readonly serves: (handlers: Handlers) => readonly [handlers: object, options: object];
  /** What the peer sends. */
  readonly sends: Uint8Array;
  /** Whether it says hello first. */
  readonly greets?: boolean;
}

const submits = join(...Array.from({ length: COUNT }, (_, at) => frame(SUBMIT, at + 1, BODY)));
const asks = join(
  ...Array.from(
    { length: COUNT },
    (_, id) => join(bytesOf32(6 + BODY_BYTES), Uint8Array.of(1, id), BODY),
  ),
);
const asksOf = (protocol: object) => ({ handle }: Handlers) =>
  [{ ask: () => handle().then(() => ({})) }, { protocol }] as const;

const KINDS: readonly Kind[] = [
  { name: "submit", serves: ({ handle }) => [{ submit: handle }, {}], sends: submits },
  {
    name: "submit after a hello",
    serves: ({ handle }) => [{ submit: handle }, {}],
    sends: submits,
    greets: true,
  },
  {
    name: "submit after a hello, in order",
    serves: ({ handle }) => [{ submit: handle }, { ordered: true }],
    sends: submits,
    greets: true,
  },
  {
    name: "echo",
    serves: ({ handle }) => [{ data: handle }, { protocol: "echo" }],
    sends: join(...Array.from({ length: COUNT }, () => echoFrame(1, BODY))),
  },
  { name: "a defined protocol", serves: asksOf(defined(false)), sends: asks },
  { name: "a defined protocol that correlates", serves: asksOf(defined(true)), sends: asks },
];

/** A server of a kind, and a peer whose handlers have begun. */
async function under(
  t: Teardown & { ok(is: boolean, message: string): unknown },
  { serves, sends, greets }: Kind,
  setting: Setting,
  options: ServeOptions = {},
) {
  const handlers = new Handlers();
  const [own, settings] = serves(handlers);
  const server = await start<"submit">(t, setting, own as never, { ...settings, ...options });
  const peer: Peer = await peerOf(server, setting);
  if (greets) await new FramePeer(peer).greet();
  peer.write(sends);
  await handlers.begun();
  t.ok(used(server) >= KEPT_BYTES, `${used(server)} bytes under way`);
  return { handlers, server, peer };
}

for (const kind of KINDS) {
  for (const codec of CODECS) {
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    t.test(`${kind.name}: it counts until the last handler has ended (${codec})`, async (t) => {
      const { handlers, server, peer } = await under(t, kind, setting);
      peer.reset();
      await until(() => server.stats().connections.open === 0, "the connection is gone");
      await turns();
      const { memory, inFlight } = server.stats();
      t.ok(memory.used >= KEPT_BYTES && memory.used < 1.5 * KEPT_BYTES, `${memory.used} bytes`);
      t.equal(memory.paused, 0);
      t.equal(inFlight, 0, "nothing is owed to anybody");
      handlers.end();
      await turns();
      t.equal(used(server), 0);
    });

    t.test(`${kind.name}: and not longer than handlers may take (${codec})`, async (t) => {
      const clock = new VirtualClock();
      const options = { clock, ...NO_DEADLINES, handlerTimeoutMs: 1000 };
      const { handlers, server, peer } = await under(t, kind, setting, options);
      peer.reset();
      await until(() => server.stats().connections.open === 0, "the connection is gone");
      clock.advance(900);
      t.ok(used(server) >= KEPT_BYTES);
      server.reconfigure({ handlerTimeoutMs: 2000 });
      clock.advance(200);
      t.ok(used(server) >= KEPT_BYTES, "a change holds for those too");
      clock.advance(1000);
      t.equal(used(server), 0);
      handlers.end();
      await turns();
      t.equal(used(server), 0, "who ends later gives nothing back");
    });
  }
}

t.test("peers that come and go get no more than the budget for handlers that take their time", async (t) => {
  const memoryBudgetBytes = 1 << 20;
  const setting = inPieces({ name: "memory", codec: "wasm" });
  const handlers = new Handlers();
  const options = { memoryBudgetBytes, handlerTimeoutMs: 0 };
  const server = await start(t, setting, { submit: handlers.handle }, options);
  let most = 0;
  for (let n = 0; n < 150; n++) {
    const peer = await peerOf(server, setting);
    peer.write(submits);
    for (let i = 0; i < 40; i++) {
      await turns(1);
      most = Math.max(most, used(server));
    }
    peer.reset();
  }
  t.ok(most > memoryBudgetBytes / 2, `${most} bytes`);
  t.ok(most < memoryBudgetBytes + 2 * 65_536, `${most} bytes of ${150 * KEPT_BYTES}`);
  await until(() => (handlers.end(), server.stats().connections.open === 0), "all are gone");
  await until(() => (handlers.end(), used(server) === 0), "nothing is left in the books");
});

for (const codec of CODECS) {
  t.test(`a session's requests count where it was carried last, once (${codec})`, async (t) => {
    const setting: Setting = { name: codec, codec, transport: memoryNetwork() };
    const handlers = new Handlers();
    const server = await start(t, setting, { submit: handlers.handle }, { sessions: {} });
    const enter = async (session: object) => {
      const peer = new FramePeer(await peerOf(server, setting));
      const welcome = await peer.greet({ session });
      return { peer, given: welcome["session"] as { id: string; secret: string } };
    };
    const first = await enter({});
    const { given } = first;
    let { peer } = first;
    const before = used(server);
    peer.write(submits);
    await handlers.begun();
    const underWay = used(server) - before;
    t.ok(underWay >= KEPT_BYTES && underWay < 1.5 * KEPT_BYTES, `${underWay} bytes`);
    for (let round = 0; round < 3; round++) {
      peer.peer.reset();
      await until(() => server.stats().connections.open === 0, "the connection is gone");
      await turns();
      const alone = used(server) - before;
      t.ok(alone >= KEPT_BYTES && alone < 1.5 * KEPT_BYTES, `${alone} bytes without a connection`);
      ({ peer } = await enter(given));
      await turns();
      const again = used(server) - before;
      t.ok(again >= KEPT_BYTES && again < 1.5 * KEPT_BYTES, `${again} bytes on the next one`);
    }
    handlers.end();
    await turns();
    const left = used(server) - before;
    t.ok(left >= 0 && left <= 4096, `${left} bytes are left: what a session remembers`);
  });
}

t.test("a server that has ended waits for no handler", async (t) => {
  const clock = new VirtualClock();
  const setting: Setting = { name: "", codec: "wasm", transport: memoryNetwork() };
  const { server, handlers } = await under(t, KINDS[0]!, setting, { clock, ...NO_DEADLINES });
  const over = server.shutdown({ deadlineMs: 0 });
  clock.advance(1);
  await over;
  t.equal(clock.pending, 0, "no timer is left");
  handlers.end();
  await turns();
  t.equal(used(server), 0);
});
