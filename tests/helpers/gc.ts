/** The garbage collector, for those who look at what is left behind. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Collects garbage; `minor` only what is young. */
export type Collect = (options?: { readonly type: "minor" | "major" }) => void;

/** Undefined where a program cannot turn that on for itself: Node can, Deno and Bun cannot. */
export const gc: Collect | undefined = (() => {
  try {
    setFlagsFromString("--expose-gc");
    const gc: unknown = runInNewContext("gc");
    return typeof gc === "function" ? gc as Collect : undefined;
  } catch {
    return undefined;
  }
})();
