/**
 * The options of a running server that may change: each part of it holds one of these objects, and
 * reads from it when it needs the value.
 *
 * @module
 */
import { systemClock } from "../connection/clock.ts";
import type { Deadlines } from "../connection/deadlines.ts";
import type { PushLimits } from "../connection/push_queue.ts";
import { FramewireError } from "../errors.ts";
import { lowWaterBytes } from "../options/flow.ts";
import type { GatesOptions } from "../options/gates.ts";
import { type ResolvedServerOptions, SERVER, type ServerOptions } from "../options/server.ts";
import { checkOption, type OptionSpec } from "../options/spec.ts";
import { describe } from "../protocol/protocol.ts";
import type { ReplyLimits } from "../protocol/reply_order.ts";
import type { AdmissionLimits } from "./admission.ts";
import type { HandshakeLimits } from "./handshakes.ts";

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** What may wait, as far as it may change. */
type Flow =
  & Pick<PushLimits, "pushQueueBytes" | "maxUnackedPushes" | "slowConsumer" | "writeLowWaterBytes">
  & { readonly memoryBudgetBytes: number };

/** What of a server's options may change while it runs. */
export class LiveSettings {
  /** What connections may take how long over. */
  readonly deadlines: Deadlines;
  /** What may be under way on a connection. */
  readonly limits: Writable<ReplyLimits>;
  /** How many connections there may be. */
  readonly admission: AdmissionLimits;
  /** What TLS handshakes there may be. */
  readonly handshakes: HandshakeLimits;
  /** Who may connect. */
  readonly access: Pick<GatesOptions, "allow" | "deny">;
  /** What may wait. */
  readonly flow: Writable<Flow>;
  readonly #writeHighWaterBytes: number;

  /** The options that a server begins with. */
  constructor(options: ResolvedServerOptions) {
    const { memoryBudgetBytes, pushQueueBytes, slowConsumer, writeHighWaterBytes } = options;
    const { maxUnackedPushes } = options;
    this.access = { allow: options.allow, deny: options.deny } as typeof this.access;
    this.#writeHighWaterBytes = writeHighWaterBytes;
    this.flow = {
      memoryBudgetBytes,
      pushQueueBytes,
      maxUnackedPushes,
      slowConsumer,
      writeLowWaterBytes: lowWaterBytes(options),
    };
    const { handshakeTimeoutMs, idleTimeoutMs, heartbeatMs, frameTimeoutMs } = options;
    const { writeStallMs, maxAgeMs, handlerTimeoutMs, maxInFlight, maxInFlightBytes } = options;
    this.deadlines = {
      handshakeTimeoutMs,
      idleTimeoutMs,
      heartbeatMs,
      frameTimeoutMs,
      writeStallMs,
      maxAgeMs,
      handlerTimeoutMs,
    };
    const clock = options.clock ?? systemClock;
    this.limits = { maxInFlight, maxInFlightBytes, handlerTimeoutMs, clock };
    const { maxConnections, maxConnectionsPerIp, onMaxConnections, acceptRatePerIp } = options;
    this.handshakes = { maxHandshakes: options.maxHandshakes, handshakeTimeoutMs };
    this.admission = { maxConnections, maxConnectionsPerIp, onMaxConnections, acceptRatePerIp };
  }

  /**
   * Changes options.
   *
   * @param first What may still refuse them, between the checks and the changes.
   * @throws FramewireError INVALID_OPTION, and nothing is changed.
   */
  change(options: ServerOptions, first: () => void): void {
    const changes = checked(options).map(([name, value]): [string, unknown] => [
      name,
      name === "writeLowWaterBytes" ? this.#lowWaterBytes(value as number | undefined) : value,
    ]);
    first();
    const { deadlines, limits, admission, handshakes, flow, access } = this;
    for (const part of [deadlines, limits, admission, handshakes, flow, access]) {
      for (const [name, value] of changes) {
        if (Object.hasOwn(part, name)) (part as Record<string, unknown>)[name] = value;
      }
    }
  }

  #lowWaterBytes(asked: number | undefined): number {
    const writeHighWaterBytes = this.#writeHighWaterBytes;
    return lowWaterBytes({
      writeHighWaterBytes,
      ...(asked !== undefined && { writeLowWaterBytes: asked }),
    });
  }
}

/** The options that are given, each checked. */
function checked(options: ServerOptions): [name: string, value: unknown][] {
  if (typeof options !== "object" || options === null) {
    throw invalid(`reconfigure takes an object of options, not ${describe(options)}`);
  }
  const specs = SERVER as Readonly<Record<string, OptionSpec<unknown>>>;
  const changes: [string, unknown][] = [];
  for (const [name, value] of Object.entries(options)) {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (spec === undefined || !spec.live) {
      const live = Object.keys(specs).filter((known) => specs[known]!.live).sort().join(", ");
      const known = spec !== undefined || name === "protocol" || name === "on";
      throw invalid(
        `${
          known ? `${name} cannot change while the server runs` : `there is no option ${name}`
        }; ` +
          `what can is ${live}`,
      );
    }
    // An option without a default is taken back by undefined.
    if (value === undefined && spec.default !== undefined) continue;
    if (value !== undefined) checkOption(name, value, spec);
    changes.push([name, value]);
  }
  return changes;
}

function invalid(message: string): FramewireError {
  return new FramewireError("INVALID_OPTION", message);
}
