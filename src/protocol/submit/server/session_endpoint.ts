/**
 * The server's side of a connection that carries a session: each request is handled once, whichever
 * connections it comes on, and what is answered leaves when the session's store has it.
 *
 * ```
 *  request ── look ──┬── new ───────▶ handler ──▶ answer ──▶ commit ──▶ reply
 *                    ├── pending ───▶ waits for that answer ────────────▲
 *                    ├── done ──────────────────────────────────────────┘
 *                    └── forgotten ──▶ reply: result 10
 * ```
 *
 * @module
 */
import type { Codec, FrameTable } from "../../../codec/codec.ts";
import {
  type CloseReason,
  type Connection,
  type Endpoint,
  type GoAwayNotice,
  State,
} from "../../../connection/connection.ts";
import { failure } from "../../../connection/close_reason.ts";
import type { PushBytes } from "../../../connection/push_bytes.ts";
import type { PushOutcome } from "../../../connection/push_queue.ts";
import { FramewireError } from "../../../errors.ts";
import type { Answered } from "../../../session/dedup_window.ts";
import { type ServerSessions, sessionsOf } from "../../../session/server_sessions.ts";
import type { Session, SessionCarrier, SessionReply } from "../../../session/session.ts";
import { isPromise } from "../../is_promise.ts";
import type { IntroducedPeer, ServerSide } from "../../protocol.ts";
import { OK, returnedAnswer } from "./answer.ts";
import { Command, CONN_ID, type Feature, idText, readId, Result } from "../commands.ts";
import { type Batch, closeBatch, openBatch } from "./batch.ts";
import { Controls } from "./controls.ts";
import { CreditOut } from "./credit_out.ts";
import { FrameIn } from "../frame_in.ts";
import { FrameOut } from "../frame_out.ts";
import type { SubmitConnection, SubmitHandlers } from "./handlers.ts";
import type { Introduction } from "./hello_server.ts";
import { failureAnswer } from "./reply_out.ts";
import { SessionPushes } from "./session_pushes.ts";
import { SessionReplies } from "./session_replies.ts";
import { Reply, type SessionLine, TAKEN_OVER } from "./session_requests.ts";
import type { CarriedSession, ServerSession } from "./server_session.ts";
import { openTurn, Turn } from "./under_way.ts";

/** The turn of sync handlers, one after the other; one that takes its time keeps it. */
let spare = new Turn();

