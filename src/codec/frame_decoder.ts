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
 *   no next frame then: the decoder must not be pushed to again.
 * - The end of the stream inside a frame is `TRUNCATED`; between two frames it is in order.
 * - A consumer may take less than a batch. `push` then returns where it stopped, and the caller
 *   pushes the rest of the chunk again when the consumer has room.
 *
 * ```
 *              chunk ends in a frame            need bytes have come, header only: need grows
 *   BETWEEN ───────────────────────────▶ INSIDE ◀──┐
 *      ▲                                   │ └─────┘
 *      └───────────────────────────────────┘
 *              need bytes have come: the frame is complete
 * ```
 *
 * @module
 */
import { FramewireError } from "../errors.ts";
import { giveBuffer, takeBuffer } from "../connection/buffer_pool.ts";
import { type Codec, type FrameLayout, type FrameTable, type Scanner } from "./codec.ts";
import { borrow, type CodecChoice } from "./lend.ts";
import { scanError } from "./scan_error.ts";

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
}

/** Cuts a stream into frames. */
export class FrameDecoder {
  readonly #layout: FrameLayout;
  readonly #choice: CodecChoice;
  readonly #codec: Codec;
  readonly #scanner: Scanner;
  readonly #consumer: FrameConsumer;
  /** The longest frame taken, its header included; applies from the next header on. */
  maxFrameBytes: number;
  /** The incomplete frame: `#waiting` bytes of `#buffer`; more sense than they can make takes `#need`. */
  #buffer: Uint8Array | undefined;
  #waiting = 0;
  #need = 0;
  /** Bytes of the stream before the chunk being pushed. */
  #received = 0;

  /**
   * @param layout How the stream is framed.
   * @param choice Which codec scans it.
   * @param maxFrameBytes The longest frame taken, its header included.
   * @param consumer Who takes the frames.
   */
  constructor(
    layout: FrameLayout,
    choice: CodecChoice,
    maxFrameBytes: number,
    consumer: FrameConsumer,
  ) {
    this.#layout = layout;
    this.#choice = choice;
    this.#codec = borrow(choice);
    this.#scanner = this.#codec.scanner(layout);
    this.maxFrameBytes = maxFrameBytes;
    this.#consumer = consumer;
  }

  /** Bytes of an incomplete frame that wait for the rest of it. */
  get waitingBytes(): number {
    return this.#waiting;
  }

