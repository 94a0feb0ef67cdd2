/**
 * Frames out of a stream that comes in pieces.
 *
 * ## The contract
 *
 * - A decoder is given chunks in the order of the stream. It hands every complete frame to its
 *   consumer exactly once, in order, in batches, and it takes no byte twice.
 * - "Need more" is not an error: an incomplete frame waits, copied, for the next chunk. What waits
 *   grows with the bytes that have come, never with the length that a header declares.
 * - A malformed frame throws; the complete frames before it have been handed over. The stream has
 *   no next frame then: the decoder must not be pushed to again. Only a frame over the limit can
 *   be skipped, when its framing says so: the consumer is told, and nothing of it waits.
 * - The end of the stream inside a frame is `TRUNCATED`; between two frames it is in order.
 * - A consumer may take less than a batch. `push` then returns where it stopped, and the caller
 *   pushes the rest of the chunk again when the consumer has room.
 * - A consumer with `parts` takes frames that are longer than it says in parts: first the head, then
 *   the body as it comes. It can ask to wait, as with a batch, and no next frame is handed over before
 *   it has done with the body.
 * - Where the frames end does not depend on how the stream was cut into chunks, nor does an error.
 *
 * ```
 *              chunk ends in a frame              more bytes: still incomplete
 *   BETWEEN ───────────────────────────▶ INSIDE ◀──┐
 *    ▲  ▲ │                              │ │ └─────┘
 *    │  │ │      the frame is complete   │ │
 *    │  └─┼──────────────────────────────┘ │
 *    │    │ over the limit, and the framing│says "skip"
 *    │    └──────────────▶ SKIPPING ◀──────┘
 *    └─────────────────────┘
 *         its end has come
 *
 *   INSIDE ── a long frame's head has come ──▶ STREAMING ── its body is through ──▶ BETWEEN
 * ```
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { type Codec, type FrameTable, type Scanner, ScanStatus } from "./codec.ts";
import { FrameBuffer } from "./frame_buffer.ts";
import { checkLimit, skipsOversize } from "./frame_layout.ts";
import { FrameSkipper } from "./frame_skipper.ts";
import type { Framing, KindField } from "./framing.ts";
import { borrow, type CodecChoice, codecOf } from "./lend.ts";
import { scanError, truncated } from "./scan_error.ts";

/** What became of a frame that could be taken in parts. */
export const Begun = {
  /** Its body is next. */
  YES: 0,
  /** There is no room for it now: push again when there is. */
  LATER: 1,
  /** It is to come whole, in a batch. */
  WHOLE: 2,
} as const;
/** One of the numbers of {@linkcode Begun}. */
export type Begun = (typeof Begun)[keyof typeof Begun];

/** Takes frames in parts. */
export interface FrameParts {
  /** Only frames longer than this are taken in parts, in bytes. */
  readonly overBytes: number;
  /** How much of a frame is its head, in bytes. */
  readonly headBytes: number;
  /** Takes the head of a frame of `frameBytes` bytes, at `chunk[at]`. */
  begin(chunk: Uint8Array, at: number, frameBytes: number): Begun;
  /** Takes the next bytes of the body, which are valid until it returns; `left` more follow. */
  part(bytes: Uint8Array, left: number): void;
  /** Whether it has enough for now; with nothing `left`, whether it has not done with the body. */
  waits(left: number): boolean;
  /** The body is through: the next frame may be handed over. */
  through(): void;
}

/** Takes the frames that a decoder finds. */
export interface FrameConsumer {
  /**
   * Takes the frames of `table`, whose offsets are in `chunk`. `codec` holds the table and encodes
   * its acks until this returns; no other scan touches them.
   *
   * @returns How many frames it took, from the first on; fewer than `table.count` stops the push.
   */
  batch(codec: Codec, chunk: Uint8Array, table: FrameTable): number;
  /** Set by `batch` when it goes on reading `chunk` after it returned. */
  keepsChunk: boolean;
  /** Takes long frames in parts; without it they come whole. */
  readonly parts?: FrameParts | undefined;
  /** A frame over the limit is skipped. */
  skipped?(error: FramewireError): void;
}

/** Where in the stream a decoder is. */
const State = { BETWEEN: 0, INSIDE: 1, SKIPPING: 2, STREAMING: 3 } as const;
type State = (typeof State)[keyof typeof State];

