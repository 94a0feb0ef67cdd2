/**
 * Replies of a session on one connection: those that it is owed, and where the server wants it, the order
 * of their requests.
 *
 * @module
 */
import type { Answered } from "../../../session/dedup_window.ts";
import type { SessionCarrier, SessionReply } from "../../../session/session.ts";
import type { ServerSide } from "../../protocol.ts";
import { LAST_ID, REPLY, Result } from "../commands.ts";
import type { CreditOut } from "./credit_out.ts";
import type { FrameOut } from "../frame_out.ts";
import { IdDigits } from "../id_digits.ts";

const NONE = /* @__PURE__ */ new Uint8Array(0);

/** What one connection answers. */
export class SessionReplies {
  readonly #carrier: SessionCarrier;
  readonly #side: ServerSide;
  readonly #out: FrameOut;
  readonly #credit: CreditOut | undefined;
  /** In the order of their requests, where they leave in it; with those of them that may leave. */
  readonly #waiting: SessionReply[] | undefined;
  readonly #ready = new Set<SessionReply>();
  readonly #id = new IdDigits();
  /** How many are owed. */
  owed = 0;

  constructor(
    carrier: SessionCarrier,
    side: ServerSide,
    out: FrameOut,
    credit: CreditOut | undefined,
  ) {
    this.#carrier = carrier;
    this.#side = side;
    this.#out = out;
    this.#credit = credit;
    if (side.options.ordered) this.#waiting = [];
  }

  /** A reply is owed, behind all others. */
  expect(reply: SessionReply): void {
    this.owed++;
    this.#waiting?.push(reply);
  }

  /** A reply that is owed may leave. */
  ready(reply: SessionReply): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return this.#write(reply);
    this.#ready.add(reply);
    let count = 0;
    while (count < waiting.length && this.#ready.delete(waiting[count]!)) {
      this.#write(waiting[count++]!);
    }
    waiting.splice(0, count);
  }

  /** A request is answered at once. */
  answer(answered: Answered, command: number, wireBytes: number): void {
    const reply = { ...answered, to: this.#carrier, command, wireBytes };
    this.expect(reply);
    this.ready(reply);
  }

  /** A reply that is still to come leaves on this connection, once. */
  claim(reply: SessionReply, command: number, wireBytes: number): void {
    if (reply.to !== this.#carrier) this.expect(reply);
    reply.to = this.#carrier;
    reply.command = command;
    reply.wireBytes = wireBytes;
  }

  #write({ seq, result, payload = NONE, command, wireBytes }: SessionReply): void {
    const { counters } = this.#side;
    this.owed--;
    counters.replies++;
    if (result !== Result.OK) counters.failures++;
    this.#id.set((seq - 1) % LAST_ID + 1);
    const at = this.#out.begin(command | REPLY, this.#id.bytes, 0, 1 + payload.length);
    this.#out.buffer[at] = result;
    if (payload.length > 0) this.#out.buffer.set(payload, at + 1);
    this.#out.end(1 + payload.length);
    this.#credit?.give(wireBytes);
  }
}
