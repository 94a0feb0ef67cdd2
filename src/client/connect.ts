/**
 * Connecting to a server.
 *
 * @module
 */
import { ownLimit } from "../codec/frame_layout.ts";
import { resolveCodec } from "../codec/lend.ts";
import { systemClock } from "../connection/clock.ts";
import { FramewireError } from "../errors.ts";
import { checkScheme, TCP_ALONE } from "../link/capabilities.ts";
import type { Transport } from "../link/link.ts";
import {
  type ClientOptions,
  resolveClientOptions,
  type ResolvedClientOptions,
} from "../options/client.ts";
import {
  type CallsOf,
  chooseProtocol,
  loadProtocol,
  type ProtocolChoice,
} from "../protocol/choice.ts";
import type { SessionTicket } from "../protocol/client_session.ts";
import type { Protocol } from "../protocol/protocol.ts";
import type { Client } from "./client.ts";
import type { Lookup } from "./addresses.ts";
import { dialer } from "./dial.ts";
import { StayingClient } from "./reconnecting.ts";
import { type Resolver, staticResolver, unique } from "./resolver.ts";
import type { ReconnectingClient } from "./status.ts";
import {
  checkSession,
  makeSession,
  type SessionClient,
  StayingSessionClient,
} from "./session_client.ts";
import { StayingCalls } from "./staying_calls.ts";
import { type Dial, introduce } from "./introduce.ts";
import { parseUrl, schemeOf, type Target } from "./url.ts";

/** What {@linkcode Connect} takes: the client's options and its protocol. */
export interface ConnectOptions<P extends ProtocolChoice = "submit"> extends ClientOptions {
  /**
   * The protocol to speak.
   *
   * @default {"submit"}
   */
  readonly protocol?: P;
}

/** Where servers are: one, several, or whatever a resolver finds. */
export type Servers = string | URL | readonly (string | URL)[] | Resolver;

/**
 * Connects to a server, or to several.
 *
 * Resolves when a connection stands. Rejects with a `FramewireError`: `CONNECTION_REFUSED`,
 * `CONNECT_TIMEOUT`, `TLS_FAILED`, `HOST_UNREACHABLE`, `PERMISSION_DENIED`, `INVALID_OPTION`, `UNSUPPORTED`; or
 * with the reason of `signal`, when that aborts first.
 *
 * The client stays: see {@linkcode ReconnectOptions}. With `reconnect: false` it is one connection
 * to one server, and `closed` tells when that is lost.
 *
 * @example
 * ```ts
 * import { connect, serve } from "framewire";
 *
 * await using server = await serve({ port: 0, protocol: "echo" });
 * await using client = await connect(`tcp://127.0.0.1:${server.addr.port}`, { protocol: "echo" });
 * const back = await client.echo("hello");
 * if (new TextDecoder().decode(back) !== "hello") throw new Error("hello expected");
 * ```
 */
export interface Connect {
  /** Connects to one server, with a session: see {@linkcode SessionClientOptions}. */
  <P extends ProtocolChoice = "submit">(
    url: string | URL,
    options: ConnectOptions<P> & { readonly session: true | SessionTicket },
  ): Promise<SessionClient & CallsOf<P>>;
  /** Connects to one server or several, and stays: see {@linkcode ReconnectOptions}. */
  <P extends ProtocolChoice = "submit">(
    servers: Servers,
    options?: ConnectOptions<P> & { readonly reconnect?: true },
  ): Promise<ReconnectingClient & CallsOf<P>>;
  /** Connects to a server, once. */
  <P extends ProtocolChoice = "submit">(
    url: string | URL,
    options: ConnectOptions<P>,
  ): Promise<Client & CallsOf<P>>;
}

/**
 * Makes the `connect` of a runtime.
 *
 * @param transport What carries bytes there by default.
 * @param lookup How host names are looked up there for it.
 */
