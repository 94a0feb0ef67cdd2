/**
 * Defining the client's side of a protocol alone.
 *
 * @module
 */
import { FramewireError } from "../../errors.ts";
import type { ClientEndpoint, ClientProtocol } from "../protocol.ts";
import { CallingEndpoint } from "./calling_endpoint.ts";
import type { ClientCalls, PacketSpecs, ProtocolSpec } from "./definition.ts";
import type { Shape } from "./fields/field.ts";
import { SmallPackets } from "./small_packets.ts";

/**
 * Defines the client's side of a protocol, and nothing else: a smaller bundle than with
 * `defineProtocol`, which takes the same definition for the server.
 *
 * Its clients make calls, send packets and are told what the server sends by itself. They do not
 * answer requests of the server, and know no `checksum`, `compression` or `unknown`. A header is decoded
 * as soon as it comes, and one that cannot be ends the connection.
 *
 * @param spec The definition, one that `defineProtocol` accepts: that it goes together is checked there.
 * @returns What `connect` of `framewire/client` takes as `protocol`.
 * @throws FramewireError INVALID_CONFIG when it names a field or a packet that is not there, UNSUPPORTED
 * when it has a checksum, compression or an answer to unknown packets.
 *
 * @example
 * ```ts ignore
 * import { connect } from "framewire/client";
 * import { defineClient } from "framewire/protocol";
 * import { greeter } from "./greeter.ts"; // a definition, `as const`
 *
 * const client = await connect("wss://example.com/wire", { protocol: defineClient(greeter) });
 * const { text } = await client.call("greet", { name: "world" });
 * ```
 */
export function defineClient<const H extends Shape, const P extends PacketSpecs>(
  spec: ProtocolSpec<H, P>,
): ClientProtocol<ClientCalls<H, P>> {
  for (const name of ["checksum", "compression", "unknown"] as const) {
    if (spec[name] === undefined) continue;
    const message =
      `${spec.name} has ${name}, which defineClient does not know: take defineProtocol`;
    throw new FramewireError("UNSUPPORTED", message);
  }
  const packets = new SmallPackets(spec as unknown as ProtocolSpec<Shape, PacketSpecs>);
  return {
    name: spec.name,
    framing: spec.framing,
    client(connection, side) {
      const made: unknown = new CallingEndpoint(connection, packets, side);
      return made as ClientEndpoint & ClientCalls<H, P>;
    },
    calls: callsOf,
  };
}

/** What a client of a defined protocol calls: each call goes to the endpoint of the moment. */
export function callsOf<H extends Shape, P extends PacketSpecs>(
  current: () => ClientCalls<H, P>,
): ClientCalls<H, P> {
  return {
    call: (name, ...rest) => current().call(name, ...rest),
    send: (name, ...fields) => current().send(name, ...fields),
    handle: (handlers) => current().handle(handlers),
  };
}
