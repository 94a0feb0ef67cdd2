/**
 * Host names by `node:dns`, on Node and on Deno alike: as the operating system looks them up, its
 * file of hosts included.
 *
 * @module
 */
import type { Lookup } from "../client/addresses.ts";

/** What says that there is no address of this family, and not that nobody knows. */
const NONE: ReadonlySet<string | undefined> = new Set(["ENOTFOUND", "ENODATA"]);

/** Looks up a host name's addresses of one family. */
export const systemLookup: Lookup = async (hostname, family, signal) => {
  // Loaded by those who use it.
  const { lookup } = await import("node:dns");
  return await new Promise((resolve, reject) => {
    // It cannot be told to stop; who has asked is not kept waiting for it.
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    lookup(hostname, { family, all: true }, (error, found) => {
      signal.removeEventListener("abort", abort);
      if (error === null) resolve(found.map(({ address }) => address));
      else if (NONE.has(error.code)) resolve([]);
      else reject(error);
    });
  });
};
