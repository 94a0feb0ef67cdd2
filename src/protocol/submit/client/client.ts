/**
 * The client's side of the `submit` protocol without a hello: submits in, acknowledgements matched by id.
 *
 * @module
 */
import { copyOf } from "../../../codec/copy_of.ts";
import type { Codec, FrameTable } from "../../../codec/codec.ts";
import type { CloseReason, Connection } from "../../../connection/connection.ts";
import { State } from "../../../connection/state.ts";
import { FramewireError } from "../../../errors.ts";
import type { Book } from "../../book.ts";
import { type CallOptions, cancelled, checkCallOptions } from "../../call_limits.ts";
import { OpenCalls } from "../../open_calls.ts";
import { type ClientEndpoint, type ClientSide, tooLarge } from "../../protocol.ts";
import { Command, Result, SUBMIT_HEADER_BYTES } from "../commands.ts";
import { isWhole, type SubmitOptions, type SubmitSource } from "./source.ts";

/** Ids run from 00000001 to this, then wrap. */
const LAST_ID = 99_999_999;
const DIGITS = 8;
const ZERO = 0x30;
/** Text up to this length is encoded in place, into room for three bytes a character. */
const SHORT_TEXT = 16 * 1024;
const encoder = /* @__PURE__ */ new TextEncoder();

/** One connection's endpoint: submits whose payload is in memory, and nothing else. */
export class SubmitClientEndpoint implements ClientEndpoint {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  /** The id of the next submit, as its eight digits. */
  readonly #id = new Uint8Array(DIGITS).fill(ZERO);
  /** All that wait. */
  protected readonly open: OpenCalls<void>;
  /** Those among them that were put out. */
  readonly #calls: Book<void>;
  /** The place in the stream of the submit that was put out last. */
  #place = 0;
  readonly owed = 0;
  keepsChunk = false;

