/**
 * Options that servers and clients have in common.
 *
 * @module
 */
import type { CodecChoice } from "../codec/lend.ts";
import type { Clock } from "../connection/clock.ts";
import { type WriteMode, wrongWriteMode } from "../connection/write_mode.ts";
import type { Transport } from "../link/link.ts";
import { choice, flag, type OptionSpecs, special, unchecked, whole } from "./spec.ts";

/** What servers and clients have in common. */
export interface CommonOptions {
  /**
   * Which codec scans the stream: in WebAssembly, in TypeScript, or the faster one that is allowed.
   *
   * @default {"auto"}
   */
  readonly codec?: CodecChoice;
  /**
   * The longest frame, received or sent, its header included, in bytes: 64 to 67,108,864 (64 MiB). A
   * change while a server runs holds for what is received on connections that come from then on: those
   * that are open were told the limit at their beginning.
   *
   * @default {1048576} or, for a protocol with a framing of its own, the framing's limit
   */
  readonly maxFrameBytes?: number;
  /**
   * While more than this waits to be written to a connection, it is not read from, in bytes: 1 KiB
   * to 1 GiB. Reading goes on at a quarter of it. A change holds for all connections at once.
   *
   * @default {262144}
   */
  readonly writeHighWaterBytes?: number;
  /**
   * When what is put out is written: `"batch"`, what a turn has produced together; `"immediate"`, at
   * once; or `{ delayMs, bytes }`, when so much waits or has waited so long (1 to 60,000 ms, 1 byte to
   * 1 GiB).
   *
   * @default {"batch"}
   */
  readonly writeMode?: WriteMode;
  /**
   * How long a connection that has ended from this side waits for the peer's end before it is cut,
   * in milliseconds: 0 to 600,000. A change holds for connections that end from then on.
   *
   * @default {2000}
   */
  readonly lingerMs?: number;
  /**
   * Whether what is written leaves at once (TCP_NODELAY). Without it the system may wait to fill a
   * packet (Nagle's algorithm, RFC 896), which delays replies.
   *
   * @default {true}
   */
  readonly noDelay?: boolean;
  /**
   * After how long without traffic the system itself asks whether the peer's machine is still there
   * (TCP keepalive), in milliseconds: 0 for never, or 1,000 to 32,767,000, in whole seconds. Heartbeats
   * find more: a system answers for a program that hangs. Deno leaves the time to the system, and takes
   * only 7,200,000, the system's usual one.
   *
   * @default {0}
   */
  readonly keepAliveMs?: number;
  /** What carries the bytes; by default TCP of the runtime. */
  readonly transport?: Transport;
  /** Where time comes from; by default the system's clock. For tests. */
  readonly clock?: Clock;
}

const LEAST_KEEP_ALIVE_MS = 1000;
/** The most that Linux takes: 32,767 seconds. */
const MOST_KEEP_ALIVE_MS = 32_767_000;

/** The specs of {@linkcode CommonOptions}. */
export const COMMON: OptionSpecs<CommonOptions> = {
  codec: choice("auto", ["auto", "wasm", "ts"]),
  maxFrameBytes: whole(1 << 20, 64, 64 << 20, { live: true }),
  writeHighWaterBytes: whole(256 << 10, 1 << 10, 1 << 30, { live: true }),
  writeMode: special<WriteMode>(wrongWriteMode, {
    value: "batch",
    schema: {
      oneOf: [{ enum: ["batch", "immediate"] }, {
        type: "object",
        properties: { delayMs: { type: "integer" }, bytes: { type: "integer" } },
        required: ["delayMs", "bytes"],
        additionalProperties: false,
      }],
    },
  }),
  lingerMs: whole(2000, 0, 600_000, { live: true }),
  noDelay: flag(true),
  keepAliveMs: special<number>(
    (given) =>
      given === 0 ||
        (Number.isInteger(given) && (given as number) >= LEAST_KEEP_ALIVE_MS &&
          (given as number) <= MOST_KEEP_ALIVE_MS)
        ? undefined
        : `0 or a whole number from ${LEAST_KEEP_ALIVE_MS} to ${MOST_KEEP_ALIVE_MS}`,
    {
      value: 0,
      schema: {
        anyOf: [
          { const: 0 },
          { type: "integer", minimum: LEAST_KEEP_ALIVE_MS, maximum: MOST_KEEP_ALIVE_MS },
        ],
      },
    },
  ),
  transport: unchecked(),
  clock: unchecked(),
};
