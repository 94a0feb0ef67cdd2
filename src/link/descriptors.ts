/**
 * Descriptors that run out without a word.
 *
 * When there is none for a connection, Node (libuv) accepts it on one that it holds back for that, closes
 * it, and tells nobody. So what is watched is the last ones being given out: the system gives out the
 * lowest that is free.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { FramewireError } from "../errors.ts";

/** The last ones: when one of these is given out, there are hardly any left. */
const LAST = 2;
/** When one below this part of all is given out again, the shortage is over. */
const ENOUGH_PART = 7 / 8;

/** How many descriptors this process may have; Infinity where the system does not say (it is Linux that does). */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))!;
    return Number(soft);
  } catch {
    return Infinity;
  }
}

/** Watches the descriptors of accepted connections. */
export class DescriptorWatch {
  readonly #limit: number;
  readonly #short: (error: FramewireError) => void;
  #told = false;

  /** @param short Told when there are none left; once, until there were enough again. */
  constructor(short: (error: FramewireError) => void, limit: number = descriptorLimit()) {
    this.#limit = limit;
    this.#short = short;
  }

  /** A connection was accepted on this descriptor. */
  took(descriptor: number): void {
    if (descriptor < this.#limit - LAST) {
      if (this.#told && descriptor < this.#limit * ENOUGH_PART) this.#told = false;
      return;
    }
    if (this.#told) return;
    this.#told = true;
    this.#short(
      new FramewireError(
        "ACCEPT_FAILED",
        `connections cannot be accepted: this process has used up its ${this.#limit} descriptors ` +
          "(ulimit -n), and Node closes those that come now; raise the limit, or lower maxConnections",
      ),
    );
  }
}
