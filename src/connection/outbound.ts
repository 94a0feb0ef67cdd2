/**
 * What waits to be written, with all that servers and whole clients do with it: bytes that several
 * connections share, frames that go out in parts, and waiting for room.
 *
 * @module
 */
import { takeBuffer } from "./buffer_pool.ts";
import { type OutboundSegment, PlainOutbound } from "./plain_outbound.ts";

/** Queue of bytes for one link. */
export class Outbound extends PlainOutbound {
  /** While a frame is put out in parts: what leaves before anything else does. */
  #lane: OutboundSegment[] | undefined;
  /** Who waits for room. */
  #below: { readonly bytes: number; readonly resolve: () => void } | undefined;

  /** A number that grows whenever part of what was given to the link leaves, as far as it tells. */
  get progress(): number {
    if (this.writing === undefined) return this.bytesOut;
    return this.bytesOut + this.writingBytes - (this.link.unsentBytes ?? this.writingBytes);
  }

  /** A copy of what has not been given to the link, as one; undefined while a frame goes out in parts. */
  unwritten(): Uint8Array | undefined {
    if (this.#lane !== undefined) return undefined;
    const bytes = new Uint8Array(this.unwrittenBytes);
    let at = 0;
    for (const { buffer, length } of this.full ?? []) {
      bytes.set(buffer.subarray(0, length), at);
      at += length;
    }
    if (this.filling !== undefined) bytes.set(this.filling.subarray(0, this.filled), at);
    return bytes;
  }

  /** {@inheritDoc PlainOutbound.discard} */
  override discard(): void {
    super.discard();
    if (this.#lane !== undefined) this.#lane = []; // still open: nothing may follow half a frame
  }

  /** Puts bytes at the end of the queue without copying them: nobody changes them any more. */
  appendShared(bytes: Uint8Array): void {
    const filling = this.filling;
    this.filling = undefined;
    if (filling !== undefined) this.setAside(filling);
    this.push({ buffer: bytes, length: bytes.length, shared: true });
  }

  /** From now on only what is put into the lane is written, behind what waits now; the rest waits. */
  openLane(): void {
    const filling = this.filling;
    this.filling = undefined;
    if (filling !== undefined) this.setAside(filling);
    this.#lane = this.full ?? [];
    this.waits = true;
    this.full = undefined;
  }

  /** Whether a frame is put out in parts: nothing else leaves before its end. */
  get laneOpen(): boolean {
    return this.#lane !== undefined;
  }

  /** Whether all that was put into the lane has left. */
  get laneEmpty(): boolean {
    return this.#lane?.length === 0 && this.writing === undefined;
  }

  /** Copies bytes to the end of the open lane. */
  appendToLane(bytes: Uint8Array): void {
    if (this.closed) return;
    const buffer = takeBuffer(bytes.length);
    buffer.set(bytes);
    this.#lane!.push({ buffer, length: bytes.length, shared: false });
    this.fullBytes += bytes.length;
  }

  /** What was put out meanwhile follows what is in the lane. */
  closeLane(): void {
    if (this.#lane !== undefined) (this.full ??= []).unshift(...this.#lane);
    this.#lane = undefined;
    this.waits = false;
  }

  /** Resolves when no more than `bytes` bytes wait to be written, or when it is closed. */
  whenBelow(bytes: number): Promise<void> {
    if (this.queuedBytes <= bytes || this.closed) return Promise.resolve();
    return new Promise((resolve) => this.#below = { bytes, resolve });
  }

  /** {@inheritDoc PlainOutbound.close} */
  override close(): void {
    this.#lane = undefined;
    super.close();
    this.#below?.resolve();
  }

  /** {@inheritDoc PlainOutbound.next} */
  protected override next(): OutboundSegment | undefined {
    return this.#lane === undefined ? super.next() : this.#lane.shift();
  }

  /** {@inheritDoc PlainOutbound.left} */
  protected override left(): void {
    if (this.#below === undefined || this.queuedBytes > this.#below.bytes) return;
    this.#below.resolve();
    this.#below = undefined;
  }
}
