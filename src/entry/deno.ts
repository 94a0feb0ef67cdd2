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
import { type Connect, makeConnect } from "../client/connect.ts";
import type { Capabilities } from "../link/capabilities.ts";
import { denoCapabilities } from "../link/deno_capabilities.ts";
import { denoTcp } from "../link/deno_tcp.ts";
import { systemLookup } from "../link/dns.ts";
import { makeServe, type Serve } from "../server/serve.ts";

export * from "./common.ts";

/** {@inheritDoc Serve} */
export const serve: Serve = makeServe(denoTcp);

/** {@inheritDoc Connect} */
export const connect: Connect = makeConnect(denoTcp, systemLookup);

/** What this runtime can do: what it cannot, `serve` and `connect` refuse with `UNSUPPORTED`. */
export function capabilities(): Capabilities {
  return denoCapabilities;
}
