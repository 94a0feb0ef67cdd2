/**
 * The calls of a client's session, which outlive the connections that carry them.
 *
 * Each call has its id from the moment it is taken, and what it carries is kept until it is answered.
 * Those from `#cursor` on have not been put out on the connection of the moment: a new connection
 * begins at the first one that is not answered, so that all leave again in their order.
 *
 * @module
 */
import { copyOf } from "../../../codec/copy_of.ts";
import type { Connection } from "../../../connection/connection.ts";
import { FramewireError } from "../../../errors.ts";
import { CallBook, UNSENT } from "../../call_book.ts";
import {
  type CallLimits,
  type CallOptions,
  cancelled,
  checkCallOptions,
} from "../../call_limits.ts";
import { CallQueue } from "../../call_queue.ts";
import { tooLarge } from "../../protocol.ts";
import {
  Command,
  type Feature,
  LAST_ID,
  readId,
  REPLY,
  Result,
  SUBMIT_HEADER_BYTES,
} from "../commands.ts";
import { type FrameOut, writeU32 } from "../frame_out.ts";
import type { Welcome } from "../hello.ts";
import { IdDigits, nobodyWaits } from "../id_digits.ts";
import { KeptFrames } from "./kept_frames.ts";
import { answeredNo } from "./reply_in.ts";

/** What bounds what a session keeps. */
export interface SessionBounds {
  /** Bytes of unanswered calls. */
  readonly bufferBytes: number;
  /** How far the newest call may be from the oldest unanswered one. */
  readonly window: number;
  /** The longest frame that is taken before a server has said otherwise, in bytes. */
  readonly maxFrameBytes: number;
}

/** A connection that carries a session, as its welcome has made it. */
export interface SessionCarrier {
  readonly connection: Connection;
  readonly out: FrameOut;
  readonly features: ReadonlySet<Feature>;
  readonly welcome: Welcome;
}

const encoder = /* @__PURE__ */ new TextEncoder();
const NONE = /* @__PURE__ */ new Uint8Array(0);
const TIMEOUT_BYTES = 4;
const CHECKSUM_BYTES = 4;

/** The Submits and Requests of one session after the other. */
export class SessionCalls {
  readonly #limits: CallLimits;
  readonly #bounds: SessionBounds;
  readonly #book: CallBook<Uint8Array | undefined>;
  readonly #kept = new KeptFrames();
  readonly #id = new IdDigits();
  #queue: CallQueue | undefined;
  #refused: FramewireError | undefined;
  /** The number of the call that has the id 00000001. */
  #base = 0;
  /** The oldest call that may have to be sent again; it follows lazily. */
  #oldest = 0;
  /** The first call that was not put out on this connection, and on no connection at all. */
  #cursor = 0;
  #newest = 0;
  #carrier: SessionCarrier | undefined;
  #maxFrameBytes: number;
  #extraBytes = 0;
  #credit = false;
  #cancels = false;
  /** Whether the server takes no more on this connection. */
  #draining = false;
  #requestsLeft = 0;
  #bytesLeft = 0;

  /** @param idle Called when the last call that waited is settled. */
  constructor(limits: CallLimits, bounds: SessionBounds, idle: () => void) {
    this.#limits = limits;
    this.#bounds = bounds;
    this.#maxFrameBytes = bounds.maxFrameBytes;
    const ifNone = () => {
      if (this.pending === 0) idle();
    };
    this.#book = new CallBook(limits, undefined, ifNone, 0, (number) => this.#gaveUp(number));
  }

  /** Calls whose callers wait. */
  get pending(): number {
    return this.#book.pending + (this.#queue?.length ?? 0);
  }

  /** The id of the newest call that was put out, on whichever connection; 0 for none. */
  get newestId(): number {
    return this.#newest === this.#base ? 0 : this.#idOf(this.#newest - 1);
  }

  /** From now on new calls fail with this. */
  refuse(error: FramewireError): void {
    this.#refused ??= error;
  }

