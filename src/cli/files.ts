/**
 * Files that options name.
 *
 * @module
 */
import { oneLine, UsageError } from "./failure.ts";

/** What nobody but the owner and the group's readers should have: the rest of a file's mode. */
const OTHERS = 0o027;

/**
 * Reads a file of text.
 *
 * @throws UsageError It cannot be read.
 */
export async function readText(path: string): Promise<string> {
  try {
    const { readFile } = await import("node:fs/promises");
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${oneLine(String((error as Error).message))}`);
  }
}

/**
 * Reads a file of secrets.
 *
 * @param warn Is told when others may read it or the group may change it.
 */
export async function readSecret(path: string, warn: (line: string) => void): Promise<string> {
  const text = await readText(path);
  const { stat } = await import("node:fs/promises");
  const { platform } = await import("node:process");
  const mode = (await stat(path)).mode & 0o777;
  // Windows has no such modes: what it shows says nothing.
  if ((mode & OTHERS) !== 0 && platform !== "win32") {
    warn(
      `warning: ${path} holds secrets, and its mode ${mode.toString(8)} lets others at them; ` +
        "chmod 600 keeps them out",
    );
  }
  return text;
}
