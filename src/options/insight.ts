/**
 * Options of what a server lets its operator see.
 *
 * @module
 */
import type { GetLogger } from "../observe/logger.ts";
import { callback, choice, flag, type OptionSpecs, whole } from "./spec.ts";

/** Options of a server's insight. */
export interface InsightOptions {
  /**
   * Which handlers' times `server.stats()` has: those of `"all"` requests, of one batch (sync handlers)
   * or one request (async ones) in eight, in 64 after the first 1,024, or none.
   *
   * @default {"sampled"}
   */
  readonly handlerTimes?: "sampled" | "all" | "off";
  /**
   * Events that wait for a slow reader of `server.events()`: 1 to 1,048,576. Over it the oldest is
   * dropped, and counted.
   *
   * @default {1024}
   */
  readonly eventQueue?: number;
  /**
   * Whether each connection keeps the headers of its last 32 frames, without their payload, and adds
   * them to the error that ends it, as `error.flight`. It costs 0.8 KB for each connection that has
   * sent a frame, a look at the clock for each batch, and some nanoseconds for each frame.
   *
   * @default {false}
   */
  readonly flightRecorder?: boolean;
  /**
   * Where the server logs to: LogTape's `getLogger` as it is, or any function that gives a logger for a
   * category, such as `() => console`. The categories are `framewire.server`, `framewire.connection` and
   * `framewire.security`, each as an array of its two words. Without it nothing is logged.
   */
  readonly logger?: GetLogger;
}

/** The specs of {@linkcode InsightOptions}. */
export const INSIGHT: OptionSpecs<InsightOptions> = {
  handlerTimes: choice("sampled", ["sampled", "all", "off"]),
  eventQueue: whole(1024, 1, 1 << 20),
  flightRecorder: flag(false),
  logger: callback(),
};
