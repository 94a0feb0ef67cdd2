// The command, as npm links it.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { readJson } from "../root.mjs";
import { check } from "./project.mjs";

/** @param {string} project */
export function command(project) {
  const { version } = readJson("package.json");
  const cli = join(project, "node_modules", "framewire", "dist", "cli.js");
  const printed = execFileSync(process.execPath, [cli, "--version"], { encoding: "utf8" });
  check(printed.includes(version), `framewire --version printed ${JSON.stringify(printed)}`);
  console.log(`command: ${printed.trim()}`);
}
