/**
 * Framewire on Deno: TCP by `Deno.listen` and `Deno.connect`.
 *
 * @example A server and a client of the `echo` protocol
 * ```ts
 * import { connect, serve } from "framewire/deno";
 *
 * await using server = await serve({ port: 0, protocol: "echo" });
 * await using client = await connect(`tcp://127.0.0.1:${server.addr.port}`, { protocol: "echo" });
 * console.log(new TextDecoder().decode(await client.echo("hello")));
 * ```
 *
 * @module
 */
import type { Connect } from "../client/connect.ts";
import type { Capabilities } from "../link/capabilities.ts";
import { denoCapabilities } from "../link/deno_capabilities.ts";
import type { Serve } from "../server/serve.ts";
import { whenCalled } from "./when_called.ts";

export * from "./common.ts";

/** {@inheritDoc Serve} */
export const serve: Serve = whenCalled(async () => {
  const [{ makeServe }, { denoTcp }] = await Promise.all([
    import("../server/serve.ts"),
    import("../link/deno_tcp.ts"),
  ]);
  return makeServe(denoTcp);
});

/** {@inheritDoc Connect} */
export const connect: Connect = whenCalled(async () => {
  const [{ makeConnect }, { denoTcp }, { systemLookup }] = await Promise.all([
    import("../client/connect.ts"),
    import("../link/deno_tcp.ts"),
    import("../link/dns.ts"),
  ]);
  return makeConnect(denoTcp, systemLookup);
});

/** What this runtime can do: what it cannot, `serve` and `connect` refuse with `UNSUPPORTED`. */
export function capabilities(): Capabilities {
  return denoCapabilities;
}
