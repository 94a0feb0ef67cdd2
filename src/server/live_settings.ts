/**
 * The options of a running server that may change: each part of it holds one of these objects, and
 * reads from it when it needs the value.
 *
 * @module
 */
import { systemClock } from "../connection/clock.ts";
import type { ConnectionConfig } from "../connection/config.ts";
import type { Deadlines } from "../connection/deadlines.ts";
import type { PushLimits } from "../connection/push_queue.ts";
import { checkLimit } from "../codec/frame_layout.ts";
import type { Framing } from "../codec/framing.ts";
import { FramewireError, isFramewireError } from "../errors.ts";
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

/** What each connection goes by, as far as it may change. */
type Sizes = Pick<
  ConnectionConfig,
  "maxFrameBytes" | "writeHighWaterBytes" | "writeLowWaterBytes" | "lingerMs"
>;

/** What of a server's options may change while it runs. */
export class LiveSettings {
  /** All options as they are now. */
  readonly options: Writable<ResolvedServerOptions>;
  /** What connections are held to. */
  readonly sizes: Writable<Sizes>;
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
  readonly #framing: Framing;
  /** Whether the handlers can be stopped before they are called. */
  readonly #knowsBusy: boolean;

  /**
   * The options that a server begins with.
   *
   * @param framing What its protocol's frames are like.
   * @throws FramewireError INVALID_OPTION when they do not fit together.
   */
  constructor(options: ResolvedServerOptions, framing: Framing) {
    const { memoryBudgetBytes, pushQueueBytes, slowConsumer, maxUnackedPushes } = options;
    const { maxFrameBytes, writeHighWaterBytes, lingerMs } = options;
    this.#framing = framing;
    this.#knowsBusy = options.onRate === "busy";
    this.options = { ...options };
    this.#checkFrames(maxFrameBytes);
    this.access = { allow: options.allow, deny: options.deny } as typeof this.access;
    const writeLowWaterBytes = lowWaterBytes(options);
    this.sizes = { maxFrameBytes, writeHighWaterBytes, writeLowWaterBytes, lingerMs };
    this.flow = {
      memoryBudgetBytes,
      pushQueueBytes,
      maxUnackedPushes,
      slowConsumer,
      writeLowWaterBytes,
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
    const changes = checked(options);
    const next: ResolvedServerOptions = { ...this.options, ...Object.fromEntries(changes) };
    const writeLowWaterBytes = lowWaterBytes(next);
    this.#checkFrames(next.maxFrameBytes);
    if (next.onRate === "busy" && !this.#knowsBusy) {
      throw invalid(
        'onRate can become "busy" only on a server that began with it, and this one began with ' +
          "another: its handlers are prepared for it at the beginning",
      );
    }
    first();
    const { deadlines, limits, admission, handshakes, flow, access, sizes } = this;
    for (const part of [deadlines, limits, admission, handshakes, flow, access, sizes]) {
      for (const [name, value] of changes) {
        if (Object.hasOwn(part, name)) (part as Record<string, unknown>)[name] = value;
      }
    }
    flow.writeLowWaterBytes = sizes.writeLowWaterBytes = writeLowWaterBytes;
    Object.assign(this.options, Object.fromEntries(changes));
  }

  /** @throws FramewireError INVALID_OPTION when no frame of the protocol is that short. */
  #checkFrames(maxFrameBytes: number): void {
    try {
      checkLimit(this.#framing, maxFrameBytes);
    } catch (error) {
      if (isFramewireError(error)) throw invalid(error.message);
      throw error;
    }
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
