/**
 * The programs that tests start: always by their own path, never through a wrapper that would not
 * pass on signals.
 *
 * @module
 */

import { existsSync } from "node:fs";
import process from "node:process";
import { path } from "./root.ts";

const onDeno = "Deno" in globalThis;

/** The command and first arguments that run Deno: the one that npm installed. */
export function denoCommand(): [command: string, ...args: string[]] {
  if (onDeno) return [process.execPath];
  const native = path(`node_modules/deno/deno${process.platform === "win32" ? ".exe" : ""}`);
  return existsSync(native) ? [native] : [process.execPath, path("node_modules/deno/bin.cjs")];
}

/** The command that runs Node: this one, or from Deno the one on the search path. */
export function nodeCommand(): string {
  return onDeno ? "node" : process.execPath;
}
