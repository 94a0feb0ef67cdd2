/**
 * Acknowledgements of the `submit` protocol that wait for their turn, ready to send.
 *
 * @module
 */
import type { Codec } from "../../../codec/codec.ts";
import type { Outbound } from "../../../connection/outbound.ts";
import type { ReplyStore } from "../../reply_order.ts";

/** Length of an acknowledgement: header and result byte. */
export const ACK_BYTES = 14;
/** How many go into one piece of the outbound queue. */
const MOST_AT_ONCE = 4096;

const NONE = /* @__PURE__ */ new Uint8Array(0);

/** A ring of 14-byte frames. */
export class AckStore implements ReplyStore {
  #frames = NONE;
  #slots = 0;

  /** Writes the reply to the request at `offset` of `chunk`, all but its result. */
  begin(slot: number, chunk: Uint8Array, offset: number): void {
    const frames = this.#frames;
    const at = slot * ACK_BYTES;
    frames[at + 3] = ACK_BYTES;
    frames[at + 4] = chunk[offset + 4]! | 0x80;
    for (let i = 5; i < 13; i++) frames[at + i] = chunk[offset + i]!;
  }

  /**
   * Writes the replies to the frames `[first, last)` that the codec has scanned, all but their results,
   * to the slots from `slot` on.
   */
  beginAll(codec: Codec, chunk: Uint8Array, first: number, last: number, slot: number): void {
    const wraps = Math.min(last, first + this.#slots - slot);
    if (wraps > first) codec.encodeAcks(chunk, first, wraps, this.#frames, slot * ACK_BYTES);
    if (last > wraps) codec.encodeAcks(chunk, wraps, last, this.#frames, 0);
  }

  /** Completes a reply by its result. */
  finish(slot: number, result: number): void {
    this.#frames[slot * ACK_BYTES + 13] = result;
  }

  /** {@inheritDoc ReplyStore.grow} */
  grow(from: number, to: number, head: number, tail: number): void {
    const frames = new Uint8Array(to * ACK_BYTES);
    for (let seq = head; seq < tail; seq++) {
      const at = (seq & (from - 1)) * ACK_BYTES;
      frames.set(this.#frames.subarray(at, at + ACK_BYTES), (seq & (to - 1)) * ACK_BYTES);
    }
    this.#frames = frames;
    this.#slots = to;
  }

  /** {@inheritDoc ReplyStore.send} */
  send(outbound: Outbound, first: number, last: number): void {
    while (first < last) {
      const slot = first & (this.#slots - 1);
      const count = Math.min(last - first, this.#slots - slot, MOST_AT_ONCE);
      outbound.append(this.#frames.subarray(slot * ACK_BYTES, (slot + count) * ACK_BYTES));
      first += count;
    }
  }
}
