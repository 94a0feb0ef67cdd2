// publint and attw ("are the types wrong") over the tarball.

import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { readFileSync } from "node:fs";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { readJson } from "../root.mjs";
import { check } from "./project.mjs";

/**
 * The ways of resolving that a package of ES modules alone does without, as in attw's own profile
 * `esm-only`: TypeScript's `node10`, which knows no `exports`, and `require` from CommonJS, which
 * Node does by itself since 20.19.
 */
const WITHOUT = ["node10", "node16-cjs"];

/** @param {string} tarball Its path. */
export async function lint(tarball) {
  const bytes = new Uint8Array(readFileSync(tarball));
  const { messages } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
  const manifest = readJson("package.json");
  const complaints = messages.map((message) => formatMessage(message, manifest));
  check(complaints.length === 0, `publint:\n${complaints.join("\n")}`);
  console.log("publint: nothing");

  const { types, problems = [], entrypoints = {} } = await checkPackage(
    createPackageFromTarballData(bytes),
  );
  check(types !== false, "attw: the package has no types");
  const left = problems.filter(({ resolutionKind }) => !WITHOUT.includes(resolutionKind));
  const lines = left.map((problem) => JSON.stringify(problem));
  check(left.length === 0, `attw:\n${lines.join("\n")}`);
  console.log(`attw: nothing about ${Object.keys(entrypoints).length} entries`);
}
