/**
 * WebSocket in browsers, which have nothing else.
 *
 * @module
 */
import {
  type Capabilities,
  checkScheme,
  refuseSocketOptions,
  refuseTlsOptions,
  TCP_ALONE,
} from "./capabilities.ts";
import type { Transport } from "./link.ts";
import { connectGlobal } from "./web_socket_client.ts";

/** What browsers can do. */
export const browserCapabilities: Capabilities = {
  ...TCP_ALONE,
  runtime: "a browser",
  listen: [],
  connect: ["ws", "wss"],
  inboundTcp: false,
};

/** WebSocket of a browser: a client, and the browser says whom it trusts. */
export const browserWebSocket: Transport = {
  capabilities: browserCapabilities,

  // deno-lint-ignore require-await -- so that what is thrown rejects
  async listen() {
    checkScheme(browserCapabilities, "listen", "ws");
    throw new Error("a browser cannot listen");
  },

  // deno-lint-ignore require-await -- so that what is thrown rejects
  async connect(target) {
    const { runtime } = browserCapabilities;
    refuseTlsOptions(runtime, target);
    refuseSocketOptions(runtime, target.tls === undefined ? "ws" : "wss", target);
    return connectGlobal(target);
  },
};
