/**
 * The frame whose end has not come, and what is known of it.
 *
 * @module
 */
import type { FramewireError } from "../errors.ts";
import { FrameBuffer, LEAST_STEP_BYTES } from "./frame_buffer.ts";
import type { Framing } from "./framing_types.ts";
import { truncated } from "./scan_error.ts";

/** What has come of a frame. */
export class PartialFrame extends FrameBuffer {
  /** How many bytes there must be for another scan to find more. */
  need = 0;
  /** How many bytes the frame has, once that is known. */
  declared = 0;
  /** How many of its bytes have been searched for an end. */
  searched = 0;
  /** The limit when the frame began. */
  limit = 0;
  /** Whether the consumer takes the frame whole, though it is a long one. */
  whole = false;
  /** Whether the consumer has no room for the frame's head. */
  refused = false;

  /**
   * The first `count` bytes of a frame have come, and were scanned without an end.
   *
   * @returns What has come of it: this, unless this is {@linkcode NO_PARTIAL}.
   */
  begin(
    chunk: Uint8Array,
    at: number,
    count: number,
    { need, declared }: { readonly need: number; readonly declared: number },
    limit: number,
  ): PartialFrame {
    if (this === NO_PARTIAL) {
      return new PartialFrame().begin(chunk, at, count, { need, declared }, limit);
    }
    this.need = need;
    this.declared = declared;
    this.limit = limit;
    this.whole = this.refused = false;
    this.append(chunk, at, count, need);
    this.searched = this.length;
    return this;
  }

  /** Nothing is known of the bytes in it: they have to be scanned. */
  unknown(): void {
    this.need = this.declared = this.searched = 0;
  }

  /** Whether the frame is to be taken in parts, as one longer than this. */
  isLong(overBytes: number): boolean {
    return this.need > overBytes && !this.whole;
  }

  /** Takes what there is of the first `length` bytes of the frame; returns where that ends. */
  fill(chunk: Uint8Array, at: number, length: number): number {
    const count = Math.min(length - this.length, chunk.length - at);
    if (count <= 0) return at;
    this.append(chunk, at, count, length);
    return at + count;
  }

  /**
   * Drops what comes before `end`. What comes behind it is given back to the chunk, as far as it
   * was appended from there: returns how much.
   */
  giveBack(end: number, appended: number, limit: number): number {
    const back = Math.min(this.length - end, appended);
    this.keep(end, this.length - back);
    this.unknown();
    this.limit = limit;
    this.whole = this.refused = false;
    return back;
  }

  /** What it means that the stream ends here, after `received` bytes. */
  truncated(framing: Framing, received: number): FramewireError {
    const { bytes, length, declared, need } = this;
    return truncated(framing, bytes.subarray(0, length), declared, need, received - length);
  }

  /**
   * How many bytes to look for the end of a frame in: as many as wait already, so that a long frame
   * takes few scans. What lies behind the frame is given back.
   */
  step(missing: number): number {
    const waiting = this.length;
    return Math.max(missing, Math.min(Math.max(waiting, LEAST_STEP_BYTES), this.limit - waiting));
  }
}

/** What decoders share that have been inside no frame yet: nothing is ever put into it. */
export const NO_PARTIAL: PartialFrame = /* @__PURE__ */ new PartialFrame();
