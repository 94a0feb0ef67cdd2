// A program in which every entry is named: it is never run, only checked.

import { connect, defineProtocol, FramewireError, lengthField, serve, u32 } from "framewire";
import * as browser from "framewire/browser";
import * as bun from "framewire/bun";
import * as codec from "framewire/codec";
import * as deno from "framewire/deno";
import * as memory from "framewire/memory";
import * as node from "framewire/node";
import * as protocol from "framewire/protocol";
import * as sqlite from "framewire/sqlite";
import * as workerd from "framewire/workerd";

const counter = defineProtocol({
  name: "counter",
  framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
  header: { length: u32, kind: u32, sequence: u32 },
  kind: "kind",
  correlate: "sequence",
  packets: {
    add: { kind: 1, reply: "sum", body: { amount: u32 } },
    sum: { kind: 2, body: { total: u32 } },
  },
});

const server = await serve({ port: 0, protocol: counter }, {
  add: ({ amount }) => ({ total: amount + 1 }),
});
// @ts-expect-error: the port is a number; this fails when the package's types do not resolve.
await serve({ port: "8888" }, {});
const client = await connect(`tcp://127.0.0.1:${server.addr.port}`, { protocol: counter });
// The fields of replies follow from the definition.
export const total: number = (await client.call("add", { amount: 1 })).total;
export const code: string = new FramewireError("RESULT_FAILED", "no").code;
export const worker: workerd.EdgeWorker = workerd.edge({
  submit: (packet) => console.log(packet.text()),
});
for await (const event of server.events("connect")) console.log(event.name);
export { browser, bun, codec, deno, memory, node, protocol, sqlite };
