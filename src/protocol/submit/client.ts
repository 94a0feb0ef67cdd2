/**
 * The client's side of the `submit` protocol: submits in, acknowledgements matched by id.
 *
 * @module
 */
import type { Codec, FrameTable } from "../../codec/codec.ts";
import { type CloseReason, type Connection, State } from "../../connection/connection.ts";
import { FramewireError } from "../../errors.ts";
import { type ClientEndpoint, type ClientSide, connectionLost, tooLarge } from "../protocol.ts";
import { SUBMIT_HEADER_BYTES } from "./packet.ts";
import { Command, Result } from "./commands.ts";

/** What a client of the `submit` protocol can call. */
export interface SubmitCalls {
  /**
   * Submits a payload. Any number may be under way at once.
   *
   * @param payload Bytes, or text to be sent as UTF-8. It is copied: its memory is free at once.
   * @returns Resolves when the server has acknowledged it with result 0.
   * @throws FramewireError RESULT_FAILED when the server answered with another result,
   * CONNECTION_CLOSED (or what broke the link) when the answer can no longer come, FRAME_TOO_LARGE.
   */
  submit(payload: Uint8Array | string): Promise<void>;
}

/** Ids run from 00000001 to this, then wrap. */
const LAST_ID = 99_999_999;
const DIGITS = 8;
const ZERO = 0x30;
const FIRST_SLOTS = 64;
/** Text up to this length is encoded in place, into room for three bytes a character. */
const SHORT_TEXT = 16 * 1024;
const encoder = new TextEncoder();

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One connection's endpoint. */
export class SubmitClientEndpoint implements ClientEndpoint, SubmitCalls {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  /** The id of the next submit, as its eight digits. */
  readonly #id = new Uint8Array(DIGITS).fill(ZERO);
  /** Submits `[head, tail)` in the order they were sent; those answered out of turn are undefined. */
  #slots: (Waiting | undefined)[] = new Array(FIRST_SLOTS).fill(undefined);
  #head = 0;
  #tail = 0;
  #pending = 0;
  #refused: FramewireError | undefined;
  readonly owed = 0;
  keepsChunk = false;

