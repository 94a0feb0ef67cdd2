/** A client's session with the library's own server: what both make of lost connections, one another and ends. */

import t from "tap";
import type { Link, Transport } from "../../src/link/link.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import type { ServerConnection } from "../../src/protocol/protocol.ts";
import type { Feature } from "../../src/protocol/submit/commands.ts";
import type { SubmitConnection } from "../../src/protocol/submit/server/handlers.ts";
import { connectAndStay, serve, turns, until } from "../helpers/runtime.ts";
import { uniform } from "../helpers/uniform.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

type Test = { teardown(fn: () => Promise<unknown> | void): unknown };

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 10) {
    clock.advance(10);
    await turns(2);
  }
}

/** A server with sessions in memory, and clients whose time a test makes pass. */
async function world(t: Test, options: object = {}) {
  const transport = memoryNetwork();
  const clock = new VirtualClock();
  const handled: string[] = [];
  const conns: SubmitConnection[] = [];
  const release: ((answer: string) => void)[] = [];
  const start = (port: number) =>
    serve({ port, transport, sessions: {}, ...options }, {
      submit(packet) {
        handled.push(packet.text());
      },
      request(packet) {
        handled.push(packet.text());
        return new Promise<string>((resolve) => release.push(resolve));
      },
    });
  const server = await start(0);
  const { port } = server.addr;
  const listen = (conn: ServerConnection) => void conns.push(conn as SubmitConnection);
  server.on("connect", listen);
  t.teardown(() => server.shutdown({ deadlineMs: 0 }));
  const links: Link[] = [];
  const watched: Transport = {
    ...transport,
    connect: async (target) => {
      const link = await transport.connect(target);
      links.push(link);
      return link;
    },
  };
  /** The network breaks the newest connection. */
  const cut = () => links.at(-1)!.abort();
  const client = async (
    session: true | { id: string; secret: string } = true,
    features?: Feature[],
  ) => {
    const made = await connectAndStay(`tcp://127.0.0.1:${port}`, {
      session,
      ...(features !== undefined && { features }),
      transport: watched,
      clock,
      random: uniform(1),
      lingerMs: 0,
    });
    t.teardown(async () => {
      const closing = made.close({ deadlineMs: 0 });
      await pass(clock, 30);
      await closing;
    });
    return made;
  };
  return { clock, server, client, handled, conns, release, start, port, cut };
}

t.test("a request whose connection is lost is answered on the next one, and handled once", async (t) => {
  const { clock, client, handled, cut, release } = await world(t);
  const one = await client();
  const answer = one.request("slow", { timeoutMs: 60_000 });
  await until(() => handled.length === 1, "it is handled");
  cut();
  const meanwhile = [one.submit("b"), one.submit("c")];
  await until(() => one.status === "down", "it is lost");
  await pass(clock, 1000);
  await Promise.all(meanwhile);
  release[0]!("done");
  t.equal(text(await answer), "done");
  t.strictSame(handled, ["slow", "b", "c"]);
  t.match(one.session, { resumed: true, lost: 0 });
});

t.test("what was answered while nobody was there is there for who comes back", async (t) => {
  const { clock, client, handled, cut, release } = await world(t);
  const one = await client();
  const answer = one.request("slow", { timeoutMs: 60_000 });
  await until(() => handled.length === 1, "it is handled");
  cut();
  await until(() => one.status === "down", "it is lost");
  release[0]!("done");
  await turns();
  await pass(clock, 1000);
  t.equal(text(await answer), "done");
  t.equal(handled.length, 1);
});

t.test("pushes made while the client is away come when it is back, each once", async (t) => {
  const { clock, client, conns, cut } = await world(t);
  const one = await client();
  const pushed: string[] = [];
  one.onPush((payload) => void pushed.push(text(payload)));
  await one.submit("x");
  const { session } = conns[0]!;
  session!.push("a");
  await until(() => pushed.length === 1, "a push");
  for (let round = 0; round < 3; round++) {
    cut();
    await until(() => one.status === "down", "it is lost");
    session!.push(`away ${round}`);
    await pass(clock, 1000);
    await until(() => pushed.length === round * 2 + 2, "what was made meanwhile");
    session!.push(`back ${round}`);
    await until(() => pushed.length === round * 2 + 3, "one more");
  }
  t.strictSame(pushed, ["a", "away 0", "back 0", "away 1", "back 1", "away 2", "back 2"]);
  await until(() => session!.unackedPushes === 0, "all are acknowledged");
});

t.test("two clients with one session: the second one has it, and the first one stays away", async (t) => {
  const { clock, client, handled, conns } = await world(t);
  const first = await client();
  await first.submit("from the first");
  const ticket = first.session;
  const second = await client(ticket);
  await pass(clock, 50);
  t.match(await first.closed, { code: "SESSION_TAKEN_OVER" });
  t.equal(first.status, "closed");
  await t.rejects(first.submit("x"), { code: "SESSION_TAKEN_OVER", outcome: "not-sent" });
  await second.submit("from the second");
  await pass(clock, 30_000);
  t.equal(conns.length, 2, "nobody came again");
  t.strictSame(handled, ["from the first", "from the second"]);
  t.match(second.session, { id: ticket.id, resumed: true });
});

t.test("a server that was started anew without a store has lost the session, and the client says so", async (t) => {
  const { clock, server, client, handled, start, port } = await world(t);
  const one = await client();
  await one.submit("before");
  const before = one.session.id;
  const slow = one.request("slow", { timeoutMs: 60_000 });
  slow.catch(() => {});
  await until(() => handled.length === 2, "it is handled");
  await server.shutdown({ deadlineMs: 0 });
  await until(() => one.status === "down", "it is lost");
  const meanwhile = one.submit("meanwhile", { timeoutMs: 60_000 });
  const again = await start(port);
  t.teardown(() => again.shutdown({ deadlineMs: 0 }));
  await pass(clock, 20_000);
  await t.rejects(slow, { code: "SESSION_LOST", outcome: "unknown" });
  await meanwhile;
  t.strictSame(handled, ["before", "slow", "meanwhile"]);
  t.match(one.session, { resumed: false, lost: 1 });
  t.not(one.session.id, before);
});

t.test("a server without sessions is told from one that has them", async (t) => {
  const { client } = await world(t, { sessions: undefined });
  await t.rejects(client(), { code: "UNSUPPORTED" });
});

t.test("checksums and compression go with a session too", async (t) => {
  const { clock, client, cut, handled } = await world(t);
  const one = await client(true, ["request", "push", "crc32c", "lz4"]);
  const long = "x".repeat(5000);
  const made = [one.submit(long), one.submit("short")];
  cut();
  await pass(clock, 1000);
  await Promise.all(made);
  t.ok(one.features().has("lz4"));
  t.strictSame(handled.map(({ length }) => length), [5000, 5]);
});
