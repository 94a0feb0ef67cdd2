/**
 * WebSocket in browsers, which have nothing else.
 *
 * @module
 */
import { type Capabilities, refuseSocketOptions, refuseTlsOptions } from "./capabilities.ts";
import { globalWebSocket } from "./global_web_socket.ts";
import type { Transport } from "./link.ts";

/** WebSocket of a browser: a client, and the browser says whom it trusts. */
export const browserWebSocket: Transport = /* @__PURE__ */ refusing("a browser");

/** What the global cannot set is refused. */
function refusing(runtime: string): Transport {
  const carrier = globalWebSocket(runtime);
  return {
    ...carrier,
    // deno-lint-ignore require-await -- so that what is thrown rejects
    async connect(target) {
      refuseTlsOptions(runtime, target);
      refuseSocketOptions(runtime, target.tls === undefined ? "ws" : "wss", target);
      return carrier.connect(target);
    },
  };
}

/** What browsers can do. */
export const browserCapabilities: Capabilities = browserWebSocket.capabilities!;
