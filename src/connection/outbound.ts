/**
 * What waits to be written: the one writer of a link.
 *
 * Encoders write straight into the buffer that will be sent; what one turn produced leaves in one
 * write. At most one write is under way, and nothing is held while there is nothing to send.
 *
 * @module
 */
import type { Link } from "../link/link.ts";
import { giveBuffer, takeBuffer } from "./buffer_pool.ts";

/** The first buffer of a batch; batches that outgrow it go on in larger ones. */
const FIRST_BUFFER_BYTES = 4 * 1024;

/** Buffers after the first. */
const NEXT_BUFFER_BYTES = 64 * 1024;

interface Segment {
  readonly buffer: Uint8Array;
  readonly length: number;
  /** Whether other connections send the same memory, so that it is nobody's to give back. */
  readonly shared: boolean;
}

/** Queue of bytes for one link. */
export class Outbound {
  readonly #link: Link;
  /** Full buffers that wait behind the write under way, once there have been some. */
  #full: Segment[] | undefined;
  /** While a frame is put out in parts: what leaves before anything else does. */
  #lane: Segment[] | undefined;
  /** The buffer that is being filled, and how much of it is. */
  #filling: Uint8Array | undefined;
  #filled = 0;
  /** The buffer that the link reads from. */
  #writing: Uint8Array | undefined;
  #writingBytes = 0;
  #writingShared = false;
  #fullBytes = 0;
  #closed = false;
  /** Who waits for room. */
  #below: { readonly bytes: number; readonly resolve: () => void } | undefined;
  /** Called when it is closed. */
  onClosed: (() => void) | undefined;
  /** Bytes given to the link and gone since the beginning. */
  bytesOut = 0;
  /** Bytes given to the link since the beginning, gone or not. */
  handed = 0;

  /** An empty queue for the link it writes to. */
  constructor(link: Link) {
    this.#link = link;
  }

  /** Bytes that have not left yet. */
  get queuedBytes(): number {
    return this.#filled + this.#fullBytes + this.#writingBytes;
  }

