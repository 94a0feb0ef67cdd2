/**
 * A protocol's calls on a client that stays: each finds a connection of its own.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { type CallOptions, checkCallOptions } from "../protocol/call_limits.ts";
import type { Protocol } from "../protocol/protocol.ts";
import type { ConnectedClient } from "./client.ts";
import type { StayingClient } from "./reconnecting.ts";

type Method = (...args: unknown[]) => unknown;

/** Where calls that are answered take their options. All others do their work at once. */
const OPTIONS_AT: Readonly<Record<string, number>> = {
  submit: 1,
  echo: 1,
  request: 1,
  call: 2,
  ping: 0,
};
/** What is said once and holds for every connection, those of later included. */
const STANDING: ReadonlySet<string> = new Set(["handle", "onPush", "onGoAway"]);

/** Makes the calls, and tells each new connection what was said before. */
export class StayingCalls<Calls extends object> {
  /** What the client's user calls. */
  readonly calls: Calls;
  readonly #said: [name: string, args: unknown[]][] = [];

  constructor(protocol: Protocol<never, Calls>, client: () => StayingClient<Calls>) {
    let endpoint: Calls | undefined;
    const direct = protocol.calls(() => endpoint!) as Record<string, Method>;
    const on = (chosen: Calls, name: string, args: unknown[]) => {
      endpoint = chosen;
      return direct[name]!(...args);
    };
    const calls: Record<string, Method> = {};
    for (const name of Object.keys(direct)) {
      const at = OPTIONS_AT[name];
      if (at !== undefined) {
        calls[name] = async (...args) => {
          const options = args[at] as CallOptions | undefined;
          if (options !== undefined) checkCallOptions(options);
          // It may be sent later, or again: the memory of bytes is the caller's own.
          if (args[0] instanceof Uint8Array) args[0] = args[0].slice();
          return await client().call((chosen, leftMs) => {
            if (leftMs === undefined) return on(chosen, name, args) as Promise<unknown>;
            const again = [...args];
            again[at] = { ...options, timeoutMs: leftMs };
            return on(chosen, name, again) as Promise<unknown>;
          }, options);
        };
      } else if (STANDING.has(name)) {
        calls[name] = (...args) => {
          this.#said.push([name, args]);
          for (const one of client().clients) on(one.endpoint(), name, args);
        };
      } else {
        calls[name] = (...args) => {
          const [first] = client().clients;
          if (first !== undefined) return on(first.endpoint(), name, args);
          const message = "no server is connected now";
          throw new FramewireError("CONNECTION_CLOSED", message, { outcome: "not-sent" });
        };
      }
    }
    this.calls = calls as Calls;
    this.#tell = (chosen) => {
      for (const [name, args] of this.#said) on(chosen, name, args);
    };
  }

  readonly #tell: (endpoint: Calls) => void;

  /** A connection was made. */
  made(client: ConnectedClient<Calls>): ConnectedClient<Calls> {
    this.#tell(client.endpoint());
    return client;
  }
}
