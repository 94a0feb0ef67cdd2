// Lets tap run on Deno: `deno run --preload=tests/deno_tap_preload.mjs tests/x_test.ts`.
//
// tap reads its call sites through `Error.prepareStackTrace` and demands that their constructor be
// named "CallSite"; Deno's is not ("invalid call site information provided"). So each call site is
// given a constructor of that name before tap's function sees it.

if (typeof Deno !== "undefined") {
  class CallSite {}
  let prepare;
  Object.defineProperty(Error, "prepareStackTrace", {
    configurable: true,
    get() {
      return prepare && ((error, callSites) =>
        prepare(
          error,
          callSites.map((callSite) =>
            Object.defineProperty(callSite, "constructor", { value: CallSite, configurable: true })
          ),
        ));
    },
    set(value) {
      prepare = value;
    },
  });
}
