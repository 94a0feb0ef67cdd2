/**
 * Where the project's files are, whether a test runs from its source (Deno) or from its bundle
 * under `.test-build/` (Node). A test never uses `import.meta.url` for that itself.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The project's root folder, as a URL that ends in a slash. */
export const root: URL = findRoot();

/**
 * The path of one of the project's files, for the file system's functions.
 *
 * @param relative From the root, for example `"tests/vectors/submit.json"`.
 */
export function path(relative: string): string {
  return fileURLToPath(new URL(relative, root));
}

/**
 * The text of one of the project's files.
 *
 * @param relative From the root.
 */
export function read(relative: string): string {
  return readFileSync(new URL(relative, root), "utf8");
}

/**
 * The value in one of the project's JSON files.
 *
 * @param relative From the root.
 */
export function readJson<T>(relative: string): T {
  return JSON.parse(read(relative)) as T;
}

function findRoot(): URL {
  for (let folder = new URL("./", import.meta.url);; folder = new URL("../", folder)) {
    if (existsSync(new URL("deno.json", folder))) return folder;
    if (folder.pathname === new URL("../", folder).pathname) {
      throw new Error(`no deno.json above ${import.meta.url}`);
    }
  }
}
