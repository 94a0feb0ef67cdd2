/**
 * What Node can do.
 *
 * @module
 */
import type { Capabilities } from "./capabilities.ts";
import { SCHEMES } from "./url.ts";

// Not imported: with the module `node:process` Node opens standard output, which takes 3 ms.
const { process } = globalThis;

const [major = 0, minor = 0] = (process.versions.node ?? "").split(".").map(Number);

/** Whether this is Node of a version or a later one. */
function since(wantedMajor: number, wantedMinor: number): boolean {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

const HERE = SCHEMES.filter((scheme) => scheme !== "unix" || process.platform !== "win32");

/** What Node can do, of the version that runs. */
export const nodeCapabilities: Capabilities = {
  runtime: `Node ${process.versions.node}`,
  listen: HERE,
  connect: HERE,
  inboundTcp: true,
  mutualTls: true,
  reusePort: process.platform === "linux" && (since(23, 1) || (major === 22 && minor >= 12)),
  keepAliveTime: true,
  pausesWebSocket: true,
  zeroCopyRead: true,
  zstd: since(23, 8) || (major === 22 && minor >= 15),
  sqlite: since(22, 13),
};
