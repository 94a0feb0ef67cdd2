/**
 * Every option of servers and clients: what it means, its unit, its range and its default, and the
 * check of what a user gives.
 *
 * @module
 */
import type { CodecChoice } from "./codec/lend.ts";
import type { Clock } from "./connection/clock.ts";
import { FramewireError } from "./errors.ts";
import type { Transport } from "./link/link.ts";
import { describe } from "./protocol/protocol.ts";

/** What servers and clients have in common. */
export interface CommonOptions {
  /**
   * Which codec scans the stream: in WebAssembly, in TypeScript, or the faster one that is allowed.
   *
   * @default {"auto"}
   */
  readonly codec?: CodecChoice;
  /**
   * The longest frame, received or sent, its header included, in bytes: 64 to 67,108,864 (64 MiB).
   *
   * @default {1048576} or, for a protocol with a framing of its own, the framing's limit
   */
  readonly maxFrameBytes?: number;
  /**
   * While more than this waits to be written to a connection, it is not read from, in bytes: 1 KiB
   * to 1 GiB. Reading goes on at a quarter of it.
   *
   * @default {262144}
   */
  readonly writeHighWaterBytes?: number;
  /**
   * How long a connection that has ended from this side waits for the peer's end before it is cut,
   * in milliseconds: 0 to 600,000.
   *
   * @default {2000}
   */
  readonly lingerMs?: number;
  /** What carries the bytes; by default TCP of the runtime. */
  readonly transport?: Transport;
  /** Where time comes from; by default the system's clock. For tests. */
  readonly clock?: Clock;
}

/** Options of a server. */
export interface ServerOptions extends CommonOptions {
  /**
   * The address to listen on: an IP address or a host name. `"::"` listens on IPv6 and IPv4.
   *
   * @default {"127.0.0.1"}
   */
  readonly hostname?: string;
  /**
   * The port to listen on: 0 to 65,535, where 0 picks a free one.
   *
   * @default {8888}
   */
  readonly port?: number;
  /**
   * How many connections may wait to be accepted: 1 to 65,535.
   *
   * @default {4096}
   */
  readonly backlog?: number;
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
  /** Shuts the server down when it aborts. */
  readonly signal?: AbortSignal;
}

/** Options of a client. */
export interface ClientOptions extends CommonOptions {
  /**
   * How long connecting may take, in milliseconds: 1 to 2,147,483,647.
   *
   * @default {5000}
   */
  readonly connectTimeoutMs?: number;
  /** Told when a handler of what the server sends by itself failed. */
  readonly onError?: (error: FramewireError) => void;
  /** Gives up connecting when it aborts. */
  readonly signal?: AbortSignal;
}

/** The options of a server that have a default. */
type ServerDefaults = Required<Omit<ServerOptions, "transport" | "clock" | "signal">>;
/** The options of a client that have a default. */
type ClientDefaults = Required<Omit<ClientOptions, "transport" | "clock" | "signal" | "onError">>;

const COMMON_DEFAULTS = {
  codec: "auto",
  maxFrameBytes: 1 << 20,
  writeHighWaterBytes: 256 << 10,
  lingerMs: 2000,
} as const;

/** The defaults of {@linkcode ServerOptions}. */
export const SERVER_DEFAULTS: ServerDefaults = {
  ...COMMON_DEFAULTS,
  hostname: "127.0.0.1",
  port: 8888,
  backlog: 4096,
  maxInFlight: 1024,
  maxInFlightBytes: 4 << 20,
  handlerTimeoutMs: 60_000,
};

/** The defaults of {@linkcode ClientOptions}. */
export const CLIENT_DEFAULTS: ClientDefaults = {
  ...COMMON_DEFAULTS,
  connectTimeoutMs: 5000,
};

const MAX_TIMER_MS = 2 ** 31 - 1;

/** Ranges of the numeric options: least, most. */
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  port: [0, 65_535],
  backlog: [1, 65_535],
  maxInFlight: [1, 1 << 20],
  maxInFlightBytes: [1 << 10, 1 << 30],
  handlerTimeoutMs: [0, MAX_TIMER_MS],
  connectTimeoutMs: [1, MAX_TIMER_MS],
  maxFrameBytes: [64, 64 << 20],
  writeHighWaterBytes: [1 << 10, 1 << 30],
  lingerMs: [0, 600_000],
};

const CODECS: readonly unknown[] = ["auto", "wasm", "ts"];

/** A server's options with their defaults filled in. */
export type ResolvedServerOptions = ServerOptions & ServerDefaults;
/** A client's options with their defaults filled in. */
export type ResolvedClientOptions = ClientOptions & ClientDefaults;

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
  return resolve("serve", options, { ...SERVER_DEFAULTS, maxFrameBytes }, ["on", "signal"]);
}

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
  return resolve("connect", options, { ...CLIENT_DEFAULTS, maxFrameBytes }, ["signal", "onError"]);
}

function resolve<Options extends object, Defaults extends object>(
  caller: string,
  options: Options,
  defaults: Defaults,
  others: readonly string[],
): Options & Defaults {
  if (typeof options !== "object" || options === null) {
    throw invalid(`${caller} takes an object of options, not ${describe(options)}`);
  }
  const known = new Set([...Object.keys(defaults), "transport", "clock", "protocol", ...others]);
  const resolved: Record<string, unknown> = { ...defaults as Record<string, unknown> };
  for (const [name, value] of Object.entries(options)) {
    if (!known.has(name)) {
      throw invalid(`${caller} knows no option ${name}; it knows ${[...known].sort().join(", ")}`);
    }
    if (value === undefined) continue;
    check(name, value);
    resolved[name] = value;
  }
  return resolved as Options & Defaults;
}

function check(name: string, value: unknown): void {
  const range = RANGES[name];
  if (range !== undefined) {
    const [least, most] = range;
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
      throw invalid(
        `${name} must be a whole number from ${least} to ${most} and is ${describe(value)}`,
      );
    }
  } else if (name === "codec" && !CODECS.includes(value)) {
    throw invalid(`codec must be "auto", "wasm" or "ts" and is ${describe(value)}`);
  } else if (name === "hostname" && (typeof value !== "string" || value === "")) {
    throw invalid(`hostname must be an IP address or a host name and is ${describe(value)}`);
  }
}

function invalid(message: string): FramewireError {
  return new FramewireError("INVALID_OPTION", message);
}
