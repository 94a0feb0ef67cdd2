/** What a protocol loads later: when that is, who waits for it, and what an import loads without it. */

import t from "tap";
import { lengthField } from "../../src/codec/framing.ts";
import { FramewireError } from "../../src/errors.ts";
import { memoryNetwork } from "../../src/link/memory.ts";
import { defineProtocol } from "../../src/protocol/defined/define.ts";
import { u16 } from "../../src/protocol/defined/fields/mod.ts";
import { echo } from "../../src/protocol/echo/mod.ts";
import type { Protocol } from "../../src/protocol/protocol.ts";
import { submit } from "../../src/protocol/submit/mod.ts";
import { connect as connectSmall } from "../../src/entry/client.ts";
import { read, readJson } from "../helpers/root.ts";
import { connect, serve } from "../helpers/runtime.ts";

type Echo = typeof echo;

/** Says when it is loaded and when it makes endpoints. */
function told(load: () => Promise<unknown> | undefined) {
  const told: string[] = [];
  const protocol: Echo = {
    ...echo,
    load() {
      told.push("load");
      return load()?.then(() => told.push("loaded"));
    },
    server(handlers) {
      told.push("server");
      return echo.server(handlers);
    },
    client(connection, side) {
      told.push("client");
      return echo.client(connection, side);
    },
  };
  return { told, protocol };
}

const definition = {
  name: "beat",
  framing: lengthField({ size: 2 }),
  header: { length: u16 },
  packets: { beat: {} },
} as const;

t.test("an endpoint that is asked for before load() is refused, by a message that says so", (t) => {
  const unloaded = { code: "INVALID_OPTION", message: /await its load\(\)/ };
  t.throws(() => echo.server({}), unloaded);
  t.throws(() => echo.server({ data: 1 } as never), { message: /data must be a function/ });
  t.throws(() => defineProtocol(definition).server({}), unloaded);
  t.end();
});

t.test("load() has nothing to wait for once it has loaded", async (t) => {
  const protocols: Pick<Protocol<never, unknown>, "load">[] = [
    submit,
    echo,
    defineProtocol(definition),
  ];
  for (const protocol of protocols) {
    await protocol.load?.();
    t.equal(protocol.load?.(), undefined);
  }
  t.type(submit.server({ submit() {} }), "function");
});

t.test("serve, connect and the small connect wait for load() before the first endpoint", async (t) => {
  const transport = memoryNetwork();
  const served = told(() => echo.load!() ?? Promise.resolve());
  await using server = await serve({ port: 0, transport, protocol: served.protocol });
  t.strictSame(served.told, ["load", "loaded", "server"]);
  const url = `tcp://memory:${server.addr.port}`;
  const bytes = new TextEncoder().encode("hello");
  for (const reconnect of [true, false]) {
    const { told: order, protocol } = told(() => Promise.resolve());
    const client = await connect(url, { transport, protocol, reconnect });
    t.strictSame(order, ["load", "loaded", "client"]);
    t.strictSame(await client.echo("hello"), bytes);
    await client.close();
  }
  const small = told(() => Promise.resolve());
  const client = await connectSmall(url, { transport, protocol: small.protocol });
  t.strictSame(small.told, ["load", "loaded", "client"]);
  t.strictSame(await client.echo("hello"), bytes);
  await client.close();
});

t.test("what cannot be loaded refuses serve and connect, and says why", async (t) => {
  const transport = memoryNetwork();
  const failure = new TypeError("no such module");
  const { told: order, protocol } = told(() => Promise.reject(failure));
  const refused = {
    code: "LINK_FAILED",
    message: "the protocol echo could not be loaded: no such module",
    cause: failure,
  };
  await t.rejects(serve({ port: 1, transport, protocol }), refused);
  await t.rejects(connect("tcp://memory:1", { transport, protocol }), refused);
  await t.rejects(connectSmall("tcp://memory:1", { transport, protocol }), failure);
  t.strictSame(order, ["load", "load", "load"]);
  const own = new FramewireError("UNSUPPORTED", "not here");
  const other = told(() => Promise.reject(own)).protocol;
  await t.rejects(serve({ port: 1, transport, protocol: other }), own);
});

/** The files that an import of one loads before it is done: not those of `import()`, nor of types alone. */
function loadedBy(file: string, found: Set<string> = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const { imports } = readJson<{ imports: Record<string, string> }>("deno.json");
  const statements = read(file).matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from "([^"]+)";/gm);
  for (const [, name = ""] of statements) {
    if (name.startsWith("node:")) continue;
    const known = imports[name];
    const url = new URL(known ?? name, new URL(known === undefined ? file : "", "file:///"));
    loadedBy(url.pathname.slice(1), found);
  }
  return found;
}

t.test("an import of the library loads no endpoints, no connection, no server and no client", (t) => {
  const { exports } = readJson<{ exports: Record<string, string> }>("deno.json");
  const lazy = [".", "./deno", "./node", "./codec", "./protocol", "./memory", "./sqlite"];
  for (const name of lazy) {
    const files = [...loadedBy(exports[name]!.slice("./".length))];
    t.ok(files.includes("src/errors.ts"), `${name} has been read`);
    // That of `defineClient` is small, and what splits it off would cost pages more.
    const heavy =
      /(?<!calling_)endpoint|^src\/(server|options|cli)\/|^src\/client\/(?!resolver)|connection\/connection\.ts|session\/session|call_book/;
    t.strictSame(files.filter((file) => heavy.test(file)), [], name);
  }
  t.ok(loadedBy("src/protocol/submit/endpoints.ts").has("src/connection/connection.ts"));
  t.end();
});
