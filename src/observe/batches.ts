/**
 * Watches the batches of a connection on their way from the decoder to the endpoint.
 *
 * @module
 */
import type { Codec, FrameTable } from "../codec/codec.ts";
import type { FrameConsumer, FrameParts } from "../codec/frame_decoder.ts";
import type { Endpoint } from "../connection/connection.ts";
import type { FramewireError } from "../errors.ts";
import type { HandlerTimes } from "./handler_times.ts";

/** Times the handlers of a batch. */
export class TimedBatches implements FrameConsumer {
  readonly #endpoint: Endpoint;
  readonly #times: HandlerTimes;

  constructor(endpoint: Endpoint, times: HandlerTimes) {
    this.#endpoint = endpoint;
    this.#times = times;
  }

  get keepsChunk(): boolean {
    return this.#endpoint.keepsChunk;
  }

  set keepsChunk(keeps: boolean) {
    this.#endpoint.keepsChunk = keeps;
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    const endpoint = this.#endpoint;
    const times = this.#times;
    if (!times.due()) return endpoint.batch(codec, chunk, table);
    const since = times.now();
    const taken = endpoint.batch(codec, chunk, table);
    // What is still owed is timed when it settles.
    if (taken > 0 && endpoint.owed === 0) times.returned(since, taken);
    return taken;
  }

  /** {@inheritDoc FrameConsumer.parts} */
  get parts(): FrameParts | undefined {
    return this.#endpoint.parts;
  }

  /** {@inheritDoc FrameConsumer.skipped} */
  skipped(error: FramewireError): void {
    this.#endpoint.skipped?.(error);
  }
}
