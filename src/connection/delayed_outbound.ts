/**
 * An outbound queue that lets what it holds wait for more.
 *
 * @module
 */
import type { Link } from "../link/link.ts";
import type { Clock, Timer } from "./clock.ts";
import { Outbound } from "./outbound.ts";
import type { DelayedWrites, WriteMode } from "./write_mode.ts";

/** Writes when enough has come together, or when the first of it has waited long enough. */
export class DelayedOutbound extends Outbound {
  readonly #mode: DelayedWrites;
  readonly #clock: Clock;
  readonly #flushConnection: () => void;
  #timer: Timer | undefined;
  #due = false;

  /** @param flushConnection Flushes this queue and lets its connection go on. */
  constructor(link: Link, mode: DelayedWrites, clock: Clock, flushConnection: () => void) {
    super(link);
    this.#mode = mode;
    this.#clock = clock;
    this.#flushConnection = flushConnection;
  }

  override flush(): void {
    const waiting = this.unwrittenBytes;
    if (waiting === 0) return;
    if (this.#due || waiting >= this.#mode.bytes) {
      this.#timer?.cancel();
      this.#timer = undefined;
      super.flush();
      // What stays behind a write under way has waited long enough already.
      this.#due = this.unwrittenBytes > 0;
    } else {
      this.#timer ??= this.#clock.after(this.#mode.delayMs, () => {
        this.#timer = undefined;
        this.#due = true;
        this.#flushConnection();
      });
    }
  }

  override close(): void {
    this.#timer?.cancel();
    super.close();
  }
}

/** What makes the writers of links for a mode. With `"immediate"` the link is told not to put writes off. */
export function delayedOutbound(
  mode: WriteMode,
  clock: Clock,
): (link: Link, flush: () => void) => Outbound {
  if (mode === "batch" || mode === "immediate") {
    return (link) => {
      if (mode === "immediate") link.writeAtOnce?.();
      return new Outbound(link);
    };
  }
  return (link, flush) => new DelayedOutbound(link, mode, clock, flush);
}
