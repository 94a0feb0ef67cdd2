/**
 * Pushes that a client receives: handed to its handler in their order, acknowledged once handled.
 *
 * @module
 */
import type { Connection } from "../../../connection/connection.ts";
import { FramewireError, thrownText } from "../../../errors.ts";
import { Fifo } from "../../fifo.ts";
import { isPromise } from "../../is_promise.ts";
import { Command, idText, LAST_ID, readId, writeId } from "../commands.ts";
import type { FrameOut } from "../frame_out.ts";

/** How many pushes may be under way before no more is read. */
const MOST_UNDER_WAY = 1024;
const NONE = /* @__PURE__ */ new Uint8Array(0);
const ids = /* @__PURE__ */ new Uint8Array(8);

/** A push that was handed over. */
interface Handed {
  done: boolean;
}

/** The pushes of one connection, or of one session over several. */
export class PushIn {
  readonly #report: (error: FramewireError) => void;
  /** Undefined while a session has no connection. */
  #connection: Connection | undefined;
  #out: FrameOut | undefined;
  #handler: ((payload: Uint8Array) => unknown) | undefined;
  /** Until there is a handler: the newest that have come. */
  readonly #early = new Fifo<Uint8Array>();
  /** In their order; handlers may finish in another one. */
  readonly #handed = new Fifo<Handed>();
  #first: Handed | undefined;
  /** How many have come, and how many of them are acknowledged. */
  #received = 0;
  #acked = 0;
  #acking = false;
  /** Whether the server may send some again: those of a session, on another connection. */
  #comesAgain = false;

  /** @param report Told when a handler has failed. */
  constructor(report: (error: FramewireError) => void) {
    this.#report = report;
  }

  /**
   * Pushes come on this connection from now on, and are acknowledged there.
   *
   * @param told Up to which push the server has been told that they are handled.
   */
  attach(connection: Connection, out: FrameOut, told = 0): void {
    this.#connection = connection;
    this.#out = out;
    if (this.#acked > told) this.#acknowledgeSoon();
  }

  /** A session goes on: what is not acknowledged comes again. */
  goesOn(): void {
    this.#comesAgain = true;
  }

  /** How many are handled, without a gap. */
  get handled(): number {
    return this.#acked;
  }

  /** The handler, to be that of other pushes too. */
  get handler(): ((payload: Uint8Array) => unknown) | undefined {
    return this.#handler;
  }

  /** Pushes are numbered on from `last`. */
  goOn(last: number): void {
    this.#received = this.#acked = last;
  }

  /** Whether no more should be taken until some are handled. */
  get full(): boolean {
    return this.#handed.length >= MOST_UNDER_WAY;
  }

  /** Sets the handler; those that came before it are handed to it now. */
  handle(handler: (payload: Uint8Array) => unknown): void {
    this.#handler = handler;
    while (this.#early.length > 0) this.#hand(this.#early.shift()!);
  }

  /** Takes the push with the id at `bytes[at]`. */
  take(payload: Uint8Array, bytes: Uint8Array, at: number): void {
    const expected = this.#received % LAST_ID + 1;
    const id = readId(bytes, at);
    if (id !== expected) {
      // Handled, or being handled, while the server was told of neither: it comes but once.
      const behind = ((expected - id) % LAST_ID + LAST_ID) % LAST_ID;
      if (id > 0 && this.#comesAgain && behind <= this.#received) return;
      throw new FramewireError(
        "UNEXPECTED_PACKET",
        `the server sent push ${JSON.stringify(idText(bytes, at))}, expected number ${expected}`,
      );
    }
    this.#received++;
    if (this.#handler !== undefined) this.#hand(payload);
    else {
      this.#early.push(payload);
      if (this.#early.length <= MOST_UNDER_WAY) return;
      this.#early.shift(); // nobody may ever ask for them
      this.#done({ done: false }, true);
    }
  }

  /** The connection is closed. */
  detach(): void {
    this.#connection = undefined;
  }

  #hand(payload: Uint8Array): void {
    const handed: Handed = { done: false };
    if (this.#first === undefined) this.#first = handed;
    else this.#handed.push(handed);
    try {
      const returned = this.#handler!(payload);
      if (isPromise(returned)) {
        Promise.resolve(returned).then(
          () => this.#done(handed),
          (error) => {
            this.#failed(error);
            this.#done(handed);
          },
        );
        return;
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#done(handed);
  }

  #failed(cause: unknown): void {
    this.#report(
      new FramewireError("HANDLER_FAILED", `the handler of a push failed: ${thrownText(cause)}`, {
        cause,
      }),
    );
  }

  #done(handed: Handed, alone = false): void {
    handed.done = true;
    const before = this.#acked;
    if (alone) this.#acked++;
    while (this.#first?.done === true) {
      this.#acked++;
      this.#first = this.#handed.shift();
    }
    if (this.#acked > before) this.#acknowledgeSoon();
  }

  #acknowledgeSoon(): void {
    if (this.#acking || this.#connection === undefined) return;
    this.#acking = true;
    queueMicrotask(() => { // one for all that are done in this turn
      this.#acking = false;
      if (this.#connection === undefined) return;
      writeId((this.#acked - 1) % LAST_ID + 1, ids, 0);
      this.#out!.put(Command.PUSH_ACK, ids, 0, NONE);
      this.#connection.flush();
      if (!this.full) this.#connection.resume();
    });
  }
}
