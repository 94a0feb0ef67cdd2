/**
 * The memory that one connection holds, as the budget of all knows it.
 *
 * @module
 */
import type { BudgetMember, MemoryBudget } from "./memory_budget.ts";

/** What one connection has of a {@linkcode MemoryBudget}. */
export class MemoryShare {
  readonly #budget: MemoryBudget;
  /** What the budget knows of the memory it holds. */
  #counted = 0;
  /** Memory that the link reads into, above the least. */
  #readBytes = 0;
  #closed = false;

  /** Nothing yet. */
  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** The connection begins. */
  join(member: BudgetMember): void {
    this.#budget.join(member);
  }

  /** Counts more, or less, memory that the link reads into; false when there is none to be had. */
  readInto(bytes: number): boolean {
    if (bytes > 0 && (this.#closed || !this.#budget.mayReadInto(bytes))) return false;
    this.#readBytes += bytes;
    this.#budget.addReadBuffers(bytes);
    return true;
  }

  /** How much it holds now, in bytes. */
  holds(bytes: number): void {
    if (bytes === this.#counted || this.#closed) return;
    this.#budget.add(bytes - this.#counted);
    this.#counted = bytes;
  }

  /** The connection is closed: all of it is free again. */
  leave(member: BudgetMember): void {
    this.#closed = true;
    this.#budget.leave(member);
    this.#budget.add(-this.#counted);
    this.#budget.addReadBuffers(-this.#readBytes);
    this.#counted = this.#readBytes = 0;
  }
}
