/**
 * Framewire in browsers: a client by WebSocket.
 *
 * @example
 * ```ts ignore
 * import { connect } from "framewire/browser";
 *
 * const client = await connect("wss://example.com/wire");
 * await client.submit("hello");
 * ```
 *
 * @module
 */
import { type Connect, makeConnect } from "../client/connect.ts";
import { browserCapabilities, browserWebSocket } from "../link/browser_web_socket.ts";
import type { Capabilities } from "../link/capabilities.ts";

export * from "./common.ts";

/** {@inheritDoc Connect} */
export const connect: Connect = makeConnect(browserWebSocket);

/** What this runtime can do: what it cannot, `connect` refuses with `UNSUPPORTED`. */
export function capabilities(): Capabilities {
  return browserCapabilities;
}
