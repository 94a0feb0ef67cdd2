/**
 * A server's figures as rates, for the status line.
 *
 * @module
 */
import type { ServerStats } from "../server/stats.ts";
import { formatBytes, formatCount, plural } from "./size.ts";

/** The figures that are shown. */
type Figures = Pick<ServerStats, "connections" | "requests" | "failures" | "bytesIn" | "bytesOut">;

/** Compares a server's figures with those of the last time. */
export class Rates {
  #last: Figures;
  #lastMs: number;

  /**
   * @param stats The figures to begin with.
   * @param nowMs When they were taken, in milliseconds of any monotonic clock.
   */
  constructor(stats: Figures, nowMs: number) {
    this.#last = stats;
    this.#lastMs = nowMs;
  }

  /** What is going on, in one line: connections, requests and bytes per second. */
  line(stats: Figures, nowMs: number): string {
    const last = this.#last;
    // At the first paint no time has passed: no rate is infinite.
    const seconds = Math.max(nowMs - this.#lastMs, 1) / 1000;
    this.#last = stats;
    this.#lastMs = nowMs;
    const failed = stats.failures - last.failures;
    return [
      plural(stats.connections.open, "connection"),
      `${formatCount((stats.requests - last.requests) / seconds)} requests/s`,
      ...(failed > 0 ? [`${formatCount(failed / seconds)} failed/s`] : []),
      `${formatBytes((stats.bytesIn - last.bytesIn) / seconds)}/s in`,
      `${formatBytes((stats.bytesOut - last.bytesOut) / seconds)}/s out`,
    ].join(" · ");
  }
}