  /** A number that grows whenever part of what was given to the link leaves, as far as it tells. */
  get progress(): number {
    if (this.#writing === undefined) return this.bytesOut;
    return this.bytesOut + this.#writingBytes - (this.#link.unsentBytes ?? this.#writingBytes);
  }

  /** Bytes that were not given to the link yet. */
  get unwrittenBytes(): number {
    return this.#filled + this.#fullBytes;
  }

  /** Where in the stream the next byte to be put out will be, counted from the beginning. */
  get position(): number {
    return this.handed + this.#fullBytes + this.#filled;
  }

  /** A copy of what has not been given to the link, as one; undefined while a frame goes out in parts. */
  unwritten(): Uint8Array | undefined {
    if (this.#lane !== undefined) return undefined;
    const bytes = new Uint8Array(this.unwrittenBytes);
    let at = 0;
    for (const { buffer, length } of this.#full ?? []) {
      bytes.set(buffer.subarray(0, length), at);
      at += length;
    }
    if (this.#filling !== undefined) bytes.set(this.#filling.subarray(0, this.#filled), at);
    return bytes;
  }

  /** Forgets what has not been given to the link: nobody waits for it any more. */
  discard(): void {
    for (const { buffer, shared } of this.#full ?? []) if (!shared) giveBuffer(buffer);
    if (this.#lane !== undefined) this.#lane = []; // still open: nothing may follow half a frame
    if (this.#filling !== undefined) giveBuffer(this.#filling);
    this.#full = undefined;
    this.#filling = undefined;
    this.#filled = this.#fullBytes = 0;
  }

  /**
   * Makes room for `bytes` more bytes in one piece. Write them to the returned buffer at
   * {@linkcode at}, then {@linkcode commit}.
   */
  reserve(bytes: number): Uint8Array {
    let buffer = this.#filling;
    if (buffer !== undefined) {
      if (buffer.length - this.#filled >= bytes) return buffer;
      this.#setAside(buffer);
      buffer = takeBuffer(Math.max(bytes, NEXT_BUFFER_BYTES));
    } else {
      buffer = takeBuffer(Math.max(bytes, FIRST_BUFFER_BYTES));
    }
    return this.#filling = buffer;
  }

  /** Where in the reserved buffer the next byte belongs. */
  get at(): number {
    return this.#filled;
  }

  /** Says that `bytes` bytes were written to the reserved room. */
  commit(bytes: number): void {
    this.#filled += bytes;
  }

  /** Copies bytes to the end of the queue. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  /** Puts bytes at the end of the queue without copying them: nobody changes them any more. */
  appendShared(bytes: Uint8Array): void {
    const filling = this.#filling;
    this.#filling = undefined;
    if (filling !== undefined) this.#setAside(filling);
    this.#waiting.push({ buffer: bytes, length: bytes.length, shared: true });
    this.#fullBytes += bytes.length;
  }

  /** From now on only what is put into the lane is written, behind what waits now; the rest waits. */
  openLane(): void {
    const filling = this.#filling;
    this.#filling = undefined;
    if (filling !== undefined) this.#setAside(filling);
    this.#lane = this.#full ?? [];
    this.#full = undefined;
  }

  /** Whether a frame is put out in parts: nothing else leaves before its end. */
  get laneOpen(): boolean {
    return this.#lane !== undefined;
  }

  /** Whether all that was put into the lane has left. */
  get laneEmpty(): boolean {
    return this.#lane?.length === 0 && this.#writing === undefined;
  }

  /** Copies bytes to the end of the open lane. */
  appendToLane(bytes: Uint8Array): void {
    if (this.#closed) return;
    const buffer = takeBuffer(bytes.length);
    buffer.set(bytes);
    this.#lane!.push({ buffer, length: bytes.length, shared: false });
    this.#fullBytes += bytes.length;
  }

  /** What was put out meanwhile follows what is in the lane. */
  closeLane(): void {
    if (this.#lane !== undefined) this.#waiting.unshift(...this.#lane);
    this.#lane = undefined;
  }

  /** Hands what there is to the link, unless a write is under way: then `written` goes on. */
  flush(): void {
    while (this.#writing === undefined && !this.#closed) {
      let buffer: Uint8Array;
      let length: number;
      let shared = false;
      const segment = (this.#lane ?? this.#full)?.shift();
      if (segment !== undefined) {
        ({ buffer, length, shared } = segment);
        this.#fullBytes -= length;
      } else if (this.#filled > 0 && this.#lane === undefined) {
        buffer = this.#filling!;
        length = this.#filled;
        this.#filling = undefined;
        this.#filled = 0;
      } else {
        return;
      }
      this.handed += length;
      if (this.#link.write(buffer.length === length ? buffer : buffer.subarray(0, length))) {
        this.bytesOut += length;
        if (!shared) giveBuffer(buffer);
        if (this.#below !== undefined) this.#tellRoom();
      } else {
        this.#writing = buffer;
        this.#writingBytes = length;
        this.#writingShared = shared;
      }
    }
  }

  /** The link has sent the write under way; the next one follows. */
  written(): void {
    const buffer = this.#writing;
    if (buffer === undefined) return;
    this.bytesOut += this.#writingBytes;
    this.#writing = undefined;
    this.#writingBytes = 0;
    if (!this.#writingShared) giveBuffer(buffer);
    this.flush();
    if (this.#below !== undefined) this.#tellRoom();
  }

  /** Resolves when no more than `bytes` bytes wait to be written, or when it is closed. */
  whenBelow(bytes: number): Promise<void> {
    if (this.queuedBytes <= bytes || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#below = { bytes, resolve });
  }

  get #waiting(): Segment[] {
    return this.#full ??= [];
  }

  #tellRoom(): void {
    if (this.queuedBytes > this.#below!.bytes) return;
    this.#below!.resolve();
    this.#below = undefined;
  }

  /** Forgets what has not left: the link is closed. */
  close(): void {
    this.#closed = true;
    // A buffer under way may still be read by the runtime: it goes to the garbage collector.
    this.#writing = undefined;
    this.#filling = undefined;
    this.#full = undefined;
    this.#lane = undefined;
    this.#filled = this.#fullBytes = this.#writingBytes = 0;
    this.#below?.resolve();
    this.onClosed?.();
  }

  #setAside(buffer: Uint8Array): void {
    if (this.#filled === 0) {
      giveBuffer(buffer);
      return;
    }
    this.#waiting.push({ buffer, length: this.#filled, shared: false });
    this.#fullBytes += this.#filled;
    this.#filled = 0;
  }
}
