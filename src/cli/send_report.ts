/**
 * What `framewire send` prints: each answer with its time, and a summary.
 *
 * @module
 */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { isFramewireError } from "../errors.ts";
import { oneLine } from "./failure.ts";
import type { Output } from "./output.ts";
import { formatCount } from "./size.ts";

/** Answers counted and timed. */
export class SendReport {
  readonly #out: Output;
  readonly #quiet: boolean;
  /** Of nanoseconds: its size does not depend on how many there are. */
  readonly #times: RecordableHistogram = createHistogram();
  #ok = 0;
  #failed = 0;

  /** @param quiet Prints the summary alone. */
  constructor(out: Output, quiet: boolean) {
    this.#out = out;
    this.#quiet = quiet;
  }

  /** Requests that failed. */
  get failed(): number {
    return this.#failed;
  }

  /** Request `number`, counted from 1, was answered well after `ms` milliseconds. */
  succeeded(number: number, ms: number): void {
    this.#ok++;
    this.#times.record(Math.max(1, Math.round(ms * 1e6)));
    if (!this.#quiet) this.#out.line(`${number} ok ${formatMs(ms)} ms`);
  }

  /** Request `number` failed after `ms` milliseconds. */
  broke(number: number, ms: number, error: unknown): void {
    this.#failed++;
    if (this.#quiet) return;
    const code = isFramewireError(error) ? `${error.code}: ` : "";
    const message = error instanceof Error ? error.message : String(error);
    const outcome = isFramewireError(error) ? error.outcome : undefined;
    const known = outcome === undefined || outcome === "answered" ? "" : ` [${outcome}]`;
    this.#out.line(`${number} failed ${formatMs(ms)} ms ${code}${oneLine(message)}${known}`);
  }

  /**
   * Prints the summary.
   *
   * @param unanswered Requests that were given up.
   */
  summary(unanswered: number, seconds: number): void {
    const times = this.#times;
    const count = this.#ok + this.#failed + unanswered;
    const parts = [
      `${formatCount(count)} sent, ${formatCount(this.#ok)} ok, ${
        formatCount(this.#failed)
      } failed` +
      (unanswered > 0 ? `, ${formatCount(unanswered)} unanswered` : "") +
      ` in ${seconds.toFixed(3)} s`,
    ];
    if (this.#ok > 0) {
      const [min, median, p99] = [times.min, times.percentile(50), times.percentile(99)]
        .map((ns) => formatMs(ns / 1e6));
      parts.push(`min ${min} ms, median ${median} ms, p99 ${p99} ms`);
    }
    this.#out.line(parts.join("; "));
  }
}

/** Milliseconds to the microsecond while they are few. */
export function formatMs(ms: number): string {
  return ms.toFixed(ms < 100 ? 3 : 0);
}