export function makeConnect(transport: Transport, lookup?: Lookup): Connect {
  return async <P extends ProtocolChoice = "submit">(
    servers: Servers,
    options: ConnectOptions<P> = {},
  ): Promise<SessionClient & CallsOf<P>> => {
    const resolver = isResolver(servers) ? servers : undefined;
    const targets = resolver === undefined ? targetsOf(servers as Exclude<Servers, Resolver>) : [];
    const protocol = chooseProtocol(options?.protocol ?? "submit") as Protocol<never, CallsOf<P>>;
    const resolved = resolveClientOptions(options, ownLimit(protocol.framing));
    resolveCodec(resolved.codec);
    const carrier = resolved.transport ?? transport;
    // Another transport may have names of its own.
    const dial = dialer(resolved.transport === undefined ? lookup : undefined);
    if (resolver === undefined) checkTargets(targets, resolved, carrier);
    checkSession(resolved, resolver === undefined ? targets.length : Infinity);
    const loading = loadProtocol(protocol);
    if (loading !== undefined) await loading;
    if (resolved.reconnect) {
      const where = resolver ?? staticResolver(targets);
      return await stay(where, resolved, protocol as never, carrier, dial) as never;
    }
    if (targets.length !== 1) {
      const what = resolver === undefined ? targets.length : "a resolver";
      throw new FramewireError(
        "INVALID_OPTION",
        `connect takes one server with reconnect: false; what came is ${what}`,
      );
    }
    const { signal } = resolved;
    const client = await introduce(carrier, targets[0]!, resolved, signal, protocol, dial);
    return withCalls(client, protocol, protocol.calls(() => client.endpoint())) as never;
  };
}

function isResolver(servers: Servers): servers is Resolver {
  return typeof (servers as Partial<Resolver> | undefined)?.resolve === "function";
}

function targetsOf(servers: Exclude<Servers, Resolver>): readonly Target[] {
  return unique((Array.isArray(servers) ? servers : [servers]).map(parseUrl));
}

/** What was asked for is spoken, or refused: never left out. */
function checkTargets(
  targets: readonly Target[],
  { tls, webSocket }: ClientOptions,
  { capabilities = TCP_ALONE }: Transport,
): void {
  if (targets.length === 0) return;
  if (tls !== undefined && !targets.some(({ secure }) => secure)) {
    const message = "tls is for addresses that begin with tls:// or wss://";
    throw new FramewireError("INVALID_OPTION", message);
  }
  if (
    webSocket !== undefined && targets.every(({ webSocketPath }) => webSocketPath === undefined)
  ) {
    const message = "webSocket is for addresses that begin with ws:// or wss://";
    throw new FramewireError("INVALID_OPTION", message);
  }
  for (const target of targets) checkScheme(capabilities, "connect", schemeOf(target));
}

/** A client that connects again by itself. */
async function stay<Calls extends object>(
  resolver: Resolver,
  options: ResolvedClientOptions,
  protocol: Protocol<never, Calls>,
  transport: Transport,
  dial: Dial,
): Promise<ReconnectingClient & Calls> {
  if (options.session !== undefined && options.session !== false) {
    return await stayInSession(resolver, options, protocol, transport, dial);
  }
  const made = new StayingCalls<Calls>(protocol, () => client);
  const client: StayingClient<Calls> = new StayingClient<Calls>({
    options,
    clock: options.clock ?? systemClock,
    resolver,
    connect: async (target, signal) =>
      made.made(await introduce(transport, target, options, signal, protocol, dial)),
  });
  await client.start();
  return withCalls(client, protocol, made.calls);
}

/** A client with all that its user can do. */
function withCalls<C extends Client, Calls>(
  client: C,
  protocol: Protocol<never, Calls>,
  calls: Calls,
): C & Calls {
  return Object.assign(client, calls, protocol.besides?.(calls, client.closed));
}

/** A client that connects again by itself, and whose calls outlive its connections. */
async function stayInSession<Calls extends object>(
  resolver: Resolver,
  given: ResolvedClientOptions,
  protocol: Protocol<never, Calls>,
  transport: Transport,
  dial: Dial,
): Promise<SessionClient & Calls> {
  const clock = given.clock ?? systemClock;
  const options: ResolvedClientOptions = { ...given, hello: "required" };
  const { session, calls, client: endpoint } = makeSession(given, protocol, clock, (error) => {
    client.takenOver(error);
  });
  const spoken: Protocol<never, Calls> = { ...protocol, client: endpoint };
  const connect = (target: Target, signal: AbortSignal) =>
    introduce(transport, target, options, signal, spoken, dial);
  const config = { options, clock, resolver, connect };
  const client: StayingSessionClient<Calls> = new StayingSessionClient<Calls>(config, session);
  await client.start();
  return withCalls(client, protocol, protocol.calls(() => calls));
}
