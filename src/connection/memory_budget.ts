/**
 * The memory that all connections of a server may hold together.
 *
 * Each connection tells after a turn by how much that, what it holds, has changed. From three quarters
 * of the budget on, fewer and fewer of those that hold much are read from: the newest stop first, and they
 * go on in the other order. What is left of the budget then is for what the older ones still have under
 * way, so that these finish.
 *
 * ```
 *  used       0 ─────────── 3/4 ── … steps … ── 15/16 ──────────── all of it
 *  read from  all ────────── all ── fewer ────── none of the large but the oldest one inside a frame
 *                                                and all of the small
 * ```
 *
 * Small is who holds no more than an equal part of the last sixteenth, or of what is left of it, if that is
 * less. All of them together take hardly more than that, so there is no need to stop any: a peer that comes
 * when others have filled the memory, and whose requests are short, is served as if nothing were wrong. Newest
 * first alone would let those that hold the memory keep out all who come after them.
 *
 * What links read into counts too, but cannot be had back before the next read: it takes a quarter of
 * the budget at the most, and the parts above are parts of the rest.
 *
 * The oldest one inside a frame is read from even then: connections that all wait for the rest of their
 * frames would otherwise hold their memory for ever. But not while others will let go of some by themselves,
 * as handlers end: frame by frame, they would be given more than there is. So the length of a frame, and as
 * much again for what grows at the same time, is left out of the parts above, as far as that is no more than
 * an eighth of the budget: one that is less than sixteen times the longest frame can be exceeded by one.
 *
 * @module
 */
import { type Clock, systemClock } from "./clock.ts";
import { DeadlineQueue } from "./deadline_queue.ts";
import { type Holder, MemoryShare } from "./memory_share.ts";
import { Roster } from "./roster.ts";

/** A connection that holds memory. */
export interface BudgetMember {
  /** What it holds, in bytes, and what its next read may bring over the least. */
  readonly heldBytes: number;
  /** Bytes of an incomplete frame: it needs more input before it can let go of them. */
  readonly partialBytes: number;
  /** Whether it will let go of memory without more input: requests are under way, or bytes wait to leave. */
  readonly owes: boolean;
  /** Where it stands among the members. Kept here for the budget. */
  place: number;
  /** Whether it is not read from for want of memory. Kept here for the budget. */
  starved: boolean;
  /** The last walk that has let it read although it was large; 0 for none. Kept here for the budget. */
  allowedBy: number;
  /** Stops reading for want of memory, or goes on. Nothing else is done within this call. */
  starve(starved: boolean): void;
}

/** From this part of the budget on, reading is restricted. */
const FREE_PART = 3 / 4;
/** This part is for those that hold little. */
const SMALL_PART = 1 / 16;
/**
 * As much as this is little even when hardly anything is left of that part: who came when there were fewer
 * has taken more of it. In bytes.
 */
const LEAST_SMALL_BYTES = 2048;
/** The most of the budget that the links read into. */
const READ_PART = 1 / 4;
/** The most of the budget that is left for the one frame that is read on whatever is held. */
const FRAME_PART = 1 / 8;
/** While no more than this part is held, nothing is restricted, whatever else there is. */
const PLENTY_PART = FREE_PART * (1 - SMALL_PART - READ_PART - FRAME_PART);
/** In how many steps the rest of the budget is used up: each is a walk over all connections. */
const STEPS = 16;

const UNTIMED = { handlerTimeoutMs: 0 };

/** One server's budget. */
export class MemoryBudget {
  #limit: number;
  readonly #sizes: { readonly maxFrameBytes: number };
  /** What closed connections go on to hold, for handlers that have not ended. */
  readonly #outliving: DeadlineQueue<MemoryShare>;
  /** In the order they were accepted. */
  readonly #members = new Roster<BudgetMember>();
  #starved = 0;
  /** How many walks there have been. */
  #walks = 0;
  /** The one that is read from whatever the others hold. */
  #favoured: BudgetMember | undefined;
  /** Whether there is none because others will let go of memory. */
  #waits = false;
  #step = 0;
  #walking = false;
  #held = 0;
  #readBuffers = 0;

