/**
 * What Deno can do.
 *
 * @module
 */
import type { Capabilities } from "./capabilities.ts";
import { SCHEMES } from "./url.ts";

/** What Deno can do, of the versions since 2.6. */
export const denoCapabilities: Capabilities = {
  runtime: "Deno",
  listen: SCHEMES,
  connect: SCHEMES,
  inboundTcp: true,
  mutualTls: true,
  // Behind `--unstable-net` only: without that, asking for it ends the process.
  reusePort: false,
  keepAliveTime: false,
  pausesWebSocket: false,
  zeroCopyRead: true,
  zstd: true,
  sqlite: true,
};
