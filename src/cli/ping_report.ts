/**
 * What `framewire ping` prints: each round trip, a summary, and on a terminal how they spread.
 *
 * @module
 */
import type { Output } from "./output.ts";
import { formatMs } from "./send_report.ts";
import { formatCount } from "./size.ts";

const ROWS = 8;
const BAR = 40;
/** As many times are kept; of more, the newest. */
const MOST_KEPT = 100_000;

/** Round trips counted and timed. */
export class PingReport {
  readonly #out: Output;
  readonly #quiet: boolean;
  readonly #times: number[] = [];
  #sent = 0;
  #answered = 0;

  /** @param quiet Prints the summary alone. */
  constructor(out: Output, quiet: boolean) {
    this.#out = out;
    this.#quiet = quiet;
  }

  /** Round trips whose answer did not come. */
  get lost(): number {
    return this.#sent - this.#answered;
  }

  /** An answer came after `ms` milliseconds. */
  answered(ms: number): void {
    this.#times[this.#answered++ % MOST_KEPT] = ms;
    this.#line(`${++this.#sent} ${formatMs(ms)} ms`);
  }

  /** No answer came. */
  unanswered(why: string): void {
    this.#line(`${++this.#sent} lost: ${why}`);
  }

  /** Prints the summary. */
  summary(): void {
    const counts = `${formatCount(this.#sent)} sent, ${formatCount(this.lost)} lost`;
    const times = this.#times.sort((a, b) => a - b);
    if (times.length === 0) return this.#out.line(counts);
    const [min, median, p99, max] = [0, 0.5, 0.99, 1].map((share) => formatMs(rank(times, share)));
    this.#out.line(`${counts}; min ${min} ms, median ${median} ms, p99 ${p99} ms, max ${max} ms`);
    if (this.#out.terminal) { for (const line of histogram(times)) this.#out.line(line); }
  }

  #line(text: string): void {
    if (!this.#quiet) this.#out.line(text);
  }
}

/** The time that a share of all do not exceed: the nearest rank. */
function rank(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/**
 * How times spread: a line for each step, from the least to the most, in equal ratios, so that an
 * outlier does not press all others into one line.
 *
 * @param sorted Milliseconds in ascending order.
 */
export function histogram(sorted: readonly number[]): string[] {
  const [least, most] = [Math.max(sorted[0]!, 1e-3), Math.max(sorted.at(-1)!, 1e-3)];
  const step = Math.log(most / least) / ROWS;
  const rows = step > 0 ? ROWS : 1;
  const counts = new Array<number>(rows).fill(0);
  for (const ms of sorted) {
    const row = step > 0 ? Math.floor(Math.log(Math.max(ms, 1e-3) / least) / step) : 0;
    counts[Math.min(row, rows - 1)]!++;
  }
  const tallest = Math.max(...counts);
  const edges = counts.map((_, row) => formatMs(least * Math.exp(step * (row + 1))));
  const width = Math.max(...edges.map(({ length }) => length));
  const digits = String(tallest).length;
  return counts.map((count, row) => {
    const bar = "█".repeat(Math.ceil(count / tallest * BAR));
    return `  to ${edges[row]!.padStart(width)} ms  ${String(count).padStart(digits)} ${bar}`
      .trimEnd();
  });
}
