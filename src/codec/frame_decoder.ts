/**
 * Frames out of a stream that comes in pieces.
 *
 * What it promises to the consumer of its frames is written in `frame_consumer.ts`.
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
import { Begun, type FrameConsumer } from "./frame_consumer.ts";
import { checkLimit, skipsOversize } from "./frame_layout.ts";
import type { FrameSkipper } from "./frame_skipper.ts";
import type { Framing, KindField } from "./framing_types.ts";
import type { Codecs } from "./lender.ts";
import { cutAtLong, LongFrame } from "./long_frame.ts";
import { NO_PARTIAL, type PartialFrame } from "./partial_frame.ts";
import { scanError } from "./scan_error.ts";
import type { StreamDecoder } from "./stream_decoder.ts";

/** Where in the stream a decoder is. */
const State = { BETWEEN: 0, INSIDE: 1, SKIPPING: 2, STREAMING: 3 } as const;
type State = (typeof State)[keyof typeof State];

/** Cuts a stream into frames. */
export class FrameDecoder implements StreamDecoder {
  #framing: Framing;
  #kind: KindField | undefined;
  readonly #codecs: Codecs;
  readonly #codec: Codec;
  #scanner: Scanner;
  #consumer: FrameConsumer;
  #maxFrameBytes: number;
  #state: State = State.BETWEEN;
  /** INSIDE: what has come of the frame. */
  #partial: PartialFrame = NO_PARTIAL;
  /** STREAMING: what is being taken in parts. */
  #long: LongFrame | undefined;
  /** SKIPPING: what does it; made when it is first needed. */
  #skipper: FrameSkipper | undefined;
  /** Whether the consumer has changed the framing during its batch. */
  #reframed = false;
  /** Bytes of the stream before the chunk being pushed. */
  #received = 0;
  /** Where in the stream the memory begins that the consumer is given. */
  batchOffset = 0;

