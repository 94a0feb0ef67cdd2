/**
 * The calls of a client that has said hello: their ids, the server's window, and who waits for what.
 *
 * @module
 */
import { copyOf } from "../../../codec/copy_of.ts";
import type { CloseReason, Connection } from "../../../connection/connection.ts";
import type { FramewireError } from "../../../errors.ts";
import type { CallBook } from "../../call_book.ts";
import { type CallOptions, cancelled, checkCallOptions } from "../../call_limits.ts";
import { OpenCalls } from "../../open_calls.ts";
import { type ClientSide, tooLarge } from "../../protocol.ts";
import { Command, type Feature, LAST_ID, REPLY, Result, SUBMIT_HEADER_BYTES } from "../commands.ts";
import { type FrameOut, writeU32 } from "../frame_out.ts";
import type { Welcome } from "../hello.ts";
import { IdDigits, idOf, nobodyWaits, numberIn } from "../id_digits.ts";
import { answeredNo } from "./reply_in.ts";
import type { SubmitOptions, SubmitSource } from "./source.ts";
import { type Upload, uploadBytes, Uploads } from "./upload.ts";

const encoder = /* @__PURE__ */ new TextEncoder();
const NONE = /* @__PURE__ */ new Uint8Array(0);
const TIMEOUT_BYTES = 4;
const CHECKSUM_BYTES = 4;
/** Text up to this length is encoded in place, into room for three bytes a character. */
const SHORT_TEXT = 16 * 1024;
/** What is noted of a call: its command, and how many bytes its frame had on the wire. */
const COMMANDS = 256;

/** The calls of one connection. */
export class CallsOut {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  readonly #open: OpenCalls<Uint8Array | undefined>;
  readonly #book: CallBook<Uint8Array | undefined>;
  readonly #id = new IdDigits();
  #out: FrameOut;
  #maxFrameBytes: number;
  #extraBytes = 0;
  /** Whether the server grants credit, and takes a Cancel. */
  #credit = false;
  #cancels = false;
  /** What may still be sent: of the window, or of what was granted. */
  #requestsLeft = Infinity;
  #bytesLeft = Infinity;
  /** The frame that was put out last: where it begins, and what is noted of it. */
  #place = 0;
  #note = 0;
  /** From the first one on. */
  #uploads: Uploads | undefined;

  constructor(connection: Connection, side: ClientSide, out: FrameOut) {
    this.#connection = connection;
    this.#side = side;
    this.#out = out;
    this.#maxFrameBytes = side.maxFrameBytes;
    this.#open = new OpenCalls(connection, side, 0, (number) => this.#gaveUp(number));
    this.#book = this.#open.book as CallBook<Uint8Array | undefined>; // as whole clients have them
  }

  /** Calls whose callers wait. */
  get pending(): number {
    return this.#open.pending;
  }

  /** The server has sent its welcome. */
  agreed(out: FrameOut, features: ReadonlySet<Feature>, { maxFrame, window }: Welcome): void {
    this.#out = out;
    this.#maxFrameBytes = Math.min(this.#maxFrameBytes, maxFrame);
    this.#extraBytes = features.has("crc32c") ? CHECKSUM_BYTES : 0;
    this.#credit = features.has("credit");
    this.#cancels = features.has("request");
    this.#requestsLeft = window.requests;
    this.#bytesLeft = window.bytes;
  }

  /** From now on new calls fail with this. */
  refuse(error: FramewireError): void {
    this.#open.refuse(error);
  }

  /** The server takes no call behind the one with this id, 0 for none: those, and new ones, fail. */
  untaken(lastId: number, error: FramewireError): void {
    this.#open.refuse(error);
    const book = this.#book;
    const newest = book.tail - 1;
    // The newest call that has the id, 1 to 99,999,999; with 0 none was taken.
    const last = lastId === 0 ? -1 : newest - (idOf(newest) - lastId + LAST_ID) % LAST_ID;
    for (let number = Math.max(last + 1, book.head); number < book.tail; number++) {
      const isPing = book.noteOf(number) % COMMANDS === Command.PING;
      if (!isPing && book.waits(number)) book.letGo(number, error);
    }
  }

