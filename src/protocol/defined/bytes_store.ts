/**
 * Replies of any length that wait for their turn.
 *
 * @module
 */
import type { Outbound } from "../../connection/outbound.ts";
import type { ReplyStore } from "../reply_order.ts";

/** Whole frames by slot; a request that is not answered at all has none. */
export class BytesStore implements ReplyStore {
  #frames: (Uint8Array | undefined)[] = [];

  /** Keeps the frame that answers the request of a slot. */
  put(slot: number, frame: Uint8Array): void {
    this.#frames[slot] = frame;
  }

  /** {@inheritDoc ReplyStore.grow} */
  grow(from: number, to: number, head: number, tail: number): void {
    const frames = new Array<Uint8Array | undefined>(to).fill(undefined);
    for (let seq = head; seq < tail; seq++) {
      frames[seq & (to - 1)] = this.#frames[seq & (from - 1)];
    }
    this.#frames = frames;
  }

  /** {@inheritDoc ReplyStore.send} */
  send(outbound: Outbound, first: number, last: number): void {
    for (let seq = first; seq < last; seq++) {
      const slot = seq & (this.#frames.length - 1);
      const frame = this.#frames[slot];
      this.#frames[slot] = undefined;
      if (frame !== undefined) outbound.append(frame);
    }
  }
}
