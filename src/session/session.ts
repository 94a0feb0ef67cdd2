/**
 * One session of a server: what it remembers, whichever connection carries it.
 *
 * @module
 */
import { type Answered, DedupWindow, type Known } from "./dedup_window.ts";
import { type LoggedPush, PushLog } from "./push_log.ts";
import type { SessionMemory } from "./session_memory.ts";
import type { SessionChanges, StoredSession } from "./store.ts";

/** Bounds of one session. */
export interface SessionLimits {
  /** How many requests are remembered. */
  readonly window: number;
  /** How much memory what stands behind the results of their replies may take, in bytes. */
  readonly maxResponseBytes: number;
  /** How much memory pushes without acknowledgement may take, in bytes. */
  readonly maxPushBytes: number;
}

/** An answer on its way. */
export interface SessionReply extends Answered {
  /** The connection that its request came on, the last time; undefined once that has ended. */
  to: SessionCarrier | undefined;
  /** Which kind of reply that waits for. */
  command: number;
  /** How long the request's frame was there, in bytes. */
  wireBytes: number;
}

/** What carries a session at the moment. */
export interface SessionCarrier {
  /** The number of the connection: later ones have higher numbers. */
  readonly id: number;
  /** Another connection has taken the session over: this one ends. */
  takenOver(): void;
  /** The session is over: nothing of what it has not sent may leave. */
  over(cause: Error): void;
  /**
   * Sends answers and pushes, which are committed by now. Only answers `to` it are its own: others are of
   * requests that came on an earlier connection, and will come again.
   *
   * @param pushed Whether there are new pushes.
   */
  send(answers: readonly SessionReply[], pushed: boolean): void;
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
  /** Called when it is over, for whatever reason: nobody asks for its answers any more. */
  onEnd: ((cause: Error) => void) | undefined;
  readonly #requests: DedupWindow;
  readonly #pushes: PushLog;
  readonly #window: number;
  readonly #changed: (session: Session) => void;
  /** Where what it keeps is counted, if anywhere. */
  readonly #memory: SessionMemory | undefined;
  #counted = 0;
  #carrier: SessionCarrier | undefined;
  #isOver = false;
  // What is not committed yet.
  #answers: SessionReply[] = [];
  #made: LoggedPush[] = [];
  #acknowledged = 0;
  #isDirty = false;

  /**
   * @param stored What is known of it.
   * @param limits Its bounds.
   * @param changed Told once when there is something to commit.
   */
  constructor(
    stored: StoredSession,
    limits: SessionLimits,
    changed: (session: Session) => void,
    memory?: SessionMemory,
  ) {
    this.#memory = memory;
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
    this.#count();
  }

  /** Whether a connection carries it. */
  get isCarried(): boolean {
    return this.#carrier !== undefined;
  }

  /**
   * Whether a connection that came later than number `id` carries it: then what that one said was long on
   * its way, and the session's client has a newer connection.
   */
  isCarriedSince(id: number): boolean {
    return this.#carrier !== undefined && this.#carrier.id > id;
  }

  /** Whether it is over. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The number of the newest request that has come. */
  get lastRequest(): number {
    return this.#requests.newest;
  }

  /** The number of the last push that may be sent: later ones are not committed. */
  get lastPush(): number {
    return this.#made.length === 0 ? this.#pushes.last : this.#made[0]!.seq - 1;
  }

  /** The number of the last push that the client has acknowledged. */
  get acknowledgedPush(): number {
    return this.#pushes.acknowledged;
  }

  /** How many pushes are kept. */
  get pushesKept(): number {
    return this.#pushes.size;
  }

  /** Bytes that it keeps. */
  get bytes(): number {
    return this.#requests.payloadBytes + this.#pushes.bytes;
  }

  /**
   * A connection carries it from now on; the one before is told to end.
   *
   * @param lastPush The last push that the client has, by what it says: one that `pushOf` has given.
   */
  attach(carrier: SessionCarrier, lastPush: number, now: number): void {
    const before = this.#carrier;
    this.#carrier = carrier;
    this.touch(now);
    before?.takenOver();
    this.acknowledge(lastPush);
  }

