/**
 * The calls of one connection of a client, wherever they are: under way, waiting for room, or refused
 * because the connection takes no more.
 *
 * @module
 */
import type { CloseReason, Connection } from "../connection/connection.ts";
import type { FramewireError } from "../errors.ts";
import type { Book } from "./book.ts";
import type { LostCall } from "./unsent.ts";
import type { CallOptions } from "./call_limits.ts";
import { CallQueue } from "./call_queue.ts";
import { type ClientSide, connectionLost } from "./protocol.ts";

/** What a client's endpoint does with its calls in whichever protocol. */
export class OpenCalls<T> {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  /** Those that were put out. */
  readonly book: Book<T>;
  /** Those that wait for room; from the first such on. */
  #queue: CallQueue | undefined;
  /** What new calls fail with, once no more are taken. */
  refused: FramewireError | undefined;
  #lost = false;
  #unsent: Uint8Array | undefined;
  /**
   * Asked for each call that was not sent whether it is made elsewhere; what it would have sent begins
   * at `at` in `bytes`.
   */
  takesBack: ((call: LostCall, bytes: Uint8Array, at: number) => boolean) | undefined;

  /**
   * @param first The number of the first call.
   * @param gaveUp Told which call was given up before its answer came.
   */
  constructor(
    connection: Connection,
    side: ClientSide,
    first = 0,
    gaveUp?: (number: number) => void,
  ) {
    this.#connection = connection;
    this.#side = side;
    const idle = () => {
      if (this.pending === 0) side.settled();
    };
    this.book = side.calls.book(side.calls, connection, idle, first, gaveUp);
  }

  /** Calls whose callers wait. */
  get pending(): number {
    return this.book.pending + (this.#queue?.length ?? 0);
  }

  /** Whether calls wait for room: those made now have to wait behind them. */
  get waiting(): boolean {
    return this.#queue !== undefined && this.#queue.length > 0;
  }

  /** A call waits for room; `send` is told how much of its time is left. */
  wait(
    options: CallOptions,
    send: (leftMs: number | undefined) => void,
    reject: (error: Error) => void,
  ): void {
    this.#queue ??= new CallQueue(this.#side.calls);
    this.#queue.wait(options, send, reject);
  }

  /** Puts out those that wait, as long as there is room. */
  drain(full: () => boolean): void {
    if (this.#queue !== undefined) this.#queue.drain(full);
  }

  /** {@inheritDoc ClientEndpoint.refuse} */
  refuse(error: FramewireError): void {
    this.refused ??= error;
  }

  /** What has not left is about to be forgotten. */
  keepUnsent(): void {
    if (this.takesBack === undefined || this.#side.unsent === undefined) return;
    this.#unsent ??= this.#connection.outbound.unwritten();
  }

  /** The connection ends: no answer comes any more. */
  finishing(reason: CloseReason): void {
    if (this.#lost) return;
    this.#lost = true;
    const { pending } = this;
    const lost = (outcome: "not-sent" | "unknown") => connectionLost(reason, pending, outcome);
    this.refused ??= lost("not-sent");
    const { outbound } = this.#connection;
    const { takesBack } = this;
    if (pending > 0) this.keepUnsent();
    const unsent = this.#unsent;
    this.#unsent = undefined;
    // What has not left is of no use any more; so it can be said for certain that it did not.
    if (pending > 0) outbound.discard();
    this.#queue?.failAll(() => lost("not-sent"));
    const { handed } = outbound;
    this.book.failAll(lost, unsent && ((call) => takesBack!(call, unsent, call.place - handed)));
  }

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.finishing(reason);
    this.#side.closed(reason);
  }
}