  /** No answer comes any more, on no connection. */
  fail(lost: (outcome: "not-sent" | "unknown") => FramewireError): void {
    this.#queue?.failAll(() => lost("not-sent"));
    for (let number = this.#book.head; number < this.#book.tail; number++) this.#kept.drop(number);
    this.#book.failAll(lost);
  }

  /** A connection carries the session from now on: what is not answered is sent again on it. */
  attach(carrier: SessionCarrier): void {
    const { connection, features, welcome: { maxFrame, window } } = carrier;
    this.#book.carriedBy(connection);
    this.#carrier = carrier;
    this.#maxFrameBytes = Math.min(this.#bounds.maxFrameBytes, maxFrame);
    this.#extraBytes = features.has("crc32c") ? CHECKSUM_BYTES : 0;
    this.#credit = features.has("credit");
    this.#cancels = features.has("request");
    this.#draining = false;
    this.#requestsLeft = window.requests;
    this.#bytesLeft = window.bytes;
    this.#cursor = this.#book.head;
    this.drain();
  }

  /** The connection is lost. */
  detach(): void {
    // What has not left is sent on another one, if it comes; here it is of no use any more.
    this.#carrier?.connection.outbound.discard();
    this.#carrier = undefined;
    this.#book.carriedBy(undefined);
  }

  /** The server takes no more on this connection: what was not put out waits for the next one. */
  pause(): void {
    this.#draining = true;
  }

  /**
   * The session is a new one: what may have been done in the old one fails, what was never sent stays.
   *
   * @param lastId The id that the new one has come to.
   */
  restart(lost: FramewireError, lastId: number): void {
    const book = this.#book;
    for (let number = book.head; number < book.tail; number++) {
      if (!book.waits(number) || book.isUnsent(number)) continue;
      this.#kept.drop(number);
      book.reject(number, lost);
    }
    this.#base = book.head - lastId;
    this.#newest = book.head;
  }

  /** Makes a call: sends it as soon as may be. */
  call(
    command: number,
    payload: Uint8Array | string,
    options: CallOptions | undefined,
  ): Promise<Uint8Array | undefined> {
    if (this.#refused !== undefined) return Promise.reject(this.#refused);
    if (options !== undefined || this.#waiting || this.#full) {
      return this.#callSlowly(command, payload, options);
    }
    const error = this.#keep(command, payload);
    if (error !== undefined) return Promise.reject(error);
    return new Promise((resolve, reject) => {
      this.#begin(resolve, reject, this.#limits.requestTimeoutMs, payload);
    });
  }

  /** A call that has options of its own, or for which there is no room yet. */
  #callSlowly(
    command: number,
    payload: Uint8Array | string,
    options: CallOptions = {},
  ): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      checkCallOptions(options);
      const { timeoutMs = this.#limits.requestTimeoutMs, signal } = options;
      if (signal?.aborted) throw cancelled(signal.reason, "not-sent");
      const send = (bytes: Uint8Array | string, leftMs?: number) => {
        const error = this.#keep(command, bytes);
        if (error !== undefined) return reject(error);
        this.#book.limit(this.#begin(resolve, reject, leftMs ?? timeoutMs), options, leftMs);
      };
      if (!this.#waiting && !this.#full) return send(payload);
      const kept = typeof payload === "string" ? encoder.encode(payload) : copyOf(payload);
      this.#queue ??= new CallQueue(this.#limits);
      this.#queue.wait(options, (leftMs) => send(kept, leftMs), reject);
    });
  }

