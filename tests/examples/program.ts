/**
 * The examples as processes of their own, on the runtime this test runs on, and the programs that they
 * are tried with.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { buildSync } from "esbuild";
import { onDeno, Running } from "../cli/command.ts";
import { denoCommand } from "../helpers/programs.ts";
import { path } from "../helpers/root.ts";

/** What a test's `t` has to offer. */
interface Test {
  teardown(end: () => void): void;
}

/** Node runs TypeScript by itself from 22.18 on; before, it is given what a user would build. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const runsTypeScript = onDeno || major > 22 || major === 22 && minor >= 18;

/** The command that runs an example. */
function commandOf(example: string): readonly string[] {
  const source = path(`examples/${example}`);
  if (onDeno) return [...denoCommand(), "run", "-A", "--no-check", source];
  if (runsTypeScript) return [process.execPath, source];
  // Inside the project, so that "framewire" is the package itself.
  const outfile = path(`.test-build/examples/${example.replace(/\.ts$/, ".mjs")}`);
  buildSync({
    entryPoints: [source],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    packages: "external",
    tsconfigRaw: {}, // those of the examples are for their pages and Workers
    // Files beside it are found from where it is.
    define: { "import.meta.url": JSON.stringify(pathToFileURL(source).href) },
    logLevel: "warning",
  });
  return [process.execPath, outfile];
}

/** Starts an example, for example `"smpp/server.ts"`; it is killed when the test ends. */
export function startExample(t: Test, example: string, args: readonly string[]): Running {
  const [command = "", ...first] = commandOf(example);
  return new Running(command, [...first, ...args], {}).endWith(t);
}

/** Starts an example that listens, on a free port: `0` is its first argument. */
export async function startServer(
  t: Test,
  example: string,
  args: readonly string[] = [],
): Promise<{ readonly running: Running; readonly port: number }> {
  const running = startExample(t, example, ["0", ...args]);
  const [, port] = await running.wrote("stdout", /listening on \S*:(\d+)/);
  return { running, port: Number(port) };
}

/** Starts a program of the system; it is killed when the test ends. */
export function startProgram(t: Test, command: string, args: readonly string[]): Running {
  return new Running(command, args, {}).endWith(t);
}

/** Why a test that needs a program of the system is skipped, or false when it is there. */
export function lacks(
  command: string,
  debianPackage: string,
  saysItself = RegExp(""),
): string | false {
  // Elsewhere there are other programs of the same names.
  if (process.platform !== "linux") return `${command} is tried on Linux`;
  const { error, stdout, stderr } = spawnSync(command, ["-h"], {
    encoding: "utf8",
    timeout: 10_000,
  });
  if (error === undefined && saysItself.test(stdout + stderr)) return false;
  return `${command} is not installed (Debian: ${debianPackage})`;
}
