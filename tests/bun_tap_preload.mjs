// Lets tap run on Bun: `bun --preload tests/bun_tap_preload.mjs tests/x_test.ts`. tap looks at how V8
// writes a header, which Bun has no class for, and at the names of V8's call sites.

import { readFileSync } from "node:fs";
const { plugin } = globalThis.Bun;

plugin({
  name: "tap on Bun",
  setup(build) {
    const patch = (filter, from, to) =>
      build.onLoad({ filter }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        if (!text.includes(from)) throw new Error(`${path} has changed: ${from} is not in it`);
        return { contents: text.replace(from, to), loader: "js" };
      });
    patch(
      /@tapjs[/+]error-serdes.*[/\\]esm[/\\]constants\.js$/,
      "import { DefaultSerializer } from 'node:v8';",
      "class DefaultSerializer { writeHeader() {} releaseBuffer() { return Buffer.of(255, 15); } }",
    );
    patch(
      /@tapjs[/+]stack.*[/\\]esm[/\\]call-site-like\.js$/,
      "c.constructor?.name === 'CallSite'",
      "typeof c.getFileName === 'function'",
    );
  },
});
