/**
 * Who takes the frames of a stream: whole, in batches, or the long ones in parts.
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
 * @module
 */
import type { FramewireError } from "../errors.ts";
import type { Codec, FrameTable } from "./codec.ts";

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
