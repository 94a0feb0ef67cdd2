// The declarations, as TypeScript 5.4 to 7 read them.

import { execFileSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readJson, root } from "../root.mjs";

/** The oldest, and the last of each major version; the newest is the one that emits them. */
const VERSIONS = { typescript54: "5.4.5", typescript59: "5.9.3", typescript60: "6.0.3" };

export const typePackages = Object.entries(VERSIONS)
  .map(([name, version]) => `${name}@npm:typescript@${version}`);

/** @param {string} project */
export function types(project) {
  copyFileSync(join(root, "tools", "package", "consumer", "types.ts"), join(project, "types.ts"));
  const { typescript: newest } = readJson("package.json").devDependencies;
  const own = Object.keys(VERSIONS).map((name) => join(project, "node_modules", name));
  const folders = [...own, join(root, "node_modules", "typescript")];
  for (const [module, moduleResolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]]) {
    const compilerOptions = {
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      // What the package declares is checked too, TypeScript's own libraries are not.
      skipLibCheck: false,
      skipDefaultLibCheck: true,
      target: "esnext",
      lib: ["esnext", "dom"],
      types: [],
      module,
      moduleResolution,
    };
    const config = { compilerOptions, files: ["types.ts"] };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
    for (const folder of folders) {
      const tsc = join(folder, "bin", "tsc");
      execFileSync(process.execPath, [tsc, "-p", project], { stdio: "inherit" });
    }
  }
  const versions = [...Object.values(VERSIONS), newest].join(", ");
  console.log(`types: TypeScript ${versions}, resolved by nodenext and by bundler`);
}
