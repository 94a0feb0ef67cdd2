/**
 * What Node can do.
 *
 * @module
 */
import type { Capabilities } from "./capabilities.ts";
import { SCHEMES } from "./url.ts";

/** What Node can do, of the version that runs. */
export function nodeCapabilities(): Capabilities {
  // Not imported: with the module `node:process` Node opens standard output, which takes 3 ms.
  const { process } = globalThis;
  const here = SCHEMES.filter((scheme) => scheme !== "unix" || process.platform !== "win32");
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const since = (wantedMajor: number, wantedMinor: number) =>
    major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  return {
    runtime: `Node ${process.versions.node}`,
    listen: here,
    connect: here,
    inboundTcp: true,
    mutualTls: true,
    reusePort: process.platform === "linux" && (since(23, 1) || (major === 22 && minor >= 12)),
    keepAliveTime: true,
    pausesWebSocket: true,
    zeroCopyRead: true,
    zstd: since(23, 8) || (major === 22 && minor >= 15),
    sqlite: since(22, 13),
  };
}
