/**
 * The calls of a client that has said hello: their ids, the server's window, and who waits for what.
 *
 * @module
 */
import type { Connection } from "../../connection/connection.ts";
import { FramewireError } from "../../errors.ts";
import { type CallOptions, cancelled, checkCallOptions, deadlineExceeded } from "../call_limits.ts";
import { Fifo } from "../fifo.ts";
import { type ClientSide, tooLarge } from "../protocol.ts";
import { Call } from "./call.ts";
import {
  Command,
  type Feature,
  hex,
  idText,
  LAST_ID,
  readId,
  REPLY,
  Result,
  RESULT_TEXTS,
  writeId,
} from "./commands.ts";
import { type FrameOut, readU32, writeU32 } from "./frame_out.ts";
import type { Welcome } from "./hello.ts";
import { SUBMIT_HEADER_BYTES } from "./packet.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const NONE = new Uint8Array(0);
const ids = new Uint8Array(8);
const TIMEOUT_BYTES = 4;
const CHECKSUM_BYTES = 4;

/** The calls of one connection. */
export class CallsOut {
  readonly #connection: Connection;
  readonly #side: ClientSide;
  #out: FrameOut;
  #maxFrameBytes: number;
  #extraBytes = 0;
  /** Whether the server grants credit, and takes a Cancel. */
  #credit = false;
  #cancels = false;
  /** What may still be sent: of the window, or of what was granted. */
  #requestsLeft = Infinity;
  #bytesLeft = Infinity;
  #lastId = 0;
  /** Calls that were sent and are not answered, by id; those given up too. */
  readonly #calls = new Map<number, Call>();
  /** Calls that wait for the window. */
  readonly #queue = new Fifo<Call>();
  #refused: FramewireError | undefined;
  #pending = 0;

  constructor(connection: Connection, side: ClientSide, out: FrameOut) {
    this.#connection = connection;
    this.#side = side;
    this.#out = out;
    this.#maxFrameBytes = side.maxFrameBytes;
  }

  /** Calls whose callers wait. */
  get pending(): number {
    return this.#pending;
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
    this.#refused ??= error;
  }

