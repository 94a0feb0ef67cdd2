/**
 * A transport for links that somebody else accepts: a program's own HTTP server, or a runtime that calls
 * for each connection.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { AcceptQueue } from "./accept_queue.ts";
import { type Capabilities, refuseSocketOptions } from "./capabilities.ts";
import type { Link, Listener, ListenerEvents, ListenTarget, Transport } from "./link.ts";
import type { Scheme } from "./url.ts";

/** Where links are put in. One server takes them. */
export class Inlet implements Transport {
  readonly capabilities: Capabilities;
  #queue: AcceptQueue | undefined;

  /**
   * @param runtime What the runtime can do.
   * @param scheme What carries the links: what does not go together with that is refused by name.
   */
  constructor(runtime: Capabilities, scheme: Scheme) {
    this.capabilities = { ...runtime, reusePort: false, keepAliveTime: false, listen: [scheme] };
  }

  /** Whether links are taken: not before the server listens, and not when it shuts down. */
  get open(): boolean {
    return this.#queue !== undefined;
  }

  /** Puts a link in. */
  accepted(link: Link): void {
    if (this.#queue === undefined) link.abort();
    else this.#queue.accepted(link);
  }

  /** {@inheritDoc Transport.listen} */
  // deno-lint-ignore require-await -- so that what is thrown rejects
  async listen(target: ListenTarget, events: ListenerEvents): Promise<Listener> {
    const { hostname, backlog } = target;
    const { runtime, listen: [scheme] } = this.capabilities;
    refuseSocketOptions(runtime, scheme!, target);
    const queue = this.#queue = new AcceptQueue(events, backlog);
    return {
      address: { hostname, port: 0 },
      pause: () => queue.pause(),
      resume: () => queue.resume(),
      close: () => {
        this.#queue = undefined;
        queue.close();
        return Promise.resolve();
      },
    };
  }

  /** Does not connect: a server has no need of it. */
  connect(): Promise<Link> {
    const message = `${this.capabilities.runtime} connects by connect, not by this`;
    return Promise.reject(new FramewireError("UNSUPPORTED", message));
  }
}
