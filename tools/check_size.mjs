// Checks how large a program for browsers is that uses the package: `node tools/check_size.mjs`.
//
// Bundles small programs as their users' bundler would, from the built package's own entries, and
// compares their sizes (minified, gzip) with the budgets. Needs dist/, built beforehand.

import { statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "./root.mjs";

/** What most pages want to say: a payload that the server acknowledges. */
const SUBMIT = `
  import { connect, submit } from "framewire/client";
  const client = await connect("wss://example.com/wire", { protocol: submit });
  await client.submit("hello", { timeoutMs: 2000 });
  await client.close();`;

/** A protocol as the guide defines them, with a header, a kind and replies that find their calls. */
const DEFINITION = `
  import { cstring, lengthField, u16, u32 } from "framewire/protocol";
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
  };`;

/** A client of such a protocol. */
const defined = (define) =>
  `${DEFINITION}
  import { ${define} } from "framewire/protocol";
  import { connect } from "framewire/client";
  const protocol = ${define}(definition);
  const client = await connect("wss://example.com/wire", { protocol });
  console.log((await client.call("greet", { name: "world" })).text);
  await client.close();`;

const WHOLE = `
  import { connect } from "framewire/browser";
  const client = await connect("wss://example.com/wire");
  await client.submit("hello");
  await client.close();`;

/**
 * Sizes in bytes; without a budget a figure is printed and nothing else. 20 KB is what a client with one
 * protocol may take, its WebAssembly included; with `submit` it takes less, and shall not grow unnoticed.
 */
const programs = [
  { name: "framewire/client with submit", program: SUBMIT, budget: 16_500 },
  {
    name: "framewire/client with defineClient",
    program: defined("defineClient"),
    budget: 20_000,
  },
  {
    name: "framewire/client with defineProtocol",
    program: defined("defineProtocol"),
    budget: undefined,
  },
  { name: "framewire/browser: connect with all it has", program: WHOLE, budget: undefined },
];

let over = 0;
for (const { name, program, budget } of programs) {
  const bundle = await bundled(program);
  report(name, gzipSync(bundle, { level: 9 }).length, budget, `${bundle.length} minified`);
}
report("codec.wasm", statSync(join(root, "codec-wasm/dist/codec.wasm")).size, 8192, "as it is");
process.exitCode = over > 0 ? 1 : 0;

/** The bundle of a program, as its bytes. */
async function bundled(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    // That the package has no side effects is told for each import that is dropped because of it.
    logOverride: { "ignored-bare-import": "silent" },
    logLevel: "warning",
  });
  return outputFiles[0].contents;
}

function report(name, bytes, budget, how) {
  const isOver = budget !== undefined && bytes > budget;
  if (isOver) over++;
  const bound = budget === undefined ? "" : isOver ? `, OVER its ${budget}` : ` of ${budget}`;
  console.log(`${name}: ${bytes} bytes${bound} (${how})`);
}