  /**
   * @param framing How the stream is framed.
   * @param kind Where the kind of a frame stands, if there is one to report.
   * @param codecs Who scans it.
   * @param maxFrameBytes The longest frame taken, all of it.
   * @param consumer Who takes the frames.
   * @throws FramewireError INVALID_CONFIG.
   */
  constructor(
    framing: Framing,
    kind: KindField | undefined,
    codecs: Codecs,
    maxFrameBytes: number,
    consumer: FrameConsumer,
  ) {
    this.#framing = framing;
    this.#kind = kind;
    this.#codecs = codecs;
    this.#codec = codecs.own();
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
  set maxFrameBytes(bytes: number) {
    checkLimit(this.#framing, bytes);
    this.#maxFrameBytes = bytes;
    this.#reframed = true; // within a batch: what is behind it is scanned again
  }

  /** Bytes of an incomplete frame that wait for the rest of it. */
  get waitingBytes(): number {
    return this.#partial.length;
  }

  /** Memory that it holds, in bytes. */
  get heldBytes(): number {
    return this.#partial.bytes.length;
  }

  /** Where in the stream the first frame begins that has not been handed over. */
  get frameOffset(): number {
    return this.#state === State.SKIPPING
      ? this.#skipper!.streamOffset
      : this.#received - this.#partial.length;
  }

  /** Whether the stream is inside a frame whose end has not come. */
  get inFrame(): boolean {
    return this.#state !== State.BETWEEN && !this.stopped;
  }

  /** Whether it may hold a complete frame that has not been handed over: push again, any chunk. */
  get stopped(): boolean {
    if (this.#state === State.STREAMING) return this.#long!.waits;
    return this.#state === State.INSIDE &&
      (this.#partial.refused || this.#partial.need <= this.#partial.length);
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
    this.#partial.unknown();
  }

  /** {@inheritDoc StreamDecoder.push} */
  push(chunk: Uint8Array): number {
    let at = 0;
    if (this.#state !== State.BETWEEN) {
      at = this.#goOn(chunk, 0);
      if (this.#state as State !== State.BETWEEN) return this.#took(at);
    }
    const length = chunk.length;
    while (at < length) {
      const codec = this.#codec.busy ? this.#codecs.borrow() : this.#codec;
      const scanner = this.#scannerOf(codec);
      const table = scanner.scan(chunk, at, length, this.#maxFrameBytes);
      // A chunk that is no longer has no frame in it to be taken in parts.
      const long = length - at > this.#overBytes ? cutAtLong(table, this.#overBytes) : 0;
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
        this.#state = State.INSIDE; // BETWEEN -> INSIDE
        this.#partial = this.#partial.begin(chunk, at, length - at, table, this.#maxFrameBytes);
        at = length;
        if (this.#partial.isLong(this.#overBytes)) at = this.#beginLong(chunk, at); // INSIDE -> STREAMING
      }
    }
    return this.#took(at);
  }

  /** {@inheritDoc StreamDecoder.end} */
  end(): void {
    if (this.#state === State.BETWEEN) return;
    if (this.#state === State.STREAMING) return this.#long!.end();
    throw this.#state === State.INSIDE
      ? this.#partial.truncated(this.#framing, this.#received)
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
    this.#partial.clear();
    this.#long = undefined;
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

  #complete(chunk: Uint8Array, from: number): number {
    const partial = this.#partial;
    let at = from;
    for (;;) {
      if (partial.isLong(this.#overBytes)) return this.#beginLong(chunk, at);
      const missing = partial.need - partial.length;
      if (missing > 0) {
        const { exact } = this.#scanner;
        const taken = Math.min(exact ? missing : partial.step(missing), chunk.length - at);
        partial.append(chunk, at, taken, exact ? partial.need : partial.limit);
        at += taken;
        if (taken < missing) return at; // INSIDE -> INSIDE
      }
      const codec = this.#codec.busy ? this.#codecs.borrow() : this.#codec;
      const scanner = this.#scannerOf(codec);
      // A limit changed meanwhile applies from the next header on, not to this frame.
      const limit = scanner.exact ? Math.max(this.#maxFrameBytes, partial.declared) : partial.limit;
      const table = scanner.scan(partial.bytes, 0, partial.length, limit, partial.searched);
      if (table.count > 0) {
        const all = table.count;
        this.batchOffset = this.#received + at - partial.length;
        const taken = this.#handOver(codec, table);
        if (taken === 0 && !this.#reframed) return at; // the consumer is full: still INSIDE
        const end = taken < table.count ? table.words[taken * 4]! : table.consumed;
        at -= this.#giveBack(end, at - from);
        if (partial.length === 0) return at; // INSIDE -> BETWEEN
        if (taken < all && !this.#reframed) return at; // the consumer is full
      } else if (table.status !== ScanStatus.OK) {
        const { bytes, length } = partial;
        const offset = this.#received + at - length;
        const skipped = this.#refuse(table, bytes, 0, length, offset, limit);
        at -= this.#giveBack(skipped, at - from);
        if (this.#skipper!.active) this.#state = State.SKIPPING; // INSIDE -> SKIPPING
        return this.#goOn(chunk, at);
      } else {
        partial.need = table.need; // INSIDE -> INSIDE
        partial.declared = table.declared;
        partial.searched = partial.length;
      }
    }
  }

  /** Hands over the frames that are complete; returns how many were taken. */
  #handOver(codec: Codec, table: FrameTable): number {
    const partial = this.#partial;
    // Behind the first frame a limit holds that has changed meanwhile.
    if (table.count > 1 && partial.limit !== this.#maxFrameBytes) {
      table.count = 1;
      table.consumed = table.words[1]!;
    }
    const kept = this.#consumer.keepsChunk;
    this.#consumer.keepsChunk = false;
    try {
      const taken = this.#deliver(codec, partial.bytes, table);
      if (taken === 0) {
        partial.need = this.#reframed ? 0 : table.words[1]!;
        partial.searched = 0;
      }
      return taken;
    } finally {
      if (this.#consumer.keepsChunk) partial.lend();
      this.#consumer.keepsChunk = kept;
    }
  }

  /** Drops what comes before `end`; returns how much of the rest the chunk gets back. */
  #giveBack(end: number, appended: number): number {
    const back = this.#partial.giveBack(end, appended, this.#maxFrameBytes);
    this.#state = this.#partial.length === 0 ? State.BETWEEN : State.INSIDE;
    return back;
  }

  /** From which length on a frame is taken in parts. */
  get #overBytes(): number {
    const { parts } = this.#consumer;
    return parts === undefined || !this.#scanner.exact ? Infinity : parts.overBytes;
  }

  /** A long frame is in the chunk, all of it: BETWEEN -> STREAMING, mostly. */
  #stream(chunk: Uint8Array, at: number, frameBytes: number): number {
    const parts = this.#consumer.parts!;
    const begun = parts.begin(chunk, at, frameBytes);
    if (begun === Begun.YES) {
      this.#state = State.STREAMING;
      this.#long = new LongFrame(parts, frameBytes - parts.headBytes);
      return this.#goOnStreaming(chunk, at + parts.headBytes);
    }
    // It waits with its end missing, as if the chunk had been cut there.
    this.#state = State.INSIDE;
    const waits = frameBytes - 1;
    const known = { need: frameBytes, declared: frameBytes };
    const partial = this.#partial.begin(chunk, at, waits, known, this.#maxFrameBytes);
    this.#partial = partial;
    partial.whole = begun === Begun.WHOLE;
    partial.refused = !partial.whole;
    return partial.refused ? at + waits : this.#complete(chunk, at + waits);
  }

  /** A long frame waits: INSIDE -> STREAMING, as soon as its head is there and there is room. */
  #beginLong(chunk: Uint8Array, from: number): number {
    const parts = this.#consumer.parts!;
    const partial = this.#partial;
    const at = partial.fill(chunk, from, parts.headBytes);
    if (partial.length < parts.headBytes) return at;
    const begun = parts.begin(partial.bytes, 0, partial.need);
    partial.whole = begun === Begun.WHOLE;
    partial.refused = begun === Begun.LATER;
    if (partial.whole) return this.#complete(chunk, at);
    if (partial.refused) return at;
    const { bytes, length } = partial;
    this.#state = State.STREAMING;
    const left = partial.need - length;
    this.#long = new LongFrame(parts, left);
    partial.need = 0;
    if (length > parts.headBytes) parts.part(bytes.subarray(parts.headBytes, length), left);
    partial.clear();
    return this.#goOnStreaming(chunk, at);
  }

  #goOnStreaming(chunk: Uint8Array, at: number): number {
    const long = this.#long!;
    const end = long.take(chunk, at);
    if (long.isThrough) {
      this.#state = State.BETWEEN; // STREAMING -> BETWEEN
      this.#long = undefined;
      long.through();
    }
    return end;
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
    const framing = this.#framing;
    const seen = bytes.subarray(at, end);
    const { guess, skipper: makeSkipper } = this.#codecs.aids;
    const error = scanError(table, framing, this.#kind, limit, streamOffset, seen, guess);
    if (makeSkipper === undefined || !skipsOversize(framing)) throw error;
    const skipper = this.#skipper ??= makeSkipper(this.#codecs);
    const from = skipper.begin(table, framing, bytes, at, limit);
    if (from < 0) throw error;
    skipper.streamOffset = streamOffset;
    const skipped = skipper.take(bytes, from, end);
    this.#consumer.skipped?.(error);
    return skipped;
  }
}
