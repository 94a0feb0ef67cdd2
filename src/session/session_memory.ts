/**
 * The memory that the sessions of a server keep, as a part of what all of its connections may hold.
 *
 * What sessions keep cannot be had back by not reading: it is there until clients acknowledge it, or for as
 * long as a session is kept. So they may take half of the budget; beyond that no more answers are kept,
 * and no more pushes.
 *
 * @module
 */
import type { MemoryBudget } from "../connection/memory_budget.ts";

/** The part of the budget beyond which sessions keep nothing more. */
const PART = 1 / 2;

/** What sessions keep. */
export class SessionMemory {
  readonly #budget: Pick<MemoryBudget, "limit" | "add">;
  #bytes = 0;

  /** Nothing yet. */
  constructor(budget: Pick<MemoryBudget, "limit" | "add">) {
    this.#budget = budget;
  }

  /** Whether nothing more may be kept. */
  get full(): boolean {
    const { limit } = this.#budget;
    return limit > 0 && this.#bytes >= limit * PART;
  }

  /** So many bytes more, or less, are kept. */
  add(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.add(bytes);
  }
}
