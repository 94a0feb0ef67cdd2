/**
 * Starting a server.
 *
 * @module
 */
import { ownLimit } from "../codec/frame_layout.ts";
import { resolveCodec } from "../codec/lend.ts";
import { FramewireError } from "../errors.ts";
import type { Transport } from "../link/link.ts";
import {
  type ResolvedServerOptions,
  resolveServerOptions,
  type ServerOptions,
} from "../options/server.ts";
import { systemClock } from "../connection/clock.ts";
import { guardAttempts } from "../gates/attempts.ts";
import {
  type BroadcastOf,
  chooseProtocol,
  type ConnOf,
  type HandlersOf,
  loadProtocol,
  type PacketOf,
  type ProtocolChoice,
} from "../protocol/choice.ts";
import { gatedHandlers } from "../gates/handlers.ts";
import { describe } from "../protocol/protocol.ts";
import { Listeners, listenTargets } from "./listeners.ts";
import { logCodec, logServer } from "./log.ts";
import {
  type PayloadBroadcast,
  RunningServer,
  type Server,
  SERVER_EVENTS,
  type ServerEvents,
  type ServerListeners,
} from "./server.ts";

/** What {@linkcode Serve} takes: the server's options and its protocol. */
export interface ServeOptions<P extends ProtocolChoice = "submit"> extends ServerOptions {
  /**
   * The protocol to speak.
   *
   * @default {"submit"}
   */
  readonly protocol?: P;
  /**
   * Says whether a peer may do what a packet asks for: true, or a promise of it. For anything else
   * the handler is not called, and the request is answered with result 3 (forbidden; 1 to a plain
   * peer), or by the `failure` of a defined protocol with the code FORBIDDEN.
   */
  readonly authorize?: (packet: PacketOf<P>, conn: ConnOf<P>) => unknown;
  /** Listeners to its events from the beginning; more can be added with `server.on`. */
  readonly on?: ServerListeners<ConnOf<P>>;
}

/** A running server of a protocol. */
export type ServerOf<P extends ProtocolChoice = "submit"> = Server<
  ConnOf<P>,
  BroadcastOf<P, PayloadBroadcast<ConnOf<P>>>
>;

/**
 * Starts a server.
 *
 * Handlers may be sync or async. Replies leave in the order of the requests of their connection. A
 * handler that throws, rejects or does not settle fails its own request and nothing else.
 *
 * Resolves when it listens. Rejects with a `FramewireError`: `ADDRESS_IN_USE`,
 * `ADDRESS_NOT_AVAILABLE`, `PERMISSION_DENIED`, `INVALID_OPTION`, `UNSUPPORTED`.
 *
 * @example Serve, submit, shut down
 * ```ts
 * import { connect, serve } from "framewire";
 *
 * const server = await serve({ port: 0 }, {
 *   submit(packet) {
 *     if (packet.text() !== "hello") throw new Error("unexpected payload");
 *   },
 * });
 * const client = await connect(`tcp://127.0.0.1:${server.addr.port}`);
 * await client.submit("hello");
 * await client.close();
 * await server.shutdown();
 * ```
 */
export type Serve = <P extends ProtocolChoice = "submit">(
  options: ServeOptions<P>,
  ...handlers: Record<never, never> extends HandlersOf<P> ? [handlers?: HandlersOf<P>]
    : [handlers: HandlersOf<P>]
) => Promise<ServerOf<P>>;

/** The options with a guard before `authenticate`. */
function guardedAttempts(options: ResolvedServerOptions): ResolvedServerOptions {
  const { authenticate, authTimeoutMs: timeoutMs, authFailures: free } = options;
  if (authenticate === undefined) return options;
  const clock = options.clock ?? systemClock;
  return { ...options, authenticate: guardAttempts(authenticate, { clock, timeoutMs, free }) };
}

/**
 * Makes the `serve` of a runtime.
 *
 * @param transport What carries bytes there by default.
 */
export function makeServe(transport: Transport): Serve {
  return async <P extends ProtocolChoice = "submit">(
    options: ServeOptions<P>,
    ...[handlers]: readonly unknown[]
  ) => {
    const protocol = chooseProtocol(options?.protocol ?? "submit");
    const resolved = resolveServerOptions(options, ownLimit(protocol.framing));
    resolveCodec(resolved.codec); // "wasm" is refused now, not at the first connection
    if (resolved.sessions !== undefined && protocol.session === undefined) {
      throw new FramewireError("UNSUPPORTED", `the protocol ${protocol.name} has no sessions`);
    }
    const loading = loadProtocol(protocol);
    if (loading !== undefined) await loading;
    const gates = { ...resolved, authorize: options.authorize };
    const gated = gatedHandlers(protocol, gates, handlers, (gate, { id, remote }) => {
      const message = gate === "authorize"
        ? "a request was refused: its peer may not do that (authorize)"
        : "a request was refused: its peer has not authenticated itself (packetsBeforeAuth)";
      server.refused({ gate, message, remote, conn: id });
    });
    const makeEndpoint = protocol.server(gated as never);
    const server = new RunningServer(protocol, guardedAttempts(resolved), makeEndpoint);
    if (resolved.logger !== undefined) {
      logServer(server, resolved.logger);
      logCodec(resolved.codec, resolved.logger);
    }
    for (const [name, listener] of Object.entries(options.on ?? {})) {
      if (!(SERVER_EVENTS as readonly string[]).includes(name) || typeof listener !== "function") {
        const wanted = `on takes functions by the events' names, ${SERVER_EVENTS.join(", ")}`;
        const message = `${wanted}; ${name} is ${describe(listener)}`;
        throw new FramewireError("INVALID_OPTION", message);
      }
      server.on(name as keyof ServerEvents, listener as () => void);
    }
    resolved.signal?.throwIfAborted();
    const carrier = resolved.transport ?? transport;
    const targets = listenTargets(options, resolved, carrier);
    const listener = await Listeners.open(carrier, targets, server);
    server.listening(listener, resolved.signal);
    listener.resume();
    // The endpoints of a protocol make its connections what its listeners see.
    return server as unknown as ServerOf<P>;
  };
}
