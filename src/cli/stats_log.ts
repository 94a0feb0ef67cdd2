/**
 * A server's figures in its log, again and again.
 *
 * @module
 */
import type { Server } from "../server/server.ts";
import type { ServerStats } from "../server/stats.ts";
import { Rates } from "./rates.ts";

/** Logs a server's figures. */
export class StatsLog {
  readonly #server: Pick<Server, "stats">;
  readonly #log: (text: string, figures: Record<string, unknown>) => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param log Takes a line for people, and all figures. */
  constructor(
    server: Pick<Server, "stats">,
    log: (text: string, figures: Record<string, unknown>) => void,
  ) {
    this.#server = server;
    this.#log = log;
  }

  /** Logs them so often from now on; undefined is never. */
  every(intervalMs: number | undefined): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (intervalMs === undefined) return;
    const rates = new Rates(this.#server.stats(), performance.now());
    this.#timer = setInterval(() => {
      const stats = this.#server.stats();
      const text = `${rates.line(stats, performance.now())} · ${sums(stats)}`;
      this.#log(`stats: ${text}`, { ...stats });
    }, intervalMs);
  }
}

/** What is seldom, and so is told as totals. */
function sums({ errors, refusals, drops, inFlight, handlerMs, loopDelayMs }: ServerStats): string {
  const total = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((sum, count) => sum + count, 0);
  return `${inFlight} in flight · handlers p99 ${handlerMs.p99.toFixed(1)} ms · loop delay p99 ` +
    `${loopDelayMs.p99.toFixed(1)} ms · in all ${total(errors)} errors, ${
      total(refusals)
    } refused, ` +
    `${drops} dropped`;
}
