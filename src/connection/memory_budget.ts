/**
 * The memory that all connections of a server may hold together.
 *
 * Each connection tells after a turn by how much that, what it holds, has changed. From three quarters
 * of the budget on, fewer and fewer connections are read from: the newest stop first, and they go on
 * in the other order. What is left of the budget then is for what the older ones still have under way,
 * so that these finish.
 *
 * ```
 *  used       0 ─────────── 3/4 ── … steps … ── all of it
 *  read from  all ────────── all ── fewer ────── none but the oldest one inside a frame
 * ```
 *
 * What links read into counts too, but cannot be had back before the next read: it takes a quarter of
 * the budget at the most, and the parts above are parts of the rest.
 *
 * That one is read from always: connections that all wait for the rest of their frames would otherwise
 * hold their memory for ever. So a budget can be exceeded by one frame.
 *
 * @module
 */

/** A connection that holds memory. */
export interface BudgetMember {
  /** Bytes of an incomplete frame: it needs more input before it can let go of them. */
  readonly partialBytes: number;
  /** Stops reading for want of memory, or goes on. Nothing else is done within this call. */
  starve(starved: boolean): void;
}

/** From this part of the budget on, reading is restricted. */
const FREE_PART = 3 / 4;
/** The most of the budget that the links read into. */
const READ_PART = 1 / 4;
/** In how many steps the rest of the budget is used up: each is a walk over all connections. */
const STEPS = 16;

/** One server's budget. */
export class MemoryBudget {
  #limit: number;
  /** In the order they were accepted. */
  readonly #members = new Set<BudgetMember>();
  readonly #starved = new Set<BudgetMember>();
  /** The one that is read from whatever the others hold. */
  #favoured: BudgetMember | undefined;
  #step = 0;
  #walking = false;
  #held = 0;
  #readBuffers = 0;

  /**
   * A budget of which nothing is used.
   *
   * @param limit The budget in bytes; 0 for no bound.
   */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The budget in bytes; 0 for no bound. It can be changed at any time. */
  get limit(): number {
    return this.#limit;
  }

  set limit(bytes: number) {
    this.#limit = bytes;
    this.#look();
  }

  /** Bytes held. */
  get used(): number {
    return this.#held + this.#readBuffers;
  }

  /** How many connections are not read from for want of memory. */
  get paused(): number {
    return this.#starved.size;
  }

  /** Whether nothing is left. */
  get exhausted(): boolean {
    return this.#limit > 0 && this.used >= this.#limit;
  }

  /** A connection was accepted. */
  join(member: BudgetMember): void {
    this.#members.add(member);
    if (this.#step > 0) this.#walkSoon();
  }

  /** A connection is closed; what it held is told of by {@linkcode add}. */
  leave(member: BudgetMember): void {
    this.#members.delete(member);
    this.#starved.delete(member);
    if (this.#favoured === member) this.#favoured = undefined;
    if (this.#step > 0) this.#walkSoon();
  }

  /** What is held has changed by so many bytes. */
  add(bytes: number): void {
    this.#held += bytes;
    // The first comparison is all there is to it as long as there is plenty.
    if (this.#step > 0 || this.#held > this.#limit * (FREE_PART - READ_PART)) this.#look();
  }

  /** Whether links may read into so many bytes more. */
  mayReadInto(bytes: number): boolean {
    return this.#limit === 0 || this.#readBuffers + bytes <= this.#limit * READ_PART;
  }

  /** What links read into has grown by so many bytes. */
  addReadBuffers(bytes: number): void {
    this.#readBuffers += bytes;
    if (this.#step > 0) this.#look();
  }

  /** Finds the step that the memory in use means; going back needs half a step more than going on. */
  #look(): void {
    const rest = Math.max(this.#limit * (1 - READ_PART), this.#limit - this.#readBuffers);
    const free = rest * FREE_PART;
    const exact = this.#limit === 0 || this.#held <= free
      ? 0
      : Math.min(STEPS, (this.#held - free) / (rest - free) * STEPS);
    const up = Math.ceil(exact);
    const down = exact === 0 ? 0 : Math.ceil(Math.min(STEPS, exact + 0.5));
    if (up > this.#step) {
      this.#step = up;
      this.#walk();
    } else if (down < this.#step) {
      this.#step = down;
      this.#walk();
    } else if (
      this.#favoured === undefined ? this.#step === STEPS : this.#favoured.partialBytes === 0
    ) {
      this.#walkSoon(); // it has its frame: the next one's turn
    }
  }

  #walkSoon(): void {
    if (this.#walking) return;
    this.#walking = true;
    queueMicrotask(() => {
      this.#walking = false;
      this.#walk();
    });
  }

  /** Says to every connection whether it is read from. */
  #walk(): void {
    let allowed = Math.ceil(this.#members.size * (1 - this.#step / STEPS));
    this.#favoured = undefined;
    for (const member of this.#members) {
      let reads = allowed-- > 0;
      if (this.#step > 0 && this.#favoured === undefined && member.partialBytes > 0) {
        this.#favoured = member;
        reads = true;
      }
      if (reads) {
        if (this.#starved.delete(member)) member.starve(false);
      } else if (!this.#starved.has(member)) {
        this.#starved.add(member);
        member.starve(true);
      }
    }
  }
}
