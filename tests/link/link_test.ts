/** What every link must do, on the runtime's TCP and in memory: the contract of src/link/link.ts. */

import t from "tap";
import type { Link, LinkReceiver, Listener, Transport } from "../../src/link/link.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { randomBytes, toHex } from "../helpers/frames.ts";
import { read } from "../helpers/root.ts";
import { deferred, runtime, tcp, turns, until } from "../helpers/runtime.ts";

/** Writes down what a link tells, and checks that it is told one thing at a time. */
class Recorder implements LinkReceiver {
  readonly log: string[] = [];
  readonly link: Link;
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  keeps = false;
  cause: unknown;
  onData: () => void = () => {};
  onWritten: () => void = () => {};
  #inside = false;

  constructor(link: Link) {
    this.link = link;
    link.start(this);
    this.#tell("", () => {}); // a link that called back from within `start` would be caught here
  }

  data(chunk: Uint8Array): boolean {
    return this.#tell("data", () => {
      this.bytes += chunk.length;
      this.chunks.push(this.keeps ? chunk : chunk.slice());
      this.onData();
      return this.keeps;
    });
  }

  ended(): void {
    this.#tell("ended", () => {});
  }

  written(): void {
    this.#tell("written", () => this.onWritten());
  }

  closed(cause: Error | undefined): void {
    this.#tell("closed", () => this.cause = cause);
  }

  get received(): string {
    return this.chunks.map(toHex).join("");
  }

  has(what: string): boolean {
    return this.log.includes(what);
  }

  /** Calls a method of the link; nothing may be told before it returns. */
  call<T>(method: (link: Link) => T): T {
    const before = this.#inside;
    this.#inside = true;
    const result = method(this.link);
    this.#inside = before;
    return result;
  }

  #tell<T>(what: string, then: () => T): T {
    if (this.#inside) throw new Error(`${what} was told within another call`);
    if (this.log.at(-1) === "closed") throw new Error(`${what} was told after closed`);
    if (what !== "") this.log.push(what);
    this.#inside = true;
    try {
      return then();
    } finally {
      this.#inside = false;
    }
  }
}

/** Two ends of one connection. */
async function pair(t: { teardown(fn: () => unknown): unknown }, transport: Transport) {
  const accepted = deferred<Recorder>();
  const listener: Listener = await transport.listen(
    { hostname: "127.0.0.1", port: 0, backlog: 8 },
    { accepted: (link) => accepted.resolve(new Recorder(link)), failed: accepted.reject },
  );
  t.teardown(() => listener.close());
  const { port } = listener.address;
  const near = new Recorder(await transport.connect({ hostname: "127.0.0.1", port }));
  const far = await accepted.promise;
  t.teardown(() => near.link.abort());
  t.teardown(() => far.link.abort());
  return { near, far };
}

/** TCP of the runtime with TLS, as the same contract sees it. */
const tls: Transport = {
  listen: (target, events) => {
    const identity = {
      cert: read("tests/fixtures/tls/server.pem"),
      key: read("tests/fixtures/tls/server.key"),
    };
    return tcp.listen({ ...target, tls: identity }, {
      ...events,
      failed: (error) => events.failed(error),
      accepted: (link) =>
        link.handshake!((failure) => failure ? events.failed(failure) : events.accepted(link)),
    });
  },
  connect: (target) => tcp.connect({ ...target, tls: { ca: read("tests/fixtures/tls/ca.pem") } }),
};

/** WebSocket of the runtime, as the same contract sees it. */
const webSocket: Transport = {
  listen: (target, events) => tcp.listen({ ...target, webSocketPath: "/" }, events),
  connect: (target) => tcp.connect({ ...target, webSocketPath: "/" }),
};

const TRANSPORTS: readonly [name: string, transport: () => Transport][] = [
  [`tcp of ${runtime}`, () => tcp],
  [`tls of ${runtime}`, () => tls],
  [`WebSocket of ${runtime}`, () => webSocket],
  ["memory", () => memoryNetwork()],
  [
    "memory, small window, pieces of 3",
    () => memoryNetwork({ windowBytes: 10, pieceBytes: () => 3 }),
  ],
];

