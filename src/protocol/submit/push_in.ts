/**
 * Pushes that a client receives: handed to its handler in their order, acknowledged once handled.
 *
 * @module
 */
import type { Connection } from "../../connection/connection.ts";
import { FramewireError, thrownText } from "../../errors.ts";
import { Fifo } from "../fifo.ts";
import { isPromise } from "../is_promise.ts";
import type { ClientSide } from "../protocol.ts";
import { Command, idText, LAST_ID, readId, writeId } from "./commands.ts";
import type { FrameOut } from "./frame_out.ts";

/** How many pushes may be under way before no more is read. */
const MOST_UNDER_WAY = 1024;
const NONE = new Uint8Array(0);
const ids = new Uint8Array(8);

/** A push that was handed over. */
interface Handed {
  done: boolean;
}

/** The pushes of one connection. */
export class PushIn {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  #out: FrameOut;
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
  #closed = false;

  constructor(connection: Connection, side: ClientSide, out: FrameOut) {
    this.#connection = connection;
    this.#side = side;
    this.#out = out;
  }

  /** Frames go out as agreed upon from now on. */
  agreed(out: FrameOut): void {
    this.#out = out;
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
    if (readId(bytes, at) !== expected) {
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
  close(): void {
    this.#closed = true;
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
    this.#side.report(
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
    if (this.#acked === before || this.#acking || this.#closed) return;
    this.#acking = true;
    queueMicrotask(() => { // one for all that are done in this turn
      this.#acking = false;
      if (this.#closed) return;
      writeId((this.#acked - 1) % LAST_ID + 1, ids, 0);
      this.#out.put(Command.PUSH_ACK, ids, 0, NONE);
      this.#connection.flush();
      if (!this.full) this.#connection.resume();
    });
  }
}
