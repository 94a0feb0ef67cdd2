/**
 * Options of who comes in: how many connections there may be.
 *
 * @module
 */
import { choice, type OptionSpecs, special, whole } from "./spec.ts";

/** What is done when there are as many connections as there may be. */
export type OnMaxConnections = "pause" | "refuse" | "evict-idle";

/** A rate of connections: `perSecond` in the long run, `burst` at once. */
export interface AcceptRate {
  /** Connections per second in the long run: over 0, up to 1,000,000. */
  readonly perSecond: number;
  /** Connections at once after a time without any: 1 to 1,000,000. */
  readonly burst: number;
}

/** How many connections there may be, and how fast they may come. */
export interface AdmissionOptions {
  /**
   * How many connections there may be at once: 1 to 10,000,000.
   *
   * @default {1000}
   */
  readonly maxConnections?: number;
  /**
   * How many of them one address may have: 0 to 10,000,000, where 0 is no limit. An IPv4-mapped IPv6
   * address is the same address as its IPv4. A /64 of IPv6 is one address here and wherever else
   * something is counted by address: one host may use all of it (RFC 8981).
   *
   * @default {0}
   */
  readonly maxConnectionsPerIp?: number;
  /**
   * What is done over the limit. `"pause"`: no more are accepted until one leaves; peers wait in the
   * backlog. `"refuse"`: they are told so, where their protocol can say it, and closed.
   * `"evict-idle"`: the one that has been idle for longest, and to which nothing is owed, makes room;
   * where there is none, as with `"refuse"`. For a single address, `"pause"` is as `"refuse"`. With TLS
   * nobody is told: that would cost a handshake. Each time raises a `refuse` event.
   *
   * @default {"pause"}
   */
  readonly onMaxConnections?: OnMaxConnections;
  /**
   * How many TLS handshakes may be under way at once: 1 to 1,000,000. They count as connections. When
   * there are as many, the oldest is cut, which raises a `refuse` event: honest ones are over in a moment.
   *
   * @default {256}
   */
  readonly maxHandshakes?: number;
  /**
   * How fast one address may connect: `perSecond` connections in the long run, over 0 and up to
   * 1,000,000; `burst` at once, 1 to 1,000,000. Those beyond are turned away. Without it there is no
   * limit.
   */
  readonly acceptRatePerIp?: AcceptRate;
}

const MOST_CONNECTIONS = 10_000_000;
const MOST_RATE = 1_000_000;
const LIVE = { live: true } as const;

function wrongRate(given: unknown): string | undefined {
  const { perSecond, burst, ...rest } = (given ?? {}) as { readonly [name: string]: unknown };
  const right = typeof perSecond === "number" && perSecond > 0 && perSecond <= MOST_RATE &&
    Number.isInteger(burst) && (burst as number) >= 1 && (burst as number) <= MOST_RATE &&
    Object.keys(rest).length === 0;
  return right ? undefined : "{ perSecond, burst } with perSecond over 0 and up to " +
    `${MOST_RATE} and burst a whole number from 1 to ${MOST_RATE}`;
}

/** The specs of {@linkcode AdmissionOptions}. */
export const ADMISSION: OptionSpecs<AdmissionOptions> = {
  maxConnections: whole(1000, 1, MOST_CONNECTIONS, LIVE),
  maxConnectionsPerIp: whole(0, 0, MOST_CONNECTIONS, LIVE),
  onMaxConnections: choice("pause", ["pause", "refuse", "evict-idle"], LIVE),
  maxHandshakes: whole(256, 1, MOST_RATE, LIVE),
  acceptRatePerIp: special<AcceptRate>(wrongRate, {
    live: true,
    schema: {
      type: "object",
      properties: {
        perSecond: { type: "number", exclusiveMinimum: 0, maximum: MOST_RATE },
        burst: { type: "integer", minimum: 1, maximum: MOST_RATE },
      },
      required: ["perSecond", "burst"],
      additionalProperties: false,
    },
  }),
};
