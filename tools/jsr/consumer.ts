// A program that has Framewire from JSR: tools/check_jsr.mjs checks its types and runs it.

import {
  connect,
  cstring,
  defineProtocol,
  FramewireError,
  lengthField,
  serve,
  u16,
} from "framewire";
import { createDecoder, FramewireError as OfCodec, isFramewireError } from "framewire/codec";
import { connect as connectSmall } from "framewire/client";
import { connect as connectDeno, type ServerOf } from "framewire/deno";
import { memoryNetwork } from "framewire/memory";
import { defineClient, u32 } from "framewire/protocol";
import { sqliteStore } from "framewire/sqlite";
import type * as browser from "framewire/browser";
import type * as bun from "framewire/bun";
import type * as node from "framewire/node";
import type * as workerd from "framewire/workerd";

const definition = {
  name: "greeter",
  framing: lengthField({ size: 4, counts: "frame", maxFrameBytes: 1024 }),
  header: { length: u32, type: u16, sequence: u16 },
  kind: "type",
  correlate: "sequence",
  packets: {
    greet: { kind: 1, reply: "greeting", body: { name: cstring(32) } },
    greeting: { kind: 2, body: { text: cstring(64) } },
  },
} as const;
const greeter = defineProtocol(definition);

const server: ServerOf<typeof greeter> = await serve({ port: 0, protocol: greeter }, {
  greet: ({ name }) => ({ text: `hello, ${name}` }),
});
const client = await connect(`tcp://127.0.0.1:${server.addr.port}`, { protocol: greeter });
const { text } = await client.call("greet", { name: "world" });
// @ts-expect-error -- it is a string, not any
text satisfies number;
console.log(text);
await client.close();
await server.shutdown();

/** The entries of other runtimes have their types too. */
export interface Others {
  readonly browser: typeof browser.connect;
  readonly bun: bun.Edge;
  readonly node: node.Edge;
  readonly workerd: workerd.EdgeWorker;
}

const once = FramewireError === OfCodec && connect === connectDeno;
if (!once) throw new Error("a class or a function exists twice");
const parts = [
  createDecoder,
  isFramewireError,
  connectSmall,
  memoryNetwork,
  sqliteStore,
  defineClient,
];
if (!parts.every((part) => part !== undefined)) throw new Error("a part is missing");
