/**
 * The memory that one connection holds, as the budget of all knows it.
 *
 * @module
 */
import type { Begun, DeadlineQueue } from "./deadline_queue.ts";
import type { BudgetMember, MemoryBudget } from "./memory_budget.ts";

/** Whose memory it is: what of {@linkcode BudgetMember} is asked of the connection itself. */
export type Holder = Pick<BudgetMember, "partialBytes" | "owes" | "starve">;

/** What one connection has of a {@linkcode MemoryBudget}. */
export class MemoryShare implements BudgetMember {
  readonly #budget: MemoryBudget;
  readonly #holder: Holder;
  readonly #outliving: DeadlineQueue<MemoryShare>;
  /** Since the connection is closed, while it goes on to hold something. */
  #outlives: Begun<MemoryShare> | undefined;
  /** {@inheritDoc BudgetMember.place} */
  place = 0;
  /** {@inheritDoc BudgetMember.starved} */
  starved = false;
  /** {@inheritDoc BudgetMember.allowedBy} */
  allowedBy = 0;
  /** What the budget knows of what it holds, in bytes. */
  #counted = 0;
  /** Memory that the link reads into, above the least. */
  #readBytes = 0;
  #closed = false;
  #forgotten = false;

  /** Nothing yet. */
  constructor(budget: MemoryBudget, holder: Holder, outliving: DeadlineQueue<MemoryShare>) {
    this.#budget = budget;
    this.#holder = holder;
    this.#outliving = outliving;
  }

  /** The connection begins. */
  join(): void {
    this.#budget.join(this);
  }

  /** {@inheritDoc BudgetMember.heldBytes} */
  get heldBytes(): number {
    return this.#counted + this.#readBytes;
  }

  /** {@inheritDoc BudgetMember.partialBytes} */
  get partialBytes(): number {
    return this.#holder.partialBytes;
  }

  /** {@inheritDoc BudgetMember.owes} */
  get owes(): boolean {
    return this.#holder.owes;
  }

  /** {@inheritDoc BudgetMember.starve} */
  starve(starved: boolean): void {
    this.#holder.starve(starved);
  }

  /** Counts more, or less, memory that the link reads into; false when there is none to be had. */
  readInto(bytes: number): boolean {
    if (bytes > 0 && (this.#closed || !this.#budget.mayReadInto(bytes, this))) return false;
    this.#readBytes += bytes;
    this.#budget.addReadBuffers(bytes);
    return true;
  }

  /** How much it holds now, in bytes. */
  holds(bytes: number): void {
    if (this.#forgotten) return;
    if (this.#closed) {
      // What is left is for handlers that have not ended with their connection.
      if (bytes > 0) this.#outlives ??= this.#outliving.begin(this);
      else if (this.#outlives !== undefined) this.#outliving.end(this.#outlives);
    }
    const change = bytes - this.#counted;
    if (change === 0) return;
    this.#counted = bytes;
    this.#budget.add(change, this.#closed ? undefined : this);
  }

  /** Handlers have not ended in time: what they hold counts no more. */
  forget(): void {
    this.#forgotten = true;
    this.#budget.add(-this.#counted);
  }

  /**
   * The connection is closed: it is not asked to hold less any more, and its link reads into nothing. What it
   * goes on to hold, for handlers that have not ended, goes on to count.
   */
  leave(): void {
    this.#closed = true;
    this.#budget.leave(this);
    this.#budget.addReadBuffers(-this.#readBytes);
    this.#readBytes = 0;
  }
}
