// Runs the tests: `npm test [-- [--only node|deno] [--jobs N] [--timeout SECONDS] [FILE…]]`.
//
// Every tests/**/*_test.ts runs twice from one source: on Node under the tap runner, bundled by
// esbuild because Node 20 does not run TypeScript, and on Deno as it stands. FILE selects the files
// whose path contains it. The last line is `N passed, N failed`: assertions of both runs together.

import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { denoCommand, root } from "./root.mjs";
import { Tally } from "./tap_tally.mjs";

const bundles = join(root, ".test-build");
const tap = join(root, "node_modules", "tap", "dist", "esm", "run.mjs");

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    jobs: { type: "string", default: "2" },
    timeout: { type: "string", default: "240" },
    build: { type: "boolean", default: true },
  },
  allowNegative: true,
});
const jobs = Number(options.jobs);
/** After this, tap ends a test file by itself and names the test that hangs. */
const timeoutS = Number(options.timeout);

const sources = testFiles();
if (sources.length === 0) {
  console.error(`no test file matches ${filters.join(" ")}`);
  console.log("0 passed, 1 failed");
  process.exit(1);
}

const totals = { passed: 0, failed: 0, skipped: 0 };
/** @type {{ runtime: string, name: string, detail: string }[]} */
const failures = [];

// Some tests load the package as its users do, from dist/.
if (options.build) {
  execFileSync(process.execPath, [join(root, "tools", "build.mjs")], { stdio: "inherit" });
}
if (options.only !== "deno") add("node", await runNode());
if (options.only !== "node") add("deno", await runDeno());

for (const { runtime, name, detail } of failures) {
  console.log(`\nFAILED on ${runtime}: ${name}`);
  if (detail) console.log(detail.split("\n").map((line) => `    ${line}`).join("\n"));
}
if (totals.skipped > 0) console.log(`\n${totals.skipped} skipped`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

/** The test files the arguments select; type tests are only checked, never run. */
function testFiles() {
  return readdirSync(join(root, "tests"), { recursive: true })
    .map((file) => `tests/${String(file).replaceAll(sep, "/")}`)
    .filter((file) => file.endsWith("_test.ts") && !file.endsWith("_types_test.ts"))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
}

async function runNode() {
  rmSync(bundles, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: sources,
    outbase: ".",
    outdir: bundles,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    packages: "external",
    define: { "import.meta.main": "false" },
    sourcemap: "inline",
    logLevel: "warning",
  });
  buildTapPlugins();
  const files = sources.map((file) => `.test-build/${file.replace(/\.ts$/, ".mjs")}`);
  const before = { passed: 0, failed: 0 };
  const tally = new Tally((name, so) => {
    report("node", sourceOf(name), so.passed - before.passed, so.failed - before.failed);
    Object.assign(before, { passed: so.passed, failed: so.failed });
  });
  const stderr = [];
  const status = await run(
    [process.execPath, tap, "--reporter=tap", `--jobs=${jobs}`, `--timeout=${timeoutS}`, ...files],
    { tally, stderr },
  );
  if (status !== 0 && tally.failed === 0) tally.fail("the tap runner", `ended with ${status}`);
  if (tally.failed > 0) tally.failures.at(-1).detail += tail(stderr);
  for (const failure of tally.failures) {
    failure.name = failure.name.replace(/\.test-build\/(\S+)\.mjs/, "$1.ts");
  }
  return tally;
}

/**
 * tap compiles the set of plugins that .taprc asks for into its own package, but runs the old set
 * the first time; with the TypeScript plugin in it, that run fails. So it is told to beforehand.
 */
function buildTapPlugins() {
  const built = join(
    root,
    "node_modules",
    "@tapjs",
    "test",
    "test-built",
    "dist",
    "esm",
    "index.js",
  );
  let current;
  try {
    current = readFileSync(built, "utf8");
  } catch {
    current = "@tapjs/typescript";
  }
  if (!current.includes("@tapjs/typescript")) return;
  console.log("building tap without its TypeScript plugin");
  execFileSync(process.execPath, [tap, "build"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

async function runDeno() {
  const all = new Tally();
  const queue = [...sources];
  await Promise.all(Array.from({ length: jobs }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const tally = await runDenoFile(file);
      report("deno", file, tally.passed, tally.failed);
      all.passed += tally.passed;
      all.failed += tally.failed;
      all.skipped += tally.skipped;
      for (const { name, detail } of tally.failures) {
        all.failures.push({ name: `${file} › ${name}`, detail });
      }
    }
  }));
  return all;
}

async function runDenoFile(file) {
  const tally = new Tally();
  const stderr = [];
  const status = await run(
    [...denoCommand(), "run", "-A", "--no-check", "--preload=tests/deno_tap_preload.mjs", file],
    {
      tally,
      stderr,
      env: { TAP: "1", TAP_TIMEOUT: String(timeoutS), NO_COLOR: "1" },
      killAfterMs: Math.max(timeoutS * 4, 300) * 1000,
    },
  );
  if (tally.failed === 0) {
    if (status !== 0) tally.fail("the whole file", `ended with ${status}`);
    else if (tally.passed + tally.skipped === 0) tally.fail("the whole file", "ran no test");
  }
  if (tally.failed > 0) tally.failures.at(-1).detail += tail(stderr);
  return tally;
}

/**
 * Runs a program to its end, its standard output into the tally, its standard error into a list.
 * tap ends a file that hangs; `killAfterMs` is for one that holds up even tap's own timer.
 *
 * @returns {Promise<number | string>} The exit code, or what ended it.
 */
function run([command, ...args], { tally, stderr, env = {}, killAfterMs }) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.on("data", (chunk) => tally.write(chunk));
  child.stderr.on("data", (chunk) => stderr.push(chunk));
  return new Promise((resolve) => {
    const timer = killAfterMs && setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      tally.end();
      resolve(code ?? signal);
    });
  });
}

/** The end of what was written to standard error, for the detail of a failure. */
function tail(stderr) {
  const text = Buffer.concat(stderr).toString().trimEnd();
  return text === "" ? "" : `\nstandard error:\n${text.slice(-4000)}`;
}

function report(runtime, file, passed, failed) {
  console.log(
    `${runtime}  ${
      failed === 0 ? "ok    " : "FAILED"
    }  ${file}  ${passed} passed, ${failed} failed`,
  );
}

function sourceOf(name) {
  return relative(bundles, join(root, name)).replaceAll(sep, "/").replace(/\.mjs$/, ".ts");
}

function add(runtime, tally) {
  totals.passed += tally.passed;
  totals.failed += tally.failed;
  totals.skipped += tally.skipped;
  for (const failure of tally.failures) failures.push({ runtime, ...failure });
}
