/**
 * Watches the batches of a connection on their way from the decoder to the endpoint.
 *
 * @module
 */
import type { Codec, FrameTable } from "../codec/codec.ts";
import type { FrameConsumer, FrameParts } from "../codec/frame_consumer.ts";
import type { Endpoint } from "../connection/connection.ts";
import type { Outbound } from "../connection/outbound.ts";
import type { FramewireError } from "../errors.ts";
import { FlightRecorder, type IdField } from "./flight.ts";
import type { HandlerTimes } from "./handler_times.ts";

/** What is wanted of the batches of a server's connections. */
export interface BatchWatch {
  /** The server's clock. */
  now(): number;
  /** Where the times of handlers go; undefined where they are not wanted. */
  readonly times: HandlerTimes | undefined;
  /** Whether the last frames' headers are kept. */
  readonly records: boolean;
  /** Where a frame has its id, if the protocol has one in each. */
  readonly id: IdField | undefined;
}

/** Times the handlers of one connection and records its last frames. */
export class WatchedBatches implements FrameConsumer {
  /** Who takes the frames. */
  endpoint: Endpoint;
  readonly #outbound: Outbound;
  readonly #watch: BatchWatch;
  #flight: FlightRecorder | undefined;

  /** Watches what goes to `endpoint`, and what was put out meanwhile. */
  constructor(endpoint: Endpoint, outbound: Outbound, watch: BatchWatch) {
    this.endpoint = endpoint;
    this.#outbound = outbound;
    this.#watch = watch;
  }

  /** {@inheritDoc FrameConsumer.keepsChunk} */
  get keepsChunk(): boolean {
    return this.endpoint.keepsChunk;
  }

  set keepsChunk(keeps: boolean) {
    this.endpoint.keepsChunk = keeps;
  }

  /** {@inheritDoc FrameConsumer.batch} */
  batch(codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    return this.#watch.records
      ? this.#recorded(codec, chunk, table)
      : this.#timed(codec, chunk, table);
  }

  /** {@inheritDoc FrameConsumer.parts} */
  get parts(): FrameParts | undefined {
    return this.endpoint.parts;
  }

  /** {@inheritDoc FrameConsumer.skipped} */
  skipped(error: FramewireError): void {
    this.endpoint.skipped?.(error);
  }

  /** Gives an error what the recorder holds, as `flight`; nothing where nothing was recorded. */
  attach(error: Error): void {
    if (this.#flight === undefined) return;
    const now = this.#watch.now();
    this.#flight.sent(putOut(this.#outbound), now);
    Object.assign(error, { flight: this.#flight.entries(now) });
  }

  #timed(codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    const endpoint = this.endpoint;
    const { times } = this.#watch;
    if (times === undefined || !times.due()) return endpoint.batch(codec, chunk, table);
    const since = times.now();
    const taken = endpoint.batch(codec, chunk, table);
    // What is still owed is timed when it settles.
    if (taken > 0 && endpoint.owed === 0) times.returned(since, taken);
    return taken;
  }

  #recorded(codec: Codec, chunk: Uint8Array, table: FrameTable): number {
    const now = this.#watch.now();
    const flight = this.#flight ??= new FlightRecorder(this.#watch.id, now);
    flight.sent(putOut(this.#outbound), now);
    // Afterwards, when it is known which frames were taken: the others come again.
    let taken = table.count;
    try {
      taken = this.#timed(codec, chunk, table);
    } finally {
      flight.frames(chunk, table, taken, now);
    }
    return taken;
  }
}

/** What watches the batches of each connection. */
export function watchBatches(
  watch: BatchWatch,
): (endpoint: Endpoint, outbound: Outbound) => WatchedBatches {
  return (endpoint, outbound) => new WatchedBatches(endpoint, outbound, watch);
}

/** How many bytes have been put out on the whole, sent or not. */
function putOut(outbound: Outbound): number {
  return outbound.bytesOut + outbound.queuedBytes;
}