  /** No answer comes any more. */
  finishing(reason: CloseReason): void {
    this.#open.finishing(reason);
  }

  /** Makes a call: sends it, or lets it wait for the window. */
  call(
    command: number,
    payload: Uint8Array | string,
    options: CallOptions | undefined,
  ): Promise<Uint8Array | undefined> {
    const { refused } = this.#open;
    if (refused !== undefined) return Promise.reject(refused);
    if (options !== undefined || (this.#open.waiting || this.#full) && command !== Command.PING) {
      return this.#callSlowly(command, payload, options);
    }
    const error = this.#put(command, payload, this.#side.calls.requestTimeoutMs);
    if (error !== undefined) return Promise.reject(error);
    return new Promise((resolve, reject) => {
      this.#book.note(this.#book.add(this.#place, resolve, reject), this.#note);
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
      const { timeoutMs = this.#side.calls.requestTimeoutMs, signal } = options;
      if (signal?.aborted) throw cancelled(signal.reason, "not-sent");
      const send = (bytes: Uint8Array | string, leftMs?: number) => {
        const error = this.#put(command, bytes, leftMs ?? timeoutMs);
        if (error !== undefined) return reject(error);
        const number = this.#book.add(this.#place, resolve, reject);
        this.#book.note(number, this.#note);
        this.#book.limit(number, options, leftMs);
      };
      const waits = command !== Command.PING && (this.#open.waiting || this.#full);
      if (!waits) return send(payload);
      const kept = typeof payload === "string" ? encoder.encode(payload) : copyOf(payload);
      const error = this.#tooLarge(this.#wireBytes(command, kept.length));
      if (error !== undefined) throw error;
      this.#open.wait(options, (leftMs) => send(kept, leftMs), reject);
    });
  }

  /** Submits what a source gives, behind what has been sent. */
  async upload(source: SubmitSource, options: CallOptions & SubmitOptions = {}): Promise<void> {
    const { refused } = this.#open;
    if (refused !== undefined) throw refused;
    checkCallOptions(options);
    if (options.signal?.aborted) throw cancelled(options.signal.reason, "not-sent");
    const bytes = uploadBytes(options);
    const wireBytes = this.#wireBytes(Command.SUBMIT, bytes);
    const error = this.#tooLarge(wireBytes);
    if (error !== undefined) throw error;
    let leftMs: number | undefined;
    const reserve = () => {
      this.#requestsLeft--;
      this.#bytesLeft -= wireBytes;
    };
    if (this.#open.waiting || this.#full) {
      leftMs = await new Promise((resolve, reject) => {
        this.#open.wait(options, (left) => (reserve(), resolve(left)), reject);
      });
    } else {
      reserve();
    }
    const begin: Upload["begin"] = (answered, failed) => {
      const head = new Uint8Array(SUBMIT_HEADER_BYTES);
      writeU32(head, 0, wireBytes);
      head[4] = Command.SUBMIT;
      this.#id.set(idOf(this.#book.tail));
      head.set(this.#id.bytes, 5);
      const place = this.#connection.outbound.position;
      const number = this.#book.add(place, answered, failed);
      this.#book.note(number, wireBytes * COMMANDS + Command.SUBMIT);
      this.#book.limit(number, options, leftMs);
      return head;
    };
    const uploads = this.#uploads ??= new Uploads(this.#connection);
    const crc32c = this.#extraBytes > 0;
    await uploads.send({ begin, source, bytes, crc32c }, () => this.#open.refused);
  }

  get #full(): boolean {
    return this.#requestsLeft <= 0 || this.#bytesLeft <= 0 || this.#book.full;
  }

  #wireBytes(command: number, payloadBytes: number): number {
    return SUBMIT_HEADER_BYTES + (command === Command.REQUEST ? TIMEOUT_BYTES : 0) + payloadBytes +
      this.#extraBytes;
  }

  #tooLarge(bytes: number): FramewireError | undefined {
    return bytes > this.#maxFrameBytes ? tooLarge(bytes, this.#maxFrameBytes) : undefined;
  }

  /** Puts the next call's frame out; returns why it cannot. */
  #put(
    command: number,
    payload: Uint8Array | string,
    timeoutMs: number,
  ): FramewireError | undefined {
    const content = typeof payload === "string" && payload.length > SHORT_TEXT
      ? encoder.encode(payload)
      : payload;
    const isText = typeof content === "string";
    if (!isText && this.#wireBytes(command, content.length) > this.#maxFrameBytes) {
      return this.#tooLarge(this.#wireBytes(command, content.length));
    }
    const out = this.#out;
    const number = this.#book.tail;
    const lead = command === Command.REQUEST ? TIMEOUT_BYTES : 0;
    this.#id.set(idOf(number));
    const most = lead + (isText ? content.length * 3 : content.length);
    const at = out.begin(command, this.#id.bytes, 0, most);
    const { buffer } = out;
    if (lead > 0) writeU32(buffer, at, timeoutMs === 0 ? 0 : Math.max(1, Math.ceil(timeoutMs)));
    let bodyBytes = most;
    if (isText) {
      const { written } = encoder.encodeInto(content, buffer.subarray(at + lead));
      const error = this.#tooLarge(this.#wireBytes(command, written));
      if (error !== undefined) return error; // what was begun is not committed
      bodyBytes = lead + written;
    } else {
      buffer.set(content, at + lead);
    }
    this.#place = this.#connection.outbound.position;
    const wireBytes = out.end(bodyBytes);
    this.#note = wireBytes * COMMANDS + command;
    if (command !== Command.PING) {
      this.#requestsLeft--;
      this.#bytesLeft -= wireBytes;
    }
    this.#connection.flushSoon();
    return undefined;
  }

  /** So many requests, of so many bytes together, may be sent in addition. */
  grant(requests: number, bytes: number): void {
    this.#requestsLeft += requests;
    this.#bytesLeft += bytes;
    this.drain();
  }

  /** Puts out what waited for the answers that have come. */
  drain(): void {
    if (this.#open.waiting) this.#open.drain(() => this.#full);
  }

  /**
   * A reply has come; its body is `bytes[at, end)`. Calls that wait for room are to be looked at when
   * all replies of a batch are taken: {@linkcode drain}.
   *
   * @throws FramewireError UNEXPECTED_PACKET.
   */
  answered(command: number, bytes: Uint8Array, idAt: number, at: number, end: number): void {
    const book = this.#book;
    const number = numberIn(book, command, bytes, idAt);
    const note = book.noteOf(number);
    const request = note % COMMANDS;
    if ((request | REPLY) !== command) throw nobodyWaits(command, bytes, idAt);
    if (!this.#credit && request !== Command.PING) {
      this.#requestsLeft++;
      this.#bytesLeft += Math.floor(note / COMMANDS);
    }
    if (request === Command.PING) book.resolve(number, undefined);
    else if (bytes[at] !== Result.OK) {
      book.reject(number, answeredNo(request, idOf(number), bytes, at, end));
    } else {
      book.resolve(number, request === Command.SUBMIT ? undefined : bytes.slice(at + 1, end));
    }
  }

  /** The caller does not wait any more; the server is told, and its answer will be ignored. */
  #gaveUp(number: number): void {
    if (!this.#cancels || this.#book.noteOf(number) % COMMANDS === Command.PING) return;
    this.#id.set(idOf(number));
    this.#out.put(Command.CANCEL, this.#id.bytes, 0, NONE);
    this.#connection.flushSoon();
  }
}
