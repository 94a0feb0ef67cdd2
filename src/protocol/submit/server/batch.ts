/**
 * A batch of frames while an endpoint takes requests from it.
 *
 * @module
 */
import type { FrameTable } from "../../../codec/codec.ts";
import { giveBuffer, takeBuffer } from "../../../connection/buffer_pool.ts";
import type { KeptChunk } from "../../reply_order.ts";

/** A batch under way. */
export interface Batch {
  /** Where its frames are. */
  readonly source: Uint8Array;
  /** By how much they are before the place that the table says. */
  readonly shift: number;
  /** The same memory, when it is a copy in memory of the pool. */
  readonly pooled: Uint8Array | undefined;
  /** The same, once a handler takes its time. */
  kept: KeptChunk | undefined;
  /** Requests handed to handlers. */
  requests: number;
}

/**
 * Begins a batch.
 *
 * @param copies Whether handlers will go on reading: from a copy, so that the link keeps its memory
 * (server.ts).
 */
export function openBatch(
  chunk: Uint8Array,
  { words, count }: FrameTable,
  copies: boolean,
): Batch {
  if (!copies) return { source: chunk, shift: 0, pooled: undefined, kept: undefined, requests: 0 };
  const shift = words[0]!;
  const end = words[count * 4 - 4]! + words[count * 4 - 3]!;
  const source = takeBuffer(end - shift);
  source.set(shift === 0 && end === chunk.length ? chunk : chunk.subarray(shift, end));
  return { source, shift, pooled: source, kept: undefined, requests: 0 };
}

/**
 * Ends a batch.
 *
 * @param keeper Who keeps its memory, once a handler takes its time.
 * @returns Whether requests still read from it; undefined when none of its handlers took its time.
 */
export function closeBatch(
  { kept, pooled }: Batch,
  keeper: { release(kept: KeptChunk): boolean } | undefined,
): boolean | undefined {
  if (kept !== undefined) return keeper!.release(kept);
  if (pooled !== undefined) giveBuffer(pooled);
  return undefined;
}
