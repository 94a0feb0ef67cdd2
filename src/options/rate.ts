/**
 * Options of rate limits: how much peers may send in which time.
 *
 * @module
 */
import { choice, type OptionSpecs, special } from "./spec.ts";

/** How much may come in which time. What is left out is not limited. */
export interface RateLimits {
  /** Frames a second: more than 0, to 1,000,000,000. */
  readonly requestsPerSecond?: number;
  /**
   * Frames that may come at once after a pause: a whole number from 1 to 1,000,000,000.
   *
   * @default {requestsPerSecond, rounded up}
   */
  readonly requestBurst?: number;
  /** Bytes of frames a second: more than 0, to 1,000,000,000,000. */
  readonly bytesPerSecond?: number;
  /**
   * Bytes that may come at once after a pause: a whole number from 1 to 1,000,000,000,000. A frame
   * that has more waits for all of it, and those behind it for as many bytes as it has.
   *
   * @default {bytesPerSecond, rounded up}
   */
  readonly byteBurst?: number;
}

/** Whom limits hold for; all that are given hold together. */
export interface RateOptions {
  /** What one connection may send. */
  readonly connection?: RateLimits;
  /** What all connections of one IP address may send together, or of one /64 of IPv6. */
  readonly ip?: RateLimits;
  /** What all connections of the server may send together. */
  readonly server?: RateLimits;
}

/** Options of a server about rates. */
export interface RateServerOptions {
  /**
   * How much peers may send. Every frame of whatever kind counts; those behind a limit are treated as
   * `onRate` says. Without it nothing is limited, and nothing counted. Other limits, or none, hold for all
   * connections at once, and begin with full buckets.
   */
  readonly rate?: RateOptions;
  /**
   * What is done with frames over a limit: `"delay"` does not read on until there is room,
   * `"busy"` answers requests that the server is busy (result 4 with the time to wait, result 1 to a
   * plain peer, the `failure` of a defined protocol), `"close"` ends the connection with RATE_LIMITED. It
   * may become `"busy"` while the server runs only where the server began with that, with a `rate` or without.
   *
   * @default {"delay"}
   */
  readonly onRate?: "delay" | "busy" | "close";
}

const COUNTS = {
  requestsPerSecond: 1e9,
  requestBurst: 1e9,
  bytesPerSecond: 1e12,
  byteBurst: 1e12,
} as const;

const LIMITS_SCHEMA = {
  type: "object",
  properties: Object.fromEntries(
    Object.entries(COUNTS).map(([name, most]) => [
      name,
      name.endsWith("Burst")
        ? { type: "integer", minimum: 1, maximum: most }
        : { type: "number", exclusiveMinimum: 0, maximum: most },
    ]),
  ),
  additionalProperties: false,
};

/** The specs of {@linkcode RateServerOptions}. */
export const RATE: OptionSpecs<RateServerOptions> = {
  rate: special<RateOptions>(wrongRate, {
    live: true,
    schema: {
      type: "object",
      properties: { connection: LIMITS_SCHEMA, ip: LIMITS_SCHEMA, server: LIMITS_SCHEMA },
      additionalProperties: false,
    },
  }),
  onRate: choice("delay", ["delay", "busy", "close"], { live: true }),
};

function wrongRate(given: unknown): string | undefined {
  const wanted = "an object { connection?, ip?, server? } of limits";
  if (typeof given !== "object" || given === null || Array.isArray(given)) return wanted;
  for (const [scope, limits] of Object.entries(given)) {
    if (!["connection", "ip", "server"].includes(scope)) return `${wanted}, without ${scope},`;
    if (limits === undefined) continue;
    const wrong = wrongLimits(limits);
    if (wrong !== undefined) return `${wanted} whose ${scope} is ${wrong}`;
  }
  return undefined;
}

function wrongLimits(given: unknown): string | undefined {
  const names = Object.keys(COUNTS).join("?, ");
  const wanted = `an object { ${names}? }`;
  if (typeof given !== "object" || given === null || Array.isArray(given)) return wanted;
  const limits = given as Record<string, unknown>;
  for (const [name, value] of Object.entries(limits)) {
    const most = (COUNTS as Record<string, number>)[name];
    if (most === undefined) return `${wanted}, without ${name},`;
    if (value === undefined) continue;
    const isBurst = name.endsWith("Burst");
    if (
      typeof value !== "number" || !(value > 0 && value <= most) ||
      (isBurst && !Number.isInteger(value))
    ) {
      const kind = isBurst ? "a whole number from 1" : "a number over 0 and";
      return `${wanted} whose ${name} is ${kind} up to ${most}`;
    }
  }
  for (
    const [rate, burst] of [["requestsPerSecond", "requestBurst"], [
      "bytesPerSecond",
      "byteBurst",
    ]] as const
  ) {
    if (limits[burst] !== undefined && limits[rate] === undefined) {
      return `${wanted} whose ${burst} comes with a ${rate}`;
    }
  }
  return undefined;
}
