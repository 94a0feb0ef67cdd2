// The tarball that npm would publish: that all of it belongs there, and that it is small.

import { join } from "node:path";
import { readJson, root } from "../root.mjs";
import { check, npm } from "./project.mjs";

/** Every file of the package matches one of these. */
const ALLOWED = [
  /^package\.json$/,
  /^README\.md$/,
  /^LICENSE$/,
  /^dist\/(node|deno|bun|workerd|browser|client|codec|protocol|memory|sqlite|cli)\.js$/,
  /^dist\/codec\.wasm$/,
  /^schema\/framewire\.schema\.json$/,
  /^dist\/chunks\/[\w-]+\.js$/,
  /^dist\/types\/(src|codec-wasm)\/[\w/]+\.d\.ts$/,
];
/** Each of these is in the package. */
const NEEDED = [
  "LICENSE",
  "README.md",
  "package.json",
  "dist/cli.js",
  "dist/node.js",
  "schema/framewire.schema.json",
];
/** What npm would run on the machine of whoever installs it. */
const ON_INSTALL = ["preinstall", "install", "postinstall", "prepare"];
/**
 * The unpacked package stays small: nothing but the library is in it. The entry for workerd has all it
 * needs in one file of its own, 320 KB, since what the others share brings WebAssembly as text.
 */
const MAX_BYTES = 2100 * 1024;

/**
 * Packs dist/, which was built beforehand.
 *
 * @param {string} folder Where the tarball goes.
 * @returns {string} Its path.
 */
export function pack(folder) {
  const [report] = JSON.parse(
    npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  );
  const files = report.files.map(({ path }) => path);
  const odd = files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file)));
  check(odd.length === 0, `these files do not belong in the package: ${odd.join(", ")}`);
  const missing = NEEDED.filter((file) => !files.includes(file));
  check(missing.length === 0, `the package lacks ${missing.join(", ")}`);
  check(
    report.unpackedSize <= MAX_BYTES,
    `the package is ${report.unpackedSize} bytes, over ${MAX_BYTES}`,
  );
  const { scripts, dependencies = {} } = readJson("package.json");
  const run = ON_INSTALL.filter((name) => name in scripts);
  check(run.length === 0, `whoever installs the package would run ${run.join(", ")}`);
  const needs = Object.keys(dependencies);
  check(needs.length === 0, `the package depends on ${needs.join(", ")}`);
  console.log(`package: ${files.length} files, ${report.size} bytes packed`);
  return join(folder, report.filename);
}
