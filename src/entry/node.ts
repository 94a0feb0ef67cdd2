/**
 * Framewire on Node: TCP by `node:net`.
 *
 * @example A server that says what came
 * ```ts ignore
 * import { connect, serve } from "framewire/node";
 *
 * await using server = await serve({ port: 0 }, {
 *   submit: (packet) => console.log(packet.id, packet.text()),
 * });
 * await using client = await connect(`tcp://127.0.0.1:${server.addr.port}`);
 * await client.submit("hello");
 * ```
 *
 * @module
 */
import { type Connect, makeConnect } from "../client/connect.ts";
import type { Capabilities } from "../link/capabilities.ts";
import { nodeCapabilities } from "../link/node_capabilities.ts";
import { nodeTcp } from "../link/node_tcp.ts";
import { systemLookup } from "../link/dns.ts";
import { makeServe, type Serve } from "../server/serve.ts";

export * from "./common.ts";

/** {@inheritDoc Serve} */
export const serve: Serve = makeServe(nodeTcp);

/** {@inheritDoc Connect} */
export const connect: Connect = makeConnect(nodeTcp, systemLookup);

/** What this runtime can do: what it cannot, `serve` and `connect` refuse with `UNSUPPORTED`. */
export function capabilities(): Capabilities {
  return nodeCapabilities;
}