/** How many bytes are looked at, at the least, when the end of a frame has to be looked for. */
const LEAST_STEP_BYTES = 64;

/** Cuts a stream into frames. */
export class FrameDecoder {
  #framing: Framing;
  #kind: KindField | undefined;
  readonly #choice: CodecChoice;
  readonly #codec: Codec;
  #scanner: Scanner;
  #consumer: FrameConsumer;
  #maxFrameBytes: number;
  #state: State = State.BETWEEN;
  /** INSIDE: what has come of the frame. */
  readonly #buffer = new FrameBuffer();
  /** INSIDE: how many bytes there must be for another scan to find more. */
  #need = 0;
  /** INSIDE: how many bytes the frame has, once that is known. */
  #declared = 0;
  /** INSIDE: how many bytes of the buffer have been searched for an end. */
  #searched = 0;
  /** INSIDE: the limit when the frame began. */
  #limit = 0;
  /** INSIDE: whether the consumer takes the frame whole, though it is a long one. */
  #whole = false;
  /** INSIDE: whether the consumer has no room for the frame's head. */
  #refused = false;
  /** STREAMING: bytes of the body that have not come. */
  #left = 0;
  /** SKIPPING: what does it; made when it is first needed. */
  #skipper: FrameSkipper | undefined;
  /** SKIPPING: where in the stream the frame begins. */
  #skipped = 0;
  /** Whether the consumer has changed the framing during its batch. */
  #reframed = false;
  /** Bytes of the stream before the chunk being pushed. */
  #received = 0;
  /** Where in the stream the memory begins that the consumer is given. */
  batchOffset = 0;

  /**
   * @param framing How the stream is framed.
   * @param kind Where the kind of a frame stands, if there is one to report.
   * @param choice Which codec scans it.
   * @param maxFrameBytes The longest frame taken, all of it.
   * @param consumer Who takes the frames.
   * @throws FramewireError INVALID_CONFIG.
   */
  constructor(
    framing: Framing,
    kind: KindField | undefined,
    choice: CodecChoice,
    maxFrameBytes: number,
    consumer: FrameConsumer,
  ) {
    this.#framing = framing;
    this.#kind = kind;
    this.#choice = choice;
    this.#codec = codecOf(choice);
    this.#scanner = this.#codec.scanner(framing, kind);
    checkLimit(framing, maxFrameBytes);
    this.#maxFrameBytes = maxFrameBytes;
    this.#consumer = consumer;
  }

  /** Who takes the frames from now on. Within a batch {@linkcode reframe} must follow. */
  set consumer(consumer: FrameConsumer) {
    this.#consumer = consumer;
  }

  /** The longest frame taken, all of it. A change applies from the next header on. */
  get maxFrameBytes(): number {
    return this.#maxFrameBytes;
  }