  /** Whether it holds a complete frame that the consumer had no room for: push again, any chunk. */
  get stopped(): boolean {
    return this.#waiting > 0 && this.#waiting === this.#need;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns The offset in `chunk` up to which it was taken: its length, unless the consumer stopped.
   * @throws FramewireError LENGTH_UNDERFLOW or FRAME_TOO_LARGE, and what the consumer throws.
   */
  push(chunk: Uint8Array): number {
    let at = 0;
    if (this.#waiting > 0) {
      at = this.#complete(chunk);
      if (this.#waiting > 0) return this.#took(at);
    }
    const length = chunk.length;
    while (at < length) {
      const codec = this.#codec.busy ? borrow(this.#choice) : this.#codec;
      const scanner = codec === this.#codec ? this.#scanner : codec.scanner(this.#layout);
      const table = scanner.scan(chunk, at, length, this.maxFrameBytes);
      if (table.count > 0) {
        const taken = this.#deliver(codec, chunk, table);
        if (taken < table.count) return this.#took(table.words[taken * 4]!);
      }
      at = table.consumed;
      if (table.status !== 0) throw this.#malformed(table, chunk, at, this.#received + at);
      if (table.need > length - at) {
        this.#wait(chunk, at, table.need);
        at = length;
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
    if (this.#waiting === 0) return;
    const inHeader = this.#need <= this.#scanner.headerBytes;
    throw new FramewireError(
      "TRUNCATED",
      `the stream ended inside a frame's ${inHeader ? "header" : "body"}: ` +
        `${this.#waiting} of ${inHeader ? "at least " : ""}${this.#need} bytes came`,
      {
        declaredBytes: this.#need,
        streamOffset: this.#received - this.#waiting,
        firstBytes: this.#buffer!.slice(0, Math.min(16, this.#waiting)),
      },
    );
  }

  /** Gives back what it holds; the decoder is not used again. */
  close(): void {
    this.#waiting = 0;
    if (this.#buffer !== undefined) giveBuffer(this.#buffer);
    this.#buffer = undefined;
  }

  #took(bytes: number): number {
    this.#received += bytes;
    return bytes;
  }

  #deliver(codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    codec.busy = true;
    try {
      return this.#consumer.batch(codec, chunk, table);
    } finally {
      codec.busy = false;
    }
  }

  /** Completes the frame that waits, from the beginning of `chunk`; returns how much that took. */
  #complete(chunk: Uint8Array): number {
    let at = 0;
    for (;;) {
      const missing = this.#need - this.#waiting;
      if (missing > 0) {
        const taken = Math.min(missing, chunk.length - at);
        this.#append(chunk, at, taken);
        at += taken;
        if (taken < missing) return at; // INSIDE -> INSIDE
      }
      const buffer = this.#buffer!;
      const codec = this.#codec.busy ? borrow(this.#choice) : this.#codec;
      const scanner = codec === this.#codec ? this.#scanner : codec.scanner(this.#layout);
      // A limit lowered meanwhile applies from the next header on, not to this frame.
      const limit = Math.max(this.maxFrameBytes, this.#need);
      const table = scanner.scan(buffer, 0, this.#waiting, limit);
      if (table.status !== 0) {
        throw this.#malformed(table, buffer, 0, this.#received + at - this.#waiting);
      }
      if (table.count > 0) {
        const kept = this.#consumer.keepsChunk;
        this.#consumer.keepsChunk = false;
        const taken = this.#deliver(codec, buffer, table);
        if (taken === 0) {
          this.#consumer.keepsChunk = kept;
          return at; // the consumer is full: INSIDE, with nothing missing
        }
        if (this.#consumer.keepsChunk) this.#buffer = undefined;
        this.#consumer.keepsChunk = kept;
        this.close();
        return at; // INSIDE -> BETWEEN
      }
      this.#need = table.need; // the header is complete: INSIDE -> INSIDE
    }
  }

  /** The chunk ends inside a frame: BETWEEN -> INSIDE. */
  #wait(chunk: Uint8Array, at: number, need: number): void {
    this.#need = need;
    this.#append(chunk, at, chunk.length - at);
  }

  #append(chunk: Uint8Array, at: number, bytes: number): void {
    const length = this.#waiting + bytes;
    let buffer = this.#buffer;
    if (buffer === undefined || buffer.length < length) {
      // Doubling keeps a frame of many chunks linear; the frame's own length is the most it takes.
      const wanted = buffer === undefined ? length : Math.max(length, buffer.length * 2);
      const larger = takeBuffer(Math.max(length, Math.min(wanted, this.#need)));
      if (buffer !== undefined) {
        larger.set(buffer.subarray(0, this.#waiting));
        giveBuffer(buffer);
      }
      buffer = this.#buffer = larger;
    }
    // A loop beats `set` with a subarray made for it when there are only a few bytes.
    if (bytes <= 32) {
      for (let i = 0; i < bytes; i++) buffer[this.#waiting + i] = chunk[at + i]!;
    } else {
      buffer.set(chunk.subarray(at, at + bytes), this.#waiting);
    }
    this.#waiting = length;
  }

  #malformed(table: FrameTable, chunk: Uint8Array, at: number, offset: number): FramewireError {
    const declared = table.declared;
    const first = chunk.slice(at, Math.min(at + 16, chunk.length));
    return scanError(table.status, declared, this.#layout, this.maxFrameBytes, offset, first);
  }
}
