/** Where WebAssembly may not be compiled, TypeScript does all of it, and the log says so once. */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import t from "tap";
import { findScans } from "../../src/codec/find_scans.ts";
import { CodecNote } from "../../src/codec/codec_note.ts";
import { Lender } from "../../src/codec/lender.ts";
import { makeTsCodec } from "../../src/codec/ts_codec.ts";
import { denoCommand, nodeCommand } from "../helpers/programs.ts";
import { path } from "../helpers/root.ts";
import { runtime } from "../helpers/runtime.ts";

const run = promisify(execFile);
const script = path("tests/runtimes/no_wasm.mjs");
const bun = path("node_modules/bun/bin/bun.exe");

const COMMANDS: Record<string, readonly string[]> = {
  deno: [...denoCommand(), "run", "-A", "--no-check"],
  node: [nodeCommand()],
  ...(existsSync(bun) && { bun: [bun] }),
};

for (const [name, [command, ...args]] of Object.entries(COMMANDS)) {
  for (const how of ["absent", "forbidden"]) {
    const skip = runtime !== "node" && "once is enough: each runtime has a process of its own";
    t.test(`WebAssembly ${how} (${name})`, { skip }, async (t) => {
      const { stdout } = await run(command!, [...args, script, how], { timeout: 120_000 });
      const told = JSON.parse(stdout);
      t.strictSame(told.requests, [100, 100]);
      t.equal(told.checksum, 0xe3069283);
      t.equal(told.lines.length, 1, "one note, however many servers there are");
      t.match(told.lines[0], {
        category: "framewire.server",
        level: "warn",
        message: /WebAssembly cannot be used here, and TypeScript.*wasm-unsafe-eval/,
        properties: { codec: "ts", cause: /./ },
      });
      t.strictSame(told.refused[0], "UNSUPPORTED");
      t.match(told.refused[1], /use codec "auto" or "ts"/);
    });
  }
}

t.test("who asks for TypeScript, or has WebAssembly, is told nothing", (t) => {
  const none = new Lender(findScans, makeTsCodec, () => ({ failure: new Error("disallowed") }));
  const without = new CodecNote(none);
  t.equal(without.of("ts"), undefined);
  t.match(without.of("auto"), { message: /TypeScript/, cause: { message: "disallowed" } });
  t.equal(without.of("auto"), undefined);
  // The least module there is: its kernels are not called.
  const module = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  const foreign = new CodecNote(new Lender(findScans, makeTsCodec, () => ({ module })));
  t.match(foreign.of("auto"), { cause: /./ }, "one that is not ours is none");
  t.end();
});