  /** A connection has ended. What it was owed goes to the next one. */
  detach(carrier: SessionCarrier, now: number): void {
    if (this.#carrier !== carrier) return;
    this.#carrier = undefined;
    this.touch(now);
  }

  /** It is in use. */
  touch(now: number): void {
    this.usedAt = now;
    this.#dirty();
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

  /** A request that had begun will not be answered. */
  drop(seq: number): void {
    this.#requests.drop(seq);
  }

  /**
   * A request is answered. The answer is sent when it is committed, unless what carries the session then
   * is another connection: there the request comes again.
   */
  finish(reply: SessionReply): void {
    if (this.#isOver) return;
    this.#requests.finish(reply, this.#memory?.full !== true);
    this.#answers.push(reply);
    this.#dirty();
  }

  /** What a request that is done was answered. */
  answer(seq: number): Answered {
    return this.#requests.answer(seq);
  }

  /** The answer of a request that is done, as long as it is not committed. */
  uncommitted(seq: number): SessionReply | undefined {
    return this.#answers.find((reply) => reply.seq === seq);
  }

  /**
   * Makes a push: kept until the client has it, and sent when it is committed.
   *
   * @returns Its number; 0 when there is no room for it.
   */
  push(payload: Uint8Array): number {
    if (this.#isOver || this.#memory?.full === true) return 0;
    const push = this.#pushes.append(payload);
    if (push === undefined) return 0;
    this.#made.push(push);
    this.#dirty();
    return push.seq;
  }

  /** The push with a number that is kept and may be sent. */
  pushAt(seq: number): LoggedPush {
    return this.#pushes.at(seq);
  }

  /**
   * The number of the push that an id names, 0 for none; undefined when there is no such push: the
   * client cannot have it.
   */
  pushOf(id: number): number | undefined {
    if (id === 0) return 0;
    const seq = this.#pushes.numberOf(id);
    return seq > 0 && seq <= this.lastPush ? seq : undefined;
  }

  /** The client has all pushes up to `seq`. */
  acknowledge(seq: number): void {
    if (seq <= this.#pushes.acknowledged) return;
    this.#pushes.acknowledge(seq);
    this.#acknowledged = seq;
    this.#dirty();
  }

  /** What is to be committed. */
  get changes(): SessionChanges {
    return {
      id: this.id,
      usedAt: this.usedAt,
      answers: this.#answers,
      pushes: this.#made,
      pushesDone: this.#acknowledged,
      // By what is answered, not by what has come: the next server knows of the answered ones alone, and
      // must not take for new what was dropped here for the sake of a later one under way.
      answersDone: Math.max(0, this.#requests.newestAnswered - this.#window),
    };
  }

  /** The changes are committed: what was to be sent leaves. */
  committed(): void {
    const answers = this.#answers;
    const pushed = this.#made.length > 0;
    if (answers.length > 0) this.#answers = [];
    if (pushed) this.#made = [];
    this.#acknowledged = 0;
    this.#isDirty = false;
    this.#count();
    if (answers.length > 0 || pushed) this.#carrier?.send(answers, pushed);
  }

  /** It is over: what was not committed will never leave. */
  end(cause: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const carrier = this.#carrier;
    this.#carrier = undefined;
    this.#answers = [];
    this.#made = [];
    this.onEnd?.(cause);
    carrier?.over(cause);
    this.#count();
  }

  /** Tells by how much what it keeps has changed since it was told the last time. */
  #count(): void {
    if (this.#memory === undefined) return;
    const bytes = this.#isOver ? 0 : this.#requests.bytes + this.#pushes.bytes;
    if (bytes !== this.#counted) this.#memory.add(bytes - this.#counted);
    this.#counted = bytes;
  }

  #dirty(): void {
    if (this.#isDirty || this.#isOver) return;
    this.#isDirty = true;
    this.#changed(this);
  }
}
