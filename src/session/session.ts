/**
 * One session of a server: what it remembers, whichever connection carries it.
 *
 * @module
 */
import { type Answered, DedupWindow, type Known } from "./dedup_window.ts";
import { type LoggedPush, PushLog } from "./push_log.ts";
import type { SessionChanges, StoredSession } from "./store.ts";

/** Bounds of one session. */
export interface SessionLimits {
  /** How many requests are remembered. */
  readonly window: number;
  /** How much memory their responses may take, in bytes. */
  readonly maxResponseBytes: number;
  /** How much memory pushes without acknowledgement may take, in bytes. */
  readonly maxPushBytes: number;
}

/** What carries a session at the moment. */
export interface SessionCarrier {
  /** Another connection has taken the session over: this one ends. */
  takenOver(): void;
  /**
   * Sends answers and pushes, which are committed by now. Answers may be of requests that came on an
   * earlier connection.
   */
  send(answers: readonly Answered[], pushes: readonly LoggedPush[]): void;
}

/** A session. */
export class Session {
  /** Its name. */
  readonly id: string;
  /** SHA-256 of its secret. */
  readonly secretHash: Uint8Array;
  /** The name of the principal it belongs to; empty without authentication. */
  readonly owner: string;
  /** When it was last used, in milliseconds since 1970. */
  usedAt: number;
  readonly #requests: DedupWindow;
  readonly #pushes: PushLog;
  readonly #window: number;
  readonly #changed: (session: Session) => void;
  #carrier: SessionCarrier | undefined;
  #answers: Answered[] = [];
  #made: LoggedPush[] = [];
  #pushesDone = 0;
  /** The same as far as it is news to the store. */
  #pushesGone = 0;
  #isDirty = false;

  /**
   * @param stored What is known of it.
   * @param limits Its bounds.
   * @param changed Told once when there is something to commit.
   */
  constructor(stored: StoredSession, limits: SessionLimits, changed: (session: Session) => void) {
    this.id = stored.id;
    this.secretHash = stored.secretHash;
    this.owner = stored.owner;
    this.usedAt = stored.usedAt;
    this.#changed = changed;
    this.#window = limits.window;
    this.#requests = new DedupWindow(limits.window, limits.maxResponseBytes);
    for (const answer of stored.answers) this.#requests.restore(answer);
    this.#pushes = new PushLog(limits.maxPushBytes, stored.lastPush);
    for (const push of stored.pushes) this.#pushes.restore(push);
  }

  /** Whether a connection carries it. */
  get isCarried(): boolean {
    return this.#carrier !== undefined;
  }

  /** The number of the newest request that has come. */
  get lastRequest(): number {
    return this.#requests.newest;
  }

  /** The number of the last push. */
  get lastPush(): number {
    return this.#pushes.last;
  }

  /** Bytes that it keeps. */
  get bytes(): number {
    return this.#requests.payloadBytes + this.#pushes.bytes;
  }

  /**
   * A connection carries it from now on; the one before is told to end.
   *
   * @param lastPush The last push that the client has, by what it says.
   * @returns The committed pushes to send again, in their order; undefined when the client claims
   * more than there is.
   */
  attach(
    carrier: SessionCarrier,
    lastPush: number,
    now: number,
  ): readonly LoggedPush[] | undefined {
    if (!this.acknowledge(lastPush)) return undefined;
    const before = this.#carrier;
    this.#carrier = carrier;
    this.#used(now);
    before?.takenOver();
    const uncommitted = this.#made[0]?.seq ?? Infinity;
    return this.#pushes.after(lastPush).filter(({ seq }) => seq < uncommitted);
  }

  /** A connection has ended. What it was owed goes to the next one. */
  detach(carrier: SessionCarrier, now: number): void {
    if (this.#carrier !== carrier) return;
    this.#carrier = undefined;
    this.#used(now);
  }

  /** The sequence number of a request's id. */
  numberOf(id: number): number {
    return this.#requests.numberOf(id);
  }

  /** What is known of a request. */
  look(seq: number): Known {
    return this.#requests.look(seq);
  }

  /** A request that is new is handled from now on. */
  begin(seq: number): void {
    this.#requests.begin(seq);
  }

  /** What a request that is done was answered. */
  answer(seq: number): Answered {
    return this.#requests.answer(seq);
  }

  /**
   * A request is answered. The answer leaves when it is committed, by what carries the session then.
   */
  finish(answer: Answered): void {
    this.#requests.finish(answer);
    this.#answers.push(answer);
    this.#dirty();
  }

  /**
   * Makes a push: kept until the client has it, and sent when it is committed.
   *
   * @returns Its number; 0 when there is no room for it.
   */
  push(payload: Uint8Array): number {
    const push = this.#pushes.append(payload);
    if (push === undefined) return 0;
    this.#made.push(push);
    this.#dirty();
    return push.seq;
  }

  /** The client has all pushes up to `seq`. Returns whether that can be. */
  acknowledge(seq: number): boolean {
    if (seq === 0) return true;
    if (!this.#pushes.acknowledge(seq)) return false;
    if (seq > this.#pushesDone) {
      this.#pushesDone = this.#pushesGone = seq;
      this.#dirty();
    }
    return true;
  }

  /** What is to be committed. */
  get changes(): SessionChanges {
    return {
      id: this.id,
      usedAt: this.usedAt,
      answers: this.#answers,
      pushes: this.#made,
      pushesDone: this.#pushesGone,
      answersDone: Math.max(0, this.#requests.newest - this.#window),
    };
  }

  /** The changes are committed: what was to be sent leaves. */
  committed(): void {
    const answers = this.#answers;
    const pushes = this.#made;
    this.#answers = [];
    this.#made = [];
    this.#pushesGone = 0;
    this.#isDirty = false;
    if (answers.length > 0 || pushes.length > 0) this.#carrier?.send(answers, pushes);
  }

  /** What was not committed is not to leave any more: the connection ends. */
  cut(): void {
    const carrier = this.#carrier;
    this.#carrier = undefined;
    carrier?.takenOver();
  }

  #used(now: number): void {
    this.usedAt = now;
    this.#dirty();
  }

  #dirty(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#changed(this);
  }
}