  /** No answer comes any more. */
  fail(lost: (outcome: "not-sent" | "unknown") => FramewireError): void {
    this.#refused ??= lost("not-sent");
    const calls = [...this.#calls.values(), ...this.#queue.takeAll()];
    this.#calls.clear();
    for (const call of calls) this.settled(call, lost(outcomeOf(call)));
  }

  /** Makes a call: sends it, or lets it wait for the window. */
  call(
    command: number,
    payload: Uint8Array | string,
    options: CallOptions,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      checkCallOptions(options);
      if (this.#refused !== undefined) throw this.#refused;
      const { calls: limits } = this.#side;
      const { timeoutMs = limits.requestTimeoutMs, signal } = options;
      if (signal?.aborted) throw cancelled(signal.reason, "not-sent");
      const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
      const total = SUBMIT_HEADER_BYTES + bytes.length +
        (command === Command.REQUEST ? TIMEOUT_BYTES : 0) + this.#extraBytes;
      if (total > this.#maxFrameBytes) throw tooLarge(total, this.#maxFrameBytes);
      const waits = command !== Command.PING && (this.#queue.length > 0 || !this.#hasRoom);
      if (waits && (limits.overflow === "fail" || this.#queue.length >= limits.maxQueued)) {
        throw windowFull();
      }
      const call = new Call(command, bytes, resolve, reject);
      this.#pending++;
      if (timeoutMs > 0) call.timeOutAfter(timeoutMs, limits.clock, () => this.#late(call));
      if (signal !== undefined) {
        call.abortWith(signal, () => this.#giveUp(call, cancelled(signal.reason, outcomeOf(call))));
      }
      if (!waits) this.#send(call);
      else {
        call.payload = bytes.slice(); // the caller's memory is free at once
        this.#queue.push(call);
      }
    });
  }

  get #hasRoom(): boolean {
    return this.#requestsLeft > 0 && this.#bytesLeft > 0 &&
      this.#calls.size < this.#side.calls.maxInFlight;
  }

  #send(call: Call): void {
    const { command, payload } = call;
    do {
      this.#lastId = this.#lastId % LAST_ID + 1;
    } while (this.#calls.has(this.#lastId));
    call.id = this.#lastId;
    writeId(call.id, ids, 0);
    const lead = command === Command.REQUEST ? TIMEOUT_BYTES : 0;
    const at = this.#out.begin(command, ids, 0, lead + payload.length);
    if (lead > 0) writeU32(this.#out.buffer, at, call.remainingMs(this.#side.calls.clock));
    this.#out.buffer.set(payload, at + lead);
    call.wireBytes = this.#out.end(lead + payload.length);
    call.payload = NONE;
    this.#calls.set(call.id, call);
    if (command !== Command.PING) {
      this.#requestsLeft--;
      this.#bytesLeft -= call.wireBytes;
    }
    this.#connection.flushSoon();
  }

  /** So many requests, of so many bytes together, may be sent in addition. */
  grant(requests: number, bytes: number): void {
    this.#requestsLeft += requests;
    this.#bytesLeft += bytes;
    while (this.#queue.length > 0 && this.#hasRoom) {
      const call = this.#queue.shift()!;
      if (!call.settled) this.#send(call);
    }
  }

  /**
   * The call that a reply with the id at `bytes[offset + 5]` answers, which is then forgotten.
   *
   * @throws FramewireError UNEXPECTED_PACKET.
   */
  find(command: number, bytes: Uint8Array, offset: number): Call {
    const id = readId(bytes, offset + 5);
    const call = this.#calls.get(id);
    if (call === undefined || (call.command | REPLY) !== command) {
      const text = JSON.stringify(idText(bytes, offset + 5));
      throw new FramewireError(
        "UNEXPECTED_PACKET",
        `the server sent ${hex(command)} with id ${text}, which no call waits for`,
      );
    }
    this.#calls.delete(id);
    return call;
  }

  /** An acknowledgement or a Response has come. */
  answered(call: Call, body: Uint8Array): void {
    this.grant(this.#credit ? 0 : 1, this.#credit ? 0 : call.wireBytes);
    const result = body[0]!;
    if (result === Result.OK) {
      this.settled(call, undefined, body.subarray(1));
      return;
    }
    if (call.settled) return;
    const isBusy = result === Result.BUSY && body.length >= 5;
    const text = decoder.decode(body.subarray(isBusy ? 5 : 1)) || RESULT_TEXTS[result] || "unknown";
    const what = call.command === Command.SUBMIT ? "submit" : "request";
    const id = String(call.id).padStart(8, "0");
    this.settled(
      call,
      new FramewireError(
        "RESULT_FAILED",
        `the server answered ${what} ${id} with result ${result}, expected 0: ${text}`,
        { result, outcome: "answered", ...(isBusy && { retryAfterMs: readU32(body, 1) }) },
      ),
    );
  }

  #late(call: Call): void {
    this.#giveUp(call, deadlineExceeded(call.timeoutMs, outcomeOf(call)));
  }

  /** The caller does not wait any more; the server is told, and its answer will be ignored. */
  #giveUp(call: Call, error: Error): void {
    if (call.settled) return;
    if (call.id !== 0 && call.command !== Command.PING && this.#cancels) {
      writeId(call.id, ids, 0);
      this.#out.put(Command.CANCEL, ids, 0, NONE);
      this.#connection.flushSoon();
    }
    this.settled(call, error);
  }

  /** A call has its answer, or will not get one. */
  settled(call: Call, error: Error | undefined, payload: Uint8Array = NONE): void {
    if (!call.settle(error, payload)) return;
    if (--this.#pending === 0) this.#side.settled();
  }
}

/** What is known of a call that gets no answer. */
function outcomeOf(call: Call): "not-sent" | "unknown" {
  return call.id === 0 ? "not-sent" : "unknown";
}

function windowFull(): FramewireError {
  return new FramewireError(
    "WINDOW_FULL",
    "the window is full, and no more calls may wait for room (overflow, maxQueued)",
    { outcome: "not-sent" },
  );
}
