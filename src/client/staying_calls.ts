/**
 * A protocol's calls on a client that stays: each finds a connection of its own.
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { type CallOptions, checkCallOptions } from "../protocol/call_limits.ts";
import type { ClientEndpoint, Protocol } from "../protocol/protocol.ts";
import type { UnsentCall } from "../protocol/unsent.ts";
import type { ConnectedClient } from "./client.ts";
import { Keeper, type Kept, keptOf, snapshot } from "./kept_payload.ts";
import type { StayingClient } from "./reconnecting.ts";

type Method = (...args: unknown[]) => unknown;
type Answered = (...args: unknown[]) => Promise<unknown>;

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
  readonly #client: () => StayingClient<Calls>;
  /** The calls on the endpoint of the moment. */
  readonly #direct: Record<string, Method>;
  #endpoint: Calls | undefined;
  readonly #said: [name: string, args: unknown[]][] = [];
  readonly #keeper = new Keeper();

  constructor(protocol: Protocol<never, Calls>, client: () => StayingClient<Calls>) {
    this.#client = client;
    this.#direct = protocol.calls(() => this.#endpoint!) as Record<string, Method>;
    const calls: Record<string, Method> = {};
    for (const name of Object.keys(this.#direct)) {
      const at = OPTIONS_AT[name];
      if (at !== undefined) calls[name] = this.#answered(name, at);
      else if (STANDING.has(name)) calls[name] = this.#standing(name);
      else calls[name] = this.#once(name);
    }
    this.calls = calls as Calls;
  }

  /** A connection was made. */
  made(client: ConnectedClient<Calls>): ConnectedClient<Calls> {
    client.unsent = (call) => this.#unsent(call);
    for (const [name, args] of this.#said) this.#on(client.endpoint(), name, args);
    return client;
  }

  #on(endpoint: Calls, name: string, args: unknown[]): unknown {
    this.#endpoint = endpoint;
    return this.#direct[name]!(...args);
  }

  /** A call that is answered, so that it may be made again. */
  #answered(name: string, at: number): Method {
    const direct = this.#direct[name] as Answered;
    const isSubmit = name === "submit";
    const make = (endpoint: Calls, args: unknown[]) => {
      this.#endpoint = endpoint;
      return direct(...args);
    };
    const routed = (args: unknown[]): Promise<unknown> => {
      const options = args[at] as CallOptions | undefined;
      const isStream = isSubmit && isSource(args[0]);
      let begun = false;
      return this.#client().router.call((endpoint, leftMs) => {
        if (isStream && begun) return Promise.reject(alreadyRead());
        begun = true;
        if (leftMs === undefined) return make(endpoint, args);
        const again = [...args];
        again[at] = { ...options, timeoutMs: leftMs };
        return make(endpoint, again);
      }, options);
    };
    return (first, second, third) => {
      const { router } = this.#client();
      const { only } = router;
      const options = at === 0 ? first : at === 1 ? second : third;
      if (only === undefined || options !== undefined || (at === 1 && isSource(first))) {
        try {
          if (options !== undefined) checkCallOptions(options as CallOptions);
        } catch (error) {
          return Promise.reject(error);
        }
        // It may be sent later, or again, and what it was made with is the caller's own.
        return routed([snapshot(first), at > 1 ? snapshot(second) : second, third]);
      }
      // One connection, no options: the way of nearly all calls, which must cost next to nothing.
      router.called();
      this.#endpoint = only;
      if (isSubmit && (only as Partial<ClientEndpoint>).givesBack === true) return direct(first);
      const sinceMs = router.soon;
      const sent = direct(first, second, third);
      const kept: Kept = this.#keeper.keep(first);
      const fields = at > 1 ? snapshot(second) : second;
      return sent.then(undefined, (error) =>
        router.lost(
          (endpoint, leftMs) => {
            const args = [keptOf(kept), fields, third];
            if (leftMs !== undefined) args[at] = { timeoutMs: leftMs };
            return make(endpoint, args);
          },
          error,
          sinceMs,
        ));
    };
  }

  /** A submit had not left when its connection was lost. Nothing was kept of it but its frame. */
  #unsent({ payload, ageMs, error, resolve, reject }: UnsentCall): void {
    const { router } = this.#client();
    router.lost(
      (endpoint, leftMs) => {
        const options = leftMs === undefined ? {} : { timeoutMs: leftMs };
        return this.#on(endpoint, "submit", [payload, options]) as Promise<unknown>;
      },
      error,
      router.soon - ageMs,
    ).then(resolve, reject);
  }

  /** What holds for every connection. */
  #standing(name: string): Method {
    return (...args) => {
      this.#said.push([name, args]);
      for (const one of this.#client().clients) this.#on(one.endpoint(), name, args);
    };
  }

  /** What is done at once, on a connection that stands. */
  #once(name: string): Method {
    return (...args) => {
      const [first] = this.#client().clients;
      if (first !== undefined) return this.#on(first.endpoint(), name, args);
      const message = "no server is connected now";
      throw new FramewireError("CONNECTION_CLOSED", message, { outcome: "not-sent" });
    };
  }
}

/** Whether a payload is read while it is sent, so that it cannot be sent again. */
function isSource(payload: unknown): boolean {
  return typeof payload === "object" && payload !== null && !(payload instanceof Uint8Array);
}

function alreadyRead(): FramewireError {
  const message = "the payload is a stream: it was read, and cannot be sent again";
  return new FramewireError("INVALID_CONTENT", message, { outcome: "not-sent" });
}
