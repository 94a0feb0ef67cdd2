/** The gateway as a Worker, in workerd itself, in front of services as processes. */

import t from "tap";
import { prices } from "../../examples/services/protocol.ts";
import { folderOf, posix } from "../cli/command.ts";
import { connect } from "../helpers/runtime.ts";
import { startExample, startServer } from "./program.ts";
import { lacksWorkerd, startWorkerd } from "./workerd.ts";

t.test("clients by WebSocket and TCP are served from both instances of a service", {
  skip: lacksWorkerd() || posix.skip,
}, async (t) => {
  t.setTimeout(240_000);
  const instances = [
    await startServer(t, "services/prices.ts"),
    await startServer(t, "services/prices.ts"),
  ];
  const folder = folderOf(t, {});
  t.match(await startExample(t, "edge_gateway/build.ts", [folder]).ended, { code: 0 });
  const { http, tcp } = await startWorkerd(t, folder, ["http", "tcp"], {
    BACKENDS: instances.map(({ port }) => `tcp://127.0.0.1:${port}`).join(" "),
  });
  t.equal((await fetch(`http://127.0.0.1:${http}/`)).status, 426, "no WebSocket");

  // More than a Worker may have sockets for one of them.
  const urls = [`ws://127.0.0.1:${http}/`, `tcp://127.0.0.1:${tcp}`];
  const clients = await Promise.all(
    Array.from({ length: 16 }, (_, i) => connect(urls[i % 2]!, { protocol: prices })),
  );
  const pricedBy = new Set<string>();
  const quote = async (number: number) => {
    const client = clients[number % clients.length]!;
    const quoted = await client.call("quote", { product: "tea", quantity: 2 });
    if (quoted.packet !== "quoted" || quoted.totalCents !== 700) throw new Error(quoted.packet);
    pricedBy.add(quoted.instance);
  };
  const round = () => Promise.all(clients.map((_, i) => quote(i)));
  while (pricedBy.size < 2) await round();
  t.match(await clients[0]!.call("quote", { product: "soup", quantity: 1 }), {
    packet: "unknownProduct",
  });

  const [first] = instances;
  first!.running.kill("SIGTERM");
  const rest = Array.from({ length: 400 }, (_, i) => quote(i));
  t.match(await first!.running.ended, { code: 0, stdout: /, 0 connections cut/ });
  await Promise.all(rest);
  await Promise.all(clients.map((client) => client.close()));
});
