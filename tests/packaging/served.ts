/**
 * The server as the documents start it, by the line that they give.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { Running } from "../cli/command.ts";
import { denoCommand } from "../helpers/programs.ts";

type Test = Parameters<Running["endWith"]>[0];

/** A folder that is removed when the test ends. */
export function emptyFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "framewire-served-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/**
 * An environment in which `deno` is the one that npm installed, with nothing in its cache and nobody
 * to load from: what it would look for elsewhere, it looks for at a port where nobody listens.
 */
export function offlineDeno(t: Test): Record<string, string> {
  const nobody = "http://127.0.0.1:9";
  return {
    PATH: [dirname(denoCommand()[0]), process.env.PATH].join(delimiter),
    DENO_DIR: emptyFolder(t),
    DENO_NO_UPDATE_CHECK: "1",
    HTTP_PROXY: nobody,
    HTTPS_PROXY: nobody,
    NPM_CONFIG_REGISTRY: nobody,
    JSR_URL: nobody,
    NO_COLOR: "1",
  };
}

/** Runs a line of a shell to its end. */
export async function shell(
  t: Test,
  line: string,
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<{ readonly code: number | null; readonly printed: string }> {
  const running = new Running("sh", ["-c", line], options).endWith(t);
  running.child.stdin!.end();
  const { code, stdout, stderr } = await running.ended;
  return { code, printed: stdout + stderr };
}
