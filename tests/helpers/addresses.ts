/**
 * A network in memory whose clients come from addresses that a test chooses.
 *
 * @module
 */
import type { Link, Transport } from "../../src/link/link.ts";
import { memoryNetwork, type MemoryNetworkOptions } from "../../src/link/memory.ts";

/** Puts an address in the place of what a link says its peer's is. */
function from(link: Link, hostname: string): Link {
  const remote = { hostname, port: link.remote.port };
  return new Proxy(link, {
    get(target, name) {
      if (name === "remote") return remote;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A network in memory, and the address that its next clients come from. */
export interface AddressedNetwork extends Transport {
  from: string;
}

/** Makes such a network. */
export function addressedNetwork(
  hostname: string,
  options: MemoryNetworkOptions = {},
): AddressedNetwork {
  const inner = memoryNetwork(options);
  const network: AddressedNetwork = {
    from: hostname,
    listen: (target, events) =>
      inner.listen(target, {
        accepted: (link) => events.accepted(from(link, network.from)),
        failed: (error) => events.failed(error),
      }),
    connect: (target) => inner.connect(target),
  };
  return network;
}
