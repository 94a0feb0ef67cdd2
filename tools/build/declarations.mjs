// Emits the declarations of a package.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../root.mjs";

/**
 * Writes the declarations of all that tsconfig.json names.
 *
 * @param {string} folder Where they go.
 * @param {".js" | ".d.ts"} extension What an import ends in: tsc keeps the `.ts`, for which there is no file.
 */
export function emitDeclarations(folder, extension) {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  execFileSync(process.execPath, [tsc, "-p", root, "--outDir", folder], { stdio: "inherit" });
  for (const file of filesIn(folder)) {
    const text = readFileSync(file, "utf8");
    const lines = text.split("\n").map((line) =>
      line.trimStart().startsWith("*")
        ? line
        : line.replaceAll(/(["']\.{1,2}\/[^"']+)\.ts(["'])/g, `$1${extension}$2`)
    );
    writeFileSync(file, lines.join("\n"));
  }
}

/** All files in a folder. */
export function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