  /** @param sent How many submits were sent before, on connections this one goes on from. */
  constructor(connection: Connection, side: ClientSide, sent = 0) {
    this.#connection = connection;
    this.#side = side;
    this.#head = this.#tail = sent;
    if (sent > 0) encoder.encodeInto(`${(sent - 1) % LAST_ID + 1}`.padStart(DIGITS, "0"), this.#id);
  }

  /** Submits that wait for their acknowledgement. */
  get pending(): number {
    return this.#pending;
  }

  /** {@inheritDoc SubmitCalls.submit} */
  submit(payload: Uint8Array | string): Promise<void> {
    if (this.#refused !== undefined) return Promise.reject(this.#refused);
    const bytes = typeof payload === "string" && payload.length > SHORT_TEXT
      ? encoder.encode(payload)
      : payload;
    const most = SUBMIT_HEADER_BYTES +
      (typeof bytes === "string" ? bytes.length * 3 : bytes.length);
    const { outbound } = this.#connection;
    if (typeof bytes !== "string" && most > this.#side.maxFrameBytes) {
      return Promise.reject(tooLarge(most, this.#side.maxFrameBytes));
    }
    const out = outbound.reserve(most);
    const at = outbound.at;
    const body = at + SUBMIT_HEADER_BYTES;
    let total = most;
    if (typeof bytes === "string") {
      total = SUBMIT_HEADER_BYTES + encoder.encodeInto(bytes, out.subarray(body)).written;
      if (total > this.#side.maxFrameBytes) {
        return Promise.reject(tooLarge(total, this.#side.maxFrameBytes));
      }
    } else {
      out.set(bytes, body);
    }
    out[at] = total >>> 24;
    out[at + 1] = total >>> 16;
    out[at + 2] = total >>> 8;
    out[at + 3] = total;
    out[at + 4] = Command.SUBMIT;
    this.#nextId();
    for (let i = 0; i < DIGITS; i++) out[at + 5 + i] = this.#id[i]!;
    outbound.commit(total);
    this.#connection.flushSoon();
    return new Promise((resolve, reject) => this.#remember({ resolve, reject }));
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(_codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    if (this.#connection.state !== State.OPEN) return 0;
    const { words, count } = table;
    for (let i = 0; i < count; i++) {
      const offset = words[i * 4]!;
      const command = words[i * 4 + 2]!;
      if (command === Command.CONN_ACK) continue;
      if (command !== Command.SUBMIT_ACK || words[i * 4 + 1]! !== SUBMIT_HEADER_BYTES + 1) {
        throw unexpected(command, words[i * 4 + 1]!, chunk, offset);
      }
      const waiting = this.#take(chunk, offset + 5);
      const result = chunk[offset + SUBMIT_HEADER_BYTES]!;
      if (result === Result.OK) waiting.resolve();
      else waiting.reject(failed(chunk, offset, result));
    }
    return count;
  }

  /** {@inheritDoc ClientEndpoint.refuse} */
  refuse(error: FramewireError): void {
    this.#refused ??= error;
  }

  /** {@inheritDoc Endpoint.finishing} */
  finishing(reason: CloseReason): void {
    const lost = connectionLost(reason, this.#pending);
    this.#refused ??= lost;
    if (this.#pending === 0) return;
    const slots = this.#slots;
    for (let seq = this.#head; seq < this.#tail; seq++) {
      slots[seq & (slots.length - 1)]?.reject(lost);
    }
    this.#slots = [];
    this.#head = this.#tail;
    this.#pending = 0;
    this.#side.settled();
  }

  /** {@inheritDoc Endpoint.closed} */
  closed(reason: CloseReason): void {
    this.finishing(reason);
    this.#side.closed(reason);
  }

  #nextId(): void {
    const id = this.#id;
    for (let i = DIGITS - 1; i >= 0; i--) {
      if (id[i]! < ZERO + 9) {
        id[i]!++;
        return;
      }
      id[i] = ZERO;
    }
    id[DIGITS - 1] = ZERO + 1; // 99999999 is followed by 00000001
  }

  #remember(waiting: Waiting): void {
    let slots = this.#slots;
    if (this.#tail - this.#head === slots.length) {
      const more: (Waiting | undefined)[] = new Array(slots.length * 2).fill(undefined);
      for (let seq = this.#head; seq < this.#tail; seq++) {
        more[seq & (more.length - 1)] = slots[seq & (slots.length - 1)];
      }
      slots = this.#slots = more;
    }
    slots[this.#tail & (slots.length - 1)] = waiting;
    this.#tail++;
    this.#pending++;
  }

  /** Finds the submit that the id at `chunk[at]` answers, and forgets it. */
  #take(chunk: Uint8Array, at: number): Waiting {
    let id = 0;
    for (let i = 0; i < DIGITS; i++) {
      const digit = chunk[at + i]! - ZERO;
      if (digit < 0 || digit > 9) throw noSuchId(chunk, at);
      id = id * 10 + digit;
    }
    const ahead = (id - 1 - this.#head % LAST_ID + LAST_ID) % LAST_ID;
    const seq = this.#head + ahead;
    const slots = this.#slots;
    const waiting = seq < this.#tail ? slots[seq & (slots.length - 1)] : undefined;
    if (id === 0 || waiting === undefined) throw noSuchId(chunk, at);
    slots[seq & (slots.length - 1)] = undefined;
    while (this.#head < this.#tail && slots[this.#head & (slots.length - 1)] === undefined) {
      this.#head++;
    }
    if (--this.#pending === 0) this.#side.settled();
    return waiting;
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
    { result },
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
  const known = command === Command.SUBMIT_ACK || command < 0x40;
  return new FramewireError(
    known ? "UNEXPECTED_PACKET" : "UNKNOWN_PACKET",
    `the server sent command ${hex} in a frame of ${length} bytes: expected 0x82 (SubmitAck) in 14`,
    { firstBytes: chunk.slice(offset, offset + Math.min(16, length)) },
  );
}