for (const [name, make] of TRANSPORTS) {
  t.test(`each end knows both addresses (${name})`, async (t) => {
    const { near, far } = await pair(t, make());
    t.equal(near.link.remote.port, far.link.local.port);
    // A client's WebSocket does not tell its own end.
    if (near.link.transport !== "ws") t.equal(near.link.local.port, far.link.remote.port);
    t.equal(near.link.remote.hostname, "127.0.0.1");
    t.type(near.link.transport, "string");
  });

  t.test(`bytes arrive in order and whole, both ways, and each write is accounted for (${name})`, async (t) => {
    const { near, far } = await pair(t, make());
    const pieces = Array.from({ length: 40 }, (_, i) => randomBytes(i, 1 + (i * 977) % 3000));
    for (const [from, to] of [[near, far], [far, near]] as const) {
      let next = 0;
      const go = () => {
        while (next < pieces.length) {
          const bytes = pieces[next++]!.slice();
          if (!from.call((link) => link.write(bytes))) return;
          bytes.fill(0); // it has left: its memory is free
        }
      };
      from.onWritten = go;
      go();
      const total = pieces.reduce((sum, { length }) => sum + length, 0);
      await until(() => to.bytes === total, "all bytes");
      t.equal(to.received === pieces.map(toHex).join(""), true);
    }
  });

  t.test(`nothing is read while paused, everything after (${name})`, async (t) => {
    const { near, far } = await pair(t, make());
    far.call((link) => link.pause());
    far.call((link) => link.pause());
    near.call((link) => link.write(randomBytes(1, 5)));
    await turns(20);
    t.equal(far.bytes, 0);
    far.call((link) => link.resume());
    await until(() => far.bytes === 5, "the rest");
    // From within the callback that brings the bytes, too.
    far.onData = () => far.link.pause();
    near.onWritten = () => {};
    const bytes = randomBytes(2, 9);
    near.call((link) => link.write(bytes));
    await until(() => far.bytes > 5, "some");
    const { bytes: seen } = far;
    await turns(20);
    t.equal(far.bytes, seen);
    far.onData = () => {};
    far.call((link) => link.resume());
    await until(() => far.bytes === 14, "the rest");
    t.equal(far.received, toHex(randomBytes(1, 5)) + toHex(bytes));
  });

  t.test(`kept memory is not written to again (${name})`, async (t) => {
    const { near, far } = await pair(t, make());
    far.keeps = true;
    const sent: string[] = [];
    for (let i = 0; i < 200; i++) {
      const bytes = randomBytes(i, 1 + (i * 31) % 700);
      sent.push(toHex(bytes));
      const before = far.bytes;
      if (!near.call((link) => link.write(bytes))) {
        await until(() => near.log.at(-1) === "written", "written");
        near.log.length = 0;
      }
      await until(() => far.bytes === before + bytes.length, "arrived");
    }
    t.equal(far.received === sent.join(""), true);
  });

  t.test(`an end arrives behind the bytes, and the other direction goes on (${name})`, async (t) => {
    const { near, far } = await pair(t, make());
    near.call((link) => link.write(randomBytes(1, 8)));
    await until(() => far.bytes === 8, "bytes");
    near.call((link) => link.end());
    near.call((link) => link.end());
    await until(() => far.has("ended"), "the end");
    t.equal(far.bytes, 8);
    far.call((link) => link.write(randomBytes(2, 8)));
    await until(() => near.bytes === 8, "bytes the other way");
    t.equal(near.has("ended"), false);
    far.call((link) => link.end());
    await until(() => near.has("closed") && far.has("closed"), "both closed");
    t.equal(near.cause, undefined);
    t.equal(far.cause, undefined);
    t.strictSame(near.log.filter((what) => what === "ended" || what === "closed"), [
      "ended",
      "closed",
    ]);
  });

  t.test(`an end right behind a large write cuts nothing off (${name})`, async (t) => {
    const { near, far } = await pair(t, make());
    const bytes = name.includes("pieces") ? randomBytes(1, 10_000) : randomBytes(1, 3_000_000);
    near.call((link) => link.write(bytes));
    near.call((link) => link.end());
    await until(() => far.has("ended"), "the end");
    t.equal(far.bytes, bytes.length);
    far.call((link) => link.end());
    await until(() => near.has("closed") && far.has("closed"), "both closed");
    t.equal(near.cause, undefined);
  });

  t.test(`abort closes this end in order, and the other learns of it (${name})`, async (t) => {
    const { near, far } = await pair(t, make());
    near.call((link) => link.write(randomBytes(1, 4)));
    await until(() => far.bytes === 4, "bytes");
    near.call((link) => link.abort());
    near.call((link) => link.abort());
    await until(() => near.has("closed"), "closed");
    t.equal(near.cause, undefined);
    await until(() => far.has("ended") || far.has("closed"), "the other end learns");
    far.call((link) => link.end());
    await until(() => far.has("closed"), "closed");
    t.equal(near.log.filter((what) => what === "closed").length, 1);
    // Whatever is called now does nothing.
    near.call((link) => {
      link.pause();
      link.resume();
      link.write(randomBytes(1, 4));
      link.end();
      link.abort();
    });
    await turns();
  });

  t.test(`abort while paused, and while a write is under way (${name})`, async (t) => {
    const { near, far } = await pair(t, make());
    far.call((link) => link.pause());
    near.call((link) => link.pause());
    near.call((link) => link.write(new Uint8Array(8_000_000)));
    await turns();
    near.call((link) => link.abort());
    await until(() => near.has("closed"), "closed");
    t.equal(near.cause, undefined);
    far.call((link) => link.abort());
    await until(() => far.has("closed"), "closed");
    t.equal(near.has("written"), near.log[0] === "written");
  });

  t.test(`a link that is aborted before it was started tells nobody (${name})`, async (t) => {
    const transport = make();
    const links: Link[] = [];
    const listener = await transport.listen(
      { hostname: "127.0.0.1", port: 0, backlog: 8 },
      { accepted: (link) => links.push(link), failed: () => {} },
    );
    const { port } = listener.address;
    const near = await transport.connect({ hostname: "127.0.0.1", port });
    await until(() => links.length === 1, "accepted"); // with TLS 1.3 the client is ready before the server
    near.abort();
    links[0]!.abort();
    await turns();
    await listener.close();
    await listener.close().catch(() => {});
    await t.rejects(transport.connect({ hostname: "127.0.0.1", port }), {
      code: "CONNECTION_REFUSED",
    });
  });

  t.test(`two cannot listen at one address (${name})`, async (t) => {
    const transport = make();
    const events = { accepted: () => {}, failed: () => {} };
    const first = await transport.listen({ hostname: "127.0.0.1", port: 0, backlog: 8 }, events);
    const { port } = first.address;
    const target = { hostname: "127.0.0.1", port, backlog: 8 };
    await t.rejects(transport.listen(target, events), { code: "ADDRESS_IN_USE" });
    await first.close();
    const second = await transport.listen(target, events);
    await second.close();
  });
}

