/**
 * A host on Deno, Node or Bun: a program that takes commands from standard input, one line of JSON each,
 * and answers likewise. It ends with its input.
 */

import { createInterface } from "node:readline";
import process from "node:process";
import * as entry from "#entry";
import { bunTcp } from "../../../src/link/bun_tcp.ts";
import { denoTcp } from "../../../src/link/deno_tcp.ts";
import type { Transport } from "../../../src/link/link.ts";
import { nodeTcp } from "../../../src/link/node_tcp.ts";
import { read } from "../../helpers/root.ts";
import { type Command, Host } from "./host.ts";

const transport: Transport = "Deno" in globalThis
  ? denoTcp
  : "Bun" in globalThis
  ? bunTcp
  : nodeTcp;
const pem = (name: string) => read(`tests/fixtures/tls/${name}`);

const host = new Host({
  capabilities: entry.capabilities(),
  connect: entry.connect,
  serve: entry.serve,
  transport,
  tls: { cert: pem("server.pem"), key: pem("server.key"), ca: pem("ca.pem") },
});

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...command } = JSON.parse(line) as Command & { readonly id: number };
  void host.do(command as Command).then((answer) => {
    process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`);
  });
}
process.exit();
