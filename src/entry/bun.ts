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
import type { Connect } from "../client/connect.ts";
import { bunCapabilities } from "../link/bun_capabilities.ts";
import type { Capabilities } from "../link/capabilities.ts";
import type { Serve } from "../server/serve.ts";
import { whenCalled } from "./when_called.ts";

export * from "./common.ts";

/** {@inheritDoc Serve} */
export const serve: Serve = whenCalled(async () => {
  const [{ makeServe }, { bunTcp }] = await Promise.all([
    import("../server/serve.ts"),
    import("../link/bun_tcp.ts"),
  ]);
  return makeServe(bunTcp);
});

/** {@inheritDoc Connect} */
export const connect: Connect = whenCalled(async () => {
  const [{ makeConnect }, { bunTcp }, { systemLookup }] = await Promise.all([
    import("../client/connect.ts"),
    import("../link/bun_tcp.ts"),
    import("../link/dns.ts"),
  ]);
  return makeConnect(bunTcp, systemLookup);
});

/** What this runtime can do: what it cannot, `serve` and `connect` refuse with `UNSUPPORTED`. */
export function capabilities(): Capabilities {
  return bunCapabilities;
}