  /** @param sent How many submits were sent before, on connections this one goes on from. */
  constructor(connection: Connection, side: ClientSide, sent = 0) {
    this.#connection = connection;
    this.#side = side;
    this.open = new OpenCalls(connection, side, sent);
    this.#calls = this.open.book;
    if (sent > 0) encoder.encodeInto(`${(sent - 1) % LAST_ID + 1}`.padStart(DIGITS, "0"), this.#id);
  }

  /** Submits that wait for their acknowledgement. */
  get pending(): number {
    return this.open.pending;
  }

  /** See {@linkcode SubmitCalls.submit}. */
  submit(
    payload: Uint8Array | string | SubmitSource,
    options?: CallOptions & SubmitOptions,
  ): Promise<void> {
    if (this.open.refused !== undefined) return Promise.reject(this.open.refused);
    if (!isWhole(payload)) return this.upload(payload, options);
    if (options !== undefined || this.#calls.full) return this.#submitSlowly(payload, options);
    const error = this.#put(payload);
    if (error !== undefined) return Promise.reject(error);
    return new Promise((resolve, reject) => this.#calls.add(this.#place, resolve, reject));
  }

  /** A submit that has options of its own, or for which there is no room yet. */
  #submitSlowly(payload: Uint8Array | string, options: CallOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      checkCallOptions(options);
      if (options.signal?.aborted) throw cancelled(options.signal.reason, "not-sent");
      const send = (bytes: Uint8Array | string, leftMs?: number) => {
        const error = this.#put(bytes);
        if (error !== undefined) return reject(error);
        const number = this.#calls.add(this.#place, resolve, reject);
        this.#calls.limit(number, options, leftMs);
        this.#calls.note?.(number, number); // not to be given back: who made it sees to it
      };
      if (!this.#calls.full) return send(payload);
      const kept = typeof payload === "string" ? payload : copyOf(payload);
      this.open.wait(options, (leftMs) => send(kept, leftMs), reject);
    });
  }

  /** Puts a submit out; returns why it cannot. */
  #put(payload: Uint8Array | string): FramewireError | undefined {
    const bytes = typeof payload === "string" && payload.length > SHORT_TEXT
      ? encoder.encode(payload)
      : payload;
    const most = SUBMIT_HEADER_BYTES +
      (typeof bytes === "string" ? bytes.length * 3 : bytes.length);
    const { outbound } = this.#connection;
    if (typeof bytes !== "string" && most > this.#side.maxFrameBytes) {
      return tooLarge(most, this.#side.maxFrameBytes);
    }
    const out = outbound.reserve(most);
    const at = outbound.at;
    const body = at + SUBMIT_HEADER_BYTES;
    let total = most;
    if (typeof bytes === "string") {
      total = SUBMIT_HEADER_BYTES + encoder.encodeInto(bytes, out.subarray(body)).written;
      if (total > this.#side.maxFrameBytes) {
        return tooLarge(total, this.#side.maxFrameBytes);
      }
    } else {
      out.set(bytes, body);
    }
    out[at] = total >>> 24;
    out[at + 1] = total >>> 16;
    out[at + 2] = total >>> 8;
    out[at + 3] = total;
    out[at + 4] = Command.SUBMIT;
    this.nextId();
    for (let i = 0; i < DIGITS; i++) out[at + 5 + i] = this.#id[i]!;
    this.#place = outbound.position;
    outbound.commit(total);
    this.#connection.flushSoon();
    return undefined;
  }

  /** Submits what a source gives. */
  protected upload(_source: SubmitSource, _options?: SubmitOptions): Promise<void> {
    const message =
      "the small client submits bytes and text: connect of framewire/browser submits streams too";
    return Promise.reject(new FramewireError("UNSUPPORTED", message, { outcome: "not-sent" }));
  }

  /** Takes a frame that is no acknowledgement of a submit; false when it is not expected either. */
  protected takesOther(_command: number): boolean {
    return false;
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    if (this.#connection.state !== State.OPEN) return 0;
    const { words, count } = table;
    for (let i = 0; i < count; i++) {
      const offset = words[i * 4]!;
      const command = words[i * 4 + 2]!;
      if (command !== Command.SUBMIT_ACK || words[i * 4 + 1]! !== SUBMIT_HEADER_BYTES + 1) {
        if (this.takesOther(command)) continue;
        throw unexpected(command, words[i * 4 + 1]!, chunk, offset);
      }
      const number = this.#number(chunk, offset + 5);
      const result = chunk[offset + SUBMIT_HEADER_BYTES]!;
      if (result === Result.OK) this.#calls.resolve(number, undefined);
      else this.#calls.reject(number, failed(chunk, offset, result));
    }
    if (this.open.waiting) this.open.drain(() => this.#calls.full);
    return count;
  }

  /** {@inheritDoc ClientEndpoint.refuse} */
  refuse(error: FramewireError): void {
    this.open.refuse(error);
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(reason: CloseReason): void {
    this.open.finishing(reason);
  }

  /** {@inheritDoc Endpoint.lost} */
  lost(): void {
    if (this.pending > 0) this.open.keepUnsent();
  }

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.open.closed(reason);
  }

  /** Goes on to the next id, and returns it: eight digits, to be copied. */
  protected nextId(): Uint8Array {
    const id = this.#id;
    for (let i = DIGITS - 1; i >= 0; i--) {
      if (id[i]! < ZERO + 9) {
        id[i]!++;
        return id;
      }
      id[i] = ZERO;
    }
    id[DIGITS - 1] = ZERO + 1; // 99999999 is followed by 00000001
    return id;
  }

  /** The number of the submit that the id at `chunk[at]` answers. */
  #number(chunk: Uint8Array, at: number): number {
    let id = 0;
    for (let i = 0; i < DIGITS; i++) {
      const digit = chunk[at + i]! - ZERO;
      if (digit < 0 || digit > 9) throw noSuchId(chunk, at);
      id = id * 10 + digit;
    }
    const { head } = this.#calls;
    const number = head + (id - 1 - head % LAST_ID + LAST_ID) % LAST_ID;
    if (id === 0 || !this.#calls.has(number)) throw noSuchId(chunk, at);
    return number;
  }
}

function text(chunk: Uint8Array, at: number): string {
  return String.fromCharCode(...chunk.subarray(at, at + DIGITS));
}

function failed(chunk: Uint8Array, offset: number, result: number): FramewireError {
  const id = text(chunk, offset + 5);
  return new FramewireError(
    "RESULT_FAILED",
    `the server answered submit ${id} with result ${result}, expected 0`,
    { result, outcome: "answered" },
  );
}

function noSuchId(chunk: Uint8Array, at: number): FramewireError {
  return new FramewireError(
    "UNEXPECTED_PACKET",
    `the server acknowledged id ${JSON.stringify(text(chunk, at))}, which no pending submit has`,
  );
}

function unexpected(
  command: number,
  length: number,
  chunk: Uint8Array,
  offset: number,
): FramewireError {
  const hex = `0x${command.toString(16).padStart(2, "0")}`;
  const known = command === Command.SUBMIT_ACK || command === Command.CONN_ACK || command < 0x40;
  return new FramewireError(
    known ? "UNEXPECTED_PACKET" : "UNKNOWN_PACKET",
    `the server sent command ${hex} in a frame of ${length} bytes: expected 0x82 (SubmitAck) in 14`,
    { firstBytes: chunk.slice(offset, offset + Math.min(16, length)) },
  );
}
