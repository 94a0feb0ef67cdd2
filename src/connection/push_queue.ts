/**
 * Pushes that wait in front of a connection's outbound queue.
 *
 * A push is encoded when the outbound queue has room, not before: until then it can still be dropped
 * or replaced, and all connections share its bytes. Pushes fill the outbound queue only up to its
 * low-water mark. The rest, to the high-water mark, is left to replies, so that a peer that is slow
 * in taking pushes is still read from and answered. Where pushes are acknowledged, only so many are sent
 * before the first of them is.
 *
 * ```
 *  offer ──┬── room, and nothing waits ──▶ outbound            "sent"
 *          ├── fits the queue ───────────▶ waits ──▶ outbound   "queued"
 *          └── full: the policy decides    "queued" (others make room) or "dropped"
 * ```
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import type { Clock, Timer } from "./clock.ts";
import type { CloseReason } from "./connection.ts";
import type { MemoryBudget } from "./memory_budget.ts";
import type { Outbound } from "./outbound.ts";
import type { PushBytes } from "./push_bytes.ts";
import { type Listed, Roster } from "./roster.ts";
import { policyName, type SlowConsumer } from "./slow_consumer.ts";

/**
 * What became of a push: `"sent"` is on its way, `"queued"` waits until the peer has taken what was
 * sent before, `"dropped"` will not be sent.
 */
export type PushOutcome = "sent" | "queued" | "dropped";

/** Pushes dropped for one peer, from the first one until the peer has caught up. */
export interface DropEpisode {
  /** The policy that dropped the first one: `"pause"`, `"dropOldest"`, `"conflate"` … */
  readonly policy: string;
  /** Pushes dropped so far. */
  readonly pushes: number;
  /** Their payloads together, in bytes. */
  readonly bytes: number;
  /** Whether it is over: the peer has caught up, or the connection is closed. */
  readonly over: boolean;
}

/** How far pushes may run ahead of their acknowledgements, in a protocol that has some. */
export interface PushWindow {
  /** Whether one more may be sent. */
  readonly open: boolean;
}

/** Bounds of a queue; they may change while it is used. */
export interface PushLimits {
  /** How much may wait, in bytes. A larger push is still taken when none waits. */
  readonly pushQueueBytes: number;
  /** Up to how much in the outbound queue pushes are added to it, in bytes. */
  readonly writeLowWaterBytes: number;
  /** How many pushes may be sent and not acknowledged, where they are acknowledged; 0 for any number. */
  readonly maxUnackedPushes: number;
  /** What is done when the queue is full. */
  readonly slowConsumer: SlowConsumer;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Where dropped pushes are counted, for all queues together. */
  readonly counters: { drops: number };
  /** What waiting pushes are counted against; once it is exhausted, a queue has room for one push. */
  readonly memory?: MemoryBudget;
}

/** What a queue needs of its connection. */
export interface PushConnection {
  /** Where pushes go. */
  readonly outbound: Outbound;
  /** Sends what is in the outbound queue, at the end of the turn. */
  flushSoon(): void;
  /** Cuts the connection. */
  abort(reason: CloseReason): void;
}

/** What a waiting push takes besides its payload, about, in bytes: so that empty ones count too. */
const ENTRY_BYTES = 64;

interface Waiting extends Listed {
  push: PushBytes;
  readonly key: string | undefined;
}

/** Pushes of one connection. */
export class PushQueue {
  readonly #connection: PushConnection;
  readonly #limits: PushLimits;
  readonly #encode: (push: PushBytes) => void;
  readonly #onDrop: (episode: DropEpisode) => void;
  readonly #window: PushWindow | undefined;
  /** In their order. */
  #waiting = new Roster<Waiting>();
  /** Those with a key. */
  #keyed: Map<string, Waiting> | undefined;
  #bytes = 0;
  #episode: { policy: string; pushes: number; bytes: number } | undefined;
  #deadline: Timer | undefined;
  #drained:
    | { readonly promise: Promise<void>; resolve(): void; reject(e: Error): void }
    | undefined;
  #closed = false;
  /** Whether pushes wait whose policy is to pause. */
  #pauses = false;
  /** Pushes dropped so far. */
  dropped = 0;

  /**
   * An empty queue.
   *
   * @param encode Appends a push to the outbound queue, as a frame of the protocol.
   * @param onDrop Told when pushes begin to be dropped, and when that is over.
   * @param window Holds pushes back until earlier ones are acknowledged.
   */
  constructor(
    connection: PushConnection,
    limits: PushLimits,
    encode: (push: PushBytes) => void,
    onDrop: (episode: DropEpisode) => void,
    window?: PushWindow,
  ) {
    this.#connection = connection;
    this.#limits = limits;
    this.#encode = encode;
    this.#onDrop = onDrop;
    this.#window = window;
  }

  /**
   * Whether the peer should not be read from: pushes wait whose policy is to pause. Those that wait for
   * acknowledgements do not count, as these have to be read.
   */
  get pausesReading(): boolean {
    return this.#pauses && this.#window?.open !== false;
  }

  /** What waits, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many pushes wait. */
  get length(): number {
    return this.#waiting.size;
  }

