/**
 * Options of the flow: how much may wait on the way out, and what is done when it does.
 *
 * @module
 */
import { type SlowConsumer, wrongPolicy } from "../connection/slow_consumer.ts";
import { FramewireError } from "../errors.ts";
import { type OptionSpecs, special, whole } from "./spec.ts";

/** Options of a server's flow control. */
export interface FlowOptions {
  /**
   * Memory that all connections may hold together for what is under way: incomplete frames, requests
   * (those of closed connections too, until their handlers end or `handlerTimeoutMs` is over), and what
   * waits to be written. From three quarters of it on, connections that hold much are not read
   * from, the newest first. In bytes: 0 to 1 TiB, where 0 is any amount. Several times `maxFrameBytes` is wise.
   *
   * @default {268435456}
   */
  readonly memoryBudgetBytes?: number;
  /**
   * Submits in frames longer than this do not wait in memory as a whole: their handlers read them from
   * `packet.stream()`, and `packet.payload` is not to be had. In bytes: 0 to 67,108,864, where 0 is
   * never. After a hello, bodies come whole that are compressed (`lz4`), or whose frames end in a
   * checksum (`crc32c`), and in sessions; so do other packets than submits.
   *
   * @default {0}
   */
  readonly streamThresholdBytes?: number;
  /**
   * A connection that was not read from because of `writeHighWaterBytes` is read from again when no more
   * than this waits to be written to it; pushes are added to what waits up to this mark too. In bytes: 1
   * to 1 GiB, and at most `writeHighWaterBytes`.
   *
   * @default a quarter of `writeHighWaterBytes`
   */
  readonly writeLowWaterBytes?: number;
  /**
   * How much of pushes may wait for one peer, in bytes: 1 KiB to 1 GiB. A single larger push is still
   * taken, by itself.
   *
   * @default {1048576}
   */
  readonly pushQueueBytes?: number;
  /**
   * How many pushes may have been sent to a peer that has not acknowledged them: later ones wait, within
   * `pushQueueBytes`. Clients of this library handle up to 1,024 at a time, so at least as
   * many is wise. 0 to 10,000,000, where 0 is any number.
   *
   * @default {4096}
   */
  readonly maxUnackedPushes?: number;
  /**
   * What is done when more pushes wait for a peer than `pushQueueBytes`: `"pause"`, `"dropOldest"`, `"dropNewest"`,
   * `conflate(key)` or `disconnect(afterMs)`. A push can name another policy for itself.
   *
   * @default {"pause"}
   */
  readonly slowConsumer?: SlowConsumer;
}

/** The specs of {@linkcode FlowOptions}. */
export const FLOW: OptionSpecs<FlowOptions> = {
  memoryBudgetBytes: whole(256 << 20, 0, 2 ** 40, { live: true }),
  streamThresholdBytes: whole(0, 0, 64 << 20),
  writeLowWaterBytes: whole(undefined, 1, 1 << 30, { live: true }),
  pushQueueBytes: whole(1 << 20, 1 << 10, 1 << 30, { live: true }),
  maxUnackedPushes: whole(4096, 0, 10_000_000, { live: true }),
  slowConsumer: special<SlowConsumer>(wrongPolicy, {
    value: "pause",
    live: true,
    schema: { enum: ["pause", "dropOldest", "dropNewest"] },
  }),
};

/**
 * The low-water mark that options ask for, in bytes.
 *
 * @throws FramewireError INVALID_OPTION when it is over the high one.
 */
export function lowWaterBytes(
  { writeHighWaterBytes, writeLowWaterBytes }: {
    readonly writeHighWaterBytes: number;
    readonly writeLowWaterBytes?: number;
  },
): number {
  if (writeLowWaterBytes === undefined) return writeHighWaterBytes >> 2;
  if (writeLowWaterBytes <= writeHighWaterBytes) return writeLowWaterBytes;
  throw new FramewireError(
    "INVALID_OPTION",
    `writeLowWaterBytes must be at most writeHighWaterBytes, which is ${writeHighWaterBytes}, ` +
      `and is ${writeLowWaterBytes}`,
  );
}
