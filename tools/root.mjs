// Where things are: the project's root, its entries, and the programs that npm installed.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's root folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Reads a JSON file of the project.
 *
 * @param {string} path Relative to the root.
 */
export function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

/**
 * The Deno that npm installed, as a command and its first arguments. The native binary is preferred:
 * the wrapper script, all there is after `npm ci --ignore-scripts`, does not pass on signals.
 *
 * @returns {[string, ...string[]]}
 */
export function denoCommand() {
  const folder = join(root, "node_modules", "deno");
  const native = join(folder, process.platform === "win32" ? "deno.exe" : "deno");
  return existsSync(native) ? [native] : [process.execPath, join(folder, "bin.cjs")];
}