/** One connection's endpoint, from its welcome on. */
export class SessionServerEndpoint
  implements Endpoint, IntroducedPeer, SessionCarrier, SessionLine {
  readonly #connection: Connection;
  readonly side: ServerSide;
  readonly #handlers: SubmitHandlers;
  readonly #session: Session;
  readonly #carried: CarriedSession;
  readonly #sessions: ServerSessions;
  readonly principal: unknown;
  readonly features: ReadonlySet<Feature>;
  readonly agent: string | undefined;
  readonly #out: FrameOut;
  /** Undefined where frames are as plain peers send them. */
  readonly #in: FrameIn | undefined;
  readonly #credit: CreditOut | undefined;
  readonly #controls: Controls;
  #pushes: SessionPushes | undefined;
  readonly #replies: SessionReplies;
  readonly established = true;
  /** Whether handlers of the last batch took their time: those of the next one probably will. */
  #takesTime = false;
  readonly #lastId = CONN_ID.slice();
  #draining = false;
  keepsChunk = false;

  constructor(
    connection: Connection,
    side: ServerSide,
    handlers: SubmitHandlers,
    { principal, features, agent }: Introduction,
    carried: CarriedSession,
  ) {
    this.#connection = connection;
    this.side = side;
    this.#handlers = handlers;
    this.#session = carried.session;
    this.#carried = carried;
    this.#sessions = sessionsOf(side)!;
    this.principal = principal;
    this.features = features;
    this.agent = agent;
    const seal = { crc32c: features.has("crc32c"), lz4: features.has("lz4") };
    this.#out = new FrameOut(connection.outbound, seal);
    if (seal.crc32c || seal.lz4) this.#in = new FrameIn(seal, side.options.maxFrameBytes);
    if (features.has("credit")) this.#credit = new CreditOut(this.#out, side.limits);
    this.#replies = new SessionReplies(this, side, this.#out, this.#credit);
    this.#controls = new Controls(connection, this.#out, features, {
      acknowledged: (bytes, at) => this.#pushes!.acknowledged(bytes, at),
    });
  }

  /**
   * The welcome is out: from now on this connection carries the session.
   *
   * @param lastPush The number of the last push that the client has.
   * @returns How many pushes were sent again.
   */
  begin(lastPush: number): number {
    this.#session.attach(this, lastPush, this.#sessions.now());
    const { underWay } = this.#carried;
    if (underWay !== undefined) {
      const { line } = underWay;
      underWay.line = this;
      line.flushSoon(); // what they keep counts here now
    }
    if (!this.features.has("push")) return 0;
    this.#pushes = new SessionPushes(this.#session, this.side, this.#out);
    return this.#pushes.send();
  }

  /** The session, as handlers see it. */
  get session(): ServerSession {
    return this.#carried;
  }

  /** {@inheritDoc Endpoint.owed} */
  get owed(): number {
    return this.#replies.owed;
  }

  /** {@inheritDoc Endpoint.keptBytes} */
  get keptBytes(): number {
    const { underWay } = this.#carried;
    return underWay === undefined || underWay.line !== this ? 0 : underWay.keptBytes;
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    let taken = 0;
    let wrong: unknown;
    this.#sessions.transaction(this.#session, () => {
      try {
        taken = this.#batch(chunk, table);
      } catch (error) {
        wrong = error;
        taken = -1;
      }
    });
    if (taken < 0) throw wrong;
    return taken;
  }

  #batch(chunk: Uint8Array, table: FrameTable): number {
    const { words, count } = table;
    const batch = openBatch(chunk, table, this.#takesTime && !this.#full);
    const { shift } = batch;
    let taken = 0;
    try {
      while (taken < count && this.#connection.state === State.OPEN) {
        const at = taken * 4;
        if (!this.#take(batch, words[at]! - shift, words[at + 1]!, words[at + 2]!)) break;
        taken++;
      }
    } finally {
      this.#ended(batch);
    }
    return taken;
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(): void {}

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.#replies.owed = 0;
    this.#session.detach(this, this.#sessions.now());
    this.#pushes?.close(new FramewireError("CONNECTION_CLOSED", reason.message));
    this.side.closed(reason);
  }

  /** {@inheritDoc Endpoint.heartbeat} */
  heartbeat(): boolean {
    return this.#controls.heartbeat();
  }

  /** {@inheritDoc Endpoint.goAway} */
  goAway(notice: GoAwayNotice): void {
    this.#draining = true; // requests from now on are told so, and may be sent elsewhere
    this.#controls.goAway(notice, this.#lastId);
  }

  /** {@inheritDoc Endpoint.takesPushes} */
  get takesPushes(): boolean {
    return this.#pushes !== undefined;
  }

  /** {@inheritDoc Endpoint.push} */
  push(push: PushBytes): PushOutcome {
    return this.#carried.push(push);
  }

  /** {@inheritDoc Endpoint.drained} */
  drained(): Promise<void> {
    return this.#pushes?.drained() ?? Promise.resolve();
  }

  // What carries the session.

  /** {@inheritDoc SessionCarrier.id} */
  get id(): number {
    return this.side.conn.id;
  }

  /** {@inheritDoc SessionCarrier.takenOver} */
  takenOver(): void {
    this.#replies.owed = 0; // it comes again where the session is now
    const { code, message } = TAKEN_OVER;
    this.#controls.goAway({ deadlineMs: 0, spreadMs: 0, reason: message }, this.#lastId);
    this.#connection.finish({ code, message });
  }

  /** {@inheritDoc SessionCarrier.over} */
  over(cause: Error): void {
    this.#replies.owed = 0;
    this.#connection.finish(failure(cause));
  }

  /** {@inheritDoc SessionCarrier.send} */
  send(answers: readonly SessionReply[], pushed: boolean): void {
    for (const reply of answers) if (reply.to === this) this.#replies.ready(reply);
    if (pushed) this.#pushes?.send();
    this.#connection.flushSoon();
  }

  // What the requests under way need.

  flushSoon(): void {
    this.#connection.flushSoon();
  }

  resume(): void {
    this.#connection.resume();
  }

  get #full(): boolean {
    const { underWay } = this.#carried;
    return underWay !== undefined && underWay.full;
  }

  /** Takes one frame; false when there is no room for it. */
  #take(batch: Batch, offset: number, length: number, command: number): boolean {
    let bytes = batch.source;
    const wireBytes = length;
    const opened = this.#in;
    if (opened !== undefined) {
      // A request is opened only once there is room for it: then it is not opened twice.
      const request = command & 0x3f;
      if ((request === Command.SUBMIT || request === Command.REQUEST) && this.#full) return false;
      opened.open(bytes, offset, length, command);
      ({ bytes, offset, length, command } = opened);
    }
    if (command === Command.SUBMIT || command === Command.REQUEST) {
      if (this.#full) return false;
      const timeoutMs = command === Command.SUBMIT
        ? 0
        : this.#controls.timeout(bytes, offset, length);
      const seq = this.#numberOf(bytes, offset + 5);
      if (this.#isNew(seq, command, wireBytes)) {
        spare.wireBytes = wireBytes;
        openTurn(spare, bytes, offset, length, command, timeoutMs);
        this.#handle(batch, spare, seq, timeoutMs);
      }
    } else if (command === Command.CANCEL) {
      this.#controls.checkCancel(length);
      this.#carried.underWay?.cancel(bytes, offset + 5);
    } else this.#controls.take(bytes, offset, length, command);
    return true;
  }

  #numberOf(bytes: Uint8Array, at: number): number {
    const id = readId(bytes, at);
    if (id >= 1) return this.#session.numberOf(id);
    throw new FramewireError(
      "INVALID_FIELD",
      `a request of a session has the id ${JSON.stringify(idText(bytes, at))}: expected eight ` +
        "digits, 00000001 to 99999999",
    );
  }

  /** Whether a request is to be handled; if not, it is answered or will be. */
  #isNew(seq: number, command: number, wireBytes: number): boolean {
    const session = this.#session;
    switch (session.look(seq)) {
      case "new":
        if (!this.#draining) return true;
        this.#replies.answer(result(seq, Result.DRAINING), command, wireBytes);
        return false;
      case "pending":
        this.#replies.claim(this.#carried.underWay!.reply(seq), command, wireBytes);
        break;
      case "done": {
        const leaving = session.uncommitted(seq);
        if (leaving !== undefined) this.#replies.claim(leaving, command, wireBytes);
        else this.#replies.answer(session.answer(seq), command, wireBytes);
        break;
      }
      case "forgotten":
        this.#replies.answer(result(seq, Result.FORGOTTEN), command, wireBytes);
    }
    this.#sessions.figures.repeats++;
    return false;
  }

  #handle(batch: Batch, turn: Turn, seq: number, timeoutMs: number): void {
    const { packet, command, bytes, offset, wireBytes } = turn;
    for (let i = 0; i < 8; i++) this.#lastId[i] = bytes[offset + 5 + i]!;
    batch.requests++;
    this.#session.begin(seq);
    const reply = new Reply(seq, this, command, wireBytes);
    this.#replies.expect(reply);
    try {
      const conn = this.side.conn as SubmitConnection;
      const returned = command === Command.SUBMIT
        ? this.#handlers.submit(packet, conn)
        : this.#handlers.request!(packet, conn);
      if (isPromise(returned)) {
        this.#await(batch, turn, reply, returned, timeoutMs);
        return;
      }
      reply.settle(command === Command.SUBMIT ? OK : returnedAnswer(returned), this.side);
    } catch (error) {
      reply.settle(failureAnswer(this.side, error, packet), this.side);
    }
    this.#session.finish(reply);
  }

  /** A handler takes its time: it keeps its turn and its packet. */
  #await(
    batch: Batch,
    turn: Turn,
    reply: Reply,
    promise: PromiseLike<unknown>,
    timeoutMs: number,
  ): void {
    const requests = this.#carried.requests(this);
    if (turn.bytes === batch.source) {
      const kept = batch.kept ??= requests.keep(batch.source.length, batch.pooled);
      requests.begin(turn, reply, kept, timeoutMs);
    } else {
      const kept = requests.keep(turn.bytes.length); // decompressed: in memory of its own
      requests.begin(turn, reply, kept, timeoutMs);
      requests.release(kept);
    }
    spare = requests.freeTurn();
    const settled = promise instanceof Promise ? promise : Promise.resolve(promise);
    settled.then(turn.resolved, turn.rejected);
  }

  #ended(batch: Batch): void {
    if (batch.requests > 0) this.side.tookRequests(batch.requests);
    this.#credit?.send();
    const { pooled } = batch;
    const waits = closeBatch(batch, this.#carried.underWay);
    if (waits !== undefined || batch.requests > 0) this.#takesTime = waits === true;
    if (waits && pooled === undefined) this.keepsChunk = true;
  }
}

function result(seq: number, result: number): Answered {
  return { seq, result, payload: undefined };
}
