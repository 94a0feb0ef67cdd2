/**
 * Pooled memory that the requests of a batch are copied into, and the views of it that handlers see.
 *
 * Handlers that take their time read from such a copy, so that the link goes on reading into its own.
 * For sync handlers many short requests are copied as well: views live as long as their memory, so that
 * a batch of the last one's shape finds its views made. A sync handler that reads id and payload takes
 * 74 ns a request with the views kept and 97 without on Node 20, 56 and 80 on Deno 2.9; one of a defined
 * protocol 105 and 123, 90 and 107. The copy costs 2 to 4 ns a request.
 *
 * @module
 */
import type { FrameTable } from "../codec/codec.ts";
import { takeBuffer } from "../connection/buffer_pool.ts";

/** From so many requests on, a copy costs less than the views that it saves … */
const WORTH_FRAMES = 8;
/** … as long as they are no longer than this on the average: copying takes 22 ns for each KiB. */
const SHORT_FRAME_BYTES = 512;
/** How many views one piece of memory keeps: 0.1 KB each. */
const MOST_VIEWS = 1024;

/**
 * Copies a batch for sync handlers, if that is worth it: each frame is as far from the beginning as it
 * is in the chunk. The memory goes back by `giveBuffer`.
 */
export function copyShort(chunk: Uint8Array, { words, count }: FrameTable): Uint8Array | undefined {
  const end = endOf(words, count - 1);
  return count < WORTH_FRAMES || end > count * SHORT_FRAME_BYTES
    ? undefined
    : copyOf(chunk, 0, end);
}

/** Copies the frames `[first, last]` to the beginning of a pooled buffer, back to back as they are. */
export function copyFrames(
  chunk: Uint8Array,
  { words }: FrameTable,
  first: number,
  last: number,
): Uint8Array {
  return copyOf(chunk, words[first * 4]!, endOf(words, last));
}

function endOf(words: Int32Array, frame: number): number {
  return words[frame * 4]! + words[frame * 4 + 1]!;
}

function copyOf(chunk: Uint8Array, from: number, to: number): Uint8Array {
  const copy = takeBuffer(to - from);
  copy.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  return copy;
}

/** The views of one piece of memory: where requests have one length, they are the last batch's again. */
export class PayloadViews {
  // As long as `memory.buffer` is not asked for each time.
  readonly #buffer: ArrayBufferLike;
  readonly #base: number;
  readonly #views: Uint8Array[] = [];
  /** Where they begin: asking a view for its `byteOffset` costs 20 ns on Node 20. */
  readonly #offsets: number[] = [];

  constructor(memory: Uint8Array) {
    this.#buffer = memory.buffer;
    this.#base = memory.byteOffset;
  }

  /** The view of `length` bytes from `offset` on, which belong to a batch's request number `index`. */
  of(index: number, offset: number, length: number): Uint8Array {
    if (this.#offsets[index] === offset) {
      const kept = this.#views[index]!;
      if (kept.length === length) return kept;
    }
    const view = new Uint8Array(this.#buffer, this.#base + offset, length);
    if (index < MOST_VIEWS) {
      this.#offsets[index] = offset;
      this.#views[index] = view;
    }
    return view;
  }
}

const views = new WeakMap<Uint8Array, PayloadViews>();

/** The views of a pooled buffer. */
export function viewsOf(memory: Uint8Array): PayloadViews {
  let found = views.get(memory);
  if (found === undefined) views.set(memory, found = new PayloadViews(memory));
  return found;
}
