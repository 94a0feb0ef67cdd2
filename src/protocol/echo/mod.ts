/**
 * The `echo` protocol: the server sends back the data it is sent, in order.
 *
 * @module
 */
import { checkHandlers, type Protocol } from "../protocol.ts";
import { type EchoCalls, EchoClientEndpoint } from "./client.ts";
import { type EchoHandlers, EchoServerEndpoint } from "./server.ts";
import { ECHO_FRAMING, ECHO_KIND } from "../defined/layouts.ts";

/** The `echo` protocol (docs/PROTOCOL.md, section 2). */
export const echo: Protocol<EchoHandlers, EchoCalls> = {
  name: "echo",
  neverFails: true,
  framing: ECHO_FRAMING,
  kind: ECHO_KIND,
  server(handlers) {
    checkHandlers("echo", handlers, [], ["data"]);
    return (connection, side) => new EchoServerEndpoint(connection, side, handlers);
  },
  client: (connection, side) => new EchoClientEndpoint(connection, side),
  calls: (endpoint) => ({ echo: (data, options) => endpoint().echo(data, options) }),
};