t.test("a reset arrives as CONNECTION_RESET in memory", async (t) => {
  const { near, far } = await pair(t, memoryNetwork());
  near.link.abort();
  await until(() => far.has("closed"), "closed");
  t.match(far.cause, { code: "CONNECTION_RESET" });
});

t.test("memory that is not kept is overwritten at once, in memory", async (t) => {
  const { near, far } = await pair(t, memoryNetwork());
  let view: Uint8Array | undefined;
  far.link.pause();
  const spy = far.data.bind(far);
  far.data = (chunk) => {
    view = chunk;
    return spy(chunk);
  };
  far.link.resume();
  near.link.write(Uint8Array.of(1, 2, 3));
  await until(() => view !== undefined, "bytes");
  await null;
  t.strictSame([...view!], [0xa5, 0xa5, 0xa5]);
  far.keeps = true;
  near.link.write(Uint8Array.of(4, 5, 6));
  await until(() => view!.length === 3 && view![0] !== 0xa5, "bytes");
  await turns();
  t.strictSame([...view!], [4, 5, 6]);
});

t.test("in memory, a write over the window waits until it is read", async (t) => {
  const { near, far } = await pair(t, memoryNetwork({ windowBytes: 100 }));
  far.link.pause();
  t.equal(near.link.write(new Uint8Array(100)), true);
  t.equal(near.link.write(new Uint8Array(1)), false);
  await turns();
  t.equal(near.has("written"), false);
  far.link.resume();
  await until(() => near.has("written"), "written");
});