  get #waiting(): boolean {
    return this.#queue !== undefined && this.#queue.length > 0;
  }

  /** Whether no more may be kept, or the server might have forgotten the oldest call otherwise. */
  get #full(): boolean {
    const book = this.#book;
    if (book.full || this.#kept.bytes >= this.#bounds.bufferBytes) return true;
    const { window } = this.#bounds;
    if (book.tail - book.head < window) return false;
    let oldest = Math.max(this.#oldest, book.head);
    while (oldest < book.tail && !book.waits(oldest)) oldest++;
    this.#oldest = oldest;
    return book.tail - oldest >= window;
  }

  /** Keeps what the next call carries; returns why it cannot. */
  #keep(command: number, payload: Uint8Array | string): FramewireError | undefined {
    const kept = this.#kept;
    const lead = SUBMIT_HEADER_BYTES + this.#extraBytes +
      (command === Command.REQUEST ? TIMEOUT_BYTES : 0);
    // Text that is short enough for any frame is written in place.
    const isShort = typeof payload === "string" && lead + payload.length * 3 <= this.#maxFrameBytes;
    const bytes = typeof payload === "string" && !isShort ? encoder.encode(payload) : payload;
    let length: number;
    if (typeof bytes === "string") {
      const memory = kept.reserve(bytes.length * 3);
      length = encoder.encodeInto(bytes, memory.subarray(kept.at)).written;
    } else {
      length = bytes.length;
      if (lead + length > this.#maxFrameBytes) return tooLarge(lead + length, this.#maxFrameBytes);
      kept.reserve(length).set(bytes, kept.at);
    }
    kept.keep(this.#book.tail, this.#book.head, command, length);
    return undefined;
  }

  /** What was kept last becomes a call. Returns its number. */
  #begin(
    resolve: (value: Uint8Array | undefined) => void,
    reject: (error: Error) => void,
    timeoutMs: number,
    payload?: Uint8Array | string,
  ): number {
    const number = this.#book.add(UNSENT, resolve, reject);
    if (number === this.#cursor && this.#mayPut) {
      // Bytes that are at hand need not be looked up.
      this.#put(number, timeoutMs, payload instanceof Uint8Array ? payload : undefined);
      this.#cursor = number + 1;
    }
    return number;
  }

  get #mayPut(): boolean {
    return this.#carrier !== undefined && !this.#draining && this.#requestsLeft > 0 &&
      this.#bytesLeft > 0;
  }

  /** Puts a call out on the connection. */
  #put(
    number: number,
    timeoutMs: number,
    payload: Uint8Array = this.#kept.payloadOf(number),
  ): void {
    const { out, connection } = this.#carrier!;
    const command = this.#kept.commandOf(number);
    const lead = command === Command.REQUEST ? TIMEOUT_BYTES : 0;
    const total = SUBMIT_HEADER_BYTES + lead + payload.length + this.#extraBytes;
    if (total > this.#maxFrameBytes) { // this server takes less than the one before
      this.#kept.drop(number);
      const error = tooLarge(total, this.#maxFrameBytes);
      if (!this.#book.isUnsent(number)) Object.assign(error, { outcome: "unknown" });
      return this.#book.reject(number, error);
    }
    this.#id.set(this.#idOf(number));
    const at = out.begin(command, this.#id.bytes, 0, lead + payload.length);
    if (lead > 0) writeU32(out.buffer, at, timeoutMs === 0 ? 0 : Math.max(1, Math.ceil(timeoutMs)));
    out.buffer.set(payload, at + lead);
    this.#book.sent(number, connection.outbound.position);
    const wireBytes = out.end(lead + payload.length);
    this.#book.note(number, wireBytes);
    this.#requestsLeft--;
    this.#bytesLeft -= wireBytes;
    if (number >= this.#newest) this.#newest = number + 1;
    connection.flushSoon();
  }

  /** Puts out what there is room for: first what was kept, then what waits to be kept. */
  drain(): void {
    const book = this.#book;
    while (this.#cursor < book.tail && this.#mayPut) {
      const number = this.#cursor++;
      if (book.waits(number)) this.#put(number, book.leftMs(number));
    }
    if (this.#waiting) this.#queue!.drain(() => this.#full);
  }

  /** So many requests, of so many bytes together, may be sent in addition. */
  grant(requests: number, bytes: number): void {
    this.#requestsLeft += requests;
    this.#bytesLeft += bytes;
    this.drain();
  }

  /**
   * A reply has come; its body is `bytes[at, end)`. To calls that nobody waits for any more it is of
   * no interest: they may have been given up on an earlier connection.
   *
   * @throws FramewireError UNEXPECTED_PACKET.
   */
  answered(command: number, bytes: Uint8Array, idAt: number, at: number, end: number): void {
    const book = this.#book;
    const number = this.#numberOf(command, bytes, idAt);
    if (!book.has(number)) return;
    const isWaited = book.waits(number);
    const request = command - REPLY;
    if (isWaited && this.#kept.commandOf(number) !== request) {
      throw nobodyWaits(command, bytes, idAt);
    }
    if (!this.#credit) {
      this.#requestsLeft++;
      this.#bytesLeft += book.noteOf(number);
    }
    const result = bytes[at]!;
    if (result === Result.DRAINING && isWaited) {
      // It was not taken; it is sent again on the next connection.
      book.unsent(number);
      this.#draining = true;
      return;
    }
    if (isWaited) this.#kept.drop(number);
    if (result === Result.OK) {
      book.resolve(number, request === Command.SUBMIT ? undefined : bytes.slice(at + 1, end));
    } else if (result === Result.FORGOTTEN) book.reject(number, forgotten(this.#idOf(number)));
    else book.reject(number, answeredNo(request, this.#idOf(number), bytes, at, end));
  }

  #idOf(number: number): number {
    return (number - this.#base) % LAST_ID + 1;
  }

  /** The number of the call with the id at `bytes[at]`: of those that were put out, the newest. */
  #numberOf(command: number, bytes: Uint8Array, at: number): number {
    const id = readId(bytes, at);
    const behind = ((this.newestId - id) % LAST_ID + LAST_ID) % LAST_ID;
    if (id < 1 || behind > LAST_ID / 2) throw nobodyWaits(command, bytes, at);
    return this.#newest - 1 - behind;
  }

  /** The caller does not wait any more; the server is told, if it has the call. */
  #gaveUp(number: number): void {
    this.#kept.drop(number);
    if (this.#carrier === undefined || !this.#cancels || number >= this.#cursor) return;
    this.#id.set(this.#idOf(number));
    this.#carrier.out.put(Command.CANCEL, this.#id.bytes, 0, NONE);
    this.#carrier.connection.flushSoon();
  }
}

/** What a call fails with that came before, and of which the server knows no more how it went. */
function forgotten(id: number): FramewireError {
  return new FramewireError(
    "SESSION_LOST",
    `the server has had ${
      String(id).padStart(8, "0")
    } before, and remembers its answer no more: it ` +
      "was sent again too late",
    { outcome: "unknown", result: Result.FORGOTTEN },
  );
}
