/**
 * WebSocket by the global of the runtime, for a client alone.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { type Capabilities, checkScheme, TCP_ALONE } from "./capabilities.ts";
import type { Transport } from "./link.ts";
import { connectGlobal } from "./web_socket_client.ts";

/**
 * The transport of such a client; the runtime says whom it trusts. What a target asks for besides is not
 * looked at.
 *
 * @param runtime What error messages call it.
 */
export function globalWebSocket(runtime: string): Transport {
  const capabilities: Capabilities = {
    ...TCP_ALONE,
    runtime,
    listen: [],
    connect: ["ws", "wss"],
    inboundTcp: false,
  };
  return {
    capabilities,

    // deno-lint-ignore require-await -- so that what is thrown rejects
    async listen() {
      checkScheme(capabilities, "listen", "ws");
      return undefined as never; // it has thrown: there is nothing to listen on
    },

    // deno-lint-ignore require-await -- so that what is thrown rejects
    async connect(target) {
      if ("WebSocket" in globalThis) return connectGlobal(target);
      const message = `${runtime} takes the runtime's WebSocket, and there is none (Node has one ` +
        "from 22 on): give it a transport";
      throw new FramewireError("UNSUPPORTED", message);
    },
  };
}
