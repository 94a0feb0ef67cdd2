// An empty project of somebody else's, in which the package is tried.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Runs npm.
 *
 * @param {string[]} args
 * @param {string} cwd
 * @returns {string} What it printed.
 */
export function npm(args, cwd) {
  const shell = process.platform === "win32"; // there npm is a batch file
  return execFileSync("npm", args, { cwd, encoding: "utf8", shell });
}

/**
 * Makes a project in `folder` and installs packages into it.
 *
 * @param {string} folder
 * @param {string[]} packages Exact versions, or files.
 */
export function makeProject(folder, packages) {
  mkdirSync(folder, { recursive: true });
  const manifest = { name: "consumer", private: true, type: "module" };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  npm(["install", "--prefer-offline", "--no-audit", "--no-fund", ...packages], folder);
}

/**
 * Stops the check unless `condition` holds.
 *
 * @param {unknown} condition
 * @param {string} message
 * @returns {asserts condition}
 */
export function check(condition, message) {
  if (!condition) throw new Error(message);
}
