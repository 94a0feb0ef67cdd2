/**
 * WebSocket in browsers, which have nothing else.
 *
 * @module
 */
import type { Capabilities } from "./capabilities.ts";
import { globalWebSocket } from "./global_web_socket.ts";
import type { Transport } from "./link.ts";

/** WebSocket of a browser: a client, and the browser says whom it trusts. */
export const browserWebSocket: Transport = /* @__PURE__ */ globalWebSocket("a browser");

/** What browsers can do. */
export const browserCapabilities: Capabilities = browserWebSocket.capabilities!;
