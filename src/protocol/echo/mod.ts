/**
 * The `echo` protocol: the server sends back the data it is sent, in order.
 *
 * @module
 */
import { ECHO_FRAMING, ECHO_KIND } from "../defined/layouts.ts";
import { checkHandlers, LoadedLater, type Protocol } from "../protocol.ts";
import type { EchoCalls } from "./client.ts";
import type { EchoHandlers } from "./server.ts";

const later = /* @__PURE__ */ new LoadedLater(() => import("./endpoints.ts"));

/** The `echo` protocol (docs/PROTOCOL.md, section 2). */
export const echo: Protocol<EchoHandlers, EchoCalls> = {
  name: "echo",
  neverFails: true,
  framing: ECHO_FRAMING,
  kind: ECHO_KIND,
  load: () => later.load(),
  server(handlers) {
    checkHandlers("echo", handlers, [], ["data"]);
    const { EchoServerEndpoint } = later.parts;
    return (connection, side) => new EchoServerEndpoint(connection, side, handlers);
  },
  client: (connection, side) => new later.parts.EchoClientEndpoint(connection, side),
  calls: (endpoint) => ({ echo: (data, options) => endpoint().echo(data, options) }),
};
