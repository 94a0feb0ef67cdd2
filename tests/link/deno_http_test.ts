/** HTTP before a WebSocket on Deno: a request within a time, from so many at once, and what it falls back on. */

import * as net from "node:net";
import t from "tap";
import { type HttpConn, HttpVisits } from "../../src/link/deno_http.ts";
import { connect, deferred, runtime, serve, turns, until } from "../helpers/runtime.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const REQUEST_MS = 10_000;
const MOST = 1024;

/** A connection and its HTTP, played by hand. */
function fakeConn() {
  const asked = deferred<Request | null>();
  const responses: Response[] = [];
  const conn = { closed: 0, remoteAddr: { hostname: "192.0.2.1", port: 1 }, close() {} };
  conn.close = () => {
    conn.closed++;
    asked.resolve(null);
  };
  let first = true;
  const http: HttpConn = {
    async nextRequest() {
      const request = first ? await asked.promise : null;
      first = false;
      return request && {
        request,
        respondWith(response) {
          responses.push(response);
          return Promise.resolve();
        },
      };
    },
    close: conn.close,
  };
  return { conn, http, responses, ask: () => asked.resolve(new Request("http://x/")) };
}

function visits(status: number) {
  const clock = new VirtualClock();
  const https = new Map<unknown, HttpConn>();
  const seen: unknown[] = [];
  // No standard response can have the status of an upgrade.
  const response = () => Object.defineProperty(new Response(""), "status", { value: status });
  const all = new HttpVisits(
    (conn) => https.get(conn)!,
    (_request, info) => {
      seen.push(info.remoteAddr.hostname);
      return response();
    },
    clock,
  );
  const visit = () => {
    const fake = fakeConn();
    https.set(fake.conn, fake.http);
    const over = all.take(fake.conn as unknown as Deno.Conn<Deno.NetAddr>);
    return { ...fake, over };
  };
  return { clock, all, visit, seen };
}

t.test("who asks for nothing is cut, each after its own time", async (t) => {
  const { clock, visit } = visits(101);
  const first = visit();
  clock.advance(REQUEST_MS - 1);
  const second = visit();
  t.equal(first.conn.closed, 0);
  clock.advance(1);
  t.ok(first.conn.closed > 0);
  await first.over;
  t.equal(second.conn.closed, 0);
  clock.advance(REQUEST_MS - 1);
  t.ok(second.conn.closed > 0);
  await second.over;
  t.equal(clock.pending, 0);
});

t.test("who becomes a WebSocket has time for ever", async (t) => {
  const { clock, all, visit, seen } = visits(101);
  const { conn, ask, over, responses } = visit();
  ask();
  await over;
  t.strictSame(seen, ["192.0.2.1"]);
  t.equal(responses.length, 1);
  t.equal(clock.pending, 0);
  all.close();
  t.equal(conn.closed, 0);
});

t.test("who is answered is closed", async (t) => {
  const { clock, visit } = visits(200);
  const { conn, ask, over, responses } = visit();
  ask();
  await over;
  t.equal(responses[0]!.headers.get("connection"), "close");
  t.ok(conn.closed > 0);
  t.equal(clock.pending, 0);
});

t.test("a TLS handshake counts, and one that fails closes", async (t) => {
  const { clock, all } = visits(200);
  const shaken = deferred();
  const secure = { ...fakeConn().conn, closed: 0, handshake: () => shaken.promise, close() {} };
  secure.close = () => {
    secure.closed++;
  };
  const over = all.take(secure as unknown as Deno.Conn<Deno.NetAddr>);
  clock.advance(REQUEST_MS);
  t.equal(secure.closed, 1);
  shaken.reject(new Error("closed"));
  await over;
  t.equal(clock.pending, 0);
});

t.test("beyond the limit the oldest is cut, and all when the listener closes", async (t) => {
  const { clock, all, visit } = visits(101);
  const waiting = Array.from({ length: MOST }, visit);
  t.ok(waiting.every(({ conn }) => conn.closed === 0));
  waiting.push(visit());
  t.ok(waiting[0]!.conn.closed > 0);
  await turns();
  t.equal(waiting.filter(({ conn }) => conn.closed > 0).length, 1);
  all.close();
  await Promise.all(waiting.map(({ over }) => over));
  t.ok(waiting.every(({ conn }) => conn.closed > 0));
  t.equal(clock.pending, 0);
});

const onDeno = { skip: runtime === "deno" ? false : "Deno alone has it" };

t.test("the address is free while WebSockets live on", onDeno, async (t) => {
  const entered = deferred();
  const gate = deferred();
  const server = await serve({ listen: "ws://127.0.0.1:0" }, {
    async submit() {
      entered.resolve();
      await gate.promise;
    },
  });
  const { port } = server.addr;
  const client = await connect(server.addrs[0]!.url, { reconnect: false });
  const answer = client.submit("slow");
  await entered.promise;
  const silent = net.connect(port, "127.0.0.1").on("error", () => {}).resume();
  t.teardown(() => void silent.destroy());
  await until(() => !silent.connecting, "who asks for nothing");
  await turns();
  const down = server.shutdown({ deadlineMs: 10_000 });
  await until(() => silent.destroyed, "it is closed with the listener");
  const next = await serve({ listen: `ws://127.0.0.1:${port}` }, { submit() {} });
  gate.resolve();
  await answer;
  t.match(await down, { completed: 1, cut: [] });
  await client.close();
  await next.shutdown();
});

t.test("without serveHttp it is Deno.serve", onDeno, async (t) => {
  const { serveHttp } = Deno as { serveHttp?: unknown };
  t.equal(typeof serveHttp, "function", "Deno still has it: without it there is no deadline");
  Object.assign(Deno, { serveHttp: undefined });
  t.teardown(() => void Object.assign(Deno, { serveHttp }));
  const server = await serve({ listen: "ws://127.0.0.1:0" }, { submit() {} });
  const client = await connect(server.addrs[0]!.url);
  await client.submit("hello");
  const down = server.shutdown({ deadlineMs: 1000 });
  await client.close();
  t.match(await down, { cut: [] });
});
