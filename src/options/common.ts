/**
 * Options that servers and clients have in common.
 *
 * @module
 */
import type { CodecChoice } from "../codec/lend.ts";
import type { Clock } from "../connection/clock.ts";
import type { Transport } from "../link/link.ts";
import { choice, type OptionSpecs, unchecked, whole } from "./spec.ts";

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

/** The longest time that timers can wait, in milliseconds. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** The specs of {@linkcode CommonOptions}. */
export const COMMON: OptionSpecs<CommonOptions> = {
  codec: choice("auto", ["auto", "wasm", "ts"]),
  maxFrameBytes: whole(1 << 20, 64, 64 << 20),
  writeHighWaterBytes: whole(256 << 10, 1 << 10, 1 << 30),
  lingerMs: whole(2000, 0, 600_000),
  transport: unchecked(),
  clock: unchecked(),
};
