/**
 * The payload of a push, shared by all connections that it goes to.
 *
 * @module
 */
import { copyOf } from "../codec/copy_of.ts";

/**
 * Bytes to push. Connections with room encode them at once, from the caller's memory; the first one
 * that must let them wait copies them, once for all.
 */
export class PushBytes {
  /** The payload; not to be changed. */
  bytes: Uint8Array;
  /** In how many queues it waits: its memory is counted once. */
  waits = 0;
  #owned: boolean;

  /**
   * A payload to push.
   *
   * @param bytes The payload.
   * @param owned Whether nobody else changes it: then it is never copied.
   */
  constructor(bytes: Uint8Array, owned = false) {
    this.bytes = bytes;
    this.#owned = owned;
  }

  /** The caller goes on with its memory: the payload is copied, unless it was already. */
  own(): void {
    if (this.#owned) return;
    this.#owned = true;
    this.bytes = copyOf(this.bytes);
  }
}
