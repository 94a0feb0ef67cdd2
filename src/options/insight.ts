/**
 * Options of what a server lets its operator see.
 *
 * @module
 */
import { choice, type OptionSpecs, whole } from "./spec.ts";

/** Options of a server's insight. */
export interface InsightOptions {
  /**
   * Which handlers' times `server.stats()` has: those of `"all"` requests, of one batch (sync handlers)
   * or one request (async ones) in eight, or none.
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
}

/** The specs of {@linkcode InsightOptions}. */
export const INSIGHT: OptionSpecs<InsightOptions> = {
  handlerTimes: choice("sampled", ["sampled", "all", "off"]),
  eventQueue: whole(1024, 1, 1 << 20),
};
