// Lets tap run on Deno: `deno run --preload=tests/deno_tap_preload.mjs tests/x_test.ts`.
//
// tap reads its call sites through `Error.prepareStackTrace`, and Deno's differ from Node's in two
// ways that are mended before tap's function sees them:
// - tap demands that their constructor be named "CallSite" ("invalid call site information provided").
// - Their lines are those of the TypeScript source already. tap would map them a second time, by the
//   source map that Deno's `findSourceMap` finds for the path; for a relative path it finds none.

if (typeof Deno !== "undefined") {
  const folder = `${Deno.cwd()}/`;
  class CallSite {}
  const mend = (callSite) => {
    const file = callSite.getFileName()?.replace(/^file:\/\//, "");
    const getFileName = () => file?.startsWith(folder) ? file.slice(folder.length) : file;
    return Object.defineProperties(callSite, {
      constructor: { value: CallSite, configurable: true },
      getFileName: { value: getFileName, configurable: true },
    });
  };
  let prepare;
  Object.defineProperty(Error, "prepareStackTrace", {
    configurable: true,
    get() {
      return prepare && ((error, callSites) => prepare(error, callSites.map(mend)));
    },
    set(value) {
      prepare = value;
    },
  });
}
