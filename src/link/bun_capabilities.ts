/**
 * What Bun can do.
 *
 * @module
 */
import type { Capabilities } from "./capabilities.ts";
import { SCHEMES } from "./url.ts";

const { process } = globalThis; // as in node_capabilities.ts

const HERE = SCHEMES.filter((scheme) => scheme !== "unix" || process.platform !== "win32");

/** What Bun can do, of the versions since 1.4. */
export const bunCapabilities: Capabilities = {
  runtime: "Bun",
  listen: HERE,
  connect: HERE,
  inboundTcp: true,
  mutualTls: true,
  reusePort: process.platform === "linux",
  keepAliveTime: true,
  // A server's can be paused, a client's cannot.
  pausesWebSocket: false,
  zeroCopyRead: false,
  zstd: true,
  sqlite: true,
};
