/**
 * Framewire on Bun: TCP by `Bun.listen` and `Bun.connect`.
 *
 * @example A server and a client
 * ```ts ignore
 * import { connect, serve } from "framewire/bun";
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
import { bunCapabilities } from "../link/bun_capabilities.ts";
import { bunTcp } from "../link/bun_tcp.ts";
import type { Capabilities } from "../link/capabilities.ts";
import { systemLookup } from "../link/dns.ts";
import { makeServe, type Serve } from "../server/serve.ts";

export * from "./common.ts";

/** {@inheritDoc Serve} */
export const serve: Serve = makeServe(bunTcp);

/** {@inheritDoc Connect} */
export const connect: Connect = makeConnect(bunTcp, systemLookup);

/** What this runtime can do: what it cannot, `serve` and `connect` refuse with `UNSUPPORTED`. */
export function capabilities(): Capabilities {
  return bunCapabilities;
}
