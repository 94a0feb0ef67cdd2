// Checks the npm package as its users get it: `node tools/check_package.mjs [RUNTIME…]`.
//
// Packs dist/ (built beforehand), looks at the list of files, installs the tarball into an empty
// project, and there runs the command, the README's example on each RUNTIME (a command on the search
// path; node by default) and a type check by TypeScript.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { denoCommand, readJson, root } from "./root.mjs";

const runtimes = process.argv.length > 2 ? process.argv.slice(2) : ["node"];
const { version } = readJson("package.json");

/** Every file of the package matches one of these. */
const ALLOWED = [
  /^package\.json$/,
  /^README\.md$/,
  /^LICENSE$/,
  /^dist\/(node|deno|bun|workerd|browser|client|codec|protocol|memory|sqlite|cli)\.js$/,
  /^dist\/codec\.wasm$/,
  /^schema\/framewire\.schema\.json$/,
  /^dist\/chunks\/[\w-]+\.js$/,
  /^dist\/types\/(src|codec-wasm)\/[\w/]+\.d\.ts$/,
];
/** Each of these is in the package. */
const NEEDED = [
  "LICENSE",
  "README.md",
  "package.json",
  "dist/cli.js",
  "dist/node.js",
  "schema/framewire.schema.json",
];
/**
 * The unpacked package stays small: nothing but the library is in it. The entry for workerd has all it
 * needs in one file of its own, 320 KB, since what the others share brings WebAssembly as text.
 */
const MAX_BYTES = 1900 * 1024;

const folder = mkdtempSync(join(tmpdir(), "framewire-package-"));
try {
  const tarball = pack();
  install(tarball);
  command();
  example();
  types();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function pack() {
  const [report] = JSON.parse(
    npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  );
  const files = report.files.map(({ path }) => path);
  const odd = files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file)));
  check(odd.length === 0, `these files do not belong in the package: ${odd.join(", ")}`);
  const missing = NEEDED.filter((file) => !files.includes(file));
  check(missing.length === 0, `the package lacks ${missing.join(", ")}`);
  check(
    report.unpackedSize <= MAX_BYTES,
    `the package is ${report.unpackedSize} bytes, over ${MAX_BYTES}`,
  );
  console.log(`package: ${files.length} files, ${report.size} bytes packed`);
  return join(folder, report.filename);
}

function install(tarball) {
  write("package.json", JSON.stringify({ name: "consumer", private: true, type: "module" }));
  npm(["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], folder);
}

function command() {
  const cli = join(folder, "node_modules", "framewire", "dist", "cli.js");
  const printed = execFileSync(process.execPath, [cli, "--version"], { encoding: "utf8" });
  check(printed.includes(version), `framewire --version printed ${JSON.stringify(printed)}`);
  console.log(`command: ${printed.trim()}`);
}

function example() {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const text = /^```ts\n(import .*?)^```$/ms.exec(readme)?.[1];
  check(text !== undefined, "the README shows no program");
  write("example.mjs", text);
  for (const runtime of runtimes) {
    const [file, ...args] = runtime === "node"
      ? [process.execPath]
      : runtime === "deno"
      ? [...denoCommand(), "run", "-A", "--node-modules-dir=manual"]
      : [runtime];
    const printed = execFileSync(file, [...args, "example.mjs"], {
      cwd: folder,
      encoding: "utf8",
      timeout: 30_000,
    });
    check(printed.includes("hello"), `the README's example on ${runtime} printed ${printed}`);
    console.log(`example on ${runtime}: ${printed.trim()}`);
  }
}

function types() {
  write(
    "consumer.ts",
    `import { connect, FramewireError, serve } from "framewire";
import * as small from "framewire/client";
import * as codec from "framewire/codec";
import * as memory from "framewire/memory";
import * as sqlite from "framewire/sqlite";
import * as protocol from "framewire/protocol";
import * as node from "framewire/node";
const server = await serve({ port: 0 }, { submit: (packet) => console.log(packet.text()) });
// @ts-expect-error: the port is a number; this fails when the package's types do not resolve.
await serve({ port: "8888" }, {});
const client = await connect("tcp://127.0.0.1:" + server.addr.port);
const code: string = new FramewireError("RESULT_FAILED", "no").code;
const one = await small.connect("ws://127.0.0.1:1", { protocol: small.submit });
const sent: Promise<void> = one.submit("hello");
export { client, code, codec, memory, node, protocol, sent, sqlite };
`,
  );
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  for (const [module, resolution] of [["nodenext", "nodenext"], ["preserve", "bundler"]]) {
    const flags = ["--noEmit", "--strict", "--target", "esnext", "--types", "", "--module", module];
    execFileSync(
      process.execPath,
      [tsc, ...flags, "--moduleResolution", resolution, "consumer.ts"],
      {
        cwd: folder,
        stdio: "inherit",
      },
    );
  }
  console.log("types: resolved by nodenext and by bundler");
}

function npm(args, cwd) {
  const shell = process.platform === "win32"; // there npm is a batch file
  return execFileSync("npm", args, { cwd, encoding: "utf8", shell });
}

function write(name, text) {
  writeFileSync(join(folder, name), text);
}

function check(condition, message) {
  if (!condition) throw new Error(message);
}
