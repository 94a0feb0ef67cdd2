/**
 * A server's options: what each means, its unit, its range and its default. Areas that are more than a
 * few options have files of their own, which come together here.
 *
 * @module
 */
import { INSIGHT, type InsightOptions } from "./insight.ts";
import { ADMISSION, type AdmissionOptions } from "./admission.ts";
import { COMMON, type CommonOptions } from "./common.ts";
import { FLOW, type FlowOptions } from "./flow.ts";
import { LIFE, type LifeOptions } from "./life.ts";
import { LISTEN, type ListenOptions } from "./listen.ts";
import { GATES, type GatesOptions, type OptionalGates } from "./gates.ts";
import { SUBMIT_SERVER, type SubmitServerOptions } from "./submit.ts";
import { RATE, type RateServerOptions } from "./rate.ts";
import { SESSIONS, type SessionServerOptions } from "./sessions.ts";
import { SERVER_TLS, type TlsServerOptions } from "./tls.ts";
import { defaultsOf, MAX_TIMER_MS, type OptionSpecs, resolve, unchecked, whole } from "./spec.ts";

/** Options of a server. */
export interface ServerOptions
  extends
    CommonOptions,
    FlowOptions,
    GatesOptions,
    LifeOptions,
    ListenOptions,
    RateServerOptions,
    SessionServerOptions,
    SubmitServerOptions,
    InsightOptions,
    AdmissionOptions {
  /**
   * Requests of one connection whose handlers may be under way at once: 1 to 1,048,576. A peer that
   * has more is not read from until one is answered.
   *
   * @default {1024}
   */
  readonly maxInFlight?: number;
  /**
   * Memory that the requests under way on one connection may keep, in bytes: 1 KiB to 1 GiB. Over
   * it the peer is not read from. A single larger frame is still taken, by itself.
   *
   * @default {4194304}
   */
  readonly maxInFlightBytes?: number;
  /**
   * How long a handler's promise may take before its request is answered with a failure, in
   * milliseconds: 0 to 2,147,483,647, where 0 is for ever.
   *
   * @default {60000}
   */
  readonly handlerTimeoutMs?: number;
  /**
   * Certificates for TLS. Without `listen` the port then speaks TLS; with it, its URLs that begin with
   * `tls://` or `wss://` do.
   */
  readonly tls?: TlsServerOptions;
  /** Shuts the server down when it aborts. */
  readonly signal?: AbortSignal;
}

/** The specs of {@linkcode ServerOptions}. */
export const SERVER: OptionSpecs<ServerOptions> = {
  ...COMMON,
  ...FLOW,
  ...GATES,
  ...LIFE,
  ...LISTEN,
  ...SUBMIT_SERVER,
  ...INSIGHT,
  ...RATE,
  ...SESSIONS,
  ...ADMISSION,
  maxInFlight: whole(1024, 1, 1 << 20, { live: true }),
  maxInFlightBytes: whole(4 << 20, 1 << 10, 1 << 30, { live: true }),
  handlerTimeoutMs: whole(60_000, 0, MAX_TIMER_MS, { live: true }),
  tls: SERVER_TLS,
  signal: unchecked(),
};

/** Options of a server that have no default. */
export type ServerOptionWithoutDefault =
  | "logger"
  | "transport"
  | "clock"
  | "signal"
  | "writeLowWaterBytes"
  | "authenticate"
  | "features"
  | OptionalGates
  | "acceptRatePerIp"
  | "rate"
  | "listen"
  | "webSocket"
  | "sessions"
  | "tls";

/** A server's options with their defaults filled in. */
export type ResolvedServerOptions =
  & ServerOptions
  & Required<Omit<ServerOptions, ServerOptionWithoutDefault>>;

/** The defaults of {@linkcode ServerOptions}. */
export const SERVER_DEFAULTS: Required<Omit<ServerOptions, ServerOptionWithoutDefault>> =
  defaultsOf(
    SERVER,
  ) as ResolvedServerOptions;

/**
 * Checks a server's options and fills in the defaults.
 *
 * @param maxFrameBytes The limit of the protocol's framing.
 * @throws FramewireError INVALID_OPTION, naming the option, its value and its range.
 */
export function resolveServerOptions(
  options: ServerOptions,
  maxFrameBytes: number,
): ResolvedServerOptions {
  return resolve("serve", options, {
    ...SERVER,
    maxFrameBytes: { ...SERVER.maxFrameBytes, default: maxFrameBytes },
    // Checked by `serve` itself.
    protocol: unchecked(),
    on: unchecked(),
    authorize: unchecked(),
  } as OptionSpecs<ServerOptions>) as ResolvedServerOptions;
}
