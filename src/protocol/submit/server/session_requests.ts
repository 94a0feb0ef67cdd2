/**
 * Requests of one session whose handlers take their time. They outlive the connection that they came on:
 * a handler runs once, and its answer leaves on the connection that its request came on last.
 *
 * @module
 */
import { copyOf } from "../../../codec/copy_of.ts";
import type { CloseReason } from "../../../connection/connection.ts";
import { FramewireError } from "../../../errors.ts";
import type { Session, SessionCarrier, SessionReply } from "../../../session/session.ts";
import type { ServerSide } from "../../protocol.ts";
import type { KeptChunk } from "../../reply_order.ts";
import { type ReplyLine, ReplyPool } from "../../reply_pool.ts";
import { type Answer, OK, TIMED_OUT } from "./answer.ts";
import { Command, Result, TAKEN_OVER_REASON } from "../commands.ts";
import { writeU32 } from "../frame_out.ts";
import { fitting, settledAnswer } from "./reply_out.ts";
import { Turn, type TurnEndpoint, UnderWay, untimed } from "./under_way.ts";

const RETRY_AFTER_BYTES = 4;

/** A request that has begun, and what it is answered. */
export class Reply implements SessionReply {
  readonly seq: number;
  to: SessionCarrier | undefined;
  command: number;
  wireBytes: number;
  /** -1 until it is answered. */
  result = -1;
  payload: Uint8Array | undefined;

  constructor(seq: number, to: SessionCarrier, command: number, wireBytes: number) {
    this.seq = seq;
    this.to = to;
    this.command = command;
    this.wireBytes = wireBytes;
  }

  /** It is answered. */
  settle(answer: Answer, side: ServerSide): void {
    if (answer === OK) {
      this.result = Result.OK;
      return;
    }
    const { result, payload, retryAfterMs } = fitting(side, this.command, answer);
    this.result = result;
    const text = this.command === Command.REQUEST ? payload : undefined;
    if (result !== Result.BUSY) {
      // A handler may have returned a view of its request, or of what it will use again.
      this.payload = text && copyOf(text);
      return;
    }
    this.payload = new Uint8Array(RETRY_AFTER_BYTES + (text === undefined ? 0 : text.length));
    writeU32(this.payload, 0, retryAfterMs);
    if (text !== undefined) this.payload.set(text, RETRY_AFTER_BYTES);
  }
}

/** A connection that carries a session, as the session's requests know it. */
export interface SessionLine extends ReplyLine {
  /** The server's side of it. */
  readonly side: ServerSide;
}

/** The requests under way in one session. */
export class SessionRequests implements TurnEndpoint {
  readonly #session: Session;
  readonly #later: UnderWay;
  /** What carries the session; the last one that did, when none does. */
  line: SessionLine;
  readonly #replies = new Map<number, Reply>();
  readonly #byTurn = new Map<Turn, Reply>();

  constructor(session: Session, line: SessionLine) {
    this.#session = session;
    this.line = line;
    const { limits } = line.side;
    const follows: ReplyLine = {
      flushSoon: () => this.line.flushSoon(),
      resume: () => this.line.resume(),
    };
    const pool = new ReplyPool(follows, untimed(limits), () => {});
    this.#later = new UnderWay(pool, undefined, limits, (turn) => this.#timedOut(turn));
    session.onEnd = (cause) => {
      this.#later.close(new FramewireError("CONNECTION_CLOSED", cause.message, { cause }));
      this.#replies.clear();
      this.#byTurn.clear();
    };
  }

  /** Memory that they keep, in bytes. */
  get keptBytes(): number {
    return this.#later.keptBytes;
  }

  /** Whether no more requests should be taken for now. */
  get full(): boolean {
    return this.#later.full;
  }

  /** Keeps the memory of requests while they are taken; {@linkcode release} ends that. */
  keep(bytes: number, pooled?: Uint8Array): KeptChunk {
    return this.#later.keep(bytes, pooled);
  }

  /** Returns whether requests still read from it. */
  release(kept: KeptChunk): boolean {
    return this.#later.release(kept);
  }

  /** A request's handler takes its time. */
  begin(turn: Turn, reply: Reply, kept: KeptChunk, timeoutMs: number): void {
    this.#later.accept(turn, kept, timeoutMs);
    turn.endpoint = this;
    this.#replies.set(reply.seq, reply);
    this.#byTurn.set(turn, reply);
  }

  /** The reply that a request under way will have. */
  reply(seq: number): Reply {
    return this.#replies.get(seq)!;
  }

  /** The peer cancels the request with the id at `bytes[at]`. */
  cancel(bytes: Uint8Array, at: number): void {
    this.#later.cancel(bytes, at);
  }

  /** A turn for the next request. */
  freeTurn(): Turn {
    return this.#later.freeTurn();
  }

  /** The promise of a handler has settled. */
  settled(turn: Turn, failed: boolean, value: unknown): void {
    if (this.#later.pending(turn)) {
      this.#settle(turn, settledAnswer(this.line.side, turn, failed, value), false);
    }
    this.#later.free(turn);
  }

  #settle(turn: Turn, answer: Answer, forsaken: boolean): void {
    const reply = this.#byTurn.get(turn)!;
    this.#byTurn.delete(turn);
    reply.settle(answer, this.line.side);
    this.#later.settle(turn, forsaken);
    this.#replies.delete(reply.seq);
    this.#session.finish(reply);
  }

  #timedOut(turn: Turn): void {
    if (turn.handlerDeadline <= turn.deadline) {
      const { side } = this.line;
      side.report(
        new FramewireError(
          "HANDLER_TIMEOUT",
          `a handler has not settled within ${side.limits.handlerTimeoutMs} ms (handlerTimeoutMs); its ` +
            `request was answered with result ${Result.DEADLINE_EXCEEDED}`,
        ),
      );
    }
    this.#settle(turn, TIMED_OUT, true);
  }
}

/** Why a connection ends whose session another one carries now. */
export const TAKEN_OVER: CloseReason = {
  code: "SESSION_TAKEN_OVER",
  message: TAKEN_OVER_REASON,
};
