/**
 * What a connection needs of a decoder; what it promises is written in `frame_consumer.ts`.
 *
 * @module
 */
import type { FrameConsumer } from "./frame_consumer.ts";
import type { Framing, KindField } from "./framing_types.ts";

/** Cuts a stream into frames. */
export interface StreamDecoder {
  /** Who takes the frames from now on. Within a batch a change of framing must follow. */
  consumer: FrameConsumer;
  /** The longest frame taken, all of it. A change applies from the next header on. */
  maxFrameBytes: number;
  /** Bytes of an incomplete frame that wait for the rest of it. */
  readonly waitingBytes: number;
  /** Memory that it holds, in bytes. */
  readonly heldBytes: number;
  /** Where in the stream the first frame begins that has not been handed over. */
  readonly frameOffset: number;
  /** Whether the stream is inside a frame whose end has not come. */
  readonly inFrame: boolean;
  /** Whether it may hold a complete frame that has not been handed over: push again, any chunk. */
  readonly stopped: boolean;
  /** Changes the framing, from the first frame on that the consumer has not taken; not every decoder can. */
  reframe?(framing: Framing, kind?: KindField): void;
  /**
   * Takes the next bytes of the stream.
   *
   * @returns The offset in `chunk` up to which it was taken: its length, unless the consumer stopped.
   * @throws FramewireError for a malformed frame, and what the consumer throws.
   */
  push(chunk: Uint8Array): number;
  /**
   * Says that the stream has ended.
   *
   * @throws FramewireError TRUNCATED when it ended inside a frame.
   */
  end(): void;
  /** Gives back what it holds; the decoder is not used again. */
  close(): void;
}
