/**
 * The `echo` protocol of a client alone.
 *
 * @module
 */
import { ECHO_FRAMING, ECHO_KIND } from "../defined/layouts.ts";
import type { ClientProtocol } from "../protocol.ts";
import { type EchoCalls, EchoClientEndpoint } from "./client.ts";

/** The client's side of the `echo` protocol (docs/PROTOCOL.md, section 2). */
export const echo: ClientProtocol<EchoCalls> = {
  name: "echo",
  framing: ECHO_FRAMING,
  kind: ECHO_KIND,
  client: (connection, side) => new EchoClientEndpoint(connection, side),
  calls: (endpoint) => ({ echo: (data, options) => endpoint().echo(data, options) }),
};
