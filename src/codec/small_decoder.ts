/**
 * Frames out of a stream that comes in pieces, for programs whose size counts: it takes no frame in
 * parts, skips none, and keeps to one framing. For the rest it is what `frame_decoder.ts` is.
 *
 * @module
 */
import type { Codec, FrameTable, Scanner } from "./codec.ts";
import { ScanStatus } from "./codec.ts";
import { FrameBuffer, LEAST_STEP_BYTES } from "./frame_buffer.ts";
import type { FrameConsumer } from "./frame_consumer.ts";
import { checkLimit } from "./frame_layout.ts";
import type { Framing, KindField } from "./framing_types.ts";
import type { Codecs } from "./lender.ts";
import { scanError, truncated } from "./scan_error.ts";
import type { StreamDecoder } from "./stream_decoder.ts";

/** Cuts a stream into frames. */
export class SmallDecoder implements StreamDecoder {
  readonly #framing: Framing;
  readonly #kind: KindField | undefined;
  readonly #codecs: Codecs;
  readonly #codec: Codec;
  readonly #scanner: Scanner;
  /** {@inheritDoc StreamDecoder.consumer} */
  consumer: FrameConsumer;
  /** {@inheritDoc StreamDecoder.maxFrameBytes} */
  maxFrameBytes: number;
  /** What has come of a frame. */
  readonly #partial = new FrameBuffer();
  /** How many bytes of it there must be for another scan to find more. */
  #need = 0;
  /** How many bytes it has, once that is known. */
  #declared = 0;
  /** How many of its bytes have been searched for an end. */
  #searched = 0;
  /** Bytes of the stream before the chunk being pushed. */
  #received = 0;

  /** @throws FramewireError INVALID_CONFIG. */
  constructor(
    framing: Framing,
    kind: KindField | undefined,
    codecs: Codecs,
    maxFrameBytes: number,
    consumer: FrameConsumer,
  ) {
    checkLimit(framing, maxFrameBytes);
    this.#framing = framing;
    this.#kind = kind;
    this.#codecs = codecs;
    this.#codec = codecs.own();
    this.#scanner = this.#codec.scanner(framing, kind);
    this.maxFrameBytes = maxFrameBytes;
    this.consumer = consumer;
  }

  /** {@inheritDoc StreamDecoder.waitingBytes} */
  get waitingBytes(): number {
    return this.#partial.length;
  }

  /** {@inheritDoc StreamDecoder.heldBytes} */
  get heldBytes(): number {
    return this.#partial.bytes.length;
  }

  /** {@inheritDoc StreamDecoder.frameOffset} */
  get frameOffset(): number {
    return this.#received - this.#partial.length;
  }

  /** {@inheritDoc StreamDecoder.inFrame} */
  get inFrame(): boolean {
    return this.#need > this.#partial.length;
  }

  /** {@inheritDoc StreamDecoder.stopped} */
  get stopped(): boolean {
    return this.#partial.length > 0 && !this.inFrame;
  }

  /** {@inheritDoc StreamDecoder.push} */
  push(chunk: Uint8Array): number {
    const end = this.#take(chunk);
    this.#received += end;
    return end;
  }

  #take(chunk: Uint8Array): number {
    const partial = this.#partial;
    let at = 0;
    for (;;) {
      const inside = partial.length > 0;
      // A handler may have transferred the chunk, which then has no length.
      if (!inside && at >= chunk.length) return at;
      if (inside && this.inFrame) {
        at = this.#append(chunk, at);
        if (this.inFrame) return at;
      }
      const codec = this.#codec.busy ? this.#codecs.borrow() : this.#codec;
      const scanner = codec === this.#codec
        ? this.#scanner
        : codec.scanner(this.#framing, this.#kind);
      const bytes = inside ? partial.bytes : chunk;
      const from = inside ? 0 : at;
      const end = inside ? partial.length : chunk.length;
      const searched = inside ? this.#searched : undefined;
      const table = scanner.scan(bytes, from, end, this.maxFrameBytes, searched);
      const { count } = table;
      if (count > 0) {
        const taken = this.#deliver(codec, bytes, table, inside);
        const next = taken < count ? table.words[taken * 4]! : table.consumed;
        if (inside) at -= this.#giveBack(next, at);
        else at = next;
        if (taken < count) return at;
      } else if (table.status !== ScanStatus.OK) {
        throw scanError(
          table,
          this.#framing,
          this.#kind,
          this.maxFrameBytes,
          this.#received + at - partial.length,
          bytes.subarray(from, end),
          undefined,
        );
      } else {
        this.#need = table.need;
        this.#declared = table.declared;
        if (!inside) {
          partial.append(chunk, at, end - at, table.need);
          at = end;
        }
        this.#searched = partial.length;
      }
    }
  }

  /** Appends what is missing, or, where a frame's end has to be looked for, as much as waits already. */
  #append(chunk: Uint8Array, at: number): number {
    const { length } = this.#partial;
    const missing = this.#need - length;
    const { exact } = this.#scanner;
    const room = this.maxFrameBytes - length;
    const step = exact ? missing : Math.max(missing, Math.min(length, room), LEAST_STEP_BYTES);
    const taken = Math.min(step, chunk.length - at);
    this.#partial.append(chunk, at, taken, exact ? this.#need : this.maxFrameBytes);
    return at + taken;
  }

  #deliver(codec: Codec, bytes: Uint8Array, table: FrameTable, inside: boolean): number {
    const { consumer } = this;
    const kept = consumer.keepsChunk;
    if (inside) consumer.keepsChunk = false;
    codec.busy = true;
    try {
      return consumer.batch(codec, bytes, table);
    } finally {
      codec.busy = false;
      if (inside) {
        if (consumer.keepsChunk) this.#partial.lend();
        consumer.keepsChunk = kept;
      }
    }
  }

  /** Drops what comes before `end`, and gives back to the chunk what was appended behind it. */
  #giveBack(end: number, appended: number): number {
    const { length } = this.#partial;
    const back = Math.min(length - end, appended);
    this.#partial.keep(end, length - back);
    this.#need = this.#declared = this.#searched = 0;
    return back;
  }

  /** {@inheritDoc StreamDecoder.end} */
  end(): void {
    const { bytes, length } = this.#partial;
    if (length === 0) return;
    const seen = bytes.subarray(0, length);
    throw truncated(this.#framing, seen, this.#declared, this.#need, this.frameOffset);
  }

  /** {@inheritDoc StreamDecoder.close} */
  close(): void {
    this.#partial.clear();
    this.#need = 0;
  }
}
