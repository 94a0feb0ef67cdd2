/**
 * Frames out of chunks, without a socket.
 *
 * @module
 */
import { type FramewireError, isFramewireError } from "../errors.ts";
import type { Codec, FrameTable } from "./codec.ts";
import type { FrameConsumer } from "./frame_consumer.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import { ownLimit } from "./frame_layout.ts";
import type { Framing } from "./framing.ts";
import { type CodecChoice, codecsOf } from "./lend.ts";

/** Options of {@linkcode createDecoder}. */
export interface DecoderOptions {
  /**
   * Which codec scans: in WebAssembly, in TypeScript, or the faster one that is allowed.
   *
   * @default {"auto"}
   */
  readonly codec?: CodecChoice;
  /**
   * The longest frame, all of it, in bytes; by default what the framing says.
   */
  readonly maxFrameBytes?: number;
  /** Told of each frame that is skipped, where the framing's `onOversize` is `"skip"`. */
  readonly onSkipped?: (error: FramewireError) => void;
}

/** Cuts a stream into frames; made by {@linkcode createDecoder}. */
export interface Decoder {
  /** Bytes of an incomplete frame that wait for the rest of it. */
  readonly waitingBytes: number;
  /**
   * Takes the next bytes of the stream. They are decoded at once; the frames are views of the chunk
   * where a frame lies in it whole, and else of memory of their own. So read, or copy, what a chunk
   * gives before its memory is used again.
   *
   * @param chunk The bytes, of any number.
   * @returns The content of each frame that is now complete, to be read once. When the stream is
   * malformed, the error is thrown after the frames before it. A later `push` or `end` throws it
   * again.
   */
  push(chunk: Uint8Array): IterableIterator<Uint8Array>;
  /**
   * Says that the stream has ended.
   *
   * @throws FramewireError TRUNCATED when it ended inside a frame.
   */
  end(): void;
  /**
   * Changes the limit, from the next header on.
   *
   * @throws FramewireError INVALID_CONFIG, and nothing is changed.
   */
  reconfigure(options: { readonly maxFrameBytes: number }): void;
  /**
   * Changes the framing, from the next frame on that has not been read: within a loop over the
   * frames of a chunk, the rest of that chunk is cut anew.
   *
   * @throws FramewireError INVALID_CONFIG, and nothing is changed.
   */
  reframe(framing: Framing): void;
}

/**
 * Makes a decoder.
 *
 * @param framing How the stream is framed.
 * @param options The codec and the limit.
 * @throws FramewireError INVALID_CONFIG, or UNSUPPORTED when the codec is `"wasm"` and cannot be had.
 *
 * @example Lines out of two chunks
 * ```ts
 * import { createDecoder, delimiter } from "framewire";
 *
 * const decoder = createDecoder(delimiter("\n"));
 * const lines: string[] = [];
 * for (const chunk of ["one\ntw", "o\n"]) {
 *   for (const frame of decoder.push(new TextEncoder().encode(chunk))) {
 *     lines.push(new TextDecoder().decode(frame));
 *   }
 * }
 * decoder.end();
 * if (lines.join() !== "one,two") throw new Error("unexpected");
 * ```
 */
export function createDecoder(framing: Framing, options: DecoderOptions = {}): Decoder {
  return new ChunkDecoder(framing, options);
}

/** One frame that was found. */
interface Found {
  readonly content: Uint8Array;
  /** Where in the stream it begins, with all that surrounds its content. */
  readonly offset: number;
}

/** The frames of one chunk. */
class Frames implements IterableIterator<Uint8Array> {
  readonly found: Found[] = [];
  read = 0;
  error: unknown;

  [Symbol.iterator](): IterableIterator<Uint8Array> {
    return this;
  }

  next(): IteratorResult<Uint8Array, undefined> {
    const frame = this.found[this.read];
    if (frame !== undefined) {
      this.read++;
      return { value: frame.content, done: false };
    }
    if (this.error !== undefined) throw this.error;
    return { value: undefined, done: true };
  }
}

