/**
 * A small client: one connection that speaks one protocol, by WebSocket or any other transport. For
 * programs whose size counts, such as web pages: with `submit`, or with a protocol of one's own by
 * `defineClient` of `framewire/protocol`, a bundle takes under 20 KB (minified, gzip), its codec in
 * WebAssembly included.
 *
 * It has typed calls with deadlines, errors with codes and outcomes, and an orderly end. For the rest
 * there is the `connect` of the other entries: connecting again by itself, several servers, sessions,
 * the hello (and with it requests, pushes and heartbeats), uploads of streams.
 *
 * @example
 * ```ts ignore
 * import { connect, submit } from "framewire/client";
 *
 * const client = await connect("wss://example.com/wire", { protocol: submit });
 * await client.submit("hello", { timeoutMs: 2000 });
 * await client.close();
 * ```
 *
 * @module
 */
import { type ConnectSmall, makeConnectSmall } from "../client/small.ts";
import { globalWebSocket } from "../link/global_web_socket.ts";

export type * from "./common.ts";
export type { ConnectSmall, ConnectSmallOptions, SmallClientOptions } from "../client/small.ts";
export { ERROR_CODES, FramewireError, isFramewireError } from "../errors.ts";
export { echo } from "../protocol/echo/small.ts";
export { type SmallSubmitCalls, submit } from "../protocol/submit/small.ts";

/** {@inheritDoc ConnectSmall} */
export const connect: ConnectSmall = /* @__PURE__ */ makeConnectSmall(
  /* @__PURE__ */ globalWebSocket("the small client"),
);
