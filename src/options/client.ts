/**
 * A client's options: what each means, its unit, its range and its default.
 *
 * @module
 */
import type { FramewireError } from "../errors.ts";
import { type CallBoundOptions, CALLS } from "./calls.ts";
import { COMMON, type CommonOptions } from "./common.ts";
import { fromFailover, LIVENESS, type LivenessOptions } from "./liveness.ts";
import { RECONNECT, type ReconnectOptions } from "./reconnect.ts";
import { SESSION_CLIENT, type SessionClientOptions } from "./client_session.ts";
import { SUBMIT_CLIENT, type SubmitClientOptions } from "./submit.ts";
import { CLIENT_TLS, type TlsClientOptions } from "./tls.ts";
import { WEB_SOCKET, type WebSocketOptions } from "./web_socket.ts";
import { defaultsOf, MAX_TIMER_MS, type OptionSpecs, resolve, unchecked, whole } from "./spec.ts";

/** Options of a client. */
export interface ClientOptions
  extends
    CommonOptions,
    CallBoundOptions,
    LivenessOptions,
    ReconnectOptions,
    SessionClientOptions,
    SubmitClientOptions {
  /**
   * How long connecting may take, looking the host up, TCP, TLS and the hello together, in milliseconds: 1
   * to 2,147,483,647. A resolver has as long for its list.
   *
   * @default {5000}
   */
  readonly connectTimeoutMs?: number;
  /** Limits of WebSocket, for URLs that begin with `ws://` or `wss://`. */
  readonly webSocket?: WebSocketOptions;
  /** Options of TLS, for URLs that begin with `tls://` or `wss://`. */
  readonly tls?: TlsClientOptions;
  /** Told when a handler of what the server sends by itself failed. */
  readonly onError?: (error: FramewireError) => void;
  /** Gives up connecting when it aborts. */
  readonly signal?: AbortSignal;
}

/** The specs of {@linkcode ClientOptions}. */
export const CLIENT: OptionSpecs<ClientOptions> = {
  ...COMMON,
  ...CALLS,
  ...LIVENESS,
  ...RECONNECT,
  ...SESSION_CLIENT,
  ...SUBMIT_CLIENT,
  connectTimeoutMs: whole(5000, 1, MAX_TIMER_MS),
  onError: unchecked(),
  tls: CLIENT_TLS,
  webSocket: WEB_SOCKET,
  signal: unchecked(),
};

/** Options of a client that have no default. */
export type ClientOptionWithoutDefault =
  | "transport"
  | "clock"
  | "signal"
  | "session"
  | "tls"
  | "webSocket"
  | "onError"
  | "lookup"
  | "heartbeatMs"
  | "failover"
  | "random"
  | Exclude<keyof SubmitClientOptions, "hello">;

/** A client's options with their defaults filled in. */
export type ResolvedClientOptions =
  & ClientOptions
  & Required<Omit<ClientOptions, ClientOptionWithoutDefault>>;

/** The defaults of {@linkcode ClientOptions}. */
export const CLIENT_DEFAULTS: Required<Omit<ClientOptions, ClientOptionWithoutDefault>> =
  defaultsOf(
    CLIENT,
  ) as ResolvedClientOptions;

/**
 * Checks a client's options and fills in the defaults.
 *
 * @param maxFrameBytes The limit of the protocol's framing.
 * @throws FramewireError INVALID_OPTION, naming the option, its value and its range.
 */
export function resolveClientOptions(
  options: ClientOptions,
  maxFrameBytes: number,
): ResolvedClientOptions {
  const resolved = resolve("connect", options, {
    ...CLIENT,
    maxFrameBytes: { ...CLIENT.maxFrameBytes, default: maxFrameBytes },
    protocol: unchecked(), // checked by `connect` itself
  } as OptionSpecs<ClientOptions>) as ResolvedClientOptions;
  const hello = options.hello ??
    (SAID_IN_HELLO.some((name) => options[name] !== undefined) ? "auto" : resolved.hello);
  return { ...resolved, ...fromFailover(options), hello };
}

/** What takes effect by a hello alone: who asks for it wants one. */
const SAID_IN_HELLO = ["features", "token", "user", "password", "agent", "failover"] as const;
