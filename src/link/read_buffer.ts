/**
 * The memory a link reads into: little while the connection is idle, more under load.
 *
 * @module
 */
import { giveBuffer, LEAST_POOLED_BYTES, takeBuffer } from "../connection/buffer_pool.ts";
import { detachedMemory } from "../connection/detached.ts";
import type { LinkReceiver } from "./link.ts";

const LEAST_BYTES = 256;
const MOST_BYTES = 64 * 1024;

/**
 * The first memory of read buffers is cut from pieces for sixteen: memory of its own has as much again
 * around it in both runtimes. It is never used by two.
 */
const SHARED_BY = 16;
let shared: Uint8Array<ArrayBuffer> = new Uint8Array(0);
let cut = 0;

function firstMemory(): Uint8Array<ArrayBuffer> {
  if (cut === shared.length) {
    shared = new Uint8Array(SHARED_BY * LEAST_BYTES);
    cut = 0;
  }
  return shared.subarray(cut, cut += LEAST_BYTES);
}

/** Memory that others have read into: each connection that sends much would make 85 KiB of it anew. */
function memoryOf(size: number): Uint8Array<ArrayBuffer> {
  return size < LEAST_POOLED_BYTES ? new Uint8Array(size) : takeBuffer(size);
}

const NOTHING = /* @__PURE__ */ new Uint8Array(0);

/**
 * Where the next read goes. A read that fills it makes the next ones larger, four times each, up to
 * 64 KiB; reads that use little of it make them smaller again. What a receiver keeps is never written
 * to again: reading goes on in other memory. What it does not keep is the next one's to read into.
 */
export class ReadBuffer {
  #size = LEAST_BYTES;
  #view: Uint8Array<ArrayBuffer> = firstMemory();
  #average = 0;
  /** Whether other links read into the same piece. */
  #isCut = true;

  /** The memory to read into now. */
  get view(): Uint8Array<ArrayBuffer> {
    return this.#view;
  }

  /**
   * Hands on what was read.
   *
   * @param bytes How much was.
   * @returns Whether {@linkcode view} is another one now.
   * @throws FramewireError HANDLER_FAILED when the memory was taken away while it was read into.
   */
  give(bytes: number, receiver: LinkReceiver): boolean {
    const view = this.#view;
    if (view.length === 0) throw detachedMemory();
    if (!this.#isCut) {
      const chunk = bytes === view.length ? view : view.subarray(0, bytes);
      return this.took(bytes, receiver.data(chunk), receiver);
    }
    // A handler that transfers the memory of its packet would take away that of fifteen others.
    const copy = takeBuffer(LEAST_BYTES);
    copy.set(view);
    if (!receiver.data(copy.subarray(0, bytes))) giveBuffer(copy);
    return this.took(bytes, false, receiver);
  }

  /**
   * Says how the last read went.
   *
   * @param bytes How much it read.
   * @param kept Whether the receiver keeps those bytes.
   * @param receiver Who is asked whether it may grow.
   * @returns Whether {@linkcode view} is another one now.
   */
  took(bytes: number, kept: boolean, receiver?: LinkReceiver): boolean {
    const view = this.#view;
    let size = this.#size;
    if (bytes === view.length) {
      size = Math.min(size * 4, MOST_BYTES);
      this.#average = bytes;
    } else {
      this.#average += (bytes - this.#average) >> 3;
      if (size > LEAST_BYTES && this.#average < size >> 3) size >>= 1;
    }
    if (size !== this.#size && receiver?.reserve?.(size - this.#size) === false) size = this.#size;
    if (!kept && size === this.#size && view.length > 0) return false;
    this.#size = size;
    this.#view = memoryOf(size);
    if (!kept) this.#giveBack(view);
    this.#isCut = false;
    return true;
  }

  /** Gives the memory back: nothing is read into it any more, and what was is done with. */
  release(): void {
    this.#giveBack(this.#view);
    this.#isCut = true;
    this.#view = NOTHING;
  }

  #giveBack(view: Uint8Array): void {
    if (!this.#isCut) giveBuffer(view);
  }
}