class ChunkDecoder implements Decoder, FrameConsumer {
  readonly #decoder: FrameDecoder;
  #framing: Framing;
  #frames = new Frames();
  #failed: unknown;
  /** The chunk last pushed and where in the stream it begins. */
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkOffset = 0;
  /** The memory of the frame that began before that chunk, and where in the stream it begins. */
  #carried: Uint8Array = new Uint8Array(0);
  #carriedOffset = 0;
  /** What it has found is the user's to keep. */
  keepsChunk = true;
  readonly skipped: (error: FramewireError) => void;

  constructor(framing: Framing, options: DecoderOptions) {
    const { codec = "auto", maxFrameBytes, onSkipped } = options;
    this.#framing = framing;
    const limit = maxFrameBytes ?? ownLimit(framing);
    this.#decoder = new FrameDecoder(framing, undefined, codecsOf(codec), limit, this);
    this.skipped = (error) => onSkipped?.(error);
  }

  get waitingBytes(): number {
    return this.#decoder.waitingBytes;
  }

  push(chunk: Uint8Array): IterableIterator<Uint8Array> {
    if (this.#failed !== undefined) throw this.#failed;
    this.#frames = new Frames();
    this.#chunkOffset += this.#chunk.length;
    this.#chunk = chunk;
    this.#decode(chunk);
    return this.#frames;
  }

  end(): void {
    if (this.#failed !== undefined) throw this.#failed;
    this.#decoder.end();
  }

  reconfigure(options: { readonly maxFrameBytes: number }): void {
    this.#decoder.maxFrameBytes = options.maxFrameBytes;
  }

  reframe(framing: Framing): void {
    this.#decoder.reframe(framing);
    this.#framing = framing;
    const from = this.#unread();
    if (from !== undefined) {
      this.#frames.found.length = this.#frames.read;
      this.#frames.error = this.#failed = undefined;
      this.#decoder.restart(from);
      if (from < this.#chunkOffset) {
        const at = from - this.#carriedOffset;
        this.#decode(this.#carried.slice(at, this.#chunkOffset - this.#carriedOffset));
      }
      this.#decode(this.#chunk.subarray(Math.max(0, from - this.#chunkOffset)));
    } else if (this.#decoder.stopped) {
      this.#decode(new Uint8Array(0)); // what waits may be complete now
    }
  }

  /** Where in the stream that begins which was decoded and not read: a frame, or what failed. */
  #unread(): number | undefined {
    const { found, read, error } = this.#frames;
    if (read < found.length) return found[read]!.offset;
    const failedAt = isFramewireError(error) ? error.streamOffset : undefined;
    return failedAt !== undefined && failedAt >= this.#chunkOffset ? failedAt : undefined;
  }

  batch(_codec: Codec, chunk: Uint8Array, { words, count }: FrameTable): number {
    const { batchOffset } = this.#decoder;
    if (batchOffset < this.#chunkOffset) {
      this.#carried = chunk;
      this.#carriedOffset = batchOffset;
    }
    const framing = this.#framing;
    const strips = framing.kind === "lengthField" ||
      (framing.kind === "varint" || framing.kind === "delimiter") && framing.strip;
    for (let i = 0; i < count; i++) {
      const offset = words[i * 4]!;
      const around = strips ? words[i * 4 + 3]! : 0;
      const end = offset + words[i * 4 + 1]! - (around >>> 16);
      const content = chunk.subarray(offset + (around & 0xffff), end);
      this.#frames.found.push({ content, offset: batchOffset + offset });
    }
    this.keepsChunk = true;
    return count;
  }

  /** Pushes bytes; their frames and their error go to the frames being read. */
  #decode(bytes: Uint8Array): void {
    if (this.#failed !== undefined) return;
    try {
      this.#decoder.push(bytes);
    } catch (error) {
      this.#frames.error = this.#failed = error;
    }
  }
}
