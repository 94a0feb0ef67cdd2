/**
 * What a figure was measured with: machine, operating system, and versions.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import process from "node:process";
import { SetupError } from "./setup_error.mjs";

/** The `deno` of node_modules, else the one on the PATH. */
export function findDeno(root) {
  const local = join(root, "node_modules", ".bin", "deno");
  const deno = existsSync(local) ? local : "deno";
  if (firstLine(deno, "--version") === undefined) {
    throw new SetupError("deno is missing: run `npm ci` in the repository's root");
  }
  return deno;
}

/** The machine and the versions, as latest.json states them. */
export function describeMachine(deno) {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model ?? "unknown",
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    versions: {
      deno: firstLine(deno, "--version")?.split(" ")[1],
      node: process.version.slice(1),
      go: firstLine("go", "version")?.match(/go(\d[\w.]*)/)?.[1],
      gcc: firstLine("gcc", "-dumpfullversion"),
    },
  };
}

function firstLine(command, ...args) {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8" });
  return status === 0 ? stdout.split("\n", 1)[0].trim() : undefined;
}