  /**
   * A budget of which nothing is used.
   *
   * @param limit The budget in bytes; 0 for no bound.
   * @param sizes How long a frame may be; it may change.
   * @param limits How long handlers may take, in milliseconds: for so long what is held for them counts after
   * their connection is closed; 0 for as long as they take. It may change.
   */
  constructor(
    limit: number,
    sizes: { readonly maxFrameBytes: number },
    limits: { readonly handlerTimeoutMs: number; readonly clock?: Clock } = UNTIMED,
  ) {
    this.#limit = limit;
    this.#sizes = sizes;
    const { clock = systemClock } = limits;
    this.#outliving = new DeadlineQueue(
      clock,
      () => limits.handlerTimeoutMs,
      (share) => share.forget(),
    );
  }

  /** The budget in bytes; 0 for no bound. */
  get limit(): number {
    return this.#limit;
  }

  /** It is another one now, or the limits are. */
  changed(limit: number): void {
    this.#limit = limit;
    this.#look();
    this.#outliving.changed();
  }

  /** The server has ended: nothing is waited for. */
  close(): void {
    this.#outliving.close();
  }

  /** What one connection has of it, from its beginning on. */
  share(holder: Holder): MemoryShare {
    return new MemoryShare(this, holder, this.#outliving);
  }

  /** Bytes held. */
  get used(): number {
    return this.#held + this.#readBuffers;
  }

  /** How many connections are not read from for want of memory. */
  get paused(): number {
    return this.#starved;
  }

  /** Whether nothing is left. */
  get exhausted(): boolean {
    return this.#limit > 0 && this.used >= this.#limit;
  }

  /** A connection was accepted, which holds nothing yet. */
  join(member: BudgetMember): void {
    this.#members.add(member);
  }

  /** A connection is closed; what it held is told of by {@linkcode add}. */
  leave(member: BudgetMember): void {
    this.#members.delete(member);
    if (member.starved) this.#starved--;
    member.starved = false;
    if (this.#favoured === member) this.#favoured = undefined;
    if (this.#step > 0) this.#walkSoon();
  }

  /** What is held has changed by so many bytes; a member's `heldBytes` is what it holds now. */
  add(bytes: number, member?: BudgetMember): void {
    this.#held += bytes;
    // The first comparison is all there is to it as long as there is plenty.
    if (this.#step === 0 && this.#held <= this.#limit * PLENTY_PART) return;
    this.#look();
    if (bytes < 0 && this.#waits) this.#walkSoon(); // that may have been the last of them
    if (this.#step > 0 && member !== undefined) this.#judge(member);
  }

  /** Who becomes large while memory is short stops at once, who becomes small goes on. */
  #judge(member: BudgetMember): void {
    if (member.heldBytes > this.#smallBytes) {
      if (member.allowedBy !== this.#walks && member !== this.#favoured) this.#starve(member, true);
      return;
    }
    member.allowedBy = 0;
    this.#starve(member, false);
  }

  #starve(member: BudgetMember, starved: boolean): void {
    if (member.starved === starved) return;
    member.starved = starved;
    this.#starved += starved ? 1 : -1;
    member.starve(starved);
  }

  /** How much a small one holds at the most. */
  get #smallBytes(): number {
    const count = this.#members.size;
    const left = Math.max(this.#limit - this.used, LEAST_SMALL_BYTES * count);
    return Math.min(this.#limit * SMALL_PART, left) / count;
  }

  /** Whether a member's link may read into so many bytes more: not while that is what makes it large. */
  mayReadInto(bytes: number, { heldBytes }: BudgetMember): boolean {
    if (this.#limit === 0) return true;
    if (this.#readBuffers + bytes > this.#limit * READ_PART) return false;
    return this.#step === 0 || heldBytes + bytes <= this.#smallBytes;
  }

  /** What links read into has grown by so many bytes. */
  addReadBuffers(bytes: number): void {
    this.#readBuffers += bytes;
    if (this.#step > 0) this.#look();
  }

  /** Finds the step that the memory in use means; going back needs half a step more than going on. */
  #look(): void {
    const frames = Math.min(this.#limit * FRAME_PART, 2 * this.#sizes.maxFrameBytes);
    const all = this.#limit * (1 - SMALL_PART) - frames;
    const rest = Math.max(all - this.#limit * READ_PART, all - this.#readBuffers);
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
      this.#favoured === undefined
        ? this.#step === STEPS && !this.#waits
        : this.#favoured.partialBytes === 0
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
    const small = this.#smallBytes;
    const full = this.#step === STEPS;
    let large = 0;
    this.#waits = full && this.#outliving.size > 0;
    for (const member of this.#members) {
      if (member.heldBytes <= small) continue;
      large++;
      this.#waits ||= full && member.owes;
    }
    let allowed = Math.ceil(large * (1 - this.#step / STEPS));
    this.#favoured = undefined;
    this.#walks++;
    for (const member of this.#members) {
      const isSmall = member.heldBytes <= small;
      let reads = isSmall || allowed-- > 0;
      if (reads && !isSmall && this.#step > 0) member.allowedBy = this.#walks;
      const favours = this.#step > 0 && this.#favoured === undefined && !this.#waits;
      if (favours && !isSmall && member.partialBytes > 0) {
        this.#favoured = member;
        reads = true;
      }
      this.#starve(member, !reads);
    }
  }
}
