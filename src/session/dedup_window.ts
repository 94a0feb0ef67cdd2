/**
 * What a server remembers of the requests of one session, so that none runs twice.
 *
 * @module
 */

/** The last id of a sequence; 00000001 follows it (docs/PROTOCOL.md, "Frame"). */
export const LAST_ID = 99_999_999;

const ABSENT = 0;
const PENDING = 1;
/** It was answered, but how is not known any more. */
const GIVEN_UP = 2;
/** What is done has this and its result. */
const DONE = 16;

const NONE = new Uint8Array(0);

/** What is known of a request. */
export type Known = "new" | "pending" | "done" | "forgotten";

/** How a request was answered. */
export interface Answered {
  /** Its number in the sequence. */
  readonly seq: number;
  /** The result byte: 0 to 239. */
  readonly result: number;
  /** What stands behind the result in its reply, if anything does. It must not change any more. */
  readonly payload: Uint8Array | undefined;
}

/**
 * The last requests of a session: which came, which are under way, and how the others were answered.
 *
 * Requests are numbered on: the sequence number of an id is the nearest one to the newest request
 * that has this id, so that the wrap from 99999999 to 00000001 needs no care elsewhere.
 */
export class DedupWindow {
  readonly #size: number;
  readonly #maxPayloadBytes: number;
  /** A byte for each request; from the first one on: a session may never have any. */
  #states: Uint8Array = NONE;
  readonly #payloads = new Map<number, Uint8Array>();
  #payloadBytes = 0;
  #newest: number;
  #newestAnswered = 0;

  /**
   * @param size How many of the last requests are remembered.
   * @param maxPayloadBytes How much memory the payloads of their responses may take; the oldest ones
   * are forgotten over that.
   * @param newest The number of the newest request that is known to have come; 0 for none.
   */
  constructor(size: number, maxPayloadBytes: number, newest = 0) {
    this.#size = size;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#newest = newest;
  }

  /** The number of the newest request that has come; 0 when none has. */
  get newest(): number {
    return this.#newest;
  }

  /** The number of the newest request that was answered; 0 when none was. */
  get newestAnswered(): number {
    return this.#newestAnswered;
  }

  /** Bytes of responses that are kept. */
  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** Bytes that it takes: responses, and what is known of each request. */
  get bytes(): number {
    return this.#payloadBytes + this.#states.length;
  }

  /** The sequence number of an id, 1 to 99,999,999. */
  numberOf(id: number): number {
    if (id === this.#newest + 1) return id; // nearly always
    const behind = ((this.#newest - id) % LAST_ID + LAST_ID) % LAST_ID;
    const seq = this.#newest - behind;
    // Half the sequence behind is as well half of it ahead: the nearer one is meant.
    return behind > LAST_ID / 2 || seq < 1 ? seq + LAST_ID : seq;
  }

  /** What is known of a request. */
  look(seq: number): Known {
    if (seq > this.#newest) return "new";
    if (seq <= this.#newest - this.#size) return "forgotten";
    const state = this.#states[seq % this.#size]!;
    if (state >= DONE) return "done";
    if (state === PENDING) return "pending";
    return state === GIVEN_UP ? "forgotten" : "new"; // one left out when later ones came
  }

  /** A request that is new has come and is handled from now on. */
  begin(seq: number): void {
    if (this.#states === NONE) this.#states = new Uint8Array(this.#size);
    for (let next = Math.max(this.#newest + 1, seq - this.#size + 1); next <= seq; next++) {
      if (this.#payloadBytes > 0) this.#drop(next - this.#size);
      this.#states[next % this.#size] = ABSENT;
    }
    if (seq > this.#newest) this.#newest = seq;
    this.#states[seq % this.#size] = PENDING;
  }

  /**
   * A request that had begun is answered. Nothing happens if it has left the window by now.
   *
   * @param keeps Whether what stands behind the result may be kept; if not, it is given up at once.
   */
  finish({ seq, result, payload }: Answered, keeps = true): void {
    if (seq > this.#newest || seq <= this.#newest - this.#size) return;
    this.#states[seq % this.#size] = DONE + result;
    if (seq > this.#newestAnswered) this.#newestAnswered = seq;
    if (payload === undefined || payload.length === 0) return;
    if (!keeps) {
      this.#states[seq % this.#size] = GIVEN_UP;
      return;
    }
    this.#payloads.set(seq, payload);
    this.#payloadBytes += payload.length;
    for (const oldest of this.#payloads.keys()) {
      if (this.#payloadBytes <= this.#maxPayloadBytes) break;
      this.#drop(oldest);
      this.#states[oldest % this.#size] = GIVEN_UP;
    }
  }

  /** A request that had begun will never be answered: it may come again. */
  drop(seq: number): void {
    if (this.look(seq) === "pending") this.#states[seq % this.#size] = ABSENT;
  }

  /** What was answered to a request that is done. */
  answer(seq: number): Answered {
    return {
      seq,
      result: this.#states[seq % this.#size]! - DONE,
      payload: this.#payloads.get(seq),
    };
  }

  /** Takes over an answer that a store has kept; in the order of their numbers. */
  restore(answer: Answered): void {
    this.begin(answer.seq);
    this.finish(answer);
  }

  /** Gives up the payload of an answer. */
  #drop(seq: number): void {
    const payload = this.#payloads.get(seq);
    if (payload === undefined) return;
    this.#payloads.delete(seq);
    this.#payloadBytes -= payload.length;
  }
}