  /**
   * Sends a push, lets it wait, or drops it.
   *
   * @param policy What is done when there is no room; by default the server's.
   */
  offer(push: PushBytes, policy: SlowConsumer = this.#limits.slowConsumer): PushOutcome {
    if (this.#closed) return "dropped";
    if (this.#waiting.size === 0 && this.#mayEncode) {
      this.#encode(push);
      this.#connection.flushSoon();
      return "sent";
    }
    const key = keyOf(policy, push);
    if (key !== undefined && this.#replace(key, push)) return "queued";
    const size = push.bytes.length + ENTRY_BYTES;
    if (!this.#fits(size)) {
      if (policy === "dropOldest" || key !== undefined) {
        for (const oldest of this.#waiting) {
          this.#remove(oldest);
          this.#drop(oldest.push, policyName(policy));
          if (this.#fits(size)) break;
        }
      } else {
        this.#drop(push, policyName(policy));
        if (typeof policy === "object" && policy.policy === "disconnect") {
          this.#disconnectAfter(policy.afterMs);
        }
        return "dropped";
      }
    }
    push.own();
    const waiting = { push, key, place: 0 };
    this.#waiting.add(waiting);
    if (key !== undefined) (this.#keyed ??= new Map()).set(key, waiting);
    this.#bytes += size;
    this.#hold(push);
    if (policy === "pause") this.#pauses = true;
    this.#connection.flushSoon(); // reading may have to pause
    return "queued";
  }

  /**
   * Resolves when no push waits, the outbound queue is down to its low-water mark, and the window takes
   * another push; at once, if that is so now. Rejects with CONNECTION_CLOSED once the connection is closed.
   */
  drained(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#isDrained) return Promise.resolve();
    if (this.#drained === undefined) {
      let resolve!: () => void;
      let reject!: (error: Error) => void;
      const promise = new Promise<void>((res, rej) => {
        resolve = res;
        reject = rej;
      });
      this.#drained = { promise, resolve, reject };
    }
    return this.#drained.promise;
  }

  /**
   * The outbound queue may have room again: fills it.
   *
   * @returns Whether anything was added to it.
   */
  refill(): boolean {
    let added = false;
    for (const waiting of this.#waiting) {
      if (!this.#mayEncode) return added;
      this.#remove(waiting);
      this.#encode(waiting.push);
      added = true;
    }
    this.#pauses = false;
    if (this.#episode !== undefined) this.#endEpisode();
    if (this.#drained !== undefined && this.#isDrained) {
      this.#drained.resolve();
      this.#drained = undefined;
    }
    return added;
  }

  /** The connection is closed: what waits is lost. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pauses = false;
    for (const { push } of this.#waiting) this.#letGo(push);
    this.#waiting = new Roster();
    this.#keyed = undefined;
    this.#bytes = 0;
    if (this.#episode !== undefined) this.#endEpisode();
    this.#drained?.reject(closedError());
    this.#drained = undefined;
  }

  get #mayEncode(): boolean {
    return this.#connection.outbound.queuedBytes < this.#limits.writeLowWaterBytes &&
      this.#window?.open !== false;
  }

  get #isDrained(): boolean {
    return this.#waiting.size === 0 &&
      this.#connection.outbound.queuedBytes <= this.#limits.writeLowWaterBytes &&
      this.#window?.open !== false;
  }

  #fits(size: number): boolean {
    const { pushQueueBytes, memory } = this.#limits;
    return this.#waiting.size === 0 ||
      (this.#bytes + size <= pushQueueBytes && memory?.exhausted !== true);
  }

  /** Puts a push in the place of the waiting one with its key; false when there is none. */
  #replace(key: string, push: PushBytes): boolean {
    const waiting = this.#keyed?.get(key);
    if (waiting === undefined) return false;
    const old = waiting.push;
    const more = push.bytes.length - old.bytes.length;
    const fits = more <= 0 || this.#bytes + more <= this.#limits.pushQueueBytes;
    if (fits) {
      push.own();
      this.#bytes += more;
      waiting.push = push;
      this.#hold(push);
      this.#letGo(old);
    } else {
      this.#remove(waiting); // the new one looks for room like any other
    }
    this.#drop(old, "conflate");
    return fits;
  }

  #remove(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    if (waiting.key !== undefined) this.#keyed!.delete(waiting.key);
    this.#bytes -= waiting.push.bytes.length + ENTRY_BYTES;
    this.#letGo(waiting.push);
  }

  /** Counts a push that begins to wait: its bytes, unless it waits elsewhere too. */
  #hold(push: PushBytes): void {
    this.#limits.memory?.add(ENTRY_BYTES + (push.waits++ === 0 ? push.bytes.length : 0));
  }

  #letGo(push: PushBytes): void {
    this.#limits.memory?.add(-ENTRY_BYTES - (--push.waits === 0 ? push.bytes.length : 0));
  }

  #drop(push: PushBytes, policy: string): void {
    this.dropped++;
    this.#limits.counters.drops++;
    const begins = this.#episode === undefined;
    const episode = this.#episode ??= { policy, pushes: 0, bytes: 0 };
    episode.pushes++;
    episode.bytes += push.bytes.length;
    if (begins) this.#onDrop({ ...episode, over: false });
  }

  #endEpisode(): void {
    const episode = this.#episode!;
    this.#episode = undefined;
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.#onDrop({ ...episode, over: true });
  }

  /** From the first push on that had no room, the peer has so long to catch up. */
  #disconnectAfter(ms: number): void {
    if (ms === 0) this.#cut(ms);
    else this.#deadline ??= this.#limits.clock.after(ms, () => this.#cut(ms));
  }

  #cut(ms: number): void {
    const bytes = `${this.#bytes} bytes of pushes wait for it`;
    const error = new FramewireError(
      "SLOW_CONSUMER",
      `the peer was too slow: ${bytes}, and it has not caught up within ${ms} ms`,
    );
    this.#connection.abort({ code: error.code, message: error.message, error });
  }
}

function keyOf(policy: SlowConsumer, push: PushBytes): string | undefined {
  if (typeof policy === "string" || policy.policy !== "conflate") return undefined;
  return typeof policy.key === "string" ? policy.key : policy.key(push.bytes);
}

function closedError(): FramewireError {
  return new FramewireError("CONNECTION_CLOSED", "the connection is closed");
}