  set maxFrameBytes(bytes: number) {
    checkLimit(this.#framing, bytes);
    this.#maxFrameBytes = bytes;
  }

  /** Bytes of an incomplete frame that wait for the rest of it. */
  get waitingBytes(): number {
    return this.#buffer.length;
  }

  /** Memory that it holds, in bytes. */
  get heldBytes(): number {
    return this.#buffer.bytes.length;
  }

  /** Where in the stream the first frame begins that has not been handed over. */
  get frameOffset(): number {
    return this.#state === State.SKIPPING ? this.#skipped : this.#received - this.#buffer.length;
  }

  /** Whether the stream is inside a frame whose end has not come. */
  get inFrame(): boolean {
    return this.#state !== State.BETWEEN && !this.stopped;
  }

  /** Whether it may hold a complete frame that has not been handed over: push again, any chunk. */
  get stopped(): boolean {
    if (this.#state === State.STREAMING) return this.#consumer.parts!.waits(this.#left);
    return this.#state === State.INSIDE && (this.#refused || this.#need <= this.#buffer.length);
  }

  /**
   * Changes the framing, from the first frame on that the consumer has not taken. A consumer that
   * calls it within a batch and takes only part of that batch is given the rest cut anew.
   *
   * @throws FramewireError INVALID_CONFIG, and nothing is changed.
   */
  reframe(framing: Framing, kind?: KindField): void {
    const scanner = this.#codec.scanner(framing, kind);
    checkLimit(framing, this.#maxFrameBytes);
    this.#framing = framing;
    this.#kind = kind;
    this.#scanner = scanner;
    this.#reframed = true;
    this.#need = 0;
    this.#declared = 0;
    this.#searched = 0;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns The offset in `chunk` up to which it was taken: its length, unless the consumer stopped.
   * @throws FramewireError for a malformed frame, and what the consumer throws.
   */
  push(chunk: Uint8Array): number {
    let at = 0;
    if (this.#state !== State.BETWEEN) {
      at = this.#goOn(chunk, 0);
      if (this.#state as State !== State.BETWEEN) return this.#took(at);
    }
    const length = chunk.length;
    while (at < length) {
      const codec = this.#codec.busy ? borrow(this.#choice) : this.#codec;
      const scanner = this.#scannerOf(codec);
      const table = scanner.scan(chunk, at, length, this.#maxFrameBytes);
      // A chunk that is no longer has no frame in it to be taken in parts.
      const long = length - at > this.#overBytes ? this.#cutAtLong(table) : 0;
      if (table.count > 0) {
        this.batchOffset = this.#received;
        const taken = this.#deliver(codec, chunk, table);
        at = taken < table.count ? table.words[taken * 4]! : table.consumed;
        if (this.#reframed) continue;
        if (taken < table.count) return this.#took(at);
      }
      at = table.consumed;
      if (long > 0) {
        at = this.#stream(chunk, at, long);
        if (this.#state as State !== State.BETWEEN) return this.#took(at);
        continue;
      }
      if (table.status !== ScanStatus.OK) {
        at = this.#refuse(table, chunk, at, length, this.#received + at, this.#maxFrameBytes);
        if (this.#skipper!.active) this.#state = State.SKIPPING; // BETWEEN -> SKIPPING
      } else if (table.need > length - at) {
        this.#wait(chunk, at, table); // BETWEEN -> INSIDE
        at = length;
        if (this.#isLong) at = this.#beginLong(chunk, at); // INSIDE -> STREAMING
      }
    }
    return this.#took(at);
  }

  /**
   * Says that the stream has ended.
   *
   * @throws FramewireError TRUNCATED when it ended inside a frame.
   */
  end(): void {
    if (this.#state === State.BETWEEN) return;
    if (this.#state === State.STREAMING) {
      if (this.#left === 0) return;
      const message = `the stream ended inside a frame, ${this.#left} bytes before its end`;
      throw new FramewireError("TRUNCATED", message);
    }
    const { bytes, length } = this.#buffer;
    throw this.#state === State.INSIDE
      ? truncated(
        this.#framing,
        bytes.subarray(0, length),
        this.#declared,
        this.#need,
        this.#received - length,
      )
      : new FramewireError("TRUNCATED", "the stream ended inside a frame that was being skipped");
  }

  /** Forgets what has come from `streamOffset` on: it will be pushed again. */
  restart(streamOffset: number): void {
    this.close();
    this.#received = streamOffset;
  }

  /** Gives back what it holds; the decoder is not used again. */
  close(): void {
    this.#state = State.BETWEEN;
    this.#buffer.clear();
    this.#skipper?.close();
  }

  #took(bytes: number): number {
    this.#received += bytes;
    return bytes;
  }

  #scannerOf(codec: Codec): Scanner {
    return codec === this.#codec ? this.#scanner : codec.scanner(this.#framing, this.#kind);
  }

  #deliver(codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    this.#reframed = false;
    codec.busy = true;
    try {
      return this.#consumer.batch(codec, chunk, table);
    } finally {
      codec.busy = false;
    }
  }

  /** Takes up what the stream is in, from `chunk[at]` on; returns how far it took the chunk. */
  #goOn(chunk: Uint8Array, at: number): number {
    if (this.#state === State.INSIDE) return this.#complete(chunk, at);
    if (this.#state === State.STREAMING) return this.#goOnStreaming(chunk, at);
    if (this.#state === State.BETWEEN) return at;
    const end = this.#skipper!.take(chunk, at, chunk.length);
    if (!this.#skipper!.active) this.#state = State.BETWEEN; // SKIPPING -> BETWEEN
    return end;
  }

  /** The chunk ends inside a frame: BETWEEN -> INSIDE. */
  #wait(chunk: Uint8Array, at: number, { need, declared }: FrameTable): void {
    this.#state = State.INSIDE;
    this.#need = need;
    this.#declared = declared;
    this.#limit = this.#maxFrameBytes;
    this.#whole = this.#refused = false;
    this.#buffer.append(chunk, at, chunk.length - at, need);
    this.#searched = this.#buffer.length;
  }

  #complete(chunk: Uint8Array, from: number): number {
    const buffer = this.#buffer;
    let at = from;
    for (;;) {
      if (this.#isLong) return this.#beginLong(chunk, at);
      const missing = this.#need - buffer.length;
      if (missing > 0) {
        const { exact } = this.#scanner;
        const taken = Math.min(exact ? missing : this.#step(missing), chunk.length - at);
        buffer.append(chunk, at, taken, exact ? this.#need : this.#limit);
        at += taken;
        if (taken < missing) return at; // INSIDE -> INSIDE
      }
      const codec = this.#codec.busy ? borrow(this.#choice) : this.#codec;
      const scanner = this.#scannerOf(codec);
      // A limit changed meanwhile applies from the next header on, not to this frame.
      const limit = scanner.exact ? Math.max(this.#maxFrameBytes, this.#declared) : this.#limit;
      const table = scanner.scan(buffer.bytes, 0, buffer.length, limit, this.#searched);
      if (table.count > 0) {
        const all = table.count;
        this.batchOffset = this.#received + at - buffer.length;
        const taken = this.#handOver(codec, table);
        if (taken === 0 && !this.#reframed) return at; // the consumer is full: still INSIDE
        const end = taken < table.count ? table.words[taken * 4]! : table.consumed;
        at -= this.#giveBack(end, at - from);
        if (buffer.length === 0) return at; // INSIDE -> BETWEEN
        if (taken < all && !this.#reframed) return at; // the consumer is full
      } else if (table.status !== ScanStatus.OK) {
        const { bytes, length } = buffer;
        const offset = this.#received + at - length;
        const skipped = this.#refuse(table, bytes, 0, length, offset, limit);
        at -= this.#giveBack(skipped, at - from);
        if (this.#skipper!.active) this.#state = State.SKIPPING; // INSIDE -> SKIPPING
        return this.#goOn(chunk, at);
      } else {
        this.#need = table.need; // INSIDE -> INSIDE
        this.#declared = table.declared;
        this.#searched = buffer.length;
      }
    }
  }

  /**
   * How many bytes to look for the end of a frame in: as many as wait already, so that a long frame
   * takes few scans. What lies behind the frame is given back.
   */
  #step(missing: number): number {
    const waiting = this.#buffer.length;
    return Math.max(missing, Math.min(Math.max(waiting, LEAST_STEP_BYTES), this.#limit - waiting));
  }

  /** Hands over the frames of the buffer; returns how many were taken. */
  #handOver(codec: Codec, table: FrameTable): number {
    const consumer = this.#consumer;
    const buffer = this.#buffer;
    // Behind the first frame a limit holds that has changed meanwhile.
    if (table.count > 1 && this.#limit !== this.#maxFrameBytes) {
      table.count = 1;
      table.consumed = table.words[1]!;
    }
    const kept = consumer.keepsChunk;
    consumer.keepsChunk = false;
    try {
      const taken = this.#deliver(codec, buffer.bytes, table);
      if (taken === 0) {
        this.#need = this.#reframed ? 0 : table.words[1]!;
        this.#searched = 0;
      }
      return taken;
    } finally {
      if (this.#consumer.keepsChunk) buffer.lend();
      this.#consumer.keepsChunk = kept;
    }
  }

  /**
   * Drops what comes before `end`. What comes behind it is given back to the chunk, as far as it
   * was appended from there: returns how much.
   */
  #giveBack(end: number, appended: number): number {
    const { length } = this.#buffer;
    const back = Math.min(length - end, appended);
    this.#buffer.keep(end, length - back);
    this.#need = 0;
    this.#declared = 0;
    this.#searched = 0;
    this.#limit = this.#maxFrameBytes;
    this.#whole = this.#refused = false;
    this.#state = this.#buffer.length === 0 ? State.BETWEEN : State.INSIDE;
    return back;
  }

  /** From which length on a frame is taken in parts. */
  get #overBytes(): number {
    const { parts } = this.#consumer;
    return parts === undefined || !this.#scanner.exact ? Infinity : parts.overBytes;
  }

  /** Whether the frame that waits is to be taken in parts. */
  get #isLong(): boolean {
    return this.#need > this.#overBytes && !this.#whole;
  }

  /** Takes the first long frame and all behind it out of the table; returns its length, or 0. */
  #cutAtLong(table: FrameTable): number {
    const { words, count } = table;
    const over = this.#overBytes;
    for (let i = 0; i < count; i++) {
      const length = words[i * 4 + 1]!;
      if (length <= over) continue;
      table.count = i;
      table.consumed = words[i * 4]!;
      return length;
    }
    return 0;
  }

  /** A long frame is in the chunk, all of it: BETWEEN -> STREAMING, mostly. */
  #stream(chunk: Uint8Array, at: number, frameBytes: number): number {
    const parts = this.#consumer.parts!;
    const begun = parts.begin(chunk, at, frameBytes);
    if (begun === Begun.YES) {
      this.#state = State.STREAMING;
      this.#left = frameBytes - parts.headBytes;
      return this.#goOnStreaming(chunk, at + parts.headBytes);
    }
    // It waits with its end missing, as if the chunk had been cut there.
    this.#state = State.INSIDE;
    this.#need = this.#declared = frameBytes;
    this.#limit = this.#maxFrameBytes;
    this.#whole = begun === Begun.WHOLE;
    this.#refused = !this.#whole;
    const waits = frameBytes - 1;
    this.#buffer.append(chunk, at, waits, frameBytes);
    this.#searched = waits;
    return this.#refused ? at + waits : this.#complete(chunk, at + waits);
  }

  /** A long frame waits: INSIDE -> STREAMING, as soon as its head is there and there is room. */
  #beginLong(chunk: Uint8Array, from: number): number {
    const parts = this.#consumer.parts!;
    const buffer = this.#buffer;
    let at = from;
    const missing = parts.headBytes - buffer.length;
    if (missing > 0) {
      const taken = Math.min(missing, chunk.length - at);
      buffer.append(chunk, at, taken, parts.headBytes);
      at += taken;
      if (taken < missing) return at;
    }
    const begun = parts.begin(buffer.bytes, 0, this.#need);
    this.#whole = begun === Begun.WHOLE;
    this.#refused = begun === Begun.LATER;
    if (this.#whole) return this.#complete(chunk, at);
    if (this.#refused) return at;
    const { bytes, length } = buffer;
    this.#state = State.STREAMING;
    this.#left = this.#need - length;
    this.#need = 0;
    if (length > parts.headBytes) parts.part(bytes.subarray(parts.headBytes, length), this.#left);
    buffer.clear();
    return this.#goOnStreaming(chunk, at);
  }

  #goOnStreaming(chunk: Uint8Array, at: number): number {
    const parts = this.#consumer.parts!;
    const taken = Math.min(this.#left, chunk.length - at);
    if (taken > 0) {
      if (parts.waits(this.#left)) return at;
      this.#left -= taken;
      const whole = taken === chunk.length;
      parts.part(whole ? chunk : chunk.subarray(at, at + taken), this.#left);
    }
    if (this.#left === 0 && !parts.waits(0)) {
      this.#state = State.BETWEEN; // STREAMING -> BETWEEN
      parts.through();
    }
    return at + taken;
  }

  /**
   * Throws the error of the malformed frame at `bytes[at]`, or skips it.
   *
   * @returns Where its part in `bytes[at, end)` ends.
   */
  #refuse(
    table: FrameTable,
    bytes: Uint8Array,
    at: number,
    end: number,
    streamOffset: number,
    limit: number,
  ): number {
    const { status, declared } = table;
    const seen = bytes.subarray(at, end);
    const error = scanError(table, this.#framing, this.#kind, limit, streamOffset, seen);
    const framing = this.#framing;
    if (!skipsOversize(framing)) throw error;
    const skipper = this.#skipper ??= new FrameSkipper(this.#choice);
    this.#skipped = streamOffset;
    let from = at;
    if (framing.kind === "delimiter" && status === ScanStatus.DELIMITER_NOT_FOUND) {
      from = at + limit;
      skipper.seek(framing, bytes, at, from);
    } else if (status === ScanStatus.FRAME_TOO_LARGE && declared <= Number.MAX_SAFE_INTEGER) {
      skipper.skip(declared);
    } else {
      throw error;
    }
    const skipped = skipper.take(bytes, from, end);
    this.#consumer.skipped?.(error);
    return skipped;
  }
}
